-- description: Page views and participations of accounts by day, with names. An account's numbers hold those of the
--     accounts below it, and the filters overlap: pick one account level and one term_filter before summing.
-- grain: one row per account, term filter, term and day
-- key: account_id, term_filter, term_id, date
-- owner: team:analytics
-- column account_id: The account whose courses, and those below it, are summed up.
-- column account_name: Display name of the account.
-- column account_path: Names from the highest loaded account down to this one.
-- column depth: Steps of the account below the highest loaded one.
-- column term_filter: current, completed (available and concluded courses of the default term) or term.
-- column term_id: The term where term_filter is 'term'; NULL otherwise.
-- column term_name: Display name of the term; of the default term where term_filter is current or completed.
-- column date: The day, in UTC. A day that is not here had no views.
-- column views: Page views on that day.
-- column participations: Participations on that day.
-- column extracted_at: When Canvas gave these numbers.
select
    activity.account_id,
    account.account_name,
    account.path as account_path,
    account.depth,
    activity.term_filter,
    activity.term_id,
    coalesce(term.term_name, default_term.term_name) as term_name,
    activity.date,
    activity.views,
    activity.participations,
    activity._extracted_at as extracted_at
from analytics.department_activity_by_date as activity
left join marts.dim_account as account on activity.account_id = account.account_id
left join marts.dim_term as term on activity.term_id = term.term_id
left join marts.dim_term as default_term
    on
        activity.term_id is null
        and default_term.is_default
        and account.root_account_id = default_term.root_account_id
