-- description: The assignments of students, what became of each, and the class's statistics beside it. Only of students
--     who were asked about one by one; assignments that are not handed in through Canvas are here too.
-- grain: one row per course, student and assignment
-- key: course_id, user_id, assignment_id
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column course_name: Name of the course.
-- column account_id: The account that owns the course; see dim_account.
-- column term_id: The term of the course; see dim_term.
-- column user_id: Canvas id of the student; see dim_user.
-- column assignment_id: Canvas id of the assignment.
-- column title: Title of the assignment.
-- column due_at: When it is due for this student; NULL for never.
-- column status: on_time, late, missing (past due and not handed in) or floating (neither handed in nor late).
-- column is_excused: Whether the student need not do it; NULL without a submission.
-- column is_digital: Whether something is handed in through Canvas; NULL where Canvas does not say.
-- column points_possible: Points of full marks.
-- column score: Score of the student; NULL before it is graded. A missing work can have one: the 0 of a teacher or of
--     a late policy.
-- column score_percent: Score of the points possible; NULL where there are none.
-- column submitted_at: When it was handed in. For work done elsewhere Canvas takes the grade's date or the due date.
-- column posted_at: When the grade was shown to the student.
-- column days_after_due: From due_at to submitted_at; negative for work handed in before.
-- column class_first_quartile: Score that a quarter of the class does not pass; Canvas rounds it to a 25th of the
--     points.
-- column class_median: Score in the middle of the class, rounded as the quartiles.
-- column class_third_quartile: Score that three quarters of the class do not pass, rounded as the other.
-- column class_missing_share: Share of the class whose work is missing; 0 also for work that is not due yet.
-- column class_late_share: Share of the class that handed in late.
-- column extracted_at: When Canvas gave the student's assignments, which is when they last changed.
-- unit due_at: UTC
-- unit points_possible: points
-- unit score: points
-- unit score_percent: percent
-- unit submitted_at: UTC
-- unit posted_at: UTC
-- unit days_after_due: days
-- unit class_first_quartile: points
-- unit class_median: points
-- unit class_third_quartile: points
-- unit class_missing_share: fraction 0..1
-- unit class_late_share: fraction 0..1
-- unit extracted_at: UTC
-- check not_null: course_id, user_id, assignment_id
-- warn accepted_values status: on_time, late, missing, floating
-- warn references course_id: marts.dim_course.course_id
with work as (
    select *
    from analytics.student_assignments
    qualify
        row_number() over (
            partition by course_id, user_id, assignment_id
            order by
                _extracted_at desc,
                _load_id desc,
                submission_submitted_at desc nulls last,
                submission_score desc nulls last,
                status
        ) = 1
),

class as (
    select *
    from analytics.course_assignments
    qualify
        row_number() over (
            partition by course_id, assignment_id
            order by _extracted_at desc, _load_id desc, tardiness_total desc nulls last, title
        ) = 1
)

select
    work.course_id,
    course.course_name,
    course.account_id,
    course.term_id,
    work.user_id,
    work.assignment_id,
    coalesce(work.title, class.title) as title,
    work.due_at,
    work.status,
    work.excused as is_excused,
    not coalesce(work.non_digital_submission, class.non_digital_submission) as is_digital,
    coalesce(work.points_possible, class.points_possible) as points_possible,
    work.submission_score as score,
    100 * work.submission_score / nullif(coalesce(work.points_possible, class.points_possible), 0) as score_percent,
    work.submission_submitted_at as submitted_at,
    work.submission_posted_at as posted_at,
    (epoch(work.submission_submitted_at) - epoch(work.due_at)) / 86400 as days_after_due,
    class.first_quartile as class_first_quartile,
    class.median as class_median,
    class.third_quartile as class_third_quartile,
    class.tardiness_missing as class_missing_share,
    class.tardiness_late as class_late_share,
    work._extracted_at as extracted_at
from work
left join class on work.course_id = class.course_id and work.assignment_id = class.assignment_id
left join marts.dim_course as course on work.course_id = course.course_id
