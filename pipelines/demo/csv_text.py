"""CSV as Canvas's Ruby writer puts it: quoting only where needed, null empty, empty string `""`.

Text of cells and rows only; which columns a report has is written in the report's builder.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

Cell = str | int | float | bool | None
Row = Sequence[Cell]

_NEEDS_QUOTES: Final = re.compile(r'^[\s]|[,"\r\n]|\s$')


def cell_text(value: Cell) -> str:
    """Write one cell. None and the empty string differ, as they do in Canvas's files."""
    if value is None:
        return ""
    if isinstance(value, str):
        if value == "":
            return '""'
        if _NEEDS_QUOTES.search(value):
            return '"' + value.replace('"', '""') + '"'
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def csv_bytes(header: Sequence[str], rows: Iterable[Row]) -> bytes:
    r"""Write a header and rows: UTF-8 without BOM, rows ended by `\n`."""
    lines = [",".join(map(cell_text, header))]
    lines += [",".join(map(cell_text, row)) for row in rows]
    lines.append("")
    return "\n".join(lines).encode("utf-8")


def zone_text(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """Format a moment in a zone with its offset, `Z` only when the zone is UTC itself."""
    if moment is None:
        return None
    text = moment.astimezone(zone).isoformat(timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if zone.key in {"UTC", "Etc/UTC"} else text


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """Pack files into a ZIP in the order given; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 1)
    return out.getvalue()
