"""An answer as a file: whole or not at all, with its types, harmless in a spreadsheet, and with word of what it is."""

import csv
import stat
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest

from pipelines.serve import ExportError, QueryError, export_answer
from pipelines.serve.workbook import MOST_COLUMNS, MOST_ROWS

PUBLISHED = datetime(2026, 10, 1, 3, 0, tzinfo=UTC)

AWKWARD = """
    select * from (values
        (1234567890123456::bigint, '=1+1', -1.5::double, '-1.5', true, date '2026-10-01',
         timestamptz '2026-10-01 12:00:00+02', 12.340::decimal(9, 3), [1, 2], null),
        (7, 'http://example.com/x', 'nan'::double, 'a,"b"\nc', false, date '1899-12-31',
         timestamptz 'infinity', null, [], ''),
        (null, '00007919', null, ' ', null, null, timestamptz '2026-10-01 12:00:00.123456+00', 0, null, '\ufffe\x01')
    ) as t(id, words, number, minus, flag, day, moment, amount, list, "@empty")
"""


@pytest.fixture
def file(documented: Path) -> Path:
    """A published file with a dictionary, persons, and more rows than a batch has."""
    with duckdb.connect(str(documented)) as con:
        con.execute(
            "create table meta.generation as select 12::bigint as generation, $at as published_at", {"at": PUBLISHED}
        )
        con.execute("create schema canvas")
        con.execute("create table canvas.users as select 101 as user_id, 'Ada' as name, 3.5::double as score")
        con.execute(
            """insert into meta.columns values
            ('canvas', 'users', 'user_id', 1, 'INTEGER', 'Id.', '', true, 'id', 'pseudonym'),
            ('canvas', 'users', 'name', 2, 'VARCHAR', 'Name.', '', false, 'name', 'identity'),
            ('canvas', 'users', 'score', 3, 'DOUBLE', 'Score.', 'points', false, 'score', 'record')"""
        )
        con.execute("insert into marts.fct_day select * from range(100000, 300000)")
    return documented


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def rows_of_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def sheet(path: Path, name: str = "Data") -> Any:
    return openpyxl.load_workbook(path)[name]


@pytest.mark.parametrize("form", ["parquet", "csv", "xlsx"])
def test_a_table_arrives_whole_and_private(file: Path, out: Path, form: str) -> None:
    to = out / f"courses.{form}"
    done = export_answer(file, "Marts.Dim_Course", to)

    assert (done.path, done.rows, done.bytes) == (to, 2, to.stat().st_size)
    assert (done.answer.source, done.answer.generation, done.answer.published_at) == ("marts.dim_course", 12, PUBLISHED)
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert list(out.iterdir()) == [to]


def test_parquet_keeps_types_and_says_what_columns_mean(file: Path, out: Path) -> None:
    export_answer(file, "marts.dim_course", out / "c.parquet")
    written = pq.ParquetFile(out / "c.parquet")

    assert [str(field.type) for field in written.schema_arrow] == ["int64", "string", "timestamp[us, tz=UTC]"]
    assert written.schema_arrow.field("start_at").metadata[b"description"] == b"First day."
    assert written.schema_arrow.field("start_at").metadata[b"unit"] == b"UTC"
    assert written.schema_arrow.metadata[b"canvaslake.generation"] == b"12"
    assert written.metadata.row_group(0).column(0).compression == "ZSTD"
    assert written.read().to_pylist() == [
        {"course_id": 1, "name": "Art", "start_at": datetime(2024, 7, 1, 10, tzinfo=UTC)},
        {"course_id": 2, "name": None, "start_at": None},
    ]


