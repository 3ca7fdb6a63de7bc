-- description: Courses as the API gives them; a course pulled under two accounts stands here once.
-- grain: one row per course
-- key: course_id
-- owner: team:analytics
-- column course_id: Canvas id of the course.
-- column course_code: Short code of the course.
-- column course_name: Display name of the course.
-- column sis_course_id: Id of the course in the student information system.
-- column account_id: The account that owns the course.
-- column root_account_id: The root account of the course.
-- column term_id: The term of the course.
-- column status: unpublished, active, concluded or deleted: the words of the reports, for both sources.
-- column concluded: Whether the course is over, by state or by date.
-- column created_at: When the course was created, in UTC.
-- column start_at: The course's own start in UTC; NULL to follow the term.
-- column end_at: The course's own end in UTC; NULL to follow the term.
-- column total_students: Students with an active or invited enrollment.
-- column course_format: on_campus, online or blended, where the institution says so.
-- column blueprint: Whether the course is a blueprint for others.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When Canvas gave this row.
select
    course_id,
    course_code,
    name as course_name,
    sis_course_id,
    account_id,
    root_account_id,
    enrollment_term_id as term_id,
    case workflow_state
        when 'created' then 'unpublished'
        when 'claimed' then 'unpublished'
        when 'available' then 'active'
        when 'completed' then 'concluded'
        else workflow_state
    end as status,
    concluded,
    created_at,
    start_at,
    end_at,
    total_students,
    course_format,
    blueprint,
    _load_id,
    _extracted_at
from canvas.courses
qualify row_number() over (partition by course_id order by _extracted_at desc, _load_id desc) = 1
