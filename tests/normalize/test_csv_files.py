"""A report's file: every row is loaded or set aside with its number; a file that is not CSV is refused whole."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.normalize import csv_blocks, csv_files, quarantine
from pipelines.normalize.contracts import Table, undeclared_table
from pipelines.normalize.csv_blocks import blocks
from pipelines.normalize.csv_files import HopelessFileError, UnreadableFileError, read_batches, read_header
from pipelines.normalize.quarantine import RowsUnaccountedError, SetAside
from pipelines.normalize.rows import Batch, QuarantinedRow, frame_of
from tests.normalize.conftest import WriteFile

HEADER = "person_id,sis_id,score,seen_at\n"
Rows = list[dict[str, Any]]


def read(path: Path, table: Table) -> tuple[Rows, list[QuarantinedRow]]:
    rows: Rows = []
    aside: list[QuarantinedRow] = []
    for batch in read_batches(path, read_header(path), table):
        assert batch.records == batch.rows_read == len(batch.frame) + len(batch.quarantined)
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


@pytest.mark.parametrize(
    ("header", "separator", "cells"),
    [
        ('"a;b;c;d",e', ",", ("a;b;c;d", "e")),
        ('"a,b,c,d";e', ";", ("a,b,c,d", "e")),
        ('"a;b\n;;";e;"f,\n,"', ";", ("a;b\n;;", "e", "f,\n,")),
        ('a,"b;""",c', ",", ("a", 'b;"', "c")),
        ('a;"b,""";c', ";", ("a", 'b,"', "c")),
        ("a;b,c", ",", ("a;b", "c")),
        ("a;b;c,d", ";", ("a", "b", "c,d")),
        ("a", ",", ("a",)),
    ],
)
def test_the_separator_is_the_one_that_makes_more_cells_of_the_header(
    write: WriteFile, header: str, separator: str, cells: tuple[str, ...]
) -> None:
    found = read_header(write(header + "\n1,2\n"))
    assert (found.separator, found.cells) == (separator, cells)


@pytest.mark.parametrize("header", ['a,"b', 'a;"b', 'a;b;"c', '"a;b'])
def test_a_header_whose_quote_is_open_is_refused_with_either_separator(write: WriteFile, header: str) -> None:
    with pytest.raises(UnreadableFileError, match="quote is never closed"):
        read_header(write(header + "\n1,2\n"))


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
        b"person_id,\0sis_id\n1,a\n",
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
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 96)
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
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 64)
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


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "utf-16-le"])
def test_a_file_in_utf_16_is_refused_and_says_what_to_do(people: Table, write: WriteFile, codec: str) -> None:
    mark = "" if codec == "utf-16" else "\ufeff"
    with pytest.raises(UnreadableFileError, match=r"UTF-16.*save it as UTF-8"):
        read(write((mark + "person_id,sis_id\n1,a\n").encode(codec)), people)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_any_line_end_ends_a_line_and_none_does_inside_of_quotes(
    people: Table, write: WriteFile, end: str, last: bool
) -> None:
    lines = ["person_id,sis_id", '1,"a\rb"', '2,"c\r\nd"', '3,"e\nf"', "4,g"]
    rows, aside = read(write(end.join(lines) + (end if last else "")), people)
    assert [row["sis_id"] for row in rows] == ["a\rb", "c\r\nd", "e\nf", "g"]
    assert aside == []


def test_line_breaks_of_any_kind_in_a_header_do_not_shift_the_rows(people: Table, write: WriteFile) -> None:
    for name in ("sis\nid", "sis\rid", "sis\r\n\r\nid"):
        rows, aside = read(write(f'person_id,"{name}"\n1,a\nx,b\n'), people)
        assert ([row["sis_id"] for row in rows], [row.line_number for row in aside]) == (["a"], [3])


def test_undecodable_bytes_set_their_row_aside_and_are_kept_readable(people: Table, write: WriteFile) -> None:
    rows, aside = read(write(HEADER.encode() + b"1,ok,,\n2,\xe9t\xe9,,\n3,\xff\xfe,,\n4,ok,,\n"), people)
    assert [row["person_id"] for row in rows] == [1, 4]
    assert [(row.line_number, row.reason, row.raw) for row in aside] == [
        (3, "sis_id is not UTF-8", "2,\\xe9t\\xe9,,"),
        (4, "sis_id is not UTF-8", "3,\\xff\\xfe,,"),
    ]


