"""What Arrow's blocks must not change: line breaks at their borders, the record that ends a file, bytes of no text."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.normalize import csv_blocks
from pipelines.normalize.contracts import Table, undeclared_table
from pipelines.normalize.csv_files import UnreadableFileError, read_batches, read_header
from tests.normalize.conftest import WriteFile
from tests.normalize.report_text import csv_text

Found = tuple[list[list[str | None]], list[tuple[int | None, str]]]


def read(path: Path, table: Table | None = None) -> Found:
    """Return the cells of the rows of a file, and the number and text of those set aside."""
    header = read_header(path)
    rows: list[list[str | None]] = []
    aside: list[tuple[int | None, str]] = []
    for batch in read_batches(path, header, table or undeclared_table("any_csv", "", list(header.cells))):
        frame = batch.frame.astype(object).where(batch.frame.notna(), None)
        rows += frame.to_numpy().tolist()
        aside += [(row.line_number, row.raw) for row in batch.quarantined]
    return rows, aside


@pytest.mark.parametrize("breaks", ["\r\n", "\r", "\n", "\r\r\n", "\r\n\r\n"])
def test_a_line_break_in_quotes_at_the_border_of_a_block_is_kept(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 64)
    for before in range(40, 64):
        cells = ["x" * before, f"b{breaks}c"]
        path = write("a,b\n" + "".join(f'{cells[0]},"{cells[1]}"\n' for _ in range(3)))
        assert read(path) == ([cells] * 3, []), before


CELLS = st.text(st.sampled_from('a;,"\r\né'), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=20),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([64, 65, 97, 4 << 20]),
)
def test_pythons_reader_finds_the_same_records(tmp_path: Path, lines: list[list[str]], end: str, block: int) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(csv_text([["a", "b"], *lines], end=end))
    with path.open(encoding="utf-8", newline="") as file:
        header, *due = csv.reader(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "_BLOCK_BYTES", block)
        rows, aside = read(path)
    assert header == ["a", "b"]
    assert [[cell or "" for cell in row] for row in rows] == [cells for cells in due if len(cells) == 2]
    assert [number for number, _ in aside] == [n for n, cells in enumerate(due, start=2) if len(cells) != 2]


@pytest.mark.parametrize("last", ['2,"a\nb",c', '2,"a\nb",c\n', '2,"a\nb",c\r\n\r\n', '"2\n,3"', '"2\n,3"\n'])
@pytest.mark.parametrize("block", [64, 4 << 20])
def test_a_last_record_of_another_width_is_set_aside_and_not_taken_for_an_open_quote(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch, last: str, block: int
) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", block)
    rows, aside = read(write("a,b\n" + '1,"x\ny"\n' * 20 + last))
    assert rows == [["1", "x\ny"]] * 20
    assert aside == [(22, last.rstrip("\r\n"))]


@pytest.mark.parametrize(
    "last",
    [
        '1,"x\n2,y\n3,z""',
        '1,"x\n2,y\n3,z""\n',
        '1,"x\n2,y\n3,z\n\n\n',
        '1,"x',
        '1,"',
        '1,"x""',
        '1,2,"x\n2,y\n',
        '1,2,"x',
        '"x\n2,y\n',
        '"x\n2,y\n3,z""\n',
    ],
)
@pytest.mark.parametrize("block", [64, 4 << 20])
def test_a_quote_that_is_open_at_the_end_is_refused_whatever_the_width_of_its_record(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch, last: str, block: int
) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", block)
    for before in ("", "1,2\n" * 30, "1,2\n" * 30 + "short\n"):
        with pytest.raises(UnreadableFileError, match="quote is never closed"):
            read(write("a,b\n" + before + last))


@pytest.mark.parametrize("cell", ["x\ny", "x\n", '\n"', '"\n', "\n", 'x\n""', '"', "", ",", ',"', "x"])
def test_a_quote_that_is_closed_at_the_end_is_not_refused(write: WriteFile, cell: str) -> None:
    escaped = cell.replace('"', '""')
    for end in ("", "\n", "\r\n", "\n" * 200_000):
        assert read(write(f'a,b\n1,"{escaped}"{end}')) == ([["1", cell]], []), end[:4]


@pytest.mark.parametrize("block", [64, 4 << 20])
def test_a_row_of_another_width_with_bytes_of_no_text_is_set_aside_in_silence(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], block: int
) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", block)
    good = 'Zoë,"a ""b"",\r\n第"\n'.encode()
    path = write(b"name,note\n" + good * 9 + b"caf\xe9\n" + good * 9 + b"1,\xff\n" + good + b"\xe9,2,3\n")
    rows, aside = read(path)
    assert rows == [["Zoë", 'a "b",\r\n第']] * 19
    assert aside == [(11, "caf\\xe9"), (21, "1,\\xff"), (23, "\\xe9,2,3")]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("rest", [b"", b"\xff,\n"], ids=["text", "bytes"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_that_begins_the_first_row_is_kept(write: WriteFile, rest: bytes, mark: str) -> None:
    rows, aside = read(write(f"{mark}a,b\n\ufeff1,2\n\ufeff3,4\n".encode() + rest))
    assert rows == [["\ufeff1", "2"], ["\ufeff3", "4"]]
    assert len(aside) == bool(rest)


@given(
    st.lists(
        st.sampled_from([b"a", "é".encode(), "第".encode(), "😀".encode()])
        | st.sampled_from([b"\xff", b"\xc3", b"\x80", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f"]),
        max_size=12,
    ).map(b"".join)
    | st.text(max_size=12).map(lambda text: text.encode(errors="replace")),
    st.integers(1, 9),
)
def test_a_file_is_utf_8_if_python_says_so_wherever_its_blocks_end(content: bytes, block: int) -> None:
    try:
        content.decode()
        due = True
    except UnicodeDecodeError:
        due = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "_BLOCK_BYTES", block)
        assert csv_blocks._is_utf8(io.BytesIO(content)) is due


def test_a_short_file_whose_last_cell_is_full_of_quotes_is_read(write: WriteFile) -> None:
    assert read(write('a,b\n1,x""""""""')) == ([["1", 'x""""""""']], [])
