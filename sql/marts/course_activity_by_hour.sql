-- description: When students work: their page views in a course by day of the week and hour of the day, on the clock of
--     the course's account. Only of students who were asked about one by one, and only where Canvas counts by hour.
-- grain: one row per course, day of the week and hour with page views
-- key: course_id, weekday, hour
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column course_name: Name of the course.
-- column account_id: The account that owns the course; see dim_account.
-- column account_name: Display name of that account.
-- column term_id: The term of the course; see dim_term.
-- column term_name: Display name of the term.
-- column weekday: Day of the week, from 1 for Monday to 7 for Sunday.
-- column hour: Hour of the day, from 0 to 23.
-- column time_zone: The time zone of weekday and hour: that of the course's account, else of its root account, else
--     UTC.
-- column views: Page views of students in that hour, over all weeks.
-- column students: Students with page views in that hour, in any week. Not to be summed up.
-- column extracted_at: When Canvas gave the newest of these numbers.
-- unit weekday: ISO day of the week
-- unit hour: hour of the day
-- unit views: views
-- unit students: students
-- unit extracted_at: UTC
-- check not_null: course_id, weekday, hour, time_zone
-- warn references course_id: marts.dim_course.course_id
with buckets as (
    select
        course_id,
        user_id,
        bucket_at,
        max(views) as views,
        max(_extracted_at) as extracted_at
    from analytics.student_page_views
    where bucket = 'hour'
    group by course_id, user_id, bucket_at
    having max(views) > 0
),

-- a zone that this database has never heard of would stop the publish
account_zones as (
    select
        account_id,
        default_time_zone
    from marts.dim_account
    where default_time_zone in (select known.name from pg_timezone_names() as known)
),

zones as (
    select
        course.course_id,
        coalesce(own.default_time_zone, root.default_time_zone, 'UTC') as time_zone
    from marts.dim_course as course
    left join account_zones as own on course.account_id = own.account_id
    left join account_zones as root on course.root_account_id = root.account_id
),

local as (
    select
        buckets.course_id,
        buckets.user_id,
        coalesce(zones.time_zone, 'UTC') as time_zone,
        buckets.bucket_at at time zone coalesce(zones.time_zone, 'UTC') as local_at,
        buckets.views,
        buckets.extracted_at
    from buckets
    left join zones on buckets.course_id = zones.course_id
),

-- one row per student first, so that students can be counted as rows
students as (
    select
        course_id,
        time_zone,
        cast(isodow(local_at) as integer) as weekday,
        cast(hour(local_at) as integer) as hour,
        sum(views) as views,
        max(extracted_at) as extracted_at
    from local
    group by course_id, user_id, time_zone, isodow(local_at), hour(local_at)
)

select
    students.course_id,
    course.course_name,
    course.account_id,
    course.account_name,
    course.term_id,
    course.term_name,
    students.weekday,
    students.hour,
    students.time_zone,
    cast(sum(students.views) as bigint) as views,
    count(*) as students,
    max(students.extracted_at) as extracted_at
from students
left join marts.dim_course as course on students.course_id = course.course_id
group by
    students.course_id,
    course.course_name,
    course.account_id,
    course.account_name,
    course.term_id,
    course.term_name,
    students.weekday,
    students.hour,
    students.time_zone