def test_parquet_holds_every_type_that_the_engine_has(file: Path, out: Path) -> None:
    export_answer(file, "from test_all_types()", out / "all.parquet")
    export_answer(file, "select 1 as a, 2 as a, interval 3 days as b", out / "repeated.parquet")

    assert pq.read_table(out / "all.parquet").num_rows == 3
    assert pq.read_table(out / "repeated.parquet").to_pylist() == [{"a": 1, "a_2": 2, "b": "3 days"}]


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_table_of_many_batches_arrives_in_order(file: Path, out: Path, form: str) -> None:
    heard: list[tuple[int, int | None]] = []
    to = out / f"days.{form}"
    export_answer(file, "marts.fct_day", to, heard=lambda rows, total: heard.append((rows, total)))

    found = pq.read_table(to)["n"].to_pylist() if form == "parquet" else [int(row[0]) for row in rows_of_csv(to)[1:]]
    assert found == list(range(300_000))
    assert heard[0] == (0, 300_000)
    assert heard[-1] == (300_000, 300_000)
    assert len(heard) > 3


def test_csv_is_what_the_rfc_says_and_no_formula(file: Path, out: Path) -> None:
    export_answer(file, AWKWARD, out / "a.csv")

    assert (out / "a.csv").read_bytes().startswith(b"id,words,number,minus,flag,day,moment,amount,list,'@empty\r\n")
    assert rows_of_csv(out / "a.csv")[1:] == [
        ["1234567890123456", "'=1+1", "-1.5", "-1.5", "true", "2026-10-01", "2026-10-01T10:00:00+00:00", "12.340",
         "[1, 2]", ""],
        ["7", "http://example.com/x", "nan", 'a,"b"\nc', "false", "1899-12-31", "beyond the calendar", "", "[]", ""],
        ["", "00007919", "", " ", "", "", "2026-10-01T12:00:00.123456+00:00", "0.000", "", "\ufffe\x01"],
    ]  # fmt: skip


def test_raw_csv_is_the_text_as_it_is(file: Path, out: Path) -> None:
    export_answer(file, AWKWARD, out / "a.csv", raw=True)
    rows = rows_of_csv(out / "a.csv")

    assert (rows[0][-1], rows[1][1]) == ("@empty", "=1+1")


def test_a_workbook_holds_texts_as_texts_and_what_excel_would_change(file: Path, out: Path) -> None:
    export_answer(file, AWKWARD, out / "a.xlsx")
    cells = sheet(out / "a.xlsx")
    rows = [[cell.value for cell in row] for row in cells.iter_rows()]

    assert rows[0][-1] == "@empty"
    assert rows[1][:8] == [
        "1234567890123456",
        "=1+1",
        -1.5,
        "-1.5",
        True,
        datetime(2026, 10, 1),  # noqa: DTZ001 (Excel knows no zones)
        datetime(2026, 10, 1, 10, 0),  # noqa: DTZ001
        12.34,
    ]
    assert cells["B2"].data_type != "f"
    assert rows[2][:7] == [7, "http://example.com/x", "nan", 'a,"b"\nc', False, "1899-12-31", "beyond the calendar"]
    assert cells["B3"].hyperlink is None
    assert rows[3][1:4] == ["00007919", None, " "]
    assert rows[1][8] == "[1, 2]"
    assert (cells["F2"].number_format, cells["G2"].number_format) == ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss")


def test_a_workbook_has_a_head_that_stays_and_filters(file: Path, out: Path) -> None:
    export_answer(file, "marts.dim_course", out / "c.xlsx")
    cells = sheet(out / "c.xlsx")

    assert cells.freeze_panes == "A2"
    assert cells.auto_filter.ref == "A1:C3"
    assert cells["A1"].font.bold
    assert not cells["A2"].font.bold


def test_a_workbook_says_what_its_data_are(file: Path, out: Path) -> None:
    export_answer(file, "canvas.users", out / "u.xlsx")
    rows = [[cell for cell in row if cell is not None] for row in sheet(out / "u.xlsx", "About").values]

    assert ["Source", "canvas.users"] in rows
    assert ["Generation", 12] in rows
    assert ["Published", "2026-10-01 03:00:00 UTC"] in rows
    assert ["Privacy", "Data about persons: identity (name); record (score)."] in rows
    assert ["score", "DOUBLE", "points", "record", "Score."] in rows


