"""The typed calls: the address and the parameters each one sends, and the shape it insists on."""

import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import pytest

from pipelines.canvas import (
    Answer,
    CanvasClient,
    RetryPolicy,
    account_reports,
    accounts,
    analytics,
    calendars,
    collect,
    course_analytics,
    courses,
    errors,
    notifications,
    student_analytics,
    terms,
    tokens,
    users,
)
from tests.canvas.conftest import TOKEN, Stage, json_answer, run, throttle_answer

Call = Callable[[CanvasClient], Awaitable[Any]]
Listing = Callable[[CanvasClient], AsyncIterator[Answer[list[dict[str, Any]]]]]


def ask(stage: Stage, call: Call) -> Any:
    async def work() -> Any:
        async with CanvasClient(stage.url, TOKEN, retries=RetryPolicy(attempts=1)) as client:
            return await call(client)

    return run(work)


def records(stage: Stage, listing: Listing) -> Any:
    return ask(stage, lambda client: collect(listing(client)))


def sent(stage: Stage) -> list[tuple[str, str]]:
    return parse_qsl(stage.seen[-1].query, keep_blank_values=True)


def test_terms_come_out_of_their_wrapper_deleted_ones_too(canvas: Stage) -> None:
    canvas.on("/api/v1/accounts/1/terms", json_answer({"enrollment_terms": [{"id": 5, "name": "Spring"}]}))
    assert records(canvas, lambda c: terms.terms(c, 1)) == [{"id": 5, "name": "Spring"}]
    assert sent(canvas) == [("per_page", "100"), ("workflow_state[]", "all")]


def test_sub_accounts_are_the_whole_tree(canvas: Stage) -> None:
    canvas.on("/api/v1/accounts/self/sub_accounts", json_answer([{"id": 2}]))
    assert records(canvas, lambda c: accounts.sub_accounts(c, "self")) == [{"id": 2}]
    assert ("recursive", "true") in sent(canvas)


def test_accounts_are_shown_and_listed(canvas: Stage) -> None:
    canvas.on("/api/v1/accounts/self", json_answer({"id": 1}))
    canvas.on("/api/v1/accounts", json_answer([{"id": 1}, {"id": 2}]))
    assert ask(canvas, lambda c: accounts.show_account(c, "self", include=["global_id"])).data == {"id": 1}
    assert sent(canvas) == [("include[]", "global_id"), ("includes[]", "global_id")]
    assert records(canvas, accounts.list_accounts) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    "granted", [{"read_reports": True, "become_user": False}, {"read_reports": "true", "become_user": "false"}]
)
def test_permissions_are_true_or_false_in_either_spelling(canvas: Stage, granted: dict[str, Any]) -> None:
    canvas.on("/api/v1/accounts/1/permissions", json_answer(granted))
    answer = ask(canvas, lambda c: accounts.permissions(c, 1, ["read_reports", "become_user"]))
    assert answer.data == {"read_reports": True, "become_user": False}
    assert sent(canvas) == [("permissions[]", "read_reports"), ("permissions[]", "become_user")]


def test_courses_leave_deleted_ones_out_unless_asked(canvas: Stage) -> None:
    canvas.on("/api/v1/accounts/1/courses", json_answer([{"id": 7}]))
    assert records(canvas, lambda c: courses.account_courses(c, 1, term=5)) == [{"id": 7}]
    query = sent(canvas)
    assert ("enrollment_term_id", "5") in query
    assert ("include[]", "concluded") in query
    assert not any(key == "state[]" for key, _ in query)
    records(canvas, lambda c: courses.account_courses(c, 1, with_deleted=True))
    assert ("state[]", "all") in sent(canvas)


