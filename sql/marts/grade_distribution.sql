-- description: How many students have each letter grade, by course. A student counts once per course, however many of
--     its sections they are in. Sum students over whatever you group by.
-- grain: one row per course, term, grade and enrollment state
-- key: course_id, term_id, grade, enrollment_state
-- owner: team:analytics
-- column account_id: The account that owns the course; NULL where the course itself is not loaded.
-- column account_name: Display name of that account.
-- column course_id: Canvas id of the course.
-- column course_name: Name of the course.
-- column term_id: Canvas id of the term.
-- column term_name: Name of the term.
-- column grade: Final letter grade; NULL for students without one.
-- column enrollment_state: active, concluded, inactive or deleted: the state of the enrollment that was counted.
-- column students: Students with that grade.
-- unit students: students
with students as (
    select
        course_id,
        user_id,
        course_name,
        term_id,
        term_name,
        final_grade,
        enrollment_state
    from staging.stg_course_grades
)

select
    course.account_id,
    any_value(course.account_name) as account_name,
    students.course_id,
    any_value(coalesce(course.course_name, students.course_name)) as course_name,
    coalesce(students.term_id, course.term_id) as term_id,
    any_value(coalesce(students.term_name, course.term_name)) as term_name,
    students.final_grade as grade,
    students.enrollment_state,
    count(*) as students
from students
left join marts.dim_course as course on students.course_id = course.course_id
group by
    course.account_id,
    students.course_id,
    coalesce(students.term_id, course.term_id),
    students.final_grade,
    students.enrollment_state
