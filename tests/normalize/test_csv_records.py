"""Records of any width: split where Python's own reader splits them, with the byte at which each ends."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.normalize.csv_records import records
from pipelines.normalize.unreadable import UnreadableFileError
from tests.normalize.report_text import cell

CELL = st.text(st.sampled_from('ab,;"\n\r é\0'), max_size=5)


def split(content: bytes, separator: str = ",", **given_: int) -> list[list[bytes | None]]:
    return [cells for cells, _ in records(io.BytesIO(content), separator, **given_)]


@given(
    rows=st.lists(st.lists(st.none() | CELL, min_size=1, max_size=4), max_size=6),
    separator=st.sampled_from(",;"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(),
)
def test_what_is_written_is_read_and_nothing_differs_from_empty(
    rows: list[list[str | None]], separator: str, end: str, last: bool
) -> None:
    lines = [separator.join(cell(text, separator) for text in row).encode() for row in rows]
    content = end.encode().join(lines) + (end.encode() if last and lines else b"")
    due = [[None if text is None else text.encode() for text in row] for row in rows]
    if not last and due and due[-1] == [None]:
        due.pop()  # an empty line is one only where something ends it
    found = list(records(io.BytesIO(content), separator))
    assert [cells for cells, _ in found] == due
    ends = [0, *(place for _, place in found)]
    # Each record stands where it is said to: reading on from any end gives the records behind it.
    for number, place in enumerate(ends):
        assert split(content, separator, start=place) == due[number:]


@given(content=st.text(st.sampled_from('ab,"\n'), max_size=20))
def test_odd_text_is_split_as_python_splits_it(content: str) -> None:
    reader = csv.reader(io.StringIO(content, newline=""))
    try:
        found = split(content.encode())
    except UnreadableFileError:
        # Python closes the quote at the end of the file by itself.
        assert content.count('"') > 0
        return
    assert [[(one or b"").decode() for one in cells] for cells in found] == [row or [""] for row in reader]


@pytest.mark.parametrize("content", [b'a,"b', b'"', b'a\n"b\nc\n', b'"a""', b'a,b\n1,"x""\n'])
def test_a_quote_that_is_never_closed_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFileError, match="quote is never closed"):
        split(content)


def test_a_record_past_the_limit_is_refused_without_being_kept(tmp_path: Path) -> None:
    assert split(b'"' + b"x\n" * 40 + b'",1\n2,3\n', longest=100)[1] == [b"2", b"3"]
    for content in (b"x" * 200, b'1,2\n"' + b"secret\n" * 40):
        with pytest.raises(UnreadableFileError, match="longer than 100 bytes") as raised:
            split(content, longest=100)
        assert "secret" not in str(raised.value)
    # Many short records after each other are no long one, whatever ends them.
    assert len(split(b"a,b\r" * 20, longest=100)) == 20
