"""CSV as Canvas's Ruby writer puts it: quoting only where needed, null empty, empty string `""`.

Text of cells and rows only; which columns a report has is written in the report's builder.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

Cell = str | int | float | bool | datetime | None
Row = Sequence[Cell]
TimeText = Callable[[datetime, ZoneInfo], str]

_UTC: Final = ZoneInfo("UTC")


def iso_in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """Format a moment in a zone to the second with its offset, `Z` only when the zone is UTC itself."""
    text = moment.astimezone(zone).isoformat(timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if zone.key in {"UTC", "Etc/UTC"} else text


def ruby_text(moment: datetime, zone: ZoneInfo) -> str:  # noqa: ARG001 - the same shape as the other way
    """Format a moment as Ruby's `to_s` does, in UTC: `2026-01-05 10:00:00 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@dataclass(frozen=True, slots=True)
class Style:
    """How the cells of a file become text.

    `words` maps a column to texts that stand for values (`never` for None); only cells under a header have a column.
    """

    zone: ZoneInfo = _UTC
    time: TimeText = iso_in_zone
    separator: str = ","
    byte_order_mark: bool = False
    decimal_comma: bool = False
    encoding: str = "utf-8"
    words: Mapping[str, Mapping[Cell, str]] = field(default_factory=dict)


PLAIN: Final = Style()


def cell_text(value: Cell, style: Style = PLAIN) -> str:
    """Write one cell. None and the empty string differ, as they do in Canvas's files."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _quoted(value, style.separator)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return style.time(value, style.zone)
    if style.decimal_comma and isinstance(value, float):
        return _quoted(str(value).replace(".", ","), style.separator)
    return str(value)


_NEEDS_QUOTES: Final = {separator: re.compile(rf'^\s|[{separator}"\r\n]|\s$').search for separator in (",", ";")}


def _quoted(text: str, separator: str) -> str:
    if text == "":
        return '""'
    if _NEEDS_QUOTES[separator](text):
        return '"' + text.replace('"', '""') + '"'
    return text


def csv_bytes(header: Sequence[str], rows: Iterable[Row], style: Style = PLAIN) -> bytes:
    r"""Write a header and rows, which may be shorter or longer than it; rows end with `\n`."""
    words = {at: style.words[name] for at, name in enumerate(header) if name in style.words}
    separator = style.separator
    lines = [separator.join(_quoted(name, separator) for name in header)]
    for row in rows:
        cells = [cell_text(value, style) for value in row]
        for at, known in words.items():
            if at < len(row) and row[at] in known:
                cells[at] = known[row[at]]
        lines.append(separator.join(cells))
    lines.append("")
    # What an old encoding cannot say is lost there, too.
    content = "\n".join(lines).encode(style.encoding, errors="replace")
    return b"\xef\xbb\xbf" + content if style.byte_order_mark else content


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """Pack files into a ZIP in the order given; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 1)
    return out.getvalue()
