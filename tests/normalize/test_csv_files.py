"""A report's file: every row is loaded or set aside with its number; a file that is not CSV is refused whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.normalize import csv_files
from pipelines.normalize.contracts import Table, undeclared_table
from pipelines.normalize.csv_files import UnreadableFileError, read_batches, read_header
from pipelines.normalize.rows import QuarantinedRow
from tests.normalize.conftest import WriteFile

HEADER = "person_id,sis_id,score,seen_at\n"
Rows = list[dict[str, Any]]


def read(path: Path, table: Table) -> tuple[Rows, list[QuarantinedRow]]:
    rows: Rows = []
    aside: list[QuarantinedRow] = []
    for batch in read_batches(path, read_header(path), table):
        assert batch.rows_read == len(batch.frame) + len(batch.quarantined)
        records = batch.frame.astype(object).where(batch.frame.notna(), None).to_dict("records")
        rows += [{str(name): value for name, value in record.items()} for record in records]
        aside += batch.quarantined
    return rows, aside


def test_commas_quotes_and_second_lines_in_a_name_stay_in_the_name(people: Table, write: WriteFile) -> None:
    path = write(HEADER + '1,"a, ""b""\nc",,\n2,"",,\n3,,,\n4,"NA",,\n')
    rows, aside = read(path, people)
    assert [row["sis_id"] for row in rows] == ['a, "b"\nc', "", None, "NA"]
    assert aside == []


def test_short_and_long_rows_are_set_aside_with_their_numbers_and_not_shifted(people: Table, write: WriteFile) -> None:
    path = write(HEADER + "1,a,1.5,\n2\n3,c,2.5,,extra\n4,d,3.5,\n")
    rows, aside = read(path, people)
    assert [(row["person_id"], row["score"]) for row in rows] == [(1, 1.5), (4, 3.5)]
    assert [(row.line_number, row.reason) for row in aside] == [
        (3, "has 1 cells where the header has 4"),
        (4, "has 5 cells where the header has 4"),
    ]
    assert aside[1].raw == "3,c,2.5,,extra"


def test_a_row_with_a_bad_value_is_set_aside_whole_with_every_reason(people: Table, write: WriteFile) -> None:
    path = write(HEADER.encode() + b"1,ok,,\nx,na\xffme,A-,2026-01-05\n,gone,,\n")
    rows, aside = read(path, people)
    assert [row["person_id"] for row in rows] == [1]
    assert [row.line_number for row in aside] == [3, 4]
    for reason in ("person_id is not a whole number", "sis_id is not UTF-8", "score is not", "seen_at is not a time"):
        assert reason in aside[0].reason
    assert aside[1].reason == "person_id is missing"
    assert aside[0].raw == "x,na\\xffme,A-,2026-01-05"


@pytest.mark.parametrize(
    "start", ["\ufeffperson_id,sis_id\n", "person_id;sis_id\n", "\ufeffPerson ID;SIS-id\r\n", '"person_id","sis_id"\n']
)
def test_the_starters_gradebook_preferences_do_not_change_the_rows(people: Table, write: WriteFile, start: str) -> None:
    separator = ";" if ";" in start else ","
    path = write(start + f"1{separator}0007\n")
    rows, _ = read(path, people)
    assert [(row["person_id"], row["sis_id"]) for row in rows] == [(1, "0007")]


def test_columns_nobody_declared_are_kept_as_text_and_double_ones_are_numbered(people: Table, write: WriteFile) -> None:
    path = write("Shoe Size,sis_id,person_id,sis_id\n042,a,1,b\n,c,2,\n")
    header = read_header(path)
    assert header.unknown(people) == ["shoe_size", "sis_id_2"]
    rows, aside = read(path, people)
    assert list(rows[0])[-2:] == ["shoe_size", "sis_id_2"]
    assert [(r["person_id"], r["sis_id"], r["shoe_size"], r["sis_id_2"]) for r in rows] == [
        (1, "a", "042", "b"),
        (2, "c", None, None),
    ]
    assert aside == []


def test_a_missing_column_is_null_unless_every_row_needs_it(people: Table, write: WriteFile) -> None:
    path = write("person_id\n1\n")
    assert [column.name for column in read_header(path).absent(people)] == ["sis_id", "score", "seen_at", "pronouns"]
    rows, _ = read(path, people)
    assert rows == [{"person_id": 1, "sis_id": None, "score": None, "seen_at": None, "pronouns": None}]
    with pytest.raises(UnreadableFileError, match=r"lacks person_id.*reports\.people.*1 are known"):
        read(write("sis_id\na\n"), people)


@pytest.mark.parametrize(
    "content", ["person_id,sis_id\n", "person_id,sis_id", "person_id,sis_id\r\n", "person_id,sis_id\n\n\n"]
)
def test_a_report_without_rows_is_empty_and_no_error(people: Table, write: WriteFile, content: str) -> None:
    assert read(write(content), people) == ([], [])


def test_blank_lines_are_no_rows(people: Table, write: WriteFile) -> None:
    rows, aside = read(write("person_id,sis_id\n\n1,a\n\n\n2,b\n\n"), people)
    assert ([row["person_id"] for row in rows], aside) == ([1, 2], [])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"   \n1,2\n",
        b"<!DOCTYPE html>\n<html></html>",
        b"  <html><body>Log in</body></html>",
        b"\x89PNG\r\n\0\0\n",
        "person_id,sis_id\n1,a\n".encode("utf-16"),
        b"person_id,sis_id\r1,a\r2,b\r",
        b'person_id,"sis_id\n1,a\n2,b\n',
        b'person_id,"' + b"x" * 200_000 + b'"\n1,a\n',
    ],
)
def test_what_is_no_csv_is_refused_by_name(people: Table, write: WriteFile, content: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        read(write(content), people)


@pytest.mark.parametrize(
    "content",
    ['person_id,sis_id\n1,a\n2,"open\n3,c\n4,d\n', 'person_id,sis_id,score\n1,a,\n2,"open\n3,c,\n4,d,\n'],
)
def test_a_quote_that_is_never_closed_does_not_swallow_the_rows_after_it(
    people: Table, write: WriteFile, content: str
) -> None:
    with pytest.raises(UnreadableFileError, match="quote is never closed"):
        read(write(content), people)


def test_a_file_that_ends_in_a_quoted_second_line_is_read(people: Table, write: WriteFile) -> None:
    for end in ("", "\n", "\r\n"):
        rows, _ = read(write(f'person_id,sis_id\n1,"two\nlines"{end}'), people)
        assert [row["sis_id"] for row in rows] == ["two\nlines"]


def test_row_numbers_are_right_across_block_borders_with_every_kind_of_bad_row(
    people: Table, write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "_BLOCK_BYTES", 96)
    text, due, good = 'person_id,"sis\nid"\n', [], []
    for number in range(2, 602):
        if number % 37 == 5 or 200 <= number < 215 or number > 598:
            text += f"{number},b,c\n"
            due.append(number)
        elif number % 41 == 7:
            text += f"x{number},b\n"
            due.append(number)
        else:
            text += f'{number},"two\nlines"\n' if number % 3 else f"{number},one\n"
            good.append(number)
    path = write(text)
    batches = list(read_batches(path, read_header(path), people))
    assert len(batches) > 50
    assert [row.line_number for batch in batches for row in batch.quarantined] == due
    assert [number for batch in batches for number in batch.frame["person_id"]] == good
    assert sum(batch.rows_read for batch in batches) == 600


def test_a_row_too_long_to_be_one_is_refused_without_being_shown(
    people: Table, write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "_BLOCK_BYTES", 64)
    path = write('person_id,sis_id\n1,"' + "secret name " * 50 + '"\n2,b\n')
    with pytest.raises(UnreadableFileError) as raised:
        read(path, people)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("row", ["1,secret", "1,secret,1.5,,,,", "secret,,,", ",secret,,", "1,,secret,", "1,,,secret"])
def test_reasons_never_quote_what_stood_in_a_cell(people: Table, write: WriteFile, row: str) -> None:
    _, (aside,) = read(write(HEADER + row + "\n"), people)
    assert "secret" not in aside.reason
    assert "secret" in aside.raw


_CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.none() | _CELL), max_size=12))
def test_whatever_canvas_can_write_comes_back(
    tmp_path: Path, people: Table, values: list[tuple[int, str | None]]
) -> None:
    def cell(text: str | None) -> str:
        return "" if text is None else json.dumps(text, ensure_ascii=False) if text == "" else _quoted(text)

    path = tmp_path / "any.csv"
    path.write_bytes("".join(["person_id,sis_id\n", *(f"{n},{cell(t)}\n" for n, t in values)]).encode())
    rows, aside = read(path, people)
    assert [(row["person_id"], row["sis_id"]) for row in rows] == values
    assert aside == []


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def test_an_empty_line_in_a_file_of_one_column_is_a_row(write: WriteFile) -> None:
    path = write('only\na\n\nb\n""\n')
    rows, aside = read(path, undeclared_table("one_csv", "", ["only"]))
    assert [row["only"] for row in rows] == ["a", None, "b", ""]
    assert aside == []
