-- description: Active students of running courses who stand out from their class, with each reason. The rule is the
--     SELECT, with its thresholds at the top. It does not know why, what happens outside Canvas, when a student joined,
--     what was agreed with a teacher, or work on paper. It is a list to begin a talk with, and no judgement.
-- grain: one row per course and student with at least one reason
-- key: course_id, user_id
-- owner: team:analytics
-- column course_id: Canvas id of the course; see dim_course.
-- column course_name: Name of the course.
-- column account_id: The account that owns the course; see dim_account.
-- column account_name: Display name of that account.
-- column term_id: The term of the course; see dim_term.
-- column term_name: Display name of the term.
-- column user_id: Canvas id of the student; see dim_user.
-- column reasons: The reasons in words with their numbers, separated by semicolons.
-- column reason_count: How many of the six reasons hold.
-- column no_activity: No page view at all, in a class whose median is at least 20.
-- column low_activity: Page views, but fewer than a quarter of the class's median, where that is at least 20.
-- column gone_quiet: Was active, but not in the last 14 days, in which at least half of the class was. Only where
--     activity by day is loaded; false elsewhere.
-- column missing_work: At least 2 works missing, a quarter of what was due or more, and a greater share than the
--     class's median.
-- column late_work: At least 2 works late, half of what was due or more, and a greater share than the class's median.
-- column low_score: Current score below 60 percent, and at least 10 points below the class's median.
-- column class_size: Active students of the course who have a summary: those whom the medians are of. Below 5 there is
--     no class to compare with: no_activity, low_activity and gone_quiet do not hold then, and the other reasons hold
--     by their fixed numbers alone.
-- column page_views: Page views of the student; NULL where Canvas does not know, which is no reason.
-- column class_median_page_views: The class's median of page views.
-- column last_active_on: The last day, in UTC, with page views or participations; NULL where no day is known.
-- column days_quiet: Days from last_active_on to as_of.
-- column missing: Works that are missing.
-- column late: Works that were late.
-- column work_due: Works that are missing, late or on time.
-- column class_median_missing_share: The class's median of the share that is missing.
-- column class_median_late_share: The class's median of the share that was late.
-- column current_score: Score of the student over what is graded and posted.
-- column class_median_score: The class's median of the current scores.
-- column as_of: When Canvas gave its newest answer about any course: days are counted back from it.
-- column extracted_at: When Canvas gave the course's summaries, which is when they last changed.
-- unit reason_count: reasons
-- unit class_size: students
-- unit page_views: views
-- unit class_median_page_views: views
-- unit days_quiet: days
-- unit missing: assignments
-- unit late: assignments
-- unit work_due: assignments
-- unit class_median_missing_share: fraction 0..1
-- unit class_median_late_share: fraction 0..1
-- unit current_score: percent
-- unit class_median_score: percent
-- unit as_of: UTC
-- unit extracted_at: UTC
-- check not_null: course_id, user_id, reasons
-- warn references course_id: marts.dim_course.course_id
-- warn references user_id: marts.dim_user.user_id
with thresholds as (
    select
        5 as least_class_size,
        20 as least_median_page_views,
        0.25 as low_activity_share,
        14 as most_days_quiet,
        0.5 as least_share_active,
        2 as least_works,
        0.25 as least_missing_share,
        0.5 as least_late_share,
        60 as low_score_percent,
        10 as least_points_below_median
),

newest as (
    select max(spoken_at) as as_of
    from (
        select max(summarized_at) as spoken_at
        from marts.fct_student_course

        union all

        select max(extracted_at) as spoken_at
        from marts.fct_course_day
    ) as answers
),

last_days as (
    select
        course_id,
        user_id,
        max(date) as last_active_on
    from marts.fct_student_day
    where views > 0 or participations > 0
    group by course_id, user_id
),

