"""Which Canvas permission each endpoint asks for, so that a 403 can say what to ask the administrator for.

Lives here: the table, as read in Canvas's controllers. Does not live here: the telling apart of the kinds of 403
(``answers``).
"""

import re

_RIGHTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), right)
    for pattern, right in (
        (r"/api/v1/(accounts|courses)/[^/]+/reports(/|$)", "read_reports"),
        (r"/api/v1/accounts/[^/]+/analytics/", "view_analytics"),
        (
            r"/api/v1/courses/[^/]+/analytics/student_summaries",
            "view_analytics, read_as_admin and view_all_grades (or manage_grades)",
        ),
        (r"/api/v1/courses/[^/]+/analytics/users/", "view_analytics, read_as_admin and read_grades"),
        (r"/api/v1/courses/[^/]+/analytics/", "view_analytics and read_as_admin"),
        (r"/api/v1/accounts/[^/]+/courses$", "read_course_list"),
        (r"/api/v1/accounts/[^/]+/terms", "read_terms"),
        (r"/api/v1/accounts/[^/]+/settings$", "manage_account_settings"),
        (
            r"/api/v1/accounts/[^/]+/(account_calendars|visible_calendars_count)$",
            "manage_account_calendar_visibility",
        ),
        (r"/api/v1/accounts/[^/]+/account_notifications", "manage_alerts"),
        # `search` is no account: it looks domains up, and no right for it is known.
        (r"/api/v1/accounts/(?!search$)[^/]+(/sub_accounts|/permissions)?$", "read (an account membership)"),
    )
)


def right_for(path: str) -> str | None:
    """Return the permission that ``path`` needs, in Canvas's own names, or None when it is not known."""
    return next((right for pattern, right in _RIGHTS if pattern.search(path)), None)
