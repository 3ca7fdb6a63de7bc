"""A table that does not fit a terminal is written record by record: no number is cut, and no word to single letters."""

from pathlib import Path

import pytest

from pipelines.serve import run_query, to_terminal
from pipelines.serve.layout import as_records, fits, least_widths


def test_numbers_are_never_broken_and_text_no_further_than_a_few_letters() -> None:
    header, rows = ["name", "count"], [["a very long name indeed", "12,345,678,901,234"]]
    assert least_widths(header, rows, {1}) == [12, 18]
    assert fits([12, 18], 33)
    assert not fits([12, 18], 32)


def test_a_record_has_a_line_for_each_column_and_wide_letters_stand_in_line() -> None:
    text = as_records(["id", "名前"], [["1", "Ada"], ["2", "two\nlines"]])
    assert text == "id    1\n名前  Ada\n\nid    2\n名前  two\n      lines"


@pytest.mark.parametrize(("width", "is_table"), [(200, True), (20, False)])
def test_an_answer_that_is_too_wide_is_shown_whole(warehouse: Path, width: int, is_table: bool) -> None:
    columns = ", ".join(f"{10**9 + place} as number_{place}" for place in range(6))
    text = to_terminal(run_query(warehouse, f"select {columns}"), width=width)
    for place in range(6):
        assert f"number_{place}" in text
        assert str(10**9 + place) in text
    assert ("─" in text) is is_table
    assert text.endswith("1 row\n")
