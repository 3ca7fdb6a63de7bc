-- description: The account tree, the root included. Accounts that only the provisioning report knows, such as deleted
--     ones, are here too.
-- grain: one row per account
-- key: account_id
-- owner: team:analytics
-- column account_id: Canvas id of the account.
-- column account_name: Display name of the account.
-- column parent_account_id: The account above; NULL for a root account.
-- column parent_account_name: Display name of the account above.
-- column root_account_id: The root of the tree; the account itself for a root account.
-- column root_account_name: Display name of the root of the tree, where it is loaded.
-- column is_root: Whether no account stands above this one in Canvas.
-- column depth: Steps below the highest loaded account; 0 for that account.
-- unit depth: levels
-- column path: Display names from the highest loaded account down to this one, joined by " / ".
-- column id_path: Ids on the same way, as in /1/12/45/. Everything below account 12: where id_path like '%/12/%'.
-- column status: active or deleted, by whichever of API and report spoke last.
-- column sis_account_id: Id of the account in the student information system.
-- column default_time_zone: IANA name of the time zone that the account shows times in.
-- column extracted_at: When Canvas last spoke of this account.
with recursive accounts as (
    select
        coalesce(api.account_id, report.account_id) as account_id,
        coalesce(api.account_name, report.account_name) as account_name,
        -- an API row without a parent is a root; only where the API is silent does the report say who is above
        case when api.account_id is null then report.parent_account_id else api.parent_account_id end
            as parent_account_id,
        api.root_account_id,
        case
            when report._extracted_at >= api._extracted_at then coalesce(report.status, api.status)
            else coalesce(api.status, report.status)
        end as status,
        coalesce(api.sis_account_id, report.sis_account_id) as sis_account_id,
        api.default_time_zone,
        greatest(api._extracted_at, report._extracted_at) as extracted_at
    from staging.stg_accounts as api
    full join staging.stg_report_accounts as report on api.account_id = report.account_id
),

tree as (
    -- a pull that starts at a sub-account has a top whose parent was never loaded
    select
        top.account_id,
        top.account_id as top_account_id,
        0 as depth,
        coalesce(top.account_name, 'Account ' || top.account_id) as path,
        '/' || top.account_id || '/' as id_path
    from accounts as top
    left join accounts as above on top.parent_account_id = above.account_id
    where above.account_id is null

    union all

    select
        child.account_id,
        tree.top_account_id,
        tree.depth + 1 as depth,
        tree.path || ' / ' || coalesce(child.account_name, 'Account ' || child.account_id) as path,
        tree.id_path || child.account_id || '/' as id_path
    from tree
    inner join accounts as child on tree.account_id = child.parent_account_id
)

select
    accounts.account_id,
    accounts.account_name,
    accounts.parent_account_id,
    parent.account_name as parent_account_name,
    coalesce(accounts.root_account_id, top.root_account_id, top.account_id) as root_account_id,
    root.account_name as root_account_name,
    accounts.parent_account_id is null as is_root,
    tree.depth,
    tree.path,
    tree.id_path,
    accounts.status,
    accounts.sis_account_id,
    accounts.default_time_zone,
    accounts.extracted_at
from accounts
left join tree on accounts.account_id = tree.account_id
left join accounts as top on tree.top_account_id = top.account_id
left join accounts as parent on accounts.parent_account_id = parent.account_id
left join accounts as root
    on coalesce(accounts.root_account_id, top.root_account_id, top.account_id) = root.account_id
