-- description: People as they were on any day: names, address and the best login. Old names are as private as new ones.
-- grain: one row per person
-- key: user_id
-- owner: team:analytics
-- column user_id: Canvas id of the person.
-- column full_name: Full name.
-- column sortable_name: Family name first.
-- column short_name: Display name.
-- column email: E-mail address.
-- column login_id: The best login of the person; see dim_user.
-- column sis_user_id: Id of that login in the student information system.
-- column integration_id: Second id of that login in the student information system.
-- column status: State of that login: active, suspended or deleted. Active if any login was.
-- column extracted_at: When the report with that login ended.
-- unit extracted_at: UTC
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
    extracted_at
from marts.dim_user
