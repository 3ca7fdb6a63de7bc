-- description: Each student of a course in numbers, as the course analytics give them, each once per course.
-- grain: one row per course and student
-- key: course_id, user_id
-- owner: team:analytics
-- column course_id: Canvas id of the course.
-- column user_id: Canvas id of the student.
-- column page_views: Page views; NULL where Canvas's page view service does not know the student.
-- column max_page_views: The most page views of any student of the course.
-- column page_views_level: 0 for none, then a band among the course's students from the least, 1, to the most, 3.
-- column participations: Participations; NULL as for page_views.
-- column max_participations: The most participations of any student of the course.
-- column participations_level: 0 for none, then a band as for page_views_level.
-- column tardiness_total: Assignments of the student that are handed in through Canvas.
-- column tardiness_missing: Assignments that are past due and not handed in.
-- column tardiness_late: Assignments handed in late.
-- column tardiness_on_time: Assignments handed in on time.
-- column tardiness_floating: Assignments neither handed in nor late.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When Canvas gave this row, which is when the course's summaries last changed.
-- unit page_views: views
-- unit max_page_views: views
-- unit page_views_level: level 0..3
-- unit participations: participations
-- unit max_participations: participations
-- unit participations_level: level 0..3
-- unit tardiness_total: assignments
-- unit tardiness_missing: assignments
-- unit tardiness_late: assignments
-- unit tardiness_on_time: assignments
-- unit tardiness_floating: assignments
-- unit _extracted_at: UTC
select
    course_id,
    user_id,
    page_views,
    max_page_views,
    page_views_level,
    participations,
    max_participations,
    participations_level,
    tardiness_total,
    tardiness_missing,
    tardiness_late,
    tardiness_on_time,
    tardiness_floating,
    _load_id,
    _extracted_at
from analytics.student_summaries
qualify
    row_number() over (
        partition by course_id, user_id
        order by _extracted_at desc, _load_id desc, page_views desc nulls last, tardiness_total desc nulls last
    ) = 1
