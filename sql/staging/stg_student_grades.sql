-- description: Scores and grades of students by section, from the grade export. A person with two student roles in one
--     section has two lines in the report and one row here: the one whose enrollment is most alive.
-- grain: one row per course, section and student
-- key: course_id, section_id, user_id
-- owner: team:analytics
-- column course_id: Canvas id of the course.
-- column section_id: Canvas id of the section.
-- column user_id: Canvas id of the student.
-- column course_name: Name of the course.
-- column section_name: Name of the section.
-- column term_id: Canvas id of the term.
-- column term_name: Name of the term.
-- column enrollment_state: active, concluded, inactive or deleted.
-- column current_score: Score in percent over what is graded and posted.
-- column final_score: Score in percent that counts what is missing as zero, posted work only.
-- column unposted_current_score: Score in percent over what is graded, posted or not.
-- column unposted_final_score: Score in percent that counts what is missing as zero, posted or not.
-- column override_score: Score in percent that a teacher set by hand.
-- column current_grade: Letter for the current score, where the course has a grading scheme.
-- column final_grade: Letter for the final score, where the course has a grading scheme.
-- column override_grade: Letter that a teacher set by hand.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When the report ended.
select
    course_id,
    section_id,
    student_id as user_id,
    course as course_name,
    section as section_name,
    term_id,
    term as term_name,
    enrollment_state,
    current_score,
    final_score,
    unposted_current_score,
    unposted_final_score,
    override_score,
    current_grade,
    final_grade,
    override_grade,
    _load_id,
    _extracted_at
from reports.grade_export
qualify
    row_number() over (
        partition by course_id, section_id, student_id
        order by
            _extracted_at desc,
            _load_id desc,
            case enrollment_state when 'active' then 0 when 'concluded' then 1 when 'inactive' then 2 else 3 end,
            final_score desc nulls last,
            final_grade nulls last
    ) = 1
