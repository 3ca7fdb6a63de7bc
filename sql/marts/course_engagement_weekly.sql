-- description: The activity of courses by week, and how it compares with the course's own average. A course has a row
--     for each week from its first activity to its end or the newest answer of Canvas, those without activity too. A
--     course that never had any, or was not asked about, is not here: see meta.coverage.
-- grain: one row per course and week
-- key: course_id, week_start
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column course_name: Name of the course.
-- column account_id: The account that owns the course; see dim_account.
-- column account_name: Display name of that account.
-- column term_id: The term of the course; see dim_term.
-- column term_name: Display name of the term.
-- column week_start: Monday of the ISO week; weeks and days are in UTC.
-- column week_of_term: Number of the week in the term: 1 is the week in which the term starts, 0 the one before it;
--     NULL where the term has no start.
-- column is_complete: Whether the week was over when Canvas gave its newest answer about any course. Leave the others
--     out of a comparison.
-- column views: Page views of everybody in that week, teachers included.
-- column participations: Participations of everybody in that week.
-- column active_days: Days of that week with page views.
-- column students: Students with an active or concluded enrollment now, not then.
-- column views_per_student: Page views by those students; the views of teachers are in it. NULL without students.
-- column active_students: Students with page views or participations in that week; NULL where nothing is loaded student
--     by student for the course.
-- column student_views: Page views of those students; NULL as active_students.
-- column average_views: The average of the course's complete weeks, this one included; NULL before there is one.
-- column share_of_average: Views of that week as a share of the average; NULL where that is zero or not known.
-- column extracted_at: When Canvas gave the course's activity, which is when it last changed.
-- unit week_of_term: weeks
-- unit views: views
-- unit participations: participations
-- unit active_days: days
-- unit students: students
-- unit views_per_student: views per student
-- unit active_students: students
-- unit student_views: views
-- unit average_views: views
-- unit share_of_average: fraction, 1 is the average
-- unit extracted_at: UTC
-- check not_null: course_id, week_start, views, participations, is_complete
-- warn references course_id: marts.dim_course.course_id
with newest as (
    select cast(max(extracted_at) at time zone 'UTC' as date) as today
    from marts.fct_course_day
),

active_weeks as (
    select
        course_id,
        cast(date_trunc('week', date) as date) as week_start,
        cast(sum(views) as bigint) as views,
        cast(sum(participations) as bigint) as participations,
        count(*) filter (where views > 0) as active_days
    from marts.fct_course_day
    group by course_id, cast(date_trunc('week', date) as date)
),

spans as (
    select
        day.course_id,
        min(day.date) as first_day,
        max(day.date) as last_day,
        max(day.extracted_at) as extracted_at,
        -- a course that is over and has no end ends with its last activity
        any_value(
            coalesce(
                cast(coalesce(course.end_at, term.end_at) at time zone 'UTC' as date),
                case when course.is_concluded then date '0001-01-01' end,
                newest.today
            )
        ) as end_day,
        any_value(newest.today) as today
    from marts.fct_course_day as day
    cross join newest
    left join marts.dim_course as course on day.course_id = course.course_id
    left join marts.dim_term as term on course.term_id = term.term_id
    group by day.course_id
),

weeks as (
    select
        course_id,
        today,
        extracted_at,
        cast(
            unnest(
                generate_series(
                    date_trunc('week', first_day),
                    date_trunc('week', greatest(last_day, least(end_day, today))),
                    interval 7 day
                )
            ) as date
        ) as week_start
    from spans
),

student_weeks as (
    select
        course_id,
        cast(date_trunc('week', date) as date) as week_start,
        count(distinct user_id) filter (where views > 0 or participations > 0) as active_students,
        cast(sum(views) as bigint) as student_views
    from marts.fct_student_day
    group by course_id, cast(date_trunc('week', date) as date)
),

asked_courses as (
    select distinct course_id
    from marts.fct_student_day
),

classes as (
    select
        course_id,
        count(*) as students
    from marts.fct_student_course
    where enrollment_status in ('active', 'concluded')
    group by course_id
),

counted as (
    select
        weeks.course_id,
        weeks.week_start,
        weeks.week_start + 7 <= weeks.today as is_complete,
        coalesce(active_weeks.views, 0) as views,
        coalesce(active_weeks.participations, 0) as participations,
        coalesce(active_weeks.active_days, 0) as active_days,
        coalesce(classes.students, 0) as students,
        case when asked_courses.course_id is not null then coalesce(student_weeks.active_students, 0) end
            as active_students,
        case when asked_courses.course_id is not null then coalesce(student_weeks.student_views, 0) end
            as student_views,
        weeks.extracted_at
    from weeks
    left join active_weeks
        on weeks.course_id = active_weeks.course_id and weeks.week_start = active_weeks.week_start
    left join student_weeks
        on weeks.course_id = student_weeks.course_id and weeks.week_start = student_weeks.week_start
    left join asked_courses on weeks.course_id = asked_courses.course_id
    left join classes on weeks.course_id = classes.course_id
),

averaged as (
    select
        *,
        avg(views) filter (where is_complete) over (partition by course_id) as average_views
    from counted
)

select
    averaged.course_id,
    course.course_name,
    course.account_id,
    course.account_name,
    course.term_id,
    course.term_name,
    averaged.week_start,
    cast(
        date_diff('day', date_trunc('week', cast(term.start_at at time zone 'UTC' as date)), averaged.week_start) // 7
        + 1 as integer
    ) as week_of_term,
    averaged.is_complete,
    averaged.views,
    averaged.participations,
    averaged.active_days,
    averaged.students,
    averaged.views / nullif(averaged.students, 0) as views_per_student,
    averaged.active_students,
    averaged.student_views,
    averaged.average_views,
    averaged.views / nullif(averaged.average_views, 0) as share_of_average,
    averaged.extracted_at
from averaged
left join marts.dim_course as course on averaged.course_id = course.course_id
left join marts.dim_term as term on course.term_id = term.term_id
