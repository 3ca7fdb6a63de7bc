"""Department and directory answers: both of Canvas's shapes give the same rows, and a wrong one is told by name."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.normalize import department, directory
from pipelines.normalize.contracts import Table
from pipelines.normalize.contracts import department as contracts
from pipelines.normalize.contracts.directory import ACCOUNTS
from pipelines.normalize.department import DepartmentScope
from pipelines.normalize.rows import TableRecords, UnexpectedAnswerShapeError, batch_from_records
from tests.normalize.typed import batch, rows

TERM = DepartmentScope(7, "term", 3)
GIVEN = {"account_id": 7, "term_filter": "term", "term_id": 3}
COUNTS = {"courses": 1, "teachers": 2, "students": 3, "discussion_topics": 4, "media_objects": 5, "attachments": 6,
          "assignments": 7}  # fmt: skip

Parser = Callable[[object, DepartmentScope], TableRecords]
PARSERS: list[tuple[Parser, Table]] = [
    (department.activity_by_date, contracts.ACTIVITY_BY_DATE),
    (department.activity_by_category, contracts.ACTIVITY_BY_CATEGORY),
    (department.grades, contracts.GRADES),
    (department.statistics, contracts.STATISTICS),
    (department.statistics_by_subaccount, contracts.STATISTICS_BY_SUBACCOUNT),
]


def test_activity_is_read_as_canvas_sends_it_and_as_it_documents_it() -> None:
    real = {"by_date": [{"id": None, "date": "2026-11-20", "views": 5, "participations": 2}], "by_category": []}
    documented = {"by_date": {"2026-11-20": 5}, "by_category": {}}
    nested = {"by_date": {"2026-11-20": {"views": 5, "participations": 2}, "id": None}, "by_category": {}}
    day = date(2026, 11, 20)
    assert rows(department.activity_by_date(real, TERM)) == [{**GIVEN, "date": day, "views": 5, "participations": 2}]
    assert rows(department.activity_by_date(nested, TERM)) == rows(department.activity_by_date(real, TERM))
    assert rows(department.activity_by_date(documented, TERM)) == [
        {**GIVEN, "date": day, "views": 5, "participations": None}
    ]
    assert rows(department.activity_by_category(real, TERM)) == []


def test_categories_are_read_in_both_shapes() -> None:
    real = {"by_category": [{"id": None, "category": "pages", "views": 3}, {"category": "quizzes", "views": 1}]}
    documented = {"by_category": {"pages": 3, "quizzes": 1}}
    expected = [{**GIVEN, "category": "pages", "views": 3}, {**GIVEN, "category": "quizzes", "views": 1}]
    assert rows(department.activity_by_category(real, TERM)) == expected
    assert rows(department.activity_by_category(documented, TERM)) == expected


def test_grades_without_a_distribution_are_unknown_and_not_zero() -> None:
    unknown = department.grades({str(score): None for score in range(101)} | {"id": None}, TERM)
    assert [row["score"] for row in rows(unknown)] == list(range(101))
    assert {row["students"] for row in rows(unknown)} == {None}
    assert rows(department.grades({"0": 0, "99": 4}, TERM))[1] == {**GIVEN, "score": 99, "students": 4}


def test_statistics_are_one_row_and_by_subaccount_one_each() -> None:
    one = rows(department.statistics({"subaccounts": 9, "id": None, **COUNTS}, TERM))
    assert one == [{**GIVEN, "subaccounts": 9, **COUNTS}]
    answer = {"accounts": [{"id": 7, "name": "Own", **COUNTS}, {"id": "70000000000008", "name": "Other", **COUNTS}]}
    by_account = rows(department.statistics_by_subaccount(answer, TERM))
    assert [(row["subaccount_id"], row["name"]) for row in by_account] == [(7, "Own"), (70_000_000_000_008, "Other")]


def test_current_and_completed_have_no_term() -> None:
    for filter_ in ("current", "completed"):
        (row,) = rows(department.statistics({"subaccounts": 0, **COUNTS}, DepartmentScope(1, filter_)))
        assert (row["account_id"], row["term_filter"], row["term_id"]) == (1, filter_, None)


@pytest.mark.parametrize("answer", [None, [], {}, "text", 5, {"errors": [{"message": "boom"}]}, {"progress_url": "u"}])
@pytest.mark.parametrize("parser", [parser for parser, _ in PARSERS if parser is not department.grades])
def test_an_answer_of_another_kind_is_an_error_and_not_an_empty_table(parser: Parser, answer: object) -> None:
    with pytest.raises(UnexpectedAnswerShapeError, match=r"account 7, term 3: (Canvas gave|the answer has no)"):
        parser(answer, TERM)


def test_what_the_question_implies_wins_over_what_the_answer_says() -> None:
    (row,) = rows(department.statistics({"account_id": 1, "term_id": 99, "subaccounts": 0, **COUNTS}, TERM))
    assert row == {**GIVEN, "subaccounts": 0, **COUNTS}
    (day,) = rows(department.activity_by_date({"by_date": {"2026-11-20": {"date": "2020-01-01", "views": 1}}}, TERM))
    assert day["date"] == date(2026, 11, 20)


@pytest.mark.parametrize("answer", [None, [], "text", {}, {"id": None}, {"errors": [{"message": "boom"}]}])
def test_grades_of_another_kind_are_an_error_too(answer: object) -> None:
    with pytest.raises(UnexpectedAnswerShapeError, match="department grades"):
        department.grades(answer, TERM)


_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(
    ["2026-11-20", "7", "pages"]
)  # fmt: skip
_KEYS = st.sampled_from(
    [
        "by_date",
        "by_category",
        "accounts",
        "id",
        "date",
        "views",
        "category",
        "courses",
        "name",
        "50",
        "2026-11-20",
        "x",
    ]
) | st.text(max_size=3)
_ANSWER = st.recursive(
    _LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12
)


@given(_ANSWER, st.sampled_from(PARSERS))
@example({"by_date": [{"date": "2026-11-20", "views": 10**30}]}, PARSERS[0])
@example({"by_category": [{"category": {"a": 1}}]}, PARSERS[1])
@example({"1_0": 5}, PARSERS[2])
def test_any_answer_gives_the_declared_table_or_a_named_error(answer: object, parser: tuple[Parser, Table]) -> None:
    parse, table = parser
    try:
        found = batch(parse(answer, TERM))
    except UnexpectedAnswerShapeError:
        return
    declared = [column.name for column in table.columns]
    assert list(found.frame.columns)[: len(declared)] == declared
    for column in table.columns:
        assert found.frame[column.name].dtype == pd.ArrowDtype(column.type.arrow)
        assert column.nullable or not found.frame[column.name].isna().any()
    assert found.rows_read == len(found.frame) + len(found.quarantined)


def test_a_root_account_is_its_own_root_and_fields_nobody_declared_are_kept() -> None:
    records = directory.accounts(
        [
            {"id": 1, "name": "Root", "parent_account_id": None, "root_account_id": None, "services": {"a": True}},
            {"id": 2, "name": "Below", "parent_account_id": 1, "root_account_id": 1, "motto": ["sapere", "aude"]},
        ]
    )
    found = rows(records)
    assert [(row["account_id"], row["root_account_id"]) for row in found] == [(1, 1), (2, 1)]
    assert [row["motto"] for row in found] == [None, '["sapere","aude"]']
    assert "services" not in found[0]


def test_terms_and_courses_keep_their_times_and_teachers_are_told_once() -> None:
    (term,) = rows(directory.terms([{"id": 4, "name": "Fall", "start_at": "2026-08-24T06:00:00Z", "end_at": None}], 1))
    assert (term["root_account_id"], term["start_at"]) == (1, datetime(2026, 8, 24, 6, tzinfo=UTC))
    teacher = {"id": 9, "display_name": "Dr. NA", "anonymous_id": "9"}
    courses = [{"id": 5, "teachers": [teacher, teacher]}, {"id": 6, "teachers": None}, {"id": 7}]
    assert [row["course_id"] for row in rows(directory.courses(courses))] == [5, 6, 7]
    assert rows(directory.course_teachers(courses)) == [{"course_id": 5, "user_id": 9, "display_name": "Dr. NA"}]


@pytest.mark.parametrize("records", [None, {}, "text", [1], [None], [[]], {"accounts": []}])
def test_a_directory_answer_of_another_kind_is_an_error(records: object) -> None:
    for parse in (
        directory.accounts,
        directory.courses,
        directory.course_teachers,
        directory.account_domains,
        lambda answer: directory.terms(answer, 1),
        lambda answer: directory.account_notifications(answer, 1),
    ):
        with pytest.raises(UnexpectedAnswerShapeError, match="a list of objects is due"):
            parse(records)


def test_a_record_that_does_not_fit_is_set_aside_with_its_place_and_all_its_content() -> None:
    found = batch_from_records(ACCOUNTS, [{"id": 1}, {"name": "no id"}, {"id": "x", "sis_import_id": 1.5}])
    assert [row["account_id"] for row in rows(found)] == [1]
    assert [(row.line_number, row.reason) for row in found.quarantined] == [
        (2, "account_id is missing"),
        (3, "account_id is not a whole number; sis_import_id is not a whole number"),
    ]
    assert found.quarantined[0].raw == '{"name":"no id"}'