@pytest.mark.parametrize(
    ("which", "segment"),
    [
        (analytics.CURRENT, "current"),
        (analytics.COMPLETED, "completed"),
        (analytics.TermFilter.term(5), "terms/5"),
        (analytics.TermFilter.term("sis_term_id:S1"), "terms/sis_term_id:S1"),
    ],
)
def test_department_calls_know_three_filters(canvas: Stage, which: analytics.TermFilter, segment: str) -> None:
    base = f"/api/v1/accounts/1/analytics/{segment}"
    canvas.on(f"{base}/activity", json_answer({"by_date": [{"date": "2026-01-05", "views": 3}], "by_category": []}))
    canvas.on(f"{base}/grades", json_answer({"0": None, "100": None}))
    canvas.on(f"{base}/statistics", json_answer({"courses": 27}))
    canvas.on(f"{base}/statistics_by_subaccount", json_answer({"accounts": [{"id": 1}]}))
    assert ask(canvas, lambda c: analytics.department_activity(c, 1, which)).data["by_date"][0]["views"] == 3
    assert ask(canvas, lambda c: analytics.department_grades(c, 1, which)).data["100"] is None
    assert ask(canvas, lambda c: analytics.department_statistics(c, 1, which)).data == {"courses": 27}
    by = ask(canvas, lambda c: analytics.department_statistics_by_subaccount(c, 1, which))
    assert (by.data["accounts"], by.request_id, by.status) == ([{"id": 1}], "req-1", 200)


def test_the_documented_shape_of_activity_is_let_through_too(canvas: Stage) -> None:
    body = {"by_date": {"2012-01-24": 1240}, "by_category": {"files": 132}}
    canvas.on("/api/v1/accounts/1/analytics/current/activity", json_answer(body))
    assert ask(canvas, lambda c: analytics.department_activity(c, 1, analytics.CURRENT)).data == body


@pytest.mark.parametrize(
    ("path", "body", "call"),
    [
        (
            "analytics/current/activity",
            {"by_date": []},
            lambda c: analytics.department_activity(c, 1, analytics.CURRENT),
        ),
        ("analytics/current/grades", {}, lambda c: analytics.department_grades(c, 1, analytics.CURRENT)),
        ("analytics/current/statistics", [], lambda c: analytics.department_statistics(c, 1, analytics.CURRENT)),
        (
            "analytics/current/statistics_by_subaccount",
            {"accounts": None},
            lambda c: analytics.department_statistics_by_subaccount(c, 1, analytics.CURRENT),
        ),
        ("courses", ["x"], lambda c: collect(courses.account_courses(c, 1))),
        ("terms", [], lambda c: collect(terms.terms(c, 1))),
        ("permissions", {"read": "perhaps"}, lambda c: accounts.permissions(c, 1, ["read"])),
        ("reports/zero_activity_csv/4", {"id": 4}, lambda c: account_reports.show_run(c, 1, "zero_activity_csv", 4)),
        ("account_calendars", {"total_results": 3}, lambda c: collect(calendars.all_account_calendars(c, 1))),
        ("account_calendars", [1], lambda c: collect(calendars.all_account_calendars(c, 1))),
        ("visible_calendars_count", {"count": True}, lambda c: calendars.visible_calendars_count(c, 1)),
        ("account_notifications", {}, lambda c: collect(notifications.account_notifications(c, 1))),
        ("settings", [], lambda c: accounts.account_settings(c, 1)),
        ("help_links", {}, lambda c: accounts.help_links(c, 1)),
        ("terms_of_service", {}, lambda c: accounts.terms_of_service(c, 1)),
    ],
)
def test_another_shape_is_an_error_and_not_an_empty_answer(canvas: Stage, path: str, body: object, call: Call) -> None:
    canvas.on(f"/api/v1/accounts/1/{path}", json_answer(body))
    with pytest.raises(errors.UnexpectedAnswerError, match="req-1"):
        ask(canvas, call)


