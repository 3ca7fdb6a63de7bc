-- description: Accounts of the tree as the API gives them; an account pulled under two roots stands here once.
-- grain: one row per account
-- key: account_id
-- owner: team:analytics
-- column account_id: Canvas id of the account.
-- column account_name: Display name of the account.
-- column parent_account_id: The account above; NULL for a root account.
-- column root_account_id: The root of the tree; the account itself for a root account.
-- column status: active or deleted.
-- column default_time_zone: IANA name of the time zone that the account shows times in.
-- column sis_account_id: Id of the account in the student information system.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When Canvas gave this row.
select
    account_id,
    name as account_name,
    parent_account_id,
    coalesce(root_account_id, case when parent_account_id is null then account_id end) as root_account_id,
    workflow_state as status,
    default_time_zone,
    sis_account_id,
    _load_id,
    _extracted_at
from canvas.accounts
qualify row_number() over (partition by account_id order by _extracted_at desc, _load_id desc) = 1
