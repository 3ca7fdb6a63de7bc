-- description: Scores and grades as they were on any day, by the grade export, each student of a course once: in two
--     sections, that of the enrollment that was most alive.
-- grain: one row per course and student
-- key: course_id, user_id
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column user_id: Canvas id of the student; see dim_user.
-- column section_id: The section whose grade this is.
-- column term_id: Canvas id of the term; see dim_term.
-- column enrollment_state: active, concluded, inactive or deleted: the state of the enrollment in that section.
-- column current_score: Score over what was graded and posted.
-- column final_score: Score that counted what was missing as zero, posted work only.
-- column unposted_current_score: Score over what was graded, posted or not.
-- column unposted_final_score: Score that counted what was missing as zero, posted or not.
-- column override_score: Score that a teacher set by hand.
-- column current_grade: Letter for the current score, where the course has a grading scheme.
-- column final_grade: Letter for the final score, where the course has a grading scheme.
-- column override_grade: Letter that a teacher set by hand.
-- column extracted_at: When the grade export with the grade ended.
-- unit current_score: percent
-- unit final_score: percent
-- unit unposted_current_score: percent
-- unit unposted_final_score: percent
-- unit override_score: percent
-- unit extracted_at: UTC
select
    course_id,
    user_id,
    section_id,
    term_id,
    enrollment_state,
    current_score,
    final_score,
    unposted_current_score,
    unposted_final_score,
    override_score,
    current_grade,
    final_grade,
    override_grade,
    _extracted_at as extracted_at
from staging.stg_course_grades
