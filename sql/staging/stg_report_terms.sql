-- description: Enrollment terms as the provisioning report gives them.
-- grain: one row per term
-- key: term_id
-- owner: team:analytics
-- column term_id: Canvas id of the term.
-- column term_name: Display name of the term.
-- column status: active or deleted.
-- column start_at: Start of the term in UTC; NULL for none.
-- column end_at: End of the term in UTC; NULL for none.
-- column sis_term_id: Id of the term in the student information system.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When the report ended.
select
    canvas_term_id as term_id,
    name as term_name,
    status,
    start_date as start_at,
    end_date as end_at,
    term_id as sis_term_id,
    _load_id,
    _extracted_at
from reports.provisioning_terms
qualify row_number() over (partition by canvas_term_id order by _extracted_at desc, _load_id desc) = 1
