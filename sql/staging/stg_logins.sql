-- description: Logins of people, from the provisioning report. A login that was deleted and made again stands here once.
-- grain: one row per person, login and way to log in
-- key: user_id, login_id, authentication_provider_id
-- owner: team:analytics
-- column user_id: Canvas id of the person.
-- column login_id: What the person types to log in.
-- column authentication_provider_id: The way to log in that this login belongs to; NULL for the default one.
-- column sis_user_id: Id of the login in the student information system.
-- column integration_id: Second id of the login in the student information system.
-- column status: State of the login: active, suspended or deleted.
-- column full_name: Full name of the person.
-- column sortable_name: Name of the person, family name first.
-- column short_name: Display name of the person.
-- column email: E-mail address of the person.
-- column _load_id: The load that brought this row; see meta.loads.
-- column _extracted_at: When the report ended.
select
    canvas_user_id as user_id,
    login_id,
    authentication_provider_id,
    user_id as sis_user_id,
    integration_id,
    status,
    full_name,
    sortable_name,
    short_name,
    email,
    _load_id,
    _extracted_at
from reports.provisioning_users
qualify
    row_number() over (
        partition by canvas_user_id, login_id, authentication_provider_id
        order by
            _extracted_at desc,
            _load_id desc,
            case status when 'active' then 0 when 'suspended' then 1 else 2 end,
            reports.provisioning_users.user_id
    ) = 1
