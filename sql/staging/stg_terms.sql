-- description: Enrollment terms as the API gives them, deleted ones included.
-- grain: one row per term
-- key: term_id
-- owner: team:analytics
-- column term_id: Canvas id of the term.
-- column term_name: Display name of the term.
-- column root_account_id: The root account that the term belongs to.
-- column status: active or deleted.
-- column start_at: Start of the term in UTC; NULL for none.
-- column end_at: End of the term in UTC; NULL for none.
-- column sis_term_id: Id of the term in the student information system.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When Canvas gave this row.
select
    term_id,
    name as term_name,
    root_account_id,
    workflow_state as status,
    start_at,
    end_at,
    sis_term_id,
    _load_id,
    _extracted_at
from canvas.terms
qualify row_number() over (partition by term_id order by _extracted_at desc, _load_id desc) = 1
