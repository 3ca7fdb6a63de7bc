"""What Canvas says of a report and what it means: status decides, and a lost report is found by what was asked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.canvas.account_reports import report_form
from pipelines.extract.report_states import Observation, Verdict, adoptable, match_lost, observe, parameters_agree
from pipelines.ledger import Intent, Ledger
from pipelines.ledger.intents import get_intent
from pipelines.ledger.report_facts import claim_post
from pipelines.ledger.wishes import want
from pipelines.load.report_parameters import canonical_parameters
from pipelines.normalize.contracts import REPORTS, ParameterKind
from tests.ledger.stories import wish

PROVISIONING = "provisioning_csv"
SUBMISSIONS = "students_with_no_submissions_csv"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FILE = {"attachment": {"url": "https://canvas/files/1/download", "size": 5}}


def seen(**run: Any) -> Observation:
    observation = observe({"id": 1001, "progress": 0, "parameters": {}, **run})
    assert observation is not None
    return observation


@pytest.mark.parametrize(
    ("run", "verdict"),
    [
        ({"status": "created"}, Verdict.PENDING),
        ({"status": "running", "progress": 100}, Verdict.PENDING),
        ({"status": "compiling"}, Verdict.PENDING),
        ({"status": "complete", **FILE}, Verdict.FINISHED),
        ({"status": "complete", "progress": 3, **FILE}, Verdict.FINISHED),
        ({"status": "complete", "file_url": "https://canvas/accounts/1/files/1/download"}, Verdict.FINISHED),
        ({"status": "complete"}, Verdict.PENDING),
        ({"status": "complete", "attachment": {"url": ""}}, Verdict.PENDING),
        ({"status": "error", "progress": 100, **FILE}, Verdict.FAILED),
        ({"status": "error", "progress": 42, "ended_at": None}, Verdict.FAILED),
        ({"status": "aborted", **FILE}, Verdict.FAILED),
        ({"status": "deleted"}, Verdict.FAILED),
    ],
)
def test_status_decides_and_never_progress(run: dict[str, Any], verdict: Verdict) -> None:
    assert seen(**run).verdict is verdict


def test_a_state_of_a_newer_canvas_is_waited_for_and_told() -> None:
    observation = seen(status="queued_remotely")
    assert observation.verdict is Verdict.PENDING
    assert "'queued_remotely', which is not known" in (observation.reason or "")
    assert seen(status="running").reason is None


def test_what_canvas_says_of_a_failure_is_passed_on_and_bounded() -> None:
    assert seen(status="error", parameters={"extra_text": "Failed, no term"}).reason == (
        "Canvas ended the report as error: Failed, no term"
    )
    assert len(seen(status="error", parameters={"extra_text": "x" * 9999}).reason or "") < 400


def test_odd_ids_and_times_do_not_break_the_look() -> None:
    odd: list[object] = [None, "x", True, 1.5, []]
    assert [observe({"id": bad, "status": "running"}) for bad in odd] == [None] * 5
    assert seen(id="10000000000123").report_id == 10_000_000_000_123
    observation = seen(created_at="2026-11-21T05:00:00-07:00", ended_at="yesterday", parameters=None, progress=None)
    assert (observation.created_at, observation.ended_at, observation.parameters) == (NOON, None, {})
    assert seen(created_at="2026-11-21T05:00:00").created_at is None


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ({"users": True}, {"users": "true", "locale": "en", "extra_text": "Term: All Terms;"}),
        ({"users": True}, {"users": True}),
        ({"users": True, "courses": False}, {"users": "true", "courses": "false"}),
        ({"users": True, "courses": False}, {"users": "true"}),
        ({"users": True, "skip_message": False}, {"users": "true"}),
        ({"enrollment_term_id": 5}, {"enrollment_term_id": "5"}),
        ({"start_at": "2026-11-01T00:00:00+01:00"}, {"start_at": "2026-10-31T23:00:00.000Z", "end_at": None}),
        ({"enrollment_states": ["b", "a"]}, {"enrollment_states": ["a", "b"]}),
        ({"enrollment_states": ["b", "a"]}, {"enrollment_states": "a, b"}),
        ({"enrollment_states": []}, {"enrollment_states": ""}),
        ({"limiting_period": 0}, {"limiting_period": "0"}),
        ({"created_by_sis": True}, {"created_by_sis": "false"}),
        ({}, {"locale": "en"}),
        ({}, {"users": "0", "courses": "No", "include_deleted": False, "enrollment_term_id": "", "order": None}),
        *(({"users": True}, {"users": word}) for word in ("1", 1, "on", "YES", "t", "y", True)),
        *(({"users": word}, {"users": "true"}) for word in ("1", 1, "on")),
        *(({"users": True, "courses": word}, {"users": "true"}) for word in (False, "false", "0", "off", "", None)),
    ],
)
def test_an_echo_of_what_was_sent_is_known_again(sent: dict[str, object], echoed: dict[str, object]) -> None:
    assert parameters_agree(sent, echoed)


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ({"users": True}, {"users": "false"}),
        ({"users": True}, {}),
        ({"users": True}, {"users": "true", "courses": "true"}),
        ({}, {"include_deleted": "true"}),
        ({"enrollment_term_id": 5}, {"enrollment_term_id": "6"}),
        ({"enrollment_states": ["a"]}, {"enrollment_states": ["a", "b"]}),
        ({"enrollment_states": ["a"]}, {}),
        ({}, {"enrollment_states": "a"}),
        ({}, {"include_deleted": "1"}),
        ({}, {"no_enrollments": "on"}),
        ({}, {"skip_message": "false"}),
        ({}, {"order": "courses"}),
        ({}, {"start_at": "2026-11-01T00:00:00Z"}),
        ({}, {"a_parameter_of_a_newer_canvas": "x"}),
        ({}, {"limiting_period": "1"}),
        ({"limiting_period": 0}, {}),
        ({}, {"limiting_period": "0"}),
        ({"enrollment_term_id": 1}, {"enrollment_term_id": "true"}),
        ({"locale": "de"}, {"locale": "en"}),
        ({"start_at": "2026-11-01T00:00:00Z"}, {"start_at": "2026-11-01T00:00:00-07:00"}),
        ({"start_at": "2026-11-01T00:00:00Z"}, {}),
    ],
)
def test_somebody_elses_report_is_not_taken_for_ours(sent: dict[str, object], echoed: dict[str, object]) -> None:
    assert not parameters_agree(sent, echoed)


@pytest.mark.parametrize(
    ("sent", "echoed", "agree"),
    [
        ({}, {"start_at": "2026-11-07T12:00:00Z", "end_at": "2026-11-21T12:00:00Z"}, True),
        ({"end_at": ""}, {"start_at": "2026-11-07T12:00:00Z", "end_at": "2026-11-21T12:00:00Z"}, True),
        (
            {"end_at": "2026-11-21T12:00:00Z"},
            {"start_at": "2026-11-07T05:00:00-07:00", "end_at": "2026-11-21T05:00:00-07:00"},
            True,
        ),
        ({"end_at": "2026-11-21T12:00:00Z"}, {"end_at": "2026-11-20T12:00:00Z"}, False),
        ({"start_at": "2026-11-07T12:00:00Z"}, {"end_at": "2026-11-21T12:00:00Z"}, False),
        ({}, {"start_at": "2026-11-07T12:00:00Z", "course_id": "5"}, False),
    ],
)
def test_where_canvas_chooses_the_window_only_what_was_left_out_may_differ(
    sent: dict[str, object], echoed: dict[str, object], agree: bool
) -> None:
    assert parameters_agree(sent, echoed, dates_move=True) is agree
    assert not parameters_agree(sent, echoed), "elsewhere Canvas leaves the dates alone"


_VALUE_OF = {
    ParameterKind.BOOLEAN: st.booleans(),
    ParameterKind.TRUTHY: st.booleans(),
    ParameterKind.TERM: st.sampled_from([0, 1, 2, "1~2", "sis_term_id:1"]),
    ParameterKind.COURSE: st.sampled_from([0, 1, 2, "sis_course_id:true"]),
    ParameterKind.DAYS: st.sampled_from([0, 1, 7]),
    ParameterKind.MOMENT: st.sampled_from(["2026-11-01T00:00:00Z", "2026-11-01T00:00:00+01:00"]),
    ParameterKind.CHOICE: st.sampled_from(["users", "courses"]),
    ParameterKind.LIST: st.lists(st.sampled_from(["active", "deleted", "all"]), max_size=2),
}


@st.composite
def questions(draw: st.DrawFn, report: str) -> dict[str, object]:
    """Parameters of a report in their one spelling, of few values, so that two of them are often the same."""
    declared = {one.name: _VALUE_OF[one.kind] for one in REPORTS[report].parameters}
    names = draw(st.sets(st.sampled_from(sorted(declared)), max_size=3))
    return canonical_parameters(report, {name: draw(declared[name]) for name in sorted(names)})


def echo(parameters: Mapping[str, Any]) -> dict[str, object]:
    """Return what Canvas says of parameters that came as a form."""
    said: dict[str, Any] = {"locale": "en", "extra_text": "Term: All Terms;"}
    for field, text in report_form(parameters):
        name, _, rest = field.removeprefix("parameters[").partition("]")
        said[name] = [*said.get(name, []), text] if rest == "[]" else text
    return said


@given(st.data(), st.sampled_from(sorted(REPORTS)))
def test_an_echo_agrees_with_what_was_asked_and_with_no_other_question(data: st.DataObject, report: str) -> None:
    """A narrower report that is taken for a wider one empties the table of whoever is not in it."""
    ours, theirs = data.draw(questions(report)), data.draw(questions(report))
    assert parameters_agree(ours, echo(ours))
    assert parameters_agree(ours, echo(theirs)) is (ours == theirs)


@pytest.fixture
def lost(tmp_path: Any) -> list[Intent]:
    """Two equal intents whose POST was about to be sent at noon and at one."""
    ledger = Ledger(tmp_path / "ledger.sqlite", lambda: NOON)
    found = []
    for hour in (0, 1):
        # Past its deadline an intent is joined no more, so that the second wish is an intent of its own.
        intent = want(ledger, **wish(window=str(hour), deadline=timedelta(0)))
        claim_post(ledger, intent.intent_id, "me")
        found.append(replace(get_intent(ledger, intent.intent_id), posting_at=NOON + timedelta(hours=hour)))
    return found


def run(report_id: int, minutes: float = 0, **parameters: str) -> Observation:
    created = (NOON + timedelta(minutes=minutes)).isoformat()
    return seen(id=report_id, status="created", created_at=created, parameters=parameters or {"users": "true"})


def test_each_lost_intent_gets_one_report_the_oldest_first(lost: list[Intent]) -> None:
    first, second = lost
    runs = [run(12, 61), run(11, 1)]
    assert match_lost(reversed_(lost), runs, owned=()) == {first.intent_id: 11, second.intent_id: 12}
    assert match_lost(lost, [run(11, 61)], owned=()) == {first.intent_id: 11}


def reversed_(intents: list[Intent]) -> list[Intent]:
    return intents[::-1]


def test_reports_of_others_of_yesterday_or_with_other_parameters_are_left_alone(lost: list[Intent]) -> None:
    first, _ = lost
    assert match_lost([first], [run(11, 1)], owned={11}) == {}
    assert match_lost([first], [run(11, -6)], owned=()) == {}
    assert match_lost([first], [run(11, 1, courses="true")], owned=()) == {}


def test_a_clock_of_canvas_that_is_a_little_behind_does_not_hide_a_report(lost: list[Intent]) -> None:
    assert match_lost(lost[:1], [run(11, -4)], owned=()) == {lost[0].intent_id: 11}


def test_a_lost_report_is_known_again_though_canvas_has_chosen_its_window(lost: list[Intent]) -> None:
    moved = run(11, 1, start_at="2026-11-07T12:00:00Z", end_at="2026-11-21T12:00:00Z")
    about_submissions = replace(lost[0], report=SUBMISSIONS, parameters={})
    assert match_lost([about_submissions], [moved], owned=()) == {lost[0].intent_id: 11}
    about_activity = replace(lost[0], report="zero_activity_csv", parameters={})
    assert match_lost([about_activity], [moved], owned=()) == {}


def test_a_report_whose_time_canvas_does_not_tell_is_still_found(lost: list[Intent]) -> None:
    assert match_lost(lost[:1], [replace(run(11), created_at=None)], owned=()) == {lost[0].intent_id: 11}


def done(report_id: int, **parameters: str) -> Observation:
    return seen(id=report_id, status="complete", parameters=parameters or {"users": "true"}, **FILE)


def test_the_newest_finished_report_that_nobody_owns_is_adoptable() -> None:
    runs = [done(11), done(13), done(12), seen(id=14, status="running", parameters={"users": "true"})]
    assert adoptable(runs, (), PROVISIONING, {"users": True}, 0) == done(13)
    assert adoptable(runs, {13}, PROVISIONING, {"users": True}, 0) == done(12)
    assert adoptable(runs, {13}, PROVISIONING, {"users": True}, 12) is None
    assert adoptable(runs, (), PROVISIONING, {"courses": True}, 0) is None
    assert adoptable([], (), PROVISIONING, {"users": True}, 0) is None


def test_the_window_that_canvas_chose_hides_no_report_and_one_that_a_person_chose_does() -> None:
    since = done(11, start_at="2026-11-07T12:00:00Z")
    assert adoptable([since], (), SUBMISSIONS, {}, 0) == since
    assert adoptable([since], (), "zero_activity_csv", {}, 0) is None


def test_whether_canvas_writes_to_who_asked_makes_no_other_report() -> None:
    silent, told = done(11, users="true", skip_message="true"), done(12, users="true")
    assert adoptable([silent], (), PROVISIONING, {"users": True}, 0) == silent
    assert adoptable([told], (), PROVISIONING, {"users": True, "skip_message": True}, 0) == told


def test_a_finished_report_without_a_file_yet_is_not_adoptable() -> None:
    assert (
        adoptable([seen(status="complete", parameters={"users": "true"})], (), PROVISIONING, {"users": True}, 0) is None
    )


def test_the_number_of_the_file_is_read_however_it_is_written() -> None:
    def file_id(number: object) -> int | None:
        return seen(status="complete", attachment={"id": number, "url": "https://canvas/files/1/download"}).file_id

    assert [file_id(number) for number in (7, "7", "10000000000007", None, True, "x", 1.5)] == [
        7,
        7,
        10_000_000_000_007,
        None,
        None,
        None,
        None,
    ]
    assert seen(status="complete", file_url="https://canvas/accounts/1/files/1/download").file_id is None