def test_undecodable_bytes_in_a_column_nobody_declared_set_their_row_aside_too(people: Table, write: WriteFile) -> None:
    rows, aside = read(write(b"person_id,odd\n1,ok\n2,\xff\n"), people)
    assert ([row["person_id"] for row in rows], [row.reason for row in aside]) == ([1], ["odd is not UTF-8"])


def test_nul_in_a_cell_is_kept(people: Table, write: WriteFile) -> None:
    rows, _ = read(write("person_id,sis_id\n1,a\0b\n"), people)
    assert rows[0]["sis_id"] == "a\0b"


def test_ten_thousand_columns_are_read(people: Table, write: WriteFile) -> None:
    names = [f"extra {place}" for place in range(10_000)]
    line = ",".join(str(place) for place in range(10_000))
    path = write(",".join(["person_id", *names]) + f"\n1,{line}\n2,{line}\nx,{line}\n")
    (batch,) = read_batches(path, read_header(path), people)
    assert batch.frame.shape == (2, 10_000 + len(people.columns))
    assert batch.frame["extra_9999"].tolist() == ["9999", "9999"]
    assert batch.quarantined[0].raw == f"x,{line}"


def test_a_header_that_cannot_be_one_is_refused_by_its_size(people: Table, write: WriteFile) -> None:
    for content in ("x" * 5000 + ",person_id\n1,2\n", ",".join(["name"] * 300_000) + "\n"):
        with pytest.raises(UnreadableFileError, match=r"no header|longer than 1048576 bytes"):
            read(write(content), people)


@pytest.mark.parametrize("row", ['"x\n{}"', "{}", "1,{}", "1,2,3,4,5,{}"])
def test_a_record_past_arrows_block_is_refused_by_name(
    people: Table, write: WriteFile, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 256)
    with pytest.raises(UnreadableFileError, match="longer than 256 bytes, or a quote is never closed") as raised:
        read(write(HEADER + "1,a,,\n" * 50 + row.format("secret " * 200) + "\n" + "2,b,,\n" * 50), people)
    assert "secret" not in str(raised.value)


def test_a_quote_that_opens_early_in_a_long_file_is_refused(
    people: Table, write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 256)
    with pytest.raises(UnreadableFileError, match="quote is never closed"):
        read(write(HEADER + '1,"a,,\n' + "2,b,,\n" * 500), people)


@pytest.mark.parametrize(
    "bad", ["short\n", "x,a,,\n", "1,a,,,,\n", "1,\xff,,\n"], ids=["short", "text", "long", "bytes"]
)
def test_a_hopeless_file_is_left_before_its_end(
    people: Table, write: WriteFile, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 512)
    monkeypatch.setattr(quarantine, "MOST_ROWS", 100)
    path = write((HEADER + bad * 90 + "1,a,,\n" * 90 + bad * 1000).encode("latin-1"))
    with pytest.raises(HopelessFileError, match=r"do not fit reports\.people: the limit is 100 rows") as raised:
        list(read_batches(path, read_header(path), people))
    assert isinstance(raised.value, UnreadableFileError)
    # Of 1090 rows that do not fit, those of the next blocks were not looked at.
    (found,) = re.findall(r"(\d+) rows were found", str(raised.value))
    assert 100 < int(found) < 300
    assert len(read(write((HEADER + bad * 100).encode("latin-1")), people)[1]) == 100


def test_few_rows_of_endless_text_are_hopeless_too(
    people: Table, write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "_MOST_BYTES", 1 << 20)
    with pytest.raises(HopelessFileError, match="1 MiB of text"):
        read(write(HEADER + ("x," + "long " * 10_000 + ",,\n") * 30), people)


def test_a_long_row_is_cut_in_quarantine_and_says_so(people: Table, write: WriteFile) -> None:
    long_text = "y" * 100_000
    _, aside = read(write(HEADER + f"x,{long_text},,\n{long_text}\n"), people)
    assert [len(row.raw) < 70_000 for row in aside] == [True, True]
    for row, length in zip(aside, (100_004, 100_000), strict=True):
        assert row.raw.endswith(f"[cut: {length} characters in all]")
    assert aside[0].raw.startswith("x,yyy")


