"""Grades by grading period: each score lands with its own period, whatever people call their periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.normalize import csv_blocks, quarantine
from pipelines.normalize.contracts.grades import MGP_GRADE_EXPORT
from pipelines.normalize.report_files import report_tables
from pipelines.normalize.unreadable import HopelessFileError, UnreadableFileError
from tests.normalize.report_facts import report_facts
from tests.normalize.report_text import WORDS, Row, csv_text, member, read

REPORT = "mgp_grade_export_csv"
(FACTS,) = report_facts()[REPORT].files
SUFFIXES = [template.removeprefix("{period} ") for template in FACTS.of_each_period]
SCORES = st.none() | st.floats(0, 120).map(lambda score: round(score, 2))
GRADES = st.none() | WORDS
TITLES = WORDS.map(lambda title: title.replace("\0", "")) | st.sampled_from(
    ["", " ", "Q1", "current", "final", "unposted", "current score", "Q1 current score", "grading period id",
     "Q1 grading period id", "override", "2. Halbjahr; Größe, \"alt\"", "第一学期", ";;;;", "enrollment state", "\n"]
)  # fmt: skip


def lead(*, integration: bool) -> list[str]:
    header = list(FACTS.columns[: FACTS.columns.index("grading period set id") + 1])
    if integration:
        header.insert(header.index("student sis") + 1, "student integration id")
    return header


def suffixes(*, override: bool) -> list[str]:
    return [one for one in SUFFIXES if override or "override" not in one]


def tail(*, override: bool) -> list[str]:
    header = list(FACTS.columns[FACTS.columns.index("grading period set id") + 1 :])
    if override:
        header.insert(header.index("unposted final score") + 1, "override score")
        header.append("override grade")
    return header


def header_of(titles: Sequence[str], *, integration: bool = False, override: bool = False) -> list[str]:
    periods = [f"{title} {suffix}" for title in titles for suffix in suffixes(override=override)]
    return [*lead(integration=integration), *periods, *tail(override=override)]


def value_of(draw: st.DrawFn, name: str) -> Any:
    if name.endswith(" id") and "integration" not in name:
        return draw(st.integers(1, 2**62))
    return draw(SCORES if name.endswith("score") else GRADES)


def text(value: object) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True)
class Term:
    content: bytes
    rows: list[Row]


@st.composite
def terms(draw: st.DrawFn) -> Term:
    """Draw a term's file, and the rows that it must give."""
    titles = draw(st.lists(TITLES, max_size=4))
    override, integration = draw(st.booleans()), draw(st.booleans())
    ids = [draw(st.integers(1, 2**62)) for _ in titles]
    lines: list[list[str | None]] = []
    rows: list[Row] = []
    for _ in range(draw(st.integers(0, 3))):
        first = {name: value_of(draw, name) for name in lead(integration=integration)}
        last = {name: value_of(draw, name) for name in tail(override=override)}
        each = [{name: value_of(draw, name) for name in suffixes(override=override)} for _ in titles]
        for period, id_ in zip(each, ids, strict=True):
            period["grading period id"] = id_
        cells = [*first.values(), *(value for period in each for value in period.values()), *last.values()]
        lines.append([text(value) for value in cells])
        for title, period in zip(titles, each, strict=True) if titles else [(None, dict[str, Any]())]:
            row: Row = dict.fromkeys((column.name for column in MGP_GRADE_EXPORT.columns), None)
            row |= {name.replace(" ", "_"): value for name, value in first.items()}
            row |= {
                name.replace(" ", "_") if name == "enrollment state" else f"total_{name.replace(' ', '_')}": value
                for name, value in last.items()
            }
            row |= {name.replace(" ", "_"): value for name, value in period.items()}
            rows.append(row | {"grading_period": title})
    return Term(csv_text([header_of(titles, integration=integration, override=override), *lines]), rows)


