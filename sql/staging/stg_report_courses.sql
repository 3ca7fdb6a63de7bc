-- description: Courses as the provisioning report gives them; concluded and deleted ones if they were asked for.
-- grain: one row per course
-- key: course_id
-- owner: team:analytics
-- column course_id: Canvas id of the course.
-- column course_code: Short code of the course.
-- column course_name: Name of the course.
-- column sis_course_id: Id of the course in the student information system.
-- column account_id: Canvas id of the account that owns the course.
-- column term_id: Canvas id of the term.
-- column status: unpublished, active, concluded or deleted.
-- column start_at: Start in UTC, where the course binds enrollments to its dates.
-- column end_at: End in UTC, where the course binds enrollments to its dates.
-- column course_format: on_campus, online or blended.
-- column blueprint_course_id: Canvas id of the blueprint of the course.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When the report ended.
select
    canvas_course_id as course_id,
    short_name as course_code,
    long_name as course_name,
    course_id as sis_course_id,
    canvas_account_id as account_id,
    canvas_term_id as term_id,
    -- the SIS flavour of the file says completed where the provisioning flavour says concluded
    case status when 'completed' then 'concluded' else status end as status,
    start_date as start_at,
    end_date as end_at,
    course_format,
    canvas_blueprint_course_id as blueprint_course_id,
    _load_id,
    _extracted_at
from reports.provisioning_courses
qualify row_number() over (partition by canvas_course_id order by _extracted_at desc, _load_id desc) = 1
