"""The export of outcomes: ratings that run past the header, in any language's numbers, each with its outcome."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.extract.archives import ReportMember
from pipelines.normalize import outcome_ratings
from pipelines.normalize.contracts.outcomes import OUTCOME_EXPORT
from pipelines.normalize.report_files import report_tables
from pipelines.normalize.unreadable import UnreadableFileError
from tests.normalize.report_facts import report_facts
from tests.normalize.report_text import WORDS, Row, csv_text, member, read

REPORT = "outcome_export_csv"
FULL, WITHOUT_SCORES = (list(file.columns) for file in report_facts()[REPORT].files)
SCALARS = FULL[:-1]
HEADER: list[str | None] = [*FULL]


def loaded(*members: ReportMember) -> tuple[list[Row], list[Row], list[Any]]:
    """Return outcomes, ratings, and what was set aside with the outcomes."""
    found = read(REPORT, *members)
    assert list(found) == ["outcome_export", "outcome_export_ratings"]
    assert found["outcome_export_ratings"][1] == []
    return found["outcome_export"][0], found["outcome_export_ratings"][0], found["outcome_export"][1]


def outcome(guid: str, mastery: str | None = None, *ratings: str | None, **more: str) -> list[str | None]:
    scalars = {"vendor_guid": guid, "object_type": "outcome", "mastery_points": mastery, **more}
    return [*(scalars.get(name) for name in SCALARS), *ratings]


def localized(number: float | None, mark: str, thousands: str) -> str | None:
    if number is None:
        return None
    return f"{number:,}".translate({ord(","): thousands, ord("."): mark})


@dataclass(frozen=True)
class Export:
    content: bytes
    outcomes: list[Row]
    ratings: list[Row]


NUMBERS = st.none() | st.integers(0, 400).map(lambda number: number / 4)


@st.composite
def exports(draw: st.DrawFn) -> Export:
    """Draw an export in one account's language; without the texts that could be two numbers."""
    mark, thousands = draw(st.sampled_from([(".", ","), (",", "."), (",", "\u00a0"), (",", "\u202f"), (".", "'")]))
    separator = ";" if mark == "," and draw(st.booleans()) else ","
    lines: list[list[str | None]] = [HEADER]
    outcomes: list[Row] = []
    ratings: list[Row] = []
    for number in range(draw(st.integers(0, 5))):
        scalars = {name: draw(st.none() | WORDS) for name in SCALARS}
        scalars |= {"vendor_guid": f"canvas_outcome:{number}", "calculation_int": draw(st.none() | st.just("65"))}
        mastery = draw(NUMBERS)
        scalars["mastery_points"] = localized(mastery, mark, thousands)
        row: Row = {**scalars, "mastery_points": mastery}
        row["calculation_int"] = None if row["calculation_int"] is None else 65
        outcomes.append(row)
        pairs = draw(st.lists(st.tuples(st.floats(0, 99).map(lambda n: round(n, 2)), WORDS), max_size=4))
        cells = [cell for points, words in pairs for cell in (localized(points, mark, thousands), words)]
        ratings += [
            {"vendor_guid": row["vendor_guid"], "position": place, "points": points, "description": words}
            for place, (points, words) in enumerate(pairs, start=1)
        ]
        lines.append([*scalars.values(), *cells])
    return Export(csv_text(lines, separator, mark=draw(st.booleans())), outcomes, ratings)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(export=exports())
def test_every_outcome_and_every_rating_comes_back(tmp_path: Path, export: Export) -> None:
    assert loaded(member(tmp_path, export.content)) == (export.outcomes, export.ratings, [])


def test_groups_outcomes_without_ratings_and_padded_rows_have_no_ratings(tmp_path: Path) -> None:
    rows = [HEADER, outcome("g", object_type="group"), [*outcome("a"), None], [*outcome("b"), *[None] * 7]]
    outcomes, ratings, aside = loaded(member(tmp_path, csv_text(rows)))
    assert ([row["vendor_guid"] for row in outcomes], ratings, aside) == (["g", "a", "b"], [], [])


def test_a_rating_without_its_words_or_points_keeps_its_place(tmp_path: Path) -> None:
    rows = [HEADER, outcome("a", "3", "5", "good", None, "none", "1.5")]
    _, ratings, aside = loaded(member(tmp_path, csv_text(rows)))
    assert [(row["position"], row["points"], row["description"]) for row in ratings] == [
        (1, 5.0, "good"),
        (2, None, "none"),
        (3, 1.5, None),
    ]
    assert aside == []


def test_an_export_without_scores_loads_and_nothing_counts_as_missing(tmp_path: Path) -> None:
    content = csv_text([WITHOUT_SCORES, [f"x{place}" for place in range(len(WITHOUT_SCORES))]], ";", mark=True)
    outcomes, ratings, aside = loaded(member(tmp_path, content))
    assert (ratings, aside) == ([], [])
    assert [(row["vendor_guid"], row["parent_guids"], row["mastery_points"]) for row in outcomes] == [
        ("x0", "x6", None)
    ]
    tables = report_tables(REPORT, {}, [member(tmp_path, content)])
    assert [table.missing for table in tables] == [(), ()]
    wider = csv_text([WITHOUT_SCORES, ["x"] * (len(WITHOUT_SCORES) + 2)])
    assert [row.line_number for row in loaded(member(tmp_path, wider))[2]] == [2]


