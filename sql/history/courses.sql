-- description: Courses as they were on any day: name, account, term, dates and state.
-- grain: one row per course
-- key: course_id
-- owner: team:analytics
-- column course_id: Canvas id of the course.
-- column course_code: Short code of the course.
-- column course_name: Name of the course.
-- column sis_course_id: Id of the course in the student information system.
-- column account_id: The account that owned the course; see dim_account.
-- column term_id: The term of the course; see dim_term.
-- column status: unpublished, active, concluded or deleted, by whichever of API and report spoke last.
-- column is_concluded: Whether the course was over, by state or by date where the API says so.
-- column start_at: The course's own start; NULL to follow the term.
-- column end_at: The course's own end; NULL to follow the term.
-- column course_format: on_campus, online or blended, where the institution says so.
-- column is_blueprint: Whether the course was a blueprint for others.
-- column blueprint_course_id: Canvas id of the blueprint that the course followed.
-- column extracted_at: When Canvas last spoke of this course.
-- unit start_at: UTC
-- unit end_at: UTC
-- unit extracted_at: UTC
select
    course_id,
    course_code,
    course_name,
    sis_course_id,
    account_id,
    term_id,
    status,
    is_concluded,
    start_at,
    end_at,
    course_format,
    is_blueprint,
    blueprint_course_id,
    extracted_at
from marts.dim_course
