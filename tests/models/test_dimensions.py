"""Accounts, terms, courses and people, each once and by their right names."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.models.loaded import NOON, Loaded

LATER = NOON + timedelta(hours=1)


def test_the_account_tree_is_walked_from_the_root_down(loaded: Loaded) -> None:
    loaded.add("canvas.accounts", account_id=1, name="Uni", root_account_id=None, workflow_state="active")
    loaded.add("canvas.accounts", account_id=2, name="Arts", parent_account_id=1, root_account_id=1)
    loaded.add("canvas.accounts", account_id=3, name="Music", parent_account_id=2, root_account_id=1)

    assert loaded.rows(
        """select account_id, path, id_path, depth, is_root, root_account_id, root_account_name, parent_account_name
        from marts.dim_account order by 1"""
    ) == [
        (1, "Uni", "/1/", 0, True, 1, "Uni", None),
        (2, "Uni / Arts", "/1/2/", 1, False, 1, "Uni", "Uni"),
        (3, "Uni / Arts / Music", "/1/2/3/", 2, False, 1, "Uni", "Arts"),
    ]


def test_an_account_pulled_under_two_roots_is_one_account_in_its_newest_shape(loaded: Loaded) -> None:
    loaded.add("canvas.accounts", load="a", account_id=2, name="Old", root_account_id=1)
    loaded.add("canvas.accounts", load="b", at=LATER, account_id=2, name="New", root_account_id=1)

    assert loaded.rows("select account_id, account_name from marts.dim_account") == [(2, "New")]


def test_a_deleted_account_that_only_the_report_knows_is_in_the_tree(loaded: Loaded) -> None:
    loaded.add("canvas.accounts", account_id=1, name="Uni", workflow_state="active")
    loaded.add(
        "reports.provisioning_accounts", canvas_account_id=9, name="Closed", canvas_parent_id=1, status="deleted"
    )

    assert loaded.rows("select path, status, root_account_id from marts.dim_account where account_id = 9") == [
        ("Uni / Closed", "deleted", 1)
    ]


@pytest.mark.parametrize(("report_at", "status"), [(LATER, "deleted"), (NOON - timedelta(days=9), "active")])
def test_the_state_of_an_account_is_the_one_heard_last(loaded: Loaded, report_at: datetime, status: str) -> None:
    loaded.add("canvas.accounts", account_id=2, name="Arts", parent_account_id=1, workflow_state="active")
    loaded.add("reports.provisioning_accounts", at=report_at, canvas_account_id=2, status="deleted")

    assert loaded.rows("select status from marts.dim_account") == [(status,)]


def test_terms_are_active_by_their_dates_today_however_long_ago_they_were_loaded(loaded: Loaded) -> None:
    today = datetime.now(UTC)
    past, soon = today - timedelta(days=2), today + timedelta(days=2)
    spans = {1: (None, None), 2: (past, soon), 3: (soon, None), 4: (None, past), 5: (past, None)}
    for term_id, (start, end) in spans.items():
        loaded.add("canvas.terms", term_id=term_id, root_account_id=1, start_at=start, end_at=end)
    loaded.add("canvas.terms", term_id=6, root_account_id=1, workflow_state="deleted")

    assert loaded.rows("select term_id from marts.dim_term where is_active order by 1") == [(1,), (2,), (5,)]


def test_the_default_term_is_found_by_name_and_where_that_is_translated_by_age(loaded: Loaded) -> None:
    loaded.add("canvas.terms", term_id=1, root_account_id=1, name="Vorlage")
    loaded.add("canvas.terms", term_id=2, root_account_id=1, name="Default Term")
    loaded.add("canvas.terms", term_id=3, root_account_id=2, name="2024", start_at=NOON)
    loaded.add("canvas.terms", term_id=4, root_account_id=2, name="Standardsemester")
    loaded.add("canvas.terms", term_id=5, root_account_id=2, name="Ohne Ende")
    loaded.add("canvas.terms", term_id=6, root_account_id=3, name="Dated", start_at=NOON)
    loaded.add("reports.provisioning_terms", canvas_term_id=7, name="Report only")

    assert loaded.rows("select term_id from marts.dim_term where is_default order by 1") == [(2,), (4,)]
    assert loaded.rows("select count(*) from marts.dim_term") == [(7,)]


def test_a_course_that_only_the_report_knows_is_not_lost(loaded: Loaded) -> None:
    loaded.add("canvas.accounts", account_id=1, name="Uni")
    loaded.add("canvas.terms", term_id=5, root_account_id=1, name="Spring")
    loaded.add("canvas.courses", course_id=10, name="Api", account_id=1, enrollment_term_id=5)
    loaded.add("canvas.courses", course_id=11, name="Both", account_id=1, enrollment_term_id=5)
    for course_id in (11, 12):
        loaded.add(
            "reports.provisioning_courses",
            canvas_course_id=course_id,
            long_name="Report",
            canvas_account_id=1,
            canvas_term_id=5,
        )

    assert loaded.rows(
        "select course_id, course_name, known_from, account_name, term_name from marts.dim_course order by 1"
    ) == [
        (10, "Api", "api", "Uni", "Spring"),
        (11, "Both", "both", "Uni", "Spring"),
        (12, "Report", "report", "Uni", "Spring"),
    ]


def test_api_and_report_speak_of_the_state_of_a_course_in_one_vocabulary(loaded: Loaded) -> None:
    api = {1: "unpublished", 2: "available", 3: "completed", 4: "deleted", 5: "claimed"}
    report = {11: "unpublished", 12: "active", 13: "concluded", 14: "deleted", 15: "completed"}
    for course_id, state in api.items():
        loaded.add("canvas.courses", course_id=course_id, workflow_state=state)
    for course_id, state in report.items():
        loaded.add("reports.provisioning_courses", canvas_course_id=course_id, status=state)

    assert dict(loaded.rows("select status, list(course_id order by course_id) from marts.dim_course group by 1")) == {
        "unpublished": [1, 5, 11],
        "active": [2, 12],
        "concluded": [3, 13, 15],
        "deleted": [4, 14],
    }


def test_a_course_concluded_since_the_last_listing_is_concluded(loaded: Loaded) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="available", concluded=False)
    loaded.add("reports.provisioning_courses", at=LATER, canvas_course_id=1, status="concluded")

    assert loaded.rows("select status, is_concluded from marts.dim_course") == [("concluded", True)]


def test_a_person_with_three_logins_is_one_person_with_the_active_login(loaded: Loaded) -> None:
    for login, status, sis in [("a-old", "deleted", "1"), ("z-now", "active", "2"), ("m-now", "active", "3")]:
        loaded.add("reports.provisioning_users", canvas_user_id=7, login_id=login, status=status, user_id=sis)
    loaded.add("reports.provisioning_users", canvas_user_id=8, login_id=None, status="suspended")

    assert loaded.rows(
        "select user_id, login_id, sis_user_id, status, logins, active_logins from marts.dim_user order by 1"
    ) == [(7, "m-now", "3", "active", 3, 2), (8, None, None, "suspended", 1, 0)]


def test_a_person_in_two_runs_of_the_report_keeps_one_count_of_logins(loaded: Loaded) -> None:
    loaded.add("reports.provisioning_users", load="all", canvas_user_id=7, login_id="a", status="active")
    loaded.add("reports.provisioning_users", load="term", at=LATER, canvas_user_id=7, login_id="a", status="suspended")

    assert loaded.rows("select status, logins, extracted_at from marts.dim_user") == [
        ("suspended", 1, LATER.astimezone(UTC))
    ]
