-- description: Students in numbers as they were on any day: views, participations, punctuality. Canvas itself gives only
--     the numbers of today.
-- grain: one row per course and student
-- key: course_id, user_id
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column user_id: Canvas id of the student; see dim_user.
-- column page_views: Page views up to then; NULL where Canvas's page view service does not know the student.
-- column page_views_level: 0 for none, then a band among the course's students from the least, 1, to the most, 3.
-- column participations: Participations up to then; NULL as for page_views.
-- column participations_level: 0 for none, then a band as for page_views_level.
-- column tardiness_total: Assignments of the student that are handed in through Canvas.
-- column tardiness_missing: Assignments that were past due and not handed in.
-- column tardiness_late: Assignments handed in late.
-- column tardiness_on_time: Assignments handed in on time.
-- column tardiness_floating: Assignments neither handed in nor late.
-- column extracted_at: When Canvas gave this row, which is when the course's summaries last changed.
-- unit page_views: views
-- unit page_views_level: level 0..3
-- unit participations: participations
-- unit participations_level: level 0..3
-- unit tardiness_total: assignments
-- unit tardiness_missing: assignments
-- unit tardiness_late: assignments
-- unit tardiness_on_time: assignments
-- unit tardiness_floating: assignments
-- unit extracted_at: UTC
select
    course_id,
    user_id,
    page_views,
    page_views_level,
    participations,
    participations_level,
    tardiness_total,
    tardiness_missing,
    tardiness_late,
    tardiness_on_time,
    tardiness_floating,
    _extracted_at as extracted_at
from staging.stg_student_summaries
