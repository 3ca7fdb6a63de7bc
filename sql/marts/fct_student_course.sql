-- description: Each student of a course once, however many sections: the state of the enrollment, activity, punctuality
--     and grade. Dropped students are here too; choose by enrollment_status. Without a summary its columns are NULL,
--     which is not 0.
-- grain: one row per course and student
-- key: course_id, user_id
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column course_name: Name of the course.
-- column account_id: The account that owns the course; see dim_account.
-- column account_name: Display name of that account.
-- column term_id: The term of the course; see dim_term.
-- column term_name: Display name of the term.
-- column user_id: Canvas id of the student; see dim_user.
-- column enrollment_status: active, invited, concluded, inactive, rejected or deleted: the most alive of the student's
--     enrollments in the course, by the provisioning report, else by the grade export; NULL where neither knows one.
-- column enrollments: Student enrollments of the person in the course, in any state; 0 where only others know of them.
-- column has_summary: Whether Canvas's analytics list the student: they list active and concluded ones.
-- column page_views: Page views; NULL without a summary, and where Canvas's page view service does not know the
--     student.
-- column max_page_views: The most page views of any student of the course.
-- column page_views_level: 0 for none, then a band among the course's students from the least, 1, to the most, 3. Not
--     to be compared between courses.
-- column participations: Participations; NULL as for page_views.
-- column max_participations: The most participations of any student of the course.
-- column participations_level: 0 for none, then a band as for page_views_level.
-- column assignments: Assignments of the student that are handed in through Canvas, due or not.
-- column missing: Assignments that are past due and not handed in.
-- column late: Assignments handed in late.
-- column on_time: Assignments handed in on time.
-- column floating: Assignments neither handed in nor late: not due yet, without a due date, or excused.
-- column missing_share: Share that is missing, of what is missing, late or on time; NULL where that is nothing.
-- column late_share: Share that was late, of what is missing, late or on time; NULL where that is nothing.
-- column section_id: The section that the grade is from.
-- column current_score: Score over what is graded and posted.
-- column final_score: Score that counts what is missing as zero, posted work only. Low for all while a course runs.
-- column override_score: Score that a teacher set by hand.
-- column current_grade: Letter for the current score, where the course has a grading scheme.
-- column final_grade: Letter for the final score, where the course has a grading scheme.
-- column override_grade: Letter that a teacher set by hand.
-- column summarized_at: When Canvas gave the summary, which is when the course's summaries last changed.
-- column graded_at: When the grade export with the grade ended.
-- column extracted_at: When Canvas last spoke of this student in this course.
-- unit enrollments: enrollments
-- unit page_views: views
-- unit max_page_views: views
-- unit page_views_level: level 0..3
-- unit participations: participations
-- unit max_participations: participations
-- unit participations_level: level 0..3
-- unit assignments: assignments
-- unit missing: assignments
-- unit late: assignments
-- unit on_time: assignments
-- unit floating: assignments
-- unit missing_share: fraction 0..1
-- unit late_share: fraction 0..1
-- unit current_score: percent
-- unit final_score: percent
-- unit override_score: percent
-- unit summarized_at: UTC
-- unit graded_at: UTC
-- unit extracted_at: UTC
-- check not_null: course_id, user_id, enrollments, has_summary
-- warn accepted_values enrollment_status: active, invited, concluded, inactive, rejected, deleted
-- warn references course_id: marts.dim_course.course_id
-- warn references user_id: marts.dim_user.user_id
with enrollment as (
    select
        course_id,
        user_id,
        count(*) as enrollments,
        arg_min(
            status,
            case status
                when 'active' then '0'
                when 'invited' then '1'
                when 'concluded' then '2'
                when 'inactive' then '3'
                when 'rejected' then '4'
                when 'deleted' then '5'
                else '6' || status
            end
        ) as status,
        max(_extracted_at) as _extracted_at
    from staging.stg_enrollments
    where is_student
    group by course_id, user_id
),

students as (
    select
        course_id,
        user_id
    from enrollment

    union

    select
        course_id,
        user_id
    from staging.stg_student_summaries

    union

    select
        course_id,
        user_id
    from staging.stg_course_grades
)

select
    students.course_id,
    coalesce(course.course_name, grade.course_name) as course_name,
    course.account_id,
    course.account_name,
    coalesce(course.term_id, grade.term_id) as term_id,
    coalesce(course.term_name, grade.term_name) as term_name,
    students.user_id,
    coalesce(enrollment.status, grade.enrollment_state) as enrollment_status,
    coalesce(enrollment.enrollments, 0) as enrollments,
    summary._extracted_at is not null as has_summary,
    summary.page_views,
    summary.max_page_views,
    summary.page_views_level,
    summary.participations,
    summary.max_participations,
    summary.participations_level,
    summary.tardiness_total as assignments,
    summary.tardiness_missing as missing,
    summary.tardiness_late as late,
    summary.tardiness_on_time as on_time,
    summary.tardiness_floating as floating,
    summary.tardiness_missing
    / nullif(summary.tardiness_missing + summary.tardiness_late + summary.tardiness_on_time, 0) as missing_share,
    summary.tardiness_late
    / nullif(summary.tardiness_missing + summary.tardiness_late + summary.tardiness_on_time, 0) as late_share,
    grade.section_id,
    grade.current_score,
    grade.final_score,
    grade.override_score,
    grade.current_grade,
    grade.final_grade,
    grade.override_grade,
    summary._extracted_at as summarized_at,
    grade._extracted_at as graded_at,
    greatest(summary._extracted_at, enrollment._extracted_at, grade._extracted_at) as extracted_at
from students
left join enrollment on students.course_id = enrollment.course_id and students.user_id = enrollment.user_id
left join staging.stg_student_summaries as summary
    on students.course_id = summary.course_id and students.user_id = summary.user_id
left join staging.stg_course_grades as grade
    on students.course_id = grade.course_id and students.user_id = grade.user_id
left join marts.dim_course as course on students.course_id = course.course_id
