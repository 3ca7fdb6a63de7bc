-- description: Enrollment terms with their dates, deleted ones included. Terms that only the provisioning report knows
--     are here too.
-- grain: one row per term
-- key: term_id
-- owner: team:analytics
-- column term_id: Canvas id of the term.
-- column term_name: Display name of the term.
-- column root_account_id: The root account of the term; NULL where only the report knows the term.
-- column status: active or deleted.
-- column start_at: Start of the term in UTC; NULL for none.
-- column end_at: End of the term in UTC; NULL for none.
-- column is_active: Whether the term is not deleted and today, in UTC, lies between its dates. A missing date binds
--     nothing, so a default term without dates is always active.
-- column is_default: Whether this is the root account's default term, which the filters current and completed of the
--     department analytics stand for. By the name Default Term; where Canvas translates it, the oldest undated term.
-- column sis_term_id: Id of the term in the student information system.
-- column extracted_at: When Canvas gave this row, which is when it last changed.
with terms as (
    select term_id, term_name, root_account_id, status, start_at, end_at, sis_term_id, _extracted_at
    from staging.stg_terms

    union all

    select
        report.term_id,
        report.term_name,
        cast(null as bigint) as root_account_id,
        report.status,
        report.start_at,
        report.end_at,
        report.sis_term_id,
        report._extracted_at
    from staging.stg_report_terms as report
    left join staging.stg_terms as api on report.term_id = api.term_id
    where api.term_id is null
),

candidates as (
    select
        *,
        coalesce(term_name = 'Default Term', false) as is_named_default,
        status is distinct from 'deleted'
        and (
            coalesce(term_name = 'Default Term', false)
            or (root_account_id is not null and start_at is null and end_at is null)
        ) as may_be_default
    from terms
)

select
    term_id,
    term_name,
    root_account_id,
    status,
    start_at,
    end_at,
    status is distinct from 'deleted'
    and coalesce(start_at <= now(), true)
    and coalesce(end_at >= date_trunc('day', now()), true) as is_active,
    may_be_default
    and row_number() over (
        partition by root_account_id
        order by may_be_default desc, is_named_default desc, term_id
    ) = 1 as is_default,
    sis_term_id,
    _extracted_at as extracted_at
from candidates
