-- description: What each student did in a course by day: views, participations, messages. Only of students who were
--     asked about one by one; a day that is not here had nothing. A participation or a message may stand without views.
-- grain: one row per course, student and day with anything in it
-- key: course_id, user_id, date
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column course_name: Name of the course.
-- column account_id: The account that owns the course; see dim_account.
-- column term_id: The term of the course; see dim_term.
-- column user_id: Canvas id of the student; see dim_user.
-- column date: The day, in UTC.
-- column views: Page views on that day.
-- column active_hours: Hours of the day with page views; NULL where Canvas counts by day, and on days without views.
-- column participations: Participations on that day; those whose time Canvas does not give are left out.
-- column instructor_messages: Messages of instructors to the student, at least: Canvas counts one instructor a day.
-- column student_messages: Messages of the student to instructors, at least.
-- column extracted_at: When Canvas gave the newest of these numbers.
-- unit views: views
-- unit active_hours: hours
-- unit participations: participations
-- unit instructor_messages: messages
-- unit student_messages: messages
-- unit extracted_at: UTC
-- check not_null: course_id, user_id, date
-- warn references course_id: marts.dim_course.course_id
with buckets as (
    select
        course_id,
        user_id,
        bucket_at,
        bucket,
        max(views) as views,
        max(_extracted_at) as _extracted_at
    from analytics.student_page_views
    group by course_id, user_id, bucket_at, bucket
),

happenings as (
    select
        course_id,
        user_id,
        cast(bucket_at at time zone 'UTC' as date) as date,
        views,
        case when bucket = 'hour' and views > 0 then 1 end as active_hours,
        0 as participations,
        0 as instructor_messages,
        0 as student_messages,
        _extracted_at
    from buckets

    union all

    select
        course_id,
        user_id,
        cast(created_at at time zone 'UTC' as date) as date,
        0 as views,
        cast(null as integer) as active_hours,
        1 as participations,
        0 as instructor_messages,
        0 as student_messages,
        _extracted_at
    from analytics.student_participations
    where created_at is not null

    union all

    select
        course_id,
        user_id,
        date,
        0 as views,
        cast(null as integer) as active_hours,
        0 as participations,
        max(instructor_messages) as instructor_messages,
        max(student_messages) as student_messages,
        max(_extracted_at) as _extracted_at
    from analytics.student_messages
    group by course_id, user_id, date
),

days as (
    select
        course_id,
        user_id,
        date,
        cast(sum(views) as bigint) as views,
        cast(sum(active_hours) as bigint) as active_hours,
        cast(sum(participations) as bigint) as participations,
        cast(sum(instructor_messages) as bigint) as instructor_messages,
        cast(sum(student_messages) as bigint) as student_messages,
        max(_extracted_at) as extracted_at
    from happenings
    group by course_id, user_id, date
)

select
    days.course_id,
    course.course_name,
    course.account_id,
    course.term_id,
    days.user_id,
    days.date,
    coalesce(days.views, 0) as views,
    days.active_hours,
    days.participations,
    coalesce(days.instructor_messages, 0) as instructor_messages,
    coalesce(days.student_messages, 0) as student_messages,
    days.extracted_at
from days
left join marts.dim_course as course on days.course_id = course.course_id
