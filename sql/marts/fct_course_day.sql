-- description: Page views and participations of courses by day, with names. Teachers and other staff are in the
--     numbers. A day that is not here had none, or the course was not asked about: see meta.coverage.
-- grain: one row per course and day
-- key: course_id, date
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column course_name: Name of the course.
-- column account_id: The account that owns the course; see dim_account.
-- column account_name: Display name of that account.
-- column term_id: The term of the course; see dim_term.
-- column term_name: Display name of the term.
-- column date: The day, in UTC.
-- column views: Page views on that day.
-- column participations: Participations on that day.
-- column extracted_at: When Canvas gave these numbers, which is when the course's activity last changed.
-- unit views: views
-- unit participations: participations
-- unit extracted_at: UTC
-- check not_null: course_id, date
-- warn references course_id: marts.dim_course.course_id
-- warn freshness extracted_at: 2 weeks
select
    activity.course_id,
    course.course_name,
    course.account_id,
    course.account_name,
    course.term_id,
    course.term_name,
    activity.date,
    activity.views,
    activity.participations,
    activity._extracted_at as extracted_at
from analytics.course_activity as activity
left join marts.dim_course as course on activity.course_id = course.course_id
qualify
    row_number() over (
        partition by activity.course_id, activity.date
        order by
            activity._extracted_at desc,
            activity._load_id desc,
            activity.views desc nulls last,
            activity.participations desc nulls last
    ) = 1