def in_one_order(rows: list[Row]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def unpivoted(*members: Any) -> tuple[list[Row], list[Any]]:
    ((name, found),) = read(REPORT, *members).items()
    assert name == "mgp_grade_export"
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(found=st.lists(terms(), min_size=1, max_size=3))
def test_every_score_of_every_period_of_every_term_comes_back(tmp_path: Path, found: list[Term]) -> None:
    rows, aside = unpivoted(*(member(tmp_path, term.content, f"Term {n}") for n, term in enumerate(found)))
    assert in_one_order(rows) == in_one_order([row for term in found for row in term.rows])
    assert aside == []


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(titles=st.lists(TITLES, max_size=5), override=st.booleans())
@example(titles=["current", "current"], override=False)
@example(titles=["", "current score", ""], override=True)
@example(titles=["Q1", "Q1 grading period id", "Q1 grading period id grading period id"], override=False)
def test_periods_are_found_by_place_whatever_their_names_are(tmp_path: Path, titles: list[str], override: bool) -> None:
    header = header_of(titles, override=override)
    # Each cell says where it stands, so that a cell in a wrong column is seen.
    line = [str(place) for place in range(len(header))]
    rows, aside = unpivoted(member(tmp_path, csv_text([header, line]), "Fall"))
    width = len(suffixes(override=override))
    first = len(lead(integration=False))
    assert aside == []
    due: list[Any] = [(title, first + number * width) for number, title in enumerate(titles)]
    assert [(row["grading_period"], row["grading_period_id"]) for row in rows] == (due or [(None, None)])
    for number, row in enumerate(rows):
        if titles:
            assert row["final_grade"] == str(first + number * width + suffixes(override=override).index("final grade"))
        assert row["total_current_score"] == first + len(titles) * width
        assert row["total_override_grade"] == (str(len(header) - 1) if override else None)
        assert set(row) == {column.name for column in MGP_GRADE_EXPORT.columns}


def test_a_term_without_grading_periods_is_no_rows_and_no_error(tmp_path: Path) -> None:
    good = csv_text([header_of(["Q1"]), [str(place) for place in range(len(header_of(["Q1"])))]])
    for sentence in ("no grading periods configured for this term\n", '"aucune période, désolé"\n', "keine; nein\n"):
        assert unpivoted(member(tmp_path, sentence, "Empty")) == ([], [])
        rows, aside = unpivoted(member(tmp_path, sentence, "Empty"), member(tmp_path, good, "Fall"))
        assert (len(rows), aside) == (1, [])


def test_a_blank_line_is_an_empty_answer_of_this_report_only(tmp_path: Path) -> None:
    assert unpivoted(member(tmp_path, "\n")) == ([], [])
    with pytest.raises(UnreadableFileError, match="no header"):
        unpivoted(member(tmp_path, ""))
    with pytest.raises(UnreadableFileError, match="no header"):
        read("grade_export_csv", member(tmp_path, "\n"))


def test_a_bad_score_in_one_period_sets_the_student_aside_once_and_whole(tmp_path: Path) -> None:
    header = header_of(["Q1", "Q2"])
    lines = [[str(place) for place in range(len(header))] for _ in range(3)]
    place = header.index("Q2 final score")
    lines[1][place] = "secret"
    lines[2].pop()
    content = csv_text([header, *lines])
    (table,) = report_tables(REPORT, {}, [member(tmp_path, content)])
    batches = list(table.batches)
    aside = [row for batch in batches for row in batch.quarantined]
    assert [(row.line_number, row.reason) for row in aside] == [
        (3, "grading period 2: final_score is not a number"),
        (4, f"has {len(header) - 1} cells where the header has {len(header)}"),
    ]
    assert "secret" in aside[0].raw
    assert sum(batch.records for batch in batches) == 3
    assert sum(len(batch.frame) for batch in batches) == 2


def test_set_aside_rows_of_several_terms_say_which_term_their_number_counts_in(tmp_path: Path) -> None:
    header = header_of(["Q1"])
    content = csv_text([header, [None] * len(header)])
    _, aside = unpivoted(member(tmp_path, content, "Fall"), member(tmp_path, content, "Spring"))
    assert [(row.line_number, row.reason.split(":")[0]) for row in aside] == [(2, "in Fall.csv"), (2, "in Spring.csv")]


def test_columns_nobody_declared_are_kept_wherever_they_stand(tmp_path: Path) -> None:
    header = header_of(["Q1", "Q2"])
    at = header.index("Q1 unposted final grade") + 1
    wide = ["shoe size", *header[:at], "Q1 letter", "Q1 course id", *header[at:], "final note"]
    line = [str(place) for place in range(len(wide))]
    plain = csv_text([header, [str(place) for place in range(len(header))]])
    members = [member(tmp_path, csv_text([wide, line]), "Wide"), member(tmp_path, plain, "Plain")]
    rows, aside = unpivoted(*members)
    assert aside == []
    extras = [(row["shoe_size"], row["letter"], row["course_id_2"], row["final_note"]) for row in rows]
    assert extras == [
        ("0", str(at + 1), str(at + 2), str(len(wide) - 1)),
        ("0", None, None, str(len(wide) - 1)),
        (None, None, None, None),
        (None, None, None, None),
    ]
    assert [row["course_id"] for row in rows] == [5, 5, 4, 4]


def test_a_period_without_one_of_its_columns_refuses_the_file_and_names_no_period(tmp_path: Path) -> None:
    header = header_of(["Q1", "Ada's own period"])
    header.remove("Ada's own period final grade")
    with pytest.raises(
        UnreadableFileError, match=r"grading period 2 of the file, in column 24, lacks final grade"
    ) as e:
        unpivoted(member(tmp_path, csv_text([header])))
    assert "Ada" not in str(e.value)


@pytest.mark.parametrize(
    ("gone", "said"), [("grading period set id", "lacks grading_period_set_id"), ("student id", "lacks student_id")]
)
def test_a_file_without_what_tells_rows_apart_is_refused(tmp_path: Path, gone: str, said: str) -> None:
    header = header_of(["Q1"])
    header.remove(gone)
    with pytest.raises(UnreadableFileError, match=said):
        unpivoted(member(tmp_path, csv_text([header])))


def test_a_missing_column_is_told_and_the_optional_ones_are_not(tmp_path: Path) -> None:
    header = header_of(["Q1"])
    header.remove("term sis")
    (table,) = report_tables(REPORT, {}, [member(tmp_path, csv_text([header]))])
    assert table.missing == ("term_sis",)
    (table,) = report_tables(REPORT, {}, [member(tmp_path, csv_text([header_of([])]))])
    assert table.missing == ()


def test_rows_of_all_periods_are_there_across_block_borders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 4096)
    titles = [f"P{number}" for number in range(7)]
    header = header_of(titles)
    lines = [[str(1000 * student + place) for place in range(len(header))] for student in range(200)]
    (table,) = report_tables(REPORT, {}, [member(tmp_path, csv_text([header, *lines]))])
    batches = list(table.batches)
    assert len(batches) > 20
    assert sum(batch.records for batch in batches) == 200
    due = {(1000 * student + 1, title) for student in range(200) for title in titles}
    found = [pair for b in batches for pair in zip(b.frame["student_id"], b.frame["grading_period"], strict=True)]
    assert (set(found), len(found)) == (due, 1400)


def test_the_rows_set_aside_of_all_files_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MOST_ROWS", 10)
    header = csv_text([header_of(["Q1"])])
    members = [member(tmp_path, header + b"short\n" * 4, f"term {number}") for number in range(3)]
    assert len(read(REPORT, *members[:2])["mgp_grade_export"][1]) == 8
    with pytest.raises(HopelessFileError, match=r"do not fit reports\.mgp_grade_export: the limit is 10 rows"):
        read(REPORT, *members)
