-- description: Accounts as the provisioning report gives them: never the root, and deleted ones if they were asked for.
-- grain: one row per account
-- key: account_id
-- owner: team:analytics
-- column account_id: Canvas id of the account.
-- column account_name: Display name of the account.
-- column parent_account_id: Canvas id of the account above.
-- column status: active or deleted.
-- column sis_account_id: Id of the account in the student information system.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When the report ended.
select
    canvas_account_id as account_id,
    name as account_name,
    canvas_parent_id as parent_account_id,
    status,
    account_id as sis_account_id,
    _load_id,
    _extracted_at
from reports.provisioning_accounts
qualify row_number() over (partition by canvas_account_id order by _extracted_at desc, _load_id desc) = 1