@pytest.mark.parametrize(
    ("sql", "note"),
    [
        ("canvas.users", "Data about persons: identity (name); record (score)."),
        ("select upper(u.name) as n from canvas.users as u", "Data about persons: identity (n)."),
        (
            "with x as (from canvas.users) select avg(score) over () as s, 1 as one from x",
            "Data about persons: record (s).",
        ),
        ("select name from canvas.users tablesample 10%", "Data about persons: identity (name)."),
        ("select x.name from canvas.users as x tablesample 5 rows", "Data about persons: identity (name)."),
        ("select u from canvas.users u", "Data about persons: identity (u)."),
        ("select {'n': u} as s from canvas.users u", "Data about persons: identity (s)."),
        ("summarize canvas.users", "identity"),
        ("pivot canvas.users on name using max(score)", "identity (Ada)"),
        ("select count(*) as n from canvas.users", ""),
        ("select user_id from canvas.users", ""),
        ("describe canvas.users", ""),
        ("explain select name from canvas.users", ""),
        ("from marts.dim_course", ""),
    ],
)
def test_columns_about_persons_are_named_through_the_sql(file: Path, out: Path, sql: str, note: str) -> None:
    said = export_answer(file, sql, out / "x.csv").answer.privacy_note

    assert (note in said) if note else said == ""


def test_a_file_without_a_dictionary_can_be_exported_too(warehouse: Path, out: Path) -> None:
    done = export_answer(warehouse, "marts.dim_course", out / "x.xlsx")

    assert (done.rows, done.answer.generation, done.answer.privacy_note) == (2, None, "")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("from range(1048576)", "1,048,576 rows"),
        ("from marts.fct_day cross join range(10);", "3,000,000 rows"),
        (f"select {', '.join(f'{n} as c{n}' for n in range(MOST_COLUMNS + 1))}", "16,385 columns"),
        ("select 'a' as a, repeat('x', 32768) as long", "long has a text of 32,768 characters in row 1"),
        ("select repeat('\U0001f600', 16384) as long", "long has a text of 16,384 characters"),
    ],
)
def test_what_excel_cannot_hold_is_refused_and_leaves_nothing(file: Path, out: Path, question: str, said: str) -> None:
    with pytest.raises(ExportError, match=said):
        export_answer(file, question, out / "x.xlsx")

    assert list(out.iterdir()) == []


def test_a_table_too_long_for_excel_is_refused_before_a_row_is_written(file: Path, out: Path) -> None:
    with duckdb.connect(str(file)) as con:
        con.execute(f"create table marts.long as select range as n from range({MOST_ROWS + 1})")
    heard: list[int] = []

    with pytest.raises(ExportError, match=r"1,048,576 rows.*1,048,575"):
        export_answer(file, "marts.long", out / "x.xlsx", heard=lambda rows, _: heard.append(rows))
    assert heard == []
    assert export_answer(file, "marts.long", out / "x.parquet").rows == MOST_ROWS + 1


def test_a_file_that_is_there_stays_without_force(file: Path, out: Path) -> None:
    to = out / "x.csv"
    to.write_text("mine")

    with pytest.raises(ExportError, match="--force"):
        export_answer(file, "select 1 as a", to)
    assert to.read_text() == "mine"
    export_answer(file, "select 1 as a", to, force=True)
    assert rows_of_csv(to) == [["a"], ["1"]]


@pytest.mark.parametrize("form", ["parquet", "csv", "xlsx"])
def test_a_question_that_fails_half_way_leaves_the_old_file(file: Path, out: Path, form: str) -> None:
    to = out / f"x.{form}"
    to.write_text("mine")

    with pytest.raises(QueryError):
        export_answer(file, "select if(n > 200000, error('boom'), n) from marts.fct_day", to, force=True)
    assert [path.read_text() for path in out.iterdir()] == ["mine"]


