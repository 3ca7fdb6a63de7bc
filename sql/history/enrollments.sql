-- description: Enrollments as they were on any day, by the provisioning report: who was in which section, in what role
--     and state. What the report no longer lists ends when it was first missed.
-- grain: one row per enrollment
-- key: enrollment_id
-- owner: team:analytics
-- column enrollment_id: Canvas id of the enrollment.
-- column course_id: Canvas id of the course; see dim_course.
-- column section_id: Canvas id of the section.
-- column user_id: Canvas id of the person; see dim_user.
-- column role: Role by its name: student, teacher, ta, observer, designer or the institution's own.
-- column role_type: StudentEnrollment, TeacherEnrollment, TaEnrollment, ObserverEnrollment or DesignerEnrollment.
-- column is_student: Whether the enrollment is a student's, under whatever name the role has.
-- column status: invited, active, concluded, inactive, deleted or rejected.
-- column observed_user_id: Canvas id of the person observed, for observers.
-- column extracted_at: When the report with the enrollment ended.
-- unit extracted_at: UTC
select
    enrollment_id,
    course_id,
    section_id,
    user_id,
    role,
    role_type,
    is_student,
    status,
    observed_user_id,
    _extracted_at as extracted_at
from staging.stg_enrollments