def test_a_row_that_gets_lost_on_the_way_stops_the_load(
    people: Table, write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "frame_of", lambda arrays, bad: frame_of(arrays, bad).iloc[1:])
    with pytest.raises(
        RowsUnaccountedError, match=r"reports\.people: 3 records, of which 1 do not fit, stand for 2 rows"
    ):
        read(write(HEADER + "1,a,,\nx,b,,\n3,c,,\n"), people)


def test_a_ragged_row_that_gets_lost_on_the_way_stops_the_load(
    people: Table, write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(ragged: list[QuarantinedRow], _next: int, _count: int) -> tuple[QuarantinedRow, ...]:
        ragged.clear()
        return ()

    monkeypatch.setattr(csv_blocks, "_taken_with", forgetful)
    path = write(HEADER + "1,a,,\nshort\n3,c,,\n")
    with pytest.raises(RowsUnaccountedError, match="1 records were found not as wide as the header, and 0"):
        list(blocks(path, read_header(path), SetAside(people)))


def test_a_batch_counts_its_records_by_itself_unless_told(people: Table, write: WriteFile) -> None:
    path = write(HEADER + "1,a,,\n2,b,,\nshort\n")
    batches = list(read_batches(path, read_header(path), people))
    assert sum(batch.records for batch in batches) == 3
    assert Batch(batches[0].frame).records == 2
    assert Batch(batches[0].frame, records=7).records == 7


_ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "22", "x", ""]), _ANY, st.sampled_from(["", "1.5", "A"]))
        | st.lists(_ANY, min_size=1, max_size=6).filter(lambda cells: len(cells) != 3),
        max_size=15,
    ),
    st.sampled_from([64, 256, 4 << 20]),
)
def test_every_record_is_a_row_or_set_aside_under_its_own_number(
    tmp_path: Path, people: Table, lines: list[Any], block: int
) -> None:
    lines = [cells for cells in lines if list(cells) != [""]]
    path = tmp_path / "any.csv"
    text = "".join(",".join(_quoted(cell) if cell else "" for cell in cells) + "\n" for cells in lines)
    path.write_bytes(("person_id,sis_id,score\n" + text).encode())
    good = {
        number: cells
        for number, cells in enumerate(lines, start=2)
        if len(cells) == 3 and cells[0] in ("1", "22") and cells[2] in ("", "1.5")
    }
    longest = max((len(line.encode()) for line in text.split("\n")), default=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "_BLOCK_BYTES", max(block, 4 * longest + 64))
        rows, aside = read(path, people)
    assert [(row["person_id"], row["sis_id"]) for row in rows] == [
        (int(cells[0]), cells[1] or None) for cells in good.values()
    ]
    assert [row.line_number for row in aside] == [n for n in range(2, len(lines) + 2) if n not in good]


@pytest.mark.slow
def test_a_gigabyte_is_read_within_a_gibibyte(tmp_path: Path) -> None:
    path = tmp_path / "enrollments.csv"
    line = b"10000001,2026-000123,4711,00004711,student,3,77,2026-000123-001,active,,,true,StudentEnrollment,false,%d\n"
    header = (
        b"canvas_course_id,course_id,canvas_user_id,user_id,role,role_id,canvas_section_id,section_id,status,"
        b"canvas_associated_user_id,associated_user_id,created_by_sis,base_role_type,limit_section_privileges,"
        b"canvas_enrollment_id\n"
    )
    block = b"".join(line % number for number in range(10_000)) + b"short row\n"
    count = (1 << 30) // len(block) + 1
    with path.open("wb") as file:
        file.write(header)
        for _ in range(count):
            file.write(block)
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from pipelines.normalize.contracts.provisioning import ENROLLMENTS\n"
        "from pipelines.normalize.csv_files import read_batches, read_header\n"
        "path = Path(sys.argv[1])\n"
        "good = bad = 0\n"
        "for batch in read_batches(path, read_header(path), ENROLLMENTS):\n"
        "    good, bad = good + len(batch.frame), bad + len(batch.quarantined)\n"
        "print(good, bad, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    good, bad, peak = map(int, done.stdout.split())
    assert (good, bad) == (10_000 * count, count)
    assert peak < 1024
