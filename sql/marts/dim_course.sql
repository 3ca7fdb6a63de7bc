-- description: Courses from the API and the provisioning report together: a course that only one of them knows is here.
-- grain: one row per course
-- key: course_id
-- owner: team:analytics
-- column course_id: Canvas id of the course.
-- column course_code: Short code of the course.
-- column course_name: Name of the course.
-- column sis_course_id: Id of the course in the student information system.
-- column account_id: The account that owns the course.
-- column account_name: Display name of that account.
-- column account_path: Names from the highest loaded account down to that account.
-- column root_account_id: The root account of the course.
-- column term_id: The term of the course.
-- column term_name: Display name of the term.
-- column status: unpublished, active, concluded or deleted, by whichever of API and report spoke last.
-- column is_concluded: Whether the course is over, by state or by date where the API says so.
-- column created_at: When the course was created, in UTC.
-- column start_at: The course's own start in UTC; NULL to follow the term.
-- column end_at: The course's own end in UTC; NULL to follow the term.
-- column total_students: Students with an active or invited enrollment, by the API.
-- column course_format: on_campus, online or blended, where the institution says so.
-- column is_blueprint: Whether the course is a blueprint for others.
-- column blueprint_course_id: Canvas id of the blueprint that the course follows.
-- column known_from: api, report or both: where the course was found.
-- column extracted_at: When Canvas last spoke of this course.
with courses as (
    select
        coalesce(api.course_id, report.course_id) as course_id,
        coalesce(api.course_code, report.course_code) as course_code,
        coalesce(api.course_name, report.course_name) as course_name,
        coalesce(api.sis_course_id, report.sis_course_id) as sis_course_id,
        coalesce(api.account_id, report.account_id) as account_id,
        api.root_account_id,
        coalesce(api.term_id, report.term_id) as term_id,
        case
            when report._extracted_at >= api._extracted_at then coalesce(report.status, api.status)
            else coalesce(api.status, report.status)
        end as status,
        api.concluded,
        api.created_at,
        coalesce(api.start_at, report.start_at) as start_at,
        coalesce(api.end_at, report.end_at) as end_at,
        api.total_students,
        coalesce(api.course_format, report.course_format) as course_format,
        api.blueprint,
        report.blueprint_course_id,
        case
            when report.course_id is null then 'api'
            when api.course_id is null then 'report'
            else 'both'
        end as known_from,
        greatest(api._extracted_at, report._extracted_at) as extracted_at
    from staging.stg_courses as api
    full join staging.stg_report_courses as report on api.course_id = report.course_id
)

select
    courses.course_id,
    courses.course_code,
    courses.course_name,
    courses.sis_course_id,
    courses.account_id,
    account.account_name,
    account.path as account_path,
    coalesce(courses.root_account_id, account.root_account_id) as root_account_id,
    courses.term_id,
    term.term_name,
    courses.status,
    coalesce(courses.concluded, false) or coalesce(courses.status = 'concluded', false) as is_concluded,
    courses.created_at,
    courses.start_at,
    courses.end_at,
    courses.total_students,
    courses.course_format,
    courses.blueprint as is_blueprint,
    courses.blueprint_course_id,
    courses.known_from,
    courses.extracted_at
from courses
left join marts.dim_account as account on courses.account_id = account.account_id
left join marts.dim_term as term on courses.term_id = term.term_id