students as (
    select
        student.*,
        student.missing + student.late + student.on_time as work_due,
        last_days.last_active_on,
        date_diff('day', last_days.last_active_on, cast(newest.as_of at time zone 'UTC' as date)) as days_quiet,
        newest.as_of
    from marts.fct_student_course as student
    inner join marts.dim_course as course on student.course_id = course.course_id
    left join marts.dim_term as term on course.term_id = term.term_id
    cross join newest
    left join last_days on student.course_id = last_days.course_id and student.user_id = last_days.user_id
    where
        student.enrollment_status = 'active'
        and student.has_summary
        and course.status = 'active'
        and not course.is_concluded
        and coalesce(coalesce(course.start_at, term.start_at) <= newest.as_of, true)
        and coalesce(coalesce(course.end_at, term.end_at) > newest.as_of, true)
),

classes as (
    select
        students.course_id,
        count(*) as class_size,
        median(students.page_views) as class_median_page_views,
        median(students.missing_share) as class_median_missing_share,
        median(students.late_share) as class_median_late_share,
        median(students.current_score) as class_median_score,
        count(*) filter (where students.days_quiet <= thresholds.most_days_quiet) as recently_active
    from students
    cross join thresholds
    group by students.course_id
),

judged as (
    select
        students.*,
        classes.class_size,
        classes.class_median_page_views,
        classes.class_median_missing_share,
        classes.class_median_late_share,
        classes.class_median_score,
        coalesce(
            classes.class_size >= thresholds.least_class_size
            and classes.class_median_page_views >= thresholds.least_median_page_views
            and students.page_views = 0,
            false
        ) as no_activity,
        coalesce(
            classes.class_size >= thresholds.least_class_size
            and classes.class_median_page_views >= thresholds.least_median_page_views
            and students.page_views > 0
            and students.page_views < thresholds.low_activity_share * classes.class_median_page_views,
            false
        ) as low_activity,
        coalesce(
            classes.class_size >= thresholds.least_class_size
            and classes.recently_active >= thresholds.least_share_active * classes.class_size
            and students.days_quiet > thresholds.most_days_quiet,
            false
        ) as gone_quiet,
        coalesce(
            students.missing >= thresholds.least_works
            and students.missing_share >= thresholds.least_missing_share
            and (
                classes.class_size < thresholds.least_class_size
                or students.missing_share > classes.class_median_missing_share
            ),
            false
        ) as missing_work,
        coalesce(
            students.late >= thresholds.least_works
            and students.late_share >= thresholds.least_late_share
            and (
                classes.class_size < thresholds.least_class_size
                or students.late_share > classes.class_median_late_share
            ),
            false
        ) as late_work,
        coalesce(
            students.current_score < thresholds.low_score_percent
            and (
                classes.class_size < thresholds.least_class_size
                or students.current_score <= classes.class_median_score - thresholds.least_points_below_median
            ),
            false
        ) as low_score
    from students
    inner join classes on students.course_id = classes.course_id
    cross join thresholds
)

select
    course_id,
    course_name,
    account_id,
    account_name,
    term_id,
    term_name,
    user_id,
    concat_ws(
        '; ',
        case when no_activity then 'no page views (class median ' || cast(class_median_page_views as bigint) || ')' end,
        case
            when low_activity
                then page_views || ' page views (class median ' || cast(class_median_page_views as bigint) || ')'
        end,
        case when gone_quiet then 'nothing for ' || days_quiet || ' days' end,
        case when missing_work then missing || ' of ' || work_due || ' works missing' end,
        case when late_work then late || ' of ' || work_due || ' works late' end,
        case
            when low_score
                then 'score ' || round(current_score, 1)
                || coalesce(' (class median ' || round(class_median_score, 1) || ')', '')
        end
    ) as reasons,
    cast(no_activity as integer)
    + cast(low_activity as integer)
    + cast(gone_quiet as integer)
    + cast(missing_work as integer)
    + cast(late_work as integer)
    + cast(low_score as integer) as reason_count,
    no_activity,
    low_activity,
    gone_quiet,
    missing_work,
    late_work,
    low_score,
    class_size,
    page_views,
    class_median_page_views,
    last_active_on,
    days_quiet,
    missing,
    late,
    work_due,
    class_median_missing_share,
    class_median_late_share,
    current_score,
    class_median_score,
    as_of,
    summarized_at as extracted_at
from judged
where no_activity or low_activity or gone_quiet or missing_work or late_work or low_score
