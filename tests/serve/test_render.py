"""Answers as text: every value arrives as it was, and a cut-off answer never looks whole."""

import csv
import io
import json
from pathlib import Path

from pipelines.serve import run_query, to_csv, to_json, to_markdown, to_terminal

VALUES = """select * from (values
    (1, 'a|b', 1.50::decimal(4,2), true, null, timestamptz '2024-07-01 12:00:00+02'),
    (20, e'two\\nlines, "quoted"', 20.00, false, 'x', null)
) as t(id, label, score, flag, note, seen_at) order by id"""


def test_numbers_stand_to_the_right_and_null_is_not_an_empty_text(warehouse: Path) -> None:
    lines = to_terminal(run_query(warehouse, "select course_id, name from marts.dim_course order by 1")).splitlines()

    assert lines[0].split() == ["course_id", "name"]
    assert lines[2] == "        1   Art"
    assert lines[3] == "        2   NULL"
    assert lines[-1] == "2 rows"


def test_a_cut_off_answer_says_so_to_people(warehouse: Path) -> None:
    result = run_query(warehouse, "from marts.fct_day", limit=1)

    assert "First 1 row; there are more." in to_terminal(result)
    assert "First 1 row; there are more." in to_markdown(result)
    assert to_csv(result).count("\n") == 2


def test_a_name_cannot_send_orders_to_the_terminal(warehouse: Path) -> None:
    text = to_terminal(run_query(warehouse, "select chr(27) || '[2J' || chr(7) as name"))

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\\x1b[2J" in text


def test_markup_in_a_name_is_only_text(warehouse: Path) -> None:
    assert "[red]Art[/red]" in to_terminal(run_query(warehouse, "select '[red]Art[/red]' as name"))


def test_a_long_name_is_shown_in_full_on_a_narrow_terminal(warehouse: Path) -> None:
    text = to_terminal(run_query(warehouse, "select repeat('x', 150) as name"), width=40)

    assert text.count("x") == 150
    assert max(len(line) for line in text.splitlines()) <= 40


def test_csv_comes_back_as_it_was(warehouse: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(run_query(warehouse, VALUES)), newline="")))

    assert rows[0] == {
        "id": "1",
        "label": "a|b",
        "score": "1.50",
        "flag": "true",
        "note": "",
        "seen_at": "2024-07-01T10:00:00+00:00",
    }
    assert rows[1]["label"] == 'two\nlines, "quoted"'


def test_json_keeps_types_and_whole_numbers_of_any_size(warehouse: Path) -> None:
    [row] = json.loads(
        to_json(
            run_query(
                warehouse,
                """select 9007199254740993 as big, sum(n) as total, 1.5::decimal(4,1) as d, 'NaN'::double as nan,
                null as nothing, [1, 2] as list, {'a': date '2024-01-02'} as nested, interval 3 day as span,
                1 as twice, 2 as twice from marts.fct_day""",
            )
        )
    )

    assert row == {
        "big": 9007199254740993,
        "total": 4999950000,
        "d": 1.5,
        "nan": None,
        "nothing": None,
        "list": [1, 2],
        "nested": {"a": "2024-01-02"},
        "span": "3 days",
        "twice": 1,
        "twice_2": 2,
    }


def test_a_bar_or_a_line_end_in_a_name_does_not_break_a_markdown_table(warehouse: Path) -> None:
    text = to_markdown(run_query(warehouse, VALUES)).splitlines()

    assert text[1] == "| ---: | --- | ---: | --- | --- | --- |"
    assert text[2].startswith("| 1 | a\\|b | 1.50 | true |  |")
    assert text[3].startswith('| 20 | two<br>lines, "quoted" |')


def test_a_date_beyond_the_calendar_does_not_lose_the_answer(warehouse: Path) -> None:
    assert "beyond the calendar" in to_csv(run_query(warehouse, "select 'infinity'::timestamptz as at"))