def test_a_listener_that_stops_it_leaves_nothing(file: Path, out: Path) -> None:
    def stop(rows: int, _: int | None) -> None:
        if rows:
            raise KeyboardInterrupt

    for form in ("parquet", "csv", "xlsx"):
        with pytest.raises(KeyboardInterrupt):
            export_answer(file, "select n from marts.fct_day limit 200000", out / f"x.{form}", heard=stop)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("name", ["warehouse.duckdb", "state/x.csv", "x.csv", "out/../lake/x.csv"])
def test_nothing_is_written_into_the_data_directory(file: Path, tmp_path: Path, name: str) -> None:
    home = tmp_path
    for folder in ("state", "lake", "out"):
        (home / folder).mkdir()
    before = file.read_bytes()

    with pytest.raises(ExportError, match="data directory"):
        export_answer(file, "select 1 as a", home / name, form="csv", force=True, home=home)
    assert file.read_bytes() == before
    assert not list(home.rglob("*.csv"))


def test_the_warehouse_is_not_written_over_by_another_name(file: Path, out: Path) -> None:
    (out / "link.csv").symlink_to(file)
    (out / "folder").symlink_to(file.parent)
    (out / "hard.csv").hardlink_to(file)

    for name in ("link.csv", "hard.csv", "folder/warehouse.duckdb"):
        with pytest.raises(ExportError, match="data directory"):
            export_answer(file, "select 1 as a", out / name, form="csv", force=True)


@pytest.mark.parametrize(
    ("name", "form", "said"),
    [
        ("x.txt", None, "'txt' is no format"),
        ("x", None, "does not say in which format"),
        ("x.csv", "json", "'json' is no format"),
        ("missing/x.csv", None, "There is no folder"),
    ],
)
def test_a_place_or_format_that_is_not_right_is_said(
    file: Path, out: Path, name: str, form: str | None, said: str
) -> None:
    with pytest.raises(ExportError, match=said):
        export_answer(file, "select 1 as a", out / name, form=form)


def test_a_folder_is_no_file(file: Path, out: Path) -> None:
    (out / "x.csv").mkdir()

    with pytest.raises(ExportError, match="It is a folder"):
        export_answer(file, "select 1 as a", out / "x.csv", force=True)


def test_a_table_that_is_not_there_is_answered_with_those_that_are(file: Path, out: Path) -> None:
    with pytest.raises(QueryError, match=r"marts\.dim_course"):
        export_answer(file, "marts.dim_corse", out / "x.csv")


def test_exports_side_by_side_do_not_meet(file: Path, out: Path) -> None:
    names = [f"{n}.{form}" for n in range(3) for form in ("csv", "xlsx")]
    threads = [
        threading.Thread(target=export_answer, args=(file, "select n from marts.fct_day limit 5000", out / name))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert all(len(rows_of_csv(out / name)) == 5001 for name in names if name.endswith("csv"))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["parquet", "csv", "xlsx"])
def test_a_table_larger_than_its_memory_goes_through(file: Path, out: Path, form: str) -> None:
    rows, width = (200_000, 2000) if form == "xlsx" else (4_000_000, 400)
    sql = f"select range as n, repeat('x', {width}) || range as t from range({rows})"
    program = f"""
import resource
from pathlib import Path
from pipelines.serve import export_answer
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
export_answer(Path({str(file)!r}), {sql!r}, Path({str(out / f"x.{form}")!r}), memory_limit="200MB")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    # In megabytes; the texts are 1,600, in a workbook 400.
    assert int(done.stdout) < 300
    if form == "parquet":
        groups = pq.read_metadata(out / "x.parquet")
        assert (groups.num_rows, groups.num_row_groups > 20) == (rows, True)


def test_dates_are_days_in_every_format(file: Path, out: Path) -> None:
    sql = "select date '2026-02-28' + i::integer as d from range(3) as r(i)"
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2)]
    for form in ("parquet", "csv", "xlsx"):
        export_answer(file, sql, out / f"d.{form}")

    assert pq.read_table(out / "d.parquet")["d"].to_pylist() == days
    assert [row[0] for row in rows_of_csv(out / "d.csv")[1:]] == [str(day) for day in days]
    assert [row[0].date() for row in list(sheet(out / "d.xlsx").values)[1:]] == days
