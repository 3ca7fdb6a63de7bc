-- description: Enrollments in sections, from the provisioning report; one asked for under two scopes stands here once.
-- grain: one row per enrollment
-- key: enrollment_id
-- owner: team:analytics
-- column enrollment_id: Canvas id of the enrollment.
-- column course_id: Canvas id of the course.
-- column section_id: Canvas id of the section.
-- column user_id: Canvas id of the person.
-- column role: Role by its name: student, teacher, ta, observer, designer or the institution's own.
-- column role_id: Canvas id of the role.
-- column role_type: StudentEnrollment, TeacherEnrollment, TaEnrollment, ObserverEnrollment or DesignerEnrollment.
-- column is_student: Whether the enrollment is a student's, under whatever name the role has.
-- column status: invited, active, concluded, inactive, deleted or rejected.
-- column observed_user_id: Canvas id of the person observed, for observers.
-- column created_by_sis: Whether a SIS import created the enrollment.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When the report ended.
select
    canvas_enrollment_id as enrollment_id,
    canvas_course_id as course_id,
    canvas_section_id as section_id,
    canvas_user_id as user_id,
    role,
    role_id,
    base_role_type as role_type,
    coalesce(base_role_type = 'StudentEnrollment', role = 'student', false) as is_student,
    status,
    canvas_associated_user_id as observed_user_id,
    created_by_sis,
    _load_id,
    _extracted_at
from reports.provisioning_enrollments
qualify row_number() over (partition by canvas_enrollment_id order by _extracted_at desc, _load_id desc) = 1
