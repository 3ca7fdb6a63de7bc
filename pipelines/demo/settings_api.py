"""What is set for accounts: Microsoft sync, the environment of Canvas's pages, terms of service and the help menu."""

from typing import Any, Final

from pipelines.demo.wire import Answer, ApiError
from pipelines.demo.world import Call, Endpoint

_ENVIRONMENT: Final[dict[str, Any]] = {
    "calendar_contexts_limit": 10,
    "open_registration": False,
    "collapse_global_nav": False,
    "release_notes_badge_disabled": False,
    "show_sections_in_course_tray": True,
    "can_add_pronouns": False,
    "default_due_time": "23:59:59",
}
_EVERYBODY: Final = ["user", "student", "teacher", "admin", "observer", "unenrolled"]


def show_settings(call: Call) -> Answer:
    """Answer what is set of Microsoft sync; keys without a value are left out, so most accounts have none."""
    account = call.account()
    call.require("manage_account_settings")
    of_root = {
        "microsoft_sync_enabled": True,
        "microsoft_sync_tenant": "university.example.edu",
        "microsoft_sync_login_attribute": "email",
        "microsoft_sync_login_attribute_suffix": None,
        "microsoft_sync_remote_attribute": None,
    }
    settings = of_root if account.parent_id is None else {}
    return Answer({name: value for name, value in settings.items() if value is not None})


def show_environment(call: Call) -> Answer:  # noqa: ARG001 - as every handler is called
    """Answer the flat object of settings that Canvas's own pages read."""
    return Answer(dict(_ENVIRONMENT))


def show_terms_of_service(call: Call) -> Answer:
    """Answer the root account's terms; only the way of registration is the account's own. No right is needed."""
    call.account()
    return Answer(
        {
            "id": 1,
            "terms_type": "custom",
            "passive": True,
            "account_id": call.institution.root.id,
            "content": "<p>Be kind &amp; hand in on time.</p>",
            "self_registration_type": "none",
        }
    )


def show_help_links(call: Call) -> Answer:
    """Answer the help menu of the root account. For any other account Canvas answers twice, and so fails."""
    account = call.account()
    if account.id != call.institution.root.id:
        message = {"message": "An error occurred.", "error_code": "internal_server_error"}
        raise ApiError(500, {"errors": [message], "error_report_id": 1})
    guides = _link("search_the_canvas_guides", "Search the Canvas Guides", "https://guides.example.edu/", _EVERYBODY)
    ask = _link("instructor_question", "Ask Your Instructor a Question", "#teacher_feedback", ["student"])
    desk = {**_link("link1", "Service desk", "https://help.example.edu/", _EVERYBODY), "type": "custom"}
    return Answer(
        {
            "help_link_name": "Help",
            "help_link_icon": "help",
            "custom_help_links": [desk, ask],
            "default_help_links": [ask, guides],
        }
    )


def _link(key: str, text: str, url: str, available_to: list[str]) -> dict[str, Any]:
    return {
        "available_to": available_to,
        "text": text,
        "subtext": f"{text}, at any hour",
        "url": url,
        "type": "default",
        "id": key,
        "is_featured": False,
        "is_new": False,
        "feature_headline": "",
    }


ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/accounts/{account_id}/settings", show_settings),
    Endpoint("GET", "/api/v1/settings/environment", show_environment),
    Endpoint("GET", "/api/v1/accounts/{account_id}/terms_of_service", show_terms_of_service),
    Endpoint("GET", "/api/v1/accounts/{account_id}/help_links", show_help_links),
)
