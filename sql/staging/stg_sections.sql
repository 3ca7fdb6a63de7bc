-- description: Sections of courses, from the provisioning report.
-- grain: one row per section
-- key: section_id
-- owner: team:analytics
-- column section_id: Canvas id of the section.
-- column section_name: Name of the section.
-- column course_id: Canvas id of the course.
-- column status: active or deleted.
-- column sis_section_id: Id of the section in the student information system.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When the report ended.
select
    canvas_section_id as section_id,
    name as section_name,
    canvas_course_id as course_id,
    status,
    section_id as sis_section_id,
    _load_id,
    _extracted_at
from reports.provisioning_sections
qualify row_number() over (partition by canvas_section_id order by _extracted_at desc, _load_id desc) = 1
