-- description: Scores and grades of students by course. A student in two sections stands here once, with the section
--     whose enrollment is most alive.
-- grain: one row per course and student
-- key: course_id, user_id
-- owner: team:analytics
-- column course_id: Canvas id of the course.
-- column user_id: Canvas id of the student.
-- column section_id: The section whose grade this is.
-- column course_name: Name of the course.
-- column term_id: Canvas id of the term.
-- column term_name: Name of the term.
-- column enrollment_state: active, concluded, inactive or deleted: the state of the enrollment in that section.
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
-- unit current_score: percent
-- unit final_score: percent
-- unit unposted_current_score: percent
-- unit unposted_final_score: percent
-- unit override_score: percent
-- unit _extracted_at: UTC
select
    course_id,
    user_id,
    section_id,
    course_name,
    term_id,
    term_name,
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
from staging.stg_student_grades
-- whoever moved to another section has a dead enrollment in the first: the living one holds the grade
qualify
    row_number() over (
        partition by course_id, user_id
        order by
            case enrollment_state when 'active' then 0 when 'concluded' then 1 when 'inactive' then 2 else 3 end,
            final_grade is null,
            _extracted_at desc,
            section_id
    ) = 1
