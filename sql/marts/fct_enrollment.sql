-- description: Enrollments with the scores and grades of students. A student in two sections of a course has two rows,
--     each with the grade that the grade export gives for that section; nobody but students has grades.
-- grain: one row per enrollment
-- key: enrollment_id
-- owner: team:analytics
-- column enrollment_id: Canvas id of the enrollment.
-- column course_id: Canvas id of the course; see dim_course.
-- column section_id: Canvas id of the section.
-- column section_name: Name of the section.
-- column user_id: Canvas id of the person; see dim_user.
-- column account_id: The account that owns the course; see dim_account.
-- column term_id: The term of the course; see dim_term.
-- column role: Role by its name: student, teacher, ta, observer, designer or the institution's own.
-- column role_type: StudentEnrollment, TeacherEnrollment, TaEnrollment, ObserverEnrollment or DesignerEnrollment.
-- column is_student: Whether the enrollment is a student's, under whatever name the role has.
-- column status: invited, active, concluded, inactive, deleted or rejected.
-- column observed_user_id: Canvas id of the person observed, for observers.
-- column created_by_sis: Whether a SIS import created the enrollment.
-- column current_score: Score in percent over what is graded and posted.
-- column final_score: Score in percent that counts what is missing as zero, posted work only.
-- column unposted_current_score: Score in percent over what is graded, posted or not.
-- column unposted_final_score: Score in percent that counts what is missing as zero, posted or not.
-- column override_score: Score in percent that a teacher set by hand.
-- column current_grade: Letter for the current score, where the course has a grading scheme.
-- column final_grade: Letter for the final score, where the course has a grading scheme.
-- column override_grade: Letter that a teacher set by hand.
-- column extracted_at: When the report with the enrollment ended.
-- column graded_at: When the grade export with the grade ended; NULL without a grade row.
select
    enrollment.enrollment_id,
    enrollment.course_id,
    enrollment.section_id,
    coalesce(section.section_name, grade.section_name) as section_name,
    enrollment.user_id,
    course.account_id,
    coalesce(course.term_id, grade.term_id) as term_id,
    enrollment.role,
    enrollment.role_type,
    enrollment.is_student,
    enrollment.status,
    enrollment.observed_user_id,
    enrollment.created_by_sis,
    grade.current_score,
    grade.final_score,
    grade.unposted_current_score,
    grade.unposted_final_score,
    grade.override_score,
    grade.current_grade,
    grade.final_grade,
    grade.override_grade,
    enrollment._extracted_at as extracted_at,
    grade._extracted_at as graded_at
from staging.stg_enrollments as enrollment
left join staging.stg_student_grades as grade
    on
        enrollment.is_student
        and enrollment.course_id = grade.course_id
        and enrollment.section_id = grade.section_id
        and enrollment.user_id = grade.user_id
left join staging.stg_sections as section on enrollment.section_id = section.section_id
left join marts.dim_course as course on enrollment.course_id = course.course_id
