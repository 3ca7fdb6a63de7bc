"""What a report is asked for is looked at before Canvas is asked: each mistake is told, with what to write instead."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ledger.catalog import OfferedReport
from pipelines.load.report_parameters import (
    ReportParametersError,
    canonical_parameters,
    check_parameters,
    members_missing,
    parameter_problems,
)
from pipelines.normalize.contracts import REPORTS, ParameterKind

SUBMISSIONS = "students_with_no_submissions_csv"
WINDOW = {"start_at": "2026-11-01T00:00:00Z", "end_at": "2026-11-08T00:00:00Z"}


def problems(report: str, catalog: Mapping[str, OfferedReport] | None = None, **parameters: Any) -> list[str]:
    return parameter_problems(report, parameters, catalog)


def offered(report: str, **required: bool) -> dict[str, OfferedReport]:
    """Return a catalog of one report; the names given say whether the catalog calls them required."""
    return {report: OfferedReport(report, report, {name: {"required": wanted} for name, wanted in required.items()})}


GOOD: list[tuple[str, dict[str, Any]]] = [
    ("provisioning_csv", {"users": True}),
    ("provisioning_csv", {"users": "yes", "enrollment_term": "sis_term_id:2026 autumn"}),
    ("provisioning_csv", {"enrollments": True, "enrollment_states": ["active", "completed"], "created_by_sis": True}),
    ("provisioning_csv", {"enrollments": 1, "enrollment_states": "active, completed", "enrollment_filter": "Ta,x"}),
    ("provisioning_csv", {"users": True, "courses": False, "skip_message": False}),
    ("grade_export_csv", {}),
    ("grade_export_csv", {"enrollment_term_id": 5, "limiting_period": 30}),
    ("grade_export_csv", {"enrollment_term_id": "7~123", "limiting_period": "30"}),
    ("mgp_grade_export_csv", {"enrollment_term_id": ""}),
    ("mgp_grade_export_csv", {"enrollment_term": 5}),
    ("outcome_results_csv", {"order": "courses"}),
    ("zero_activity_csv", {"course_id": "sis_course_id:HIS-101", "start_at": "2026-11-01T00:00:00+01:00"}),
    (SUBMISSIONS, {**WINDOW, "include_enrollment_state": "yes", "enrollment_state": ["active"]}),
    (SUBMISSIONS, {"start_at": "2026-11-01T00:00:00Z", "end_at": "2026-11-15T00:00:00Z"}),
    ("nobody_declared_this_csv", {"anything": "goes"}),
]


@pytest.mark.parametrize(("report", "parameters"), GOOD)
def test_what_a_report_takes_is_let_through(report: str, parameters: dict[str, Any]) -> None:
    assert parameter_problems(report, parameters, None) == []
    check_parameters(report, parameters, None)


@pytest.mark.parametrize("report", REPORTS)
def test_every_declared_parameter_is_known_by_each_of_its_names(report: str) -> None:
    for parameter in REPORTS[report].parameters:
        for name in (parameter.name, *parameter.aliases):
            assert not any("no parameter" in one for one in parameter_problems(report, {name: ""}, None)), name


def test_an_unknown_name_is_told_with_the_one_that_was_meant() -> None:
    assert problems("grade_export_csv", include_delete=True) == [
        "It has no parameter include_delete (did you mean include_deleted?)."
    ]
    (far,) = problems("developer_key_report_csv", qqq=1)
    assert far == "It has no parameter qqq; there are skip_message."


def test_names_that_only_the_catalog_has_and_names_that_only_we_know_both_count() -> None:
    catalog = offered("grade_export_csv", enrollment_term_id=False, new_in_canvas=False)
    assert problems("grade_export_csv", catalog, new_in_canvas="x", limiting_period=7, skip_message=True) == []
    assert len(problems("grade_export_csv", catalog, newer_in_canvas="x")) == 1
    catalog = offered("nobody_declared_this_csv", enrollment_term_id=False)
    assert problems("nobody_declared_this_csv", catalog, enrollment_term_id="anything", skip_message=True) == []
    assert problems("nobody_declared_this_csv", catalog, enrollment_termid=1) == [
        "It has no parameter enrollment_termid (did you mean enrollment_term_id?)."
    ]


def test_a_report_that_this_canvas_does_not_offer_is_told_with_the_one_that_was_meant() -> None:
    catalog = {**offered("provisioning_csv"), **offered("grade_export_csv")}
    assert problems("provisionning_csv", catalog) == ["This Canvas does not offer it (did you mean provisioning_csv?)."]
    assert problems("zzz", catalog) == ["This Canvas does not offer it; there are grade_export_csv, provisioning_csv."]
    assert problems("grade_export_csv", {}) == ["This Canvas does not offer it."]


def test_without_a_catalog_nobody_can_say_that_a_report_is_not_offered() -> None:
    assert problems("provisionning_csv", None, whatever=1) == []


def test_a_required_parameter_is_missed_and_how_to_do_without_it_is_told() -> None:
    wanted = 'It wants enrollment_term_id. To ask for all the same without it, which Canvas allows, set {} = "".'
    assert problems("mgp_grade_export_csv") == [wanted.format("enrollment_term_id")]
    catalog = offered("hosted_only_csv", enrollment_term_id=True, other=False)
    assert problems("hosted_only_csv", catalog) == [wanted.format("enrollment_term_id")]
    assert problems("hosted_only_csv", catalog, enrollment_term_id="") == []
    assert problems("hosted_only_csv", catalog, enrollment_term_id=5) == []


def test_the_catalog_of_this_canvas_decides_what_is_required() -> None:
    assert problems("mgp_grade_export_csv", offered("mgp_grade_export_csv", enrollment_term_id=False)) == []
    assert len(problems("grade_export_csv", offered("grade_export_csv", enrollment_term_id=True))) == 1
    assert problems("grade_export_csv", offered("grade_export_csv", enrollment_term_id=True), enrollment_term=5) == []


YES: list[Any] = [True, 1, "1", "true", "TRUE", " Yes ", "on", "t", "y"]
NOTHING: list[Any] = ["", " ", None, []]
NO: list[Any] = [False, 0, "0", "false", "No", "off", "f", "n", "", None]
SPELLINGS: list[tuple[str, dict[str, object], list[dict[str, Any]]]] = [
    ("provisioning_csv", {"users": True}, [{"users": yes, "courses": no} for yes in YES for no in NO]),
    ("provisioning_csv", {"users": True}, [{"users": True, "created_by_sis": False}]),
    ("provisioning_csv", {"users": True}, [{"users": True, "enrollment_states": no} for no in NOTHING]),
    ("provisioning_csv", {"users": True}, [{"users": True, "enrollment_term_id": no} for no in NOTHING]),
    (
        "provisioning_csv",
        {"enrollments": True, "enrollment_states": ["active", "completed"], "created_by_sis": True},
        [
            {"enrollments": "1", "enrollment_states": states, "created_by_sis": by_sis}
            for states, by_sis in (
                ("active,completed,,", True),
                ("completed, active,", "true"),
                (["completed", "active"], "1"),
                (["active", " active", "completed"], "anything"),
            )
        ],
    ),
    (
        "zero_activity_csv",
        {"enrollment_term_id": 5, "course_id": 7},
        [
            {"enrollment_term_id": 5, "course_id": 7},
            {"enrollment_term_id": "5", "course": " 7"},
            {"enrollment_term": 5, "course_id": "007"},
            {"enrollment_term": "9", "enrollment_term_id": 5, "course": 7},
            {"enrollment_term_id": 5, "enrollment_term": 9, "course": 7},
            {"enrollment_term_id": "", "enrollment_term": "5", "course": 7, "course_id": None},
        ],
    ),
    ("grade_export_csv", {"enrollment_term_id": "sis_term_id:05"}, [{"enrollment_term": " sis_term_id:05 "}]),
    ("grade_export_csv", {"enrollment_term_id": "1~2"}, [{"enrollment_term_id": "1~2"}]),
    ("grade_export_csv", {"limiting_period": 0}, [{"limiting_period": 0}, {"limiting_period": "00"}]),
    ("outcome_results_csv", {"order": "users"}, [{"order": " users"}]),
    (SUBMISSIONS, {"start_at": "2026-11-01T00:00:00+01:00"}, [{"start_at": "2026-11-01T00:00:00+01:00", "end_at": ""}]),
    (
        "nobody_declared_this_csv",
        {"users": "1", "days": "0", "off": "false", "states": ["b", "a"]},
        [
            {"users": 1, "days": "0", "off": "false", "states": ["b", "a"]},
            {"users": "1", "days": 0, "off": False, "states": ["b", "a"], "term": "", "course": None, "x": []},
        ],
    ),
]


@pytest.mark.parametrize(("report", "one", "spellings"), SPELLINGS)
def test_a_report_asked_for_in_two_spellings_is_one_report(
    report: str, one: dict[str, object], spellings: list[dict[str, Any]]
) -> None:
    """Each spelling of its own would be a slice of its own, and the rows of both would be counted."""
    for spelled in spellings:
        found = canonical_parameters(report, spelled)
        assert found == one, spelled
        assert [type(value) for value in found.values()] == [type(one[name]) for name in found], spelled


def test_a_value_that_is_wrong_is_neither_dropped_nor_made_right() -> None:
    """What the check tells of must not be sent as something else by a road that leaves the check out."""
    wrong: dict[str, object] = {"include_deleted": "perhaps", "skip_message": "no", "limiting_period": "-1"}
    assert canonical_parameters("grade_export_csv", wrong) == wrong
    assert len(parameter_problems("grade_export_csv", wrong, None)) == 3
    assert canonical_parameters("grade_export_csv", {"unknown": "5"}) == {"unknown": "5"}


def test_a_parameter_given_by_both_of_its_names_is_told() -> None:
    both = problems("zero_activity_csv", course=7, course_id=8)
    assert both == ["course and course_id are the same: give one of them."]
    assert problems("zero_activity_csv", course=7, course_id="") == []


BY_TERM_TOLD = "It takes no notice of terms, so its rows would be counted once for each: leave out terms."


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_that_takes_no_notice_of_the_term_is_not_asked_for_by_term(report: str) -> None:
    takes_term = any(one.kind is ParameterKind.TERM for one in REPORTS[report].parameters)
    for parameters in ({}, {"enrollment_term_id": 1}):
        found = parameter_problems(report, parameters, None, by_term=True)
        assert (BY_TERM_TOLD in found) is not takes_term
        assert not any("no parameter" in one for one in found), "it was not given by the person"
    assert BY_TERM_TOLD not in parameter_problems(report, {}, None)


@pytest.mark.parametrize("report", ["provisioning_csv", "sis_export_csv"])
def test_members_that_would_be_counted_once_for_each_term_are_told(report: str) -> None:
    parameters: dict[str, object] = {"users": "yes", "courses": True, "admins": True, "terms": False}
    assert parameter_problems(report, parameters, None) == []
    (told,) = parameter_problems(report, parameters, None, by_term=True)
    assert told == (
        "Asked for each term, it would count users, admins once for each: their rows are the same for all. "
        "Put these into a [[reports]] of their own, without terms."
    )
    with pytest.raises(ReportParametersError, match="users, admins"):
        check_parameters(report, parameters, None, by_term=True)
    by_term: dict[str, object] = {"courses": True, "sections": True, "enrollments": True, "xlist": True}
    check_parameters(report, by_term, None, by_term=True)


def test_by_term_a_report_that_wants_a_term_has_one() -> None:
    assert parameter_problems("mgp_grade_export_csv", {}, None, by_term=True) == []
    catalog = offered("nobody_declared_this_csv", enrollment_term_id=True)
    assert parameter_problems("nobody_declared_this_csv", {}, catalog, by_term=True) == []
    catalog = offered("nobody_declared_this_csv", other=False)
    assert parameter_problems("nobody_declared_this_csv", {}, catalog, by_term=True) == [BY_TERM_TOLD]
    assert parameter_problems("nobody_declared_this_csv", {}, None, by_term=True) == []


def test_a_catalog_that_lists_no_parameters_of_a_report_says_nothing_of_them() -> None:
    catalog = {**offered("nobody_declared_this_csv"), **offered("grade_export_csv")}
    assert problems("nobody_declared_this_csv", catalog, anything="goes") == []
    assert parameter_problems("nobody_declared_this_csv", {}, catalog, by_term=True) == []
    assert problems("grade_export_csv", catalog, limiting_period=7) == []
    assert len(problems("grade_export_csv", catalog, anything="goes")) == 1


def test_a_file_that_holds_less_than_its_parameters_select_is_told() -> None:
    report, selected = "provisioning_csv", {"enrollments": True, "users": "1", "courses": "no"}
    assert members_missing(report, selected, ["users", "enrollments", "courses"]) == []
    assert members_missing(report, selected, ["courses", "users"]) == ["enrollments"]
    assert members_missing(report, selected, []) == ["users", "enrollments"]
    assert members_missing(report, selected, [""]) == ["users", "enrollments"]
    assert members_missing(report, {"users": True}, [""]) == []
    assert members_missing(report, {"users": True}, ["courses"]) == ["users"]


def test_a_report_without_selectors_misses_no_member() -> None:
    assert members_missing("mgp_grade_export_csv", {"enrollment_term_id": 5}, ["Autumn"]) == []
    assert members_missing("nobody_declared_this_csv", {"users": True}, [""]) == []


TRUTHY = sorted(
    (report.name, one.name)
    for report in REPORTS.values()
    for one in report.parameters
    if one.kind is ParameterKind.TRUTHY
)


@pytest.mark.parametrize(("report", "name"), TRUTHY)
def test_a_text_that_says_no_is_told_where_canvas_takes_any_text_for_yes(report: str, name: str) -> None:
    for text in ("false", "False", " no ", "0", "off"):
        found = [one for one in parameter_problems(report, {name: text}, None) if one.startswith(name)]
        trap = "would count as true, as every text does there: leave it out to say no."
        assert found == [f"{name} = {text.strip()!r} {trap}"]
    for value in (False, True, "", "true", "anything"):
        assert not any(one.startswith(name) for one in parameter_problems(report, {name: value}, None)), value


def test_all_three_of_these_traps_are_declared() -> None:
    assert {name for _, name in TRUTHY} == {"created_by_sis", "skip_message", "include_enrollment_state"}
    assert {report for report, name in TRUTHY if name == "skip_message"} == set(REPORTS)


@pytest.mark.parametrize(
    ("report", "parameters", "problem"),
    [
        ("grade_export_csv", {"include_deleted": "perhaps"}, "include_deleted must be true or false."),
        ("grade_export_csv", {"enrollment_term_id": "Autumn"}, "enrollment_term_id must be a Canvas id or"),
        ("grade_export_csv", {"enrollment_term": "sis_course_id:1"}, "enrollment_term must be a Canvas id or"),
        ("grade_export_csv", {"enrollment_term_id": -5}, "sis_term_id:X."),
        ("grade_export_csv", {"enrollment_term_id": True}, "sis_term_id:X."),
        ("zero_activity_csv", {"course_id": "HIS-101"}, "course_id must be a Canvas id or sis_course_id:X."),
        ("zero_activity_csv", {"course": "sis_term_id:1"}, "course must be a Canvas id or sis_course_id:X."),
        ("grade_export_csv", {"limiting_period": "a month"}, "limiting_period must be a whole number of days."),
        ("grade_export_csv", {"limiting_period": 1.5}, "limiting_period must be a whole number of days."),
        ("outcome_results_csv", {"order": "names"}, "order takes users, courses, outcomes, and not names."),
        (SUBMISSIONS, {**WINDOW, "enrollment_state": ["active", "gone"]}, "and not gone."),
        (SUBMISSIONS, {**WINDOW, "enrollment_state": "active,gone,away"}, "and not gone, away."),
        ("zero_activity_csv", {"start_at": "last week"}, "start_at is no time like 2026-11-01T00:00:00Z"),
        ("zero_activity_csv", {"start_at": "2026-11-01"}, "start_at has no offset"),
        ("zero_activity_csv", {"start_at": "2026-11-01T00:00:00"}, "start_at has no offset"),
        ("zero_activity_csv", {"start_at": "2026-11-01 00:00"}, "start_at has no offset"),
    ],
)
def test_a_value_that_canvas_would_take_otherwise_is_told(
    report: str, parameters: dict[str, Any], problem: str
) -> None:
    (found,) = parameter_problems(report, parameters, None)
    assert problem in found


@pytest.mark.parametrize("report", ["provisioning_csv", "sis_export_csv"])
def test_a_report_without_any_of_its_files_is_not_asked_for(report: str) -> None:
    expected = "It fails without a file to make: set at least one of users, "
    for parameters in ({}, {"users": False}, {"users": "false", "include_deleted": True}, {"users": ""}):
        (found,) = parameter_problems(report, parameters, None)
        assert found.startswith(expected)
    for member in REPORTS[report].selectors:
        assert parameter_problems(report, {member: True}, None) == []


def test_a_window_that_canvas_would_shorten_is_told() -> None:
    longer: dict[str, Any] = {"start_at": "2026-11-01T00:00:00Z", "end_at": "2026-11-15T00:00:01Z"}
    (found,) = problems(SUBMISSIONS, **longer)
    assert found == (
        "Between start_at and end_at are more than 14 days: Canvas would move start_at without a word. "
        "Ask for 14 days at a time."
    )
    across_zones: dict[str, Any] = {"start_at": "2026-11-01T00:00:00+10:00", "end_at": "2026-11-15T00:00:00+10:00"}
    assert problems(SUBMISSIONS, **across_zones) == []
    assert len(problems(SUBMISSIONS, **{**across_zones, "end_at": "2026-11-15T00:00:00Z"})) == 1


def test_a_window_that_cannot_be_read_is_told_as_that_and_breaks_nothing() -> None:
    mixed = problems(SUBMISSIONS, start_at="2026-11-01", end_at="2026-12-01T00:00:00Z")
    assert [one.partition(",")[0] for one in mixed] == ["start_at has no offset"]
    assert len(problems(SUBMISSIONS, start_at="soon", end_at="2026-12-01T00:00:00Z")) == 1


def test_everything_that_is_wrong_is_told_at_once_with_what_to_do() -> None:
    with pytest.raises(ReportParametersError) as raised:
        check_parameters(SUBMISSIONS, {"start_at": "soon", "course_id": "x", "skip_message": "no", "end": 1}, None)
    told = str(raised.value)
    assert told.startswith(f"{SUBMISSIONS} was not asked for: ")
    for part in ("start_at is no time", "course_id must be", "would count as true", "no parameter end", "wants end_at"):
        assert part in told, part
    assert told.endswith("canvaslake reports catalog shows what this Canvas offers.")


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.lists(st.text(max_size=5), max_size=3),
)
_NAMES = st.sampled_from(sorted({one.name for report in REPORTS.values() for one in report.parameters}))


@given(st.sampled_from(sorted(REPORTS)), st.dictionaries(_NAMES, _VALUES, max_size=5))
def test_whatever_is_given_is_judged_and_never_breaks_the_check(report: str, parameters: dict[str, Any]) -> None:
    for problem in parameter_problems(report, parameters, None):
        assert problem.endswith(".")


_EVERY_NAME = st.sampled_from(
    sorted({name for report in REPORTS.values() for one in report.parameters for name in (one.name, *one.aliases)})
)
_SPELLED = st.one_of(
    _VALUES, st.sampled_from(["true", "No", "0", "1", " 7 ", "1~2", "a, b", "b,a", " ", "sis_term_id:1", "users"])
)


@given(
    st.sampled_from([*sorted(REPORTS), "nobody_declared_this_csv"]), st.dictionaries(_EVERY_NAME, _SPELLED, max_size=5)
)
def test_the_one_spelling_of_parameters_is_its_own_and_as_right_as_what_was_given(
    report: str, parameters: dict[str, Any]
) -> None:
    found = canonical_parameters(report, parameters)
    assert canonical_parameters(report, found) == found
    if not parameter_problems(report, parameters, None):
        required = {one.name for one in REPORTS[report].parameters if one.required} if report in REPORTS else set()
        left = [told for told in parameter_problems(report, found, None) if not told.startswith("It wants ")]
        assert left == [], "only what was left out on purpose may be missed"
        assert required or parameter_problems(report, found, None) == []