def test_a_row_that_does_not_fit_is_set_aside_once_and_takes_its_ratings_along(tmp_path: Path) -> None:
    rows: list[list[str | None]] = [
        HEADER,
        outcome("a", "3", "5", "good"),
        outcome("b", "3", "secret", "good"),
        outcome("c", "many", "5", "good"),
        ["d", "outcome"],
        outcome("e", "3", "4", "fair"),
    ]
    content = csv_text(rows).replace(b"\ne,", b"\n\xff,")
    outcomes, ratings, aside = loaded(member(tmp_path, content))
    assert [row["vendor_guid"] for row in outcomes] == [row["vendor_guid"] for row in ratings] == ["a"]
    assert [(row.line_number, row.reason) for row in aside] == [
        (3, "rating 1: points is not a number"),
        (4, "mastery_points is not a number"),
        (5, "has 2 cells where the header has 11"),
        (6, "vendor_guid is not UTF-8"),
    ]
    assert "secret" in aside[0].raw


@pytest.mark.parametrize(
    ("others", "number", "due"),
    [
        (["3,5"], "1,234", 1.234),
        (["3.5"], "1,234", 1234.0),
        (["1.234,5"], "1.234", 1234.0),
        (["0,750"], "1,234", 1.234),
        (["1,234,567"], "1,234", 1234.0),
        (["3,5", "2.5"], "1,234", None),
        ([], "1,234", None),
        (["5", "1000"], "1.234", None),
    ],
)
def test_a_number_that_could_be_two_is_told_by_the_others_of_the_file_or_set_aside(
    tmp_path: Path, others: list[str], number: str, due: float | None
) -> None:
    # What shows the language may come later, and stand in the other table's numbers.
    rows = [HEADER, outcome("first", number), *(outcome(f"o{n}", "1", other, "x") for n, other in enumerate(others))]
    outcomes, ratings, aside = loaded(member(tmp_path, csv_text(rows)))
    assert {row["vendor_guid"]: row["mastery_points"] for row in outcomes}.get("first") == due
    assert len(ratings) == len(others)
    assert [row.reason for row in aside] == (
        [] if due else ["mastery_points can be two numbers, depending on the language"]
    )


def test_columns_nobody_declared_are_kept_and_none_may_follow_the_ratings(tmp_path: Path) -> None:
    content = csv_text([["friendly", *FULL], ["hello", *outcome("a", "3", "5", "good")]])
    outcomes, ratings, _ = loaded(member(tmp_path, content))
    assert (outcomes[0]["friendly"], outcomes[0]["mastery_points"], len(ratings)) == ("hello", 3.0, 1)
    with pytest.raises(UnreadableFileError, match="1 columns stand behind the column ratings"):
        loaded(member(tmp_path, csv_text([[*FULL, "more"]])))
    with pytest.raises(UnreadableFileError, match="lacks vendor_guid"):
        loaded(member(tmp_path, csv_text([FULL[1:]])))


def test_numbers_of_rows_are_right_across_groups_of_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_ratings, "_RECORDS_AT_ONCE", 7)
    rows: list[list[str | None]] = [list(FULL)]
    for number in range(2, 102):
        bad = number % 9 == 0
        rows.append(["x", "y"] if bad else outcome(f"o{number}", "3", *["5", "two\nlines"] * (number % 3)))
    tables = report_tables(REPORT, {}, [member(tmp_path, csv_text(rows))])
    main, child = (list(table.batches) for table in tables)
    good = [number for number in range(2, 102) if number % 9]
    assert [row.line_number for batch in main for row in batch.quarantined] == [n for n in range(2, 102) if n % 9 == 0]
    assert [guid for batch in main for guid in batch.frame["vendor_guid"]] == [f"o{number}" for number in good]
    assert sum(len(batch.frame) for batch in child) == sum(number % 3 for number in good)
    assert sum(batch.records for batch in main) == sum(batch.records for batch in child) == 100
    assert {c.name for c in OUTCOME_EXPORT.columns} == set(main[0].frame.columns)


def test_records_of_whole_pages_are_held_in_memory_a_few_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_ratings, "_BYTES_AT_ONCE", 10_000)
    lines = [outcome(f"a{number}", "1", "1", "x" * 500, description="y" * 1500) for number in range(60)]
    for table in report_tables(REPORT, {}, [member(tmp_path, csv_text([HEADER, *lines]))]):
        batches = list(table.batches)
        assert [batch.records for batch in batches] == [5] * 12
        guids = [guid for batch in batches for guid in batch.frame["vendor_guid"]]
        assert guids == [f"a{number}" for number in range(60)]