def test_a_report_is_started_with_the_form_canvas_reads(canvas: Stage) -> None:
    path = "/api/v1/accounts/1/reports/provisioning_csv"
    canvas.on(path, json_answer({"id": 9, "status": "created"}), method="POST")
    parameters: dict[str, account_reports.ParameterValue] = {
        "users": True,
        "courses": False,
        "enrollment_term_id": 5,
        "enrollment_states": ["active", "completed"],
        "start_at": "2026-01-05T00:00:00+01:00",
        "order": None,
        # Canvas would read the text "false" of these as true.
        "skip_message": False,
        "created_by_sis": False,
    }
    answer = ask(canvas, lambda c: account_reports.start_report(c, 1, "provisioning_csv", parameters))
    assert answer.data["id"] == 9
    assert parse_qsl(canvas.seen[0].body.decode()) == [
        ("parameters[users]", "true"),
        ("parameters[courses]", "false"),
        ("parameters[enrollment_term_id]", "5"),
        ("parameters[enrollment_states][]", "active"),
        ("parameters[enrollment_states][]", "completed"),
        ("parameters[start_at]", "2026-01-05T00:00:00+01:00"),
    ]
    assert canvas.seen[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_reports_life_is_one_address_each(canvas: Stage) -> None:
    base = "/api/v1/accounts/1/reports"
    canvas.on(base, json_answer([{"report": "zero_activity_csv", "title": "x", "parameters": None}]))
    canvas.on(f"{base}/zero_activity_csv", json_answer([{"id": 9, "status": "running"}]))
    canvas.on(f"{base}/zero_activity_csv/9", json_answer({"id": 9, "status": "complete"}))
    canvas.on(f"{base}/zero_activity_csv/9/abort", json_answer({"id": 9, "status": "aborted"}), method="PUT")
    canvas.on(f"{base}/zero_activity_csv/9", json_answer({"id": 9, "status": "deleted"}), method="DELETE")
    assert records(canvas, lambda c: account_reports.report_catalog(c, 1))[0]["report"] == "zero_activity_csv"
    assert records(canvas, lambda c: account_reports.report_runs(c, 1, "zero_activity_csv"))[0]["id"] == 9
    for call, status in (
        (account_reports.show_run, "complete"),
        (account_reports.abort_run, "aborted"),
        (account_reports.delete_run, "deleted"),
    ):
        assert ask(canvas, lambda c, call=call: call(c, 1, "zero_activity_csv", 9)).data["status"] == status  # type: ignore[misc]


def test_the_attachment_is_the_file_and_the_web_page_only_a_makeshift() -> None:
    attachment = {
        "url": "https://c/files/9/download?verifier=v",
        "size": 12,
        "content-type": "text/csv",
        "filename": "a.csv",
    }
    file = account_reports.report_file({"file_url": "https://c/accounts/1/files/9/download", "attachment": attachment})
    assert file is not None
    assert (file.url, file.size, file.content_type, file.name) == (attachment["url"], 12, "text/csv", "a.csv")
    assert file.from_attachment
    assert "verifier" not in repr(file)
    makeshift = account_reports.report_file({"file_url": "https://c/x", "attachment": None})
    assert makeshift is not None
    assert not makeshift.from_attachment
    assert account_reports.report_file({"status": "running", "file_url": None}) is None
    # Locked: there is an attachment, and no way to it.
    assert account_reports.report_file({"file_url": "https://c/x", "attachment": {"url": ""}}) is None


def test_the_tokens_owner_is_shown(canvas: Stage) -> None:
    canvas.on("/api/v1/users/self", json_answer({"id": 42, "name": "x"}))
    assert ask(canvas, users.show_self).data["id"] == 42


COURSE = "/api/v1/courses/7/analytics"
STUDENT = f"{COURSE}/users/42"


def test_courses_and_students_are_asked_at_an_address_each(canvas: Stage) -> None:
    canvas.on(f"{COURSE}/activity", json_answer([{"id": None, "date": "2026-01-05", "views": 3, "participations": 1}]))
    canvas.on(f"{COURSE}/assignments", json_answer([{"assignment_id": 4}]))
    more = f'<{canvas.url}{COURSE}/student_summaries?page=2>; rel="next"'
    canvas.on(
        f"{COURSE}/student_summaries",
        json_answer([{"id": 42}], headers={"link": more}),
        json_answer([{"id": 43}]),
    )
    canvas.on(f"{STUDENT}/assignments", json_answer([{"assignment_id": 4, "excused": True}]))
    assert ask(canvas, lambda c: course_analytics.course_activity(c, 7)).data[0]["views"] == 3
    assert ask(canvas, lambda c: course_analytics.course_assignments(c, 7)).data == [{"assignment_id": 4}]
    assert sent(canvas) == []
    assert records(canvas, lambda c: course_analytics.student_summaries(c, 7)) == [{"id": 42}, {"id": 43}]
    assert not any(key == "sort_column" for seen in canvas.seen for key, _ in parse_qsl(seen.query))
    assert ask(canvas, lambda c: student_analytics.student_assignments(c, 7, 42)).data[0]["excused"] is True


@pytest.mark.parametrize(
    ("given", "wanted"), [({"2026-01-05T10:00:00-07:00": 3}, {"2026-01-05T10:00:00-07:00": 3}), ({}, {}), ([], {})]
)
def test_page_views_are_a_map_even_where_there_are_none(canvas: Stage, given: object, wanted: object) -> None:
    canvas.on(f"{STUDENT}/activity", json_answer({"page_views": given, "participations": []}))
    answer = ask(canvas, lambda c: student_analytics.student_activity(c, 7, 42))
    assert answer.data == {"page_views": wanted, "participations": []}


@pytest.mark.parametrize(("given", "wanted"), [({"2026-01-05": {"studentMessages": 2}},) * 2, ({}, {}), ([], {})])
def test_messages_are_a_map_even_where_there_are_none(canvas: Stage, given: object, wanted: object) -> None:
    canvas.on(f"{STUDENT}/communication", json_answer(given))
    assert ask(canvas, lambda c: student_analytics.student_communication(c, 7, 42)).data == wanted


@pytest.mark.parametrize(
    ("path", "body", "call"),
    [
        (f"{COURSE}/activity", {"by_date": []}, lambda c: course_analytics.course_activity(c, 7)),
        (f"{COURSE}/assignments", {"message": "x"}, lambda c: course_analytics.course_assignments(c, 7)),
        (f"{COURSE}/assignments", {"progress_url": None}, lambda c: course_analytics.course_assignments(c, 7)),
        (f"{COURSE}/student_summaries", {}, lambda c: collect(course_analytics.student_summaries(c, 7))),
        (
            f"{STUDENT}/activity",
            {"page_views": [3], "participations": []},
            lambda c: student_analytics.student_activity(c, 7, 42),
        ),
        (
            f"{STUDENT}/activity",
            {"page_views": {}, "participations": None},
            lambda c: student_analytics.student_activity(c, 7, 42),
        ),
        (f"{STUDENT}/communication", {"message": "x"}, lambda c: student_analytics.student_communication(c, 7, 42)),
        (f"{STUDENT}/communication", [3], lambda c: student_analytics.student_communication(c, 7, 42)),
        (f"{STUDENT}/assignments", {}, lambda c: student_analytics.student_assignments(c, 7, 42)),
    ],
)
def test_another_shape_of_a_course_or_student_is_an_error(canvas: Stage, path: str, body: object, call: Call) -> None:
    canvas.on(path, json_answer(body))
    with pytest.raises(errors.UnexpectedAnswerError, match="req-1"):
        ask(canvas, call)


@pytest.mark.parametrize(
    "pages",
    [
        [
            {"account_calendars": [{"id": 1}], "total_results": 2},
            {"account_calendars": [{"id": 3}], "total_results": 2},
        ],
        [[{"id": 1}], [{"id": 3}]],
    ],
    ids=["wrapped", "bare"],
)
@pytest.mark.parametrize(
    ("path", "listing"),
    [
        ("/api/v1/account_calendars", calendars.account_calendars),
        ("/api/v1/accounts/1/account_calendars", lambda c: calendars.all_account_calendars(c, 1)),
    ],
    ids=["visible", "all"],
)
def test_calendars_are_paged_in_either_shape(canvas: Stage, path: str, listing: Listing, pages: list[object]) -> None:
    link = {"link": f'<{canvas.url}{path}?page=2>; rel="next"'}
    canvas.on(path, json_answer(pages[0], headers=link), json_answer(pages[1]))
    assert records(canvas, listing) == [{"id": 1}, {"id": 3}]


def test_a_bare_list_is_no_page_of_terms(canvas: Stage) -> None:
    canvas.on("/api/v1/accounts/1/terms", json_answer([{"id": 1}]))
    with pytest.raises(errors.UnexpectedAnswerError, match="enrollment_terms"):
        records(canvas, lambda c: terms.terms(c, 1))


def test_notifications_are_asked_for_with_what_is_past(canvas: Stage) -> None:
    path = "/api/v1/accounts/1/account_notifications"
    canvas.on(path, json_answer([{"id": 4}]))
    assert records(canvas, lambda c: notifications.account_notifications(c, 1)) == [{"id": 4}]
    assert sent(canvas) == [("per_page", "100"), ("include_past", "true")]
    records(canvas, lambda c: notifications.account_notifications(c, 1, include_past=False, include_all=True))
    assert sent(canvas) == [("per_page", "100"), ("include_all", "true")]


def test_domains_are_searched_by_name_or_domain(canvas: Stage) -> None:
    canvas.on("/api/v1/accounts/search", json_answer([{"name": "University of Utah"}]))
    assert ask(canvas, lambda c: accounts.account_domains(c, name="utah")).data == [{"name": "University of Utah"}]
    assert sent(canvas) == [("name", "utah")]


TOKEN_PATH = "/api/v1/users/self/tokens/7"
NEW = "7~NewNewNewNewNewNewNewNewNewNewNewNewNewNewNewNewNew"
RECORD = {"id": 7, "purpose": "x", "visible_token": NEW}


def test_a_shown_token_never_holds_more_than_its_hint(canvas: Stage) -> None:
    canvas.on(
        "/api/v1/users/self/tokens/7~Sec", json_answer({**RECORD, "visible_token": "7~Sec..."}), json_answer(RECORD)
    )
    for hint in ("7~Sec", "7~New"):
        answer = ask(canvas, lambda c: tokens.show_token(c, "7~Sec"))
        assert answer.data == {"id": 7, "purpose": "x", "visible_token": hint}
        assert answer.path == "/api/v1/users/self/tokens/..."


def test_a_new_value_is_held_as_a_secret_from_the_start(canvas: Stage) -> None:
    canvas.on(TOKEN_PATH, json_answer(RECORD), method="PUT")
    ends = datetime(2027, 1, 5, 12, tzinfo=timezone(timedelta(hours=2)))
    answer = ask(canvas, lambda c: tokens.regenerate_token(c, 7, expires_at=ends))
    assert parse_qsl(canvas.seen[0].body.decode()) == [
        ("token[regenerate]", "true"),
        ("token[expires_at]", "2027-01-05T10:00:00Z"),
    ]
    assert answer.data.secret.reveal() == NEW
    assert NEW not in repr(answer)
    assert NEW not in str(answer)
    assert answer.data.record == {"id": 7, "purpose": "x", "visible_token": "7~New"}


def regenerate_often(stage: Stage) -> Any:
    async def work() -> Any:
        retries = RetryPolicy(attempts=5, first_wait=0.0)
        async with CanvasClient(stage.url, TOKEN, retries=retries) as client:
            return await tokens.regenerate_token(client, 7)

    return run(work)


@pytest.mark.parametrize(
    "answer",
    [
        json_answer({}, status=503),
        json_answer({}, status=408),
        json_answer({"id": 7}),
        json_answer({**RECORD, "visible_token": "7~New..."}),
        json_answer({**RECORD, "visible_token": f"{NEW} {NEW}"}),
        json_answer({"errors": "x", "token": RECORD}),
        json_answer([RECORD]),
    ],
    ids=["5xx", "408", "no value", "a hint", "no header", "another object", "a list"],
)
def test_a_lost_new_value_is_said_and_not_asked_for_again(canvas: Stage, answer: Any) -> None:
    canvas.on(TOKEN_PATH, answer, method="PUT")
    with pytest.raises(errors.RegenerationLostError, match="may have made a new token") as caught:
        regenerate_often(canvas)
    assert len(canvas.seen) == 1
    assert NEW not in "".join(traceback.format_exception(caught.value, chain=True))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, errors.BadRequestError), (401, errors.InvalidTokenError), (403, errors.ForbiddenError)],
)
def test_a_refused_regeneration_has_changed_nothing(canvas: Stage, status: int, kind: type[Exception]) -> None:
    canvas.on(TOKEN_PATH, json_answer({"errors": {"message": "no"}}, status=status), method="PUT")
    with pytest.raises(kind):
        regenerate_often(canvas)
    assert len(canvas.seen) == 1


def test_a_throttled_regeneration_is_sent_again_for_it_never_began(canvas: Stage) -> None:
    canvas.on(TOKEN_PATH, throttle_answer(), json_answer(RECORD), method="PUT")
    assert regenerate_often(canvas).data.secret.reveal() == NEW
    assert len(canvas.seen) == 2


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/api/v1/accounts/1/account_calendars", "manage_account_calendar_visibility"),
        ("/api/v1/accounts/1/visible_calendars_count", "manage_account_calendar_visibility"),
        ("/api/v1/accounts/1/settings", "manage_account_settings"),
        ("/api/v1/accounts/1", "read (an account membership)"),
        ("/api/v1/accounts/search", None),
    ],
)
def test_a_refusal_names_the_right_that_is_missing(canvas: Stage, path: str, right: str | None) -> None:
    refusal = {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]}
    canvas.on(path, json_answer(refusal, status=403))
    with pytest.raises(errors.ForbiddenError) as caught:
        ask(canvas, lambda c: c.get_json(path))
    assert caught.value.right == right
