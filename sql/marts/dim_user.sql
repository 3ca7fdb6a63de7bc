-- description: People, each once however many logins they have. The login columns are those of the best login: an active
--     one before a suspended before a deleted one, then the first in the alphabet.
-- grain: one row per person
-- key: user_id
-- owner: team:analytics
-- column user_id: Canvas id of the person.
-- column full_name: Full name.
-- column sortable_name: Family name first.
-- column short_name: Display name.
-- column email: E-mail address.
-- column login_id: The best login of the person.
-- column sis_user_id: Id of that login in the student information system.
-- column integration_id: Second id of that login in the student information system.
-- column status: State of that login: active, suspended or deleted. Active if any login is.
-- column logins: How many logins the person has, in any state.
-- unit logins: logins
-- column active_logins: How many of them are active.
-- unit active_logins: logins
-- column extracted_at: When the report with that login ended.
select
    user_id,
    full_name,
    sortable_name,
    short_name,
    email,
    login_id,
    sis_user_id,
    integration_id,
    status,
    count(*) over (partition by user_id) as logins,
    count(*) filter (where status = 'active') over (partition by user_id) as active_logins,
    _extracted_at as extracted_at
from staging.stg_logins
qualify
    row_number() over (
        partition by user_id
        order by
            case status when 'active' then 0 when 'suspended' then 1 else 2 end,
            login_id nulls last,
            authentication_provider_id nulls first
    ) = 1
