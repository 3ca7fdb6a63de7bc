"""Canvas's account reports as its source has them, small enough for many thousand steps: states, answers, files.

It knows nothing of the pipeline. What travels between the two, and what goes wrong on the way, is in `line`.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

ORIGIN = "https://canvas.example.edu"
STORAGE = "https://files.example.net"
TOKEN = "1~a-token-of-the-machine"
DAMAGED = -1
"""The content of a file that nobody can read."""

_ZONE = timezone(timedelta(hours=-6))
_PER_PAGE = 25

Echo = dict[str, "str | list[str]"]


class Job(StrEnum):
    """What Canvas's worker does with a report, whatever its record says."""

    WAITS = "waits"
    RUNS = "runs"
    OVER = "over"
    STUCK = "stuck"


@dataclass(frozen=True)
class File:
    """One file that a report was made into. `content` says which rows it has."""

    number: int
    content: int
    made_at: datetime


@dataclass
class Report:
    """A report's record, and what only Canvas knows of it. `starter` is the intent it was started for, if one was."""

    number: int
    account: int
    name: str
    parameters: Echo
    created_at: datetime
    starter: int | None
    status: str = "created"
    progress: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    files: list[File] = field(default_factory=list)
    link_is_late: bool = False
    deleted: bool = False
    was_hidden: bool = False
    vanished: bool = False
    job: Job = Job.WAITS
    shown_since: datetime | None = None

    @property
    def visible(self) -> bool:
        return not self.deleted and not self.vanished

    @property
    def file(self) -> File | None:
        """The file that the record shows."""
        return self.files[-1] if self.files and not self.link_is_late else None

    @property
    def ready(self) -> bool:
        """Whether anybody who looks can load it."""
        return self.visible and self.status == "complete" and self.file is not None


@dataclass(frozen=True)
class Answer:
    """An answer of Canvas or its file storage."""

    status: int
    body: bytes
    headers: dict[str, str]


def json_answer(status: int, value: object, **headers: str) -> Answer:
    """Return an answer as Canvas gives them: JSON, with its id and its quota."""
    own = {"content-type": "application/json; charset=utf-8", "x-request-context-id": "r", "x-request-cost": "0.1"}
    return Answer(status, json.dumps(value).encode(), {**own, "x-rate-limit-remaining": "600.0", **headers})


NOT_FOUND = json_answer(404, {"errors": [{"message": "The specified resource does not exist."}]})


class Canvas:
    """The reports of one Canvas. `clock` is its own clock, which need not agree with ours."""

    def __init__(self, clock: Callable[[], datetime], offered: Mapping[str, Mapping[str, object]]) -> None:
        self.clock = clock
        self.offered = offered
        self.reports: dict[int, Report] = {}
        self.touched: set[int] = set()
        self._files = 100

    def answer(self, method: str, url: str, body: bytes, starter: int | None) -> Answer:
        """Answer a request to the API. `starter` is what a POST is for."""
        parts = urlsplit(url)
        words = parts.path.strip("/").split("/")
        if words[0] == "files":
            return self._download(int(words[1]))
        account, name, rest = int(words[3]), words[5] if len(words) > 5 else "", words[6:]
        if not name:
            return json_answer(200, [{"report": one, "title": one, **more} for one, more in self.offered.items()])
        if name not in self.offered:
            return NOT_FOUND
        if method == "POST":
            return json_answer(200, self.shown(self.start(account, name, echo_of(body), starter)))
        if not rest:
            return self._index(account, name, parts.path, dict(parse_qsl(parts.query)))
        report = self.reports.get(int(rest[0]))
        if report is None or not report.visible or (report.account, report.name) != (account, name):
            return NOT_FOUND
        if method == "PUT" and report.status != "running":
            return NOT_FOUND
        if method in ("PUT", "DELETE"):
            self.touched.add(report.number)
            self.abort(report) if method == "PUT" else self.delete(report)
            return json_answer(200, {**self.shown(report), "status": "aborted" if method == "PUT" else "deleted"})
        return json_answer(200, self.shown(report))

    def start(self, account: int, name: str, parameters: Echo, starter: int | None) -> Report:
        """Start a report; an equal one that runs already is not looked for."""
        report = Report(len(self.reports) + 1, account, name, parameters, self.clock(), starter)
        self.reports[report.number] = report
        return report

    def stored(self, number: int) -> bytes | None:
        """Return a file of the storage, which knows nothing of reports; None if it has none with that number."""
        for report in self.reports.values():
            for file in report.files:
                if file.number == number:
                    return body_of(report.name, file.content)
        return None

    def run(self, report: Report) -> None:
        """Let the worker begin."""
        report.status, report.job, report.started_at = "running", Job.RUNS, self.clock()
        report.parameters = {**report.parameters, "locale": "en"}

    def work(self, report: Report) -> None:
        """Let the worker go on for a while; the progress may begin anew with each file."""
        report.progress = (report.progress + 37) % 100
        if report.progress > 80 and report.status == "running":
            report.status = "compiling"

    def complete(self, report: Report, content: int, *, late: bool = False) -> None:
        """Let the worker end with a file. With `late` the record has its status a while before it has the file."""
        self._files += 1
        report.files.append(File(self._files, content, self.clock()))
        report.job, report.progress, report.ended_at, report.link_is_late = Job.OVER, 100, self.clock(), late
        if report.deleted:
            # The worker saves its record without having seen that it was deleted.
            report.deleted = False
        if report.status != "aborted":
            report.status = "complete"
        report.shown_since = self.clock()

    def link(self, report: Report) -> None:
        """Let a late file appear."""
        report.link_is_late, report.shown_since = False, self.clock()

    def fail(self, report: Report, *, whole: bool) -> None:
        """Let the worker end without a file; a worker that died says less."""
        report.status, report.job = "error", Job.OVER
        if whole:
            report.progress, report.ended_at = 100, self.clock()
            report.parameters = {**report.parameters, "extra_text": "Failed, the report failed to generate a file."}

    def again(self, report: Report) -> None:
        """Let another attempt of the worker begin, after one that had made a file."""
        report.status, report.job, report.progress, report.started_at = "running", Job.RUNS, 0, self.clock()
        report.ended_at = None

    def abort(self, report: Report) -> None:
        """Mark a running report as aborted; its worker is not told."""
        report.status = "aborted"

    def delete(self, report: Report) -> None:
        """Hide a report; its worker, if it runs, is not told."""
        report.deleted = report.was_hidden = True

    def notice(self, report: Report) -> None:
        """Let the worker of a deleted report see that it was deleted: it comes back as aborted."""
        report.deleted, report.status, report.job, report.progress = False, "aborted", Job.OVER, 100

    def vanish(self, report: Report) -> None:
        """Take a report out of the database."""
        report.vanished = report.was_hidden = True
        report.job = Job.OVER

    def shown(self, report: Report) -> dict[str, object]:
        """Return the record as the API shows it; `attachment` is absent until there is a file."""
        shown: dict[str, object] = {
            "id": report.number,
            "report": report.name,
            "status": report.status,
            "progress": report.progress,
            "current_line": report.progress * 10,
            "parameters": report.parameters,
            "created_at": _time(report.created_at),
            "started_at": _time(report.started_at),
            "ended_at": _time(report.ended_at),
            "file_url": None,
        }
        if report.file is not None:
            number, size = report.file.number, len(body_of(report.name, report.file.content))
            shown["file_url"] = f"{ORIGIN}/accounts/{report.account}/files/{number}/download"
            shown["attachment"] = {
                "id": number,
                "content-type": "text/csv",
                "display_name": f"{report.name}_{number}.csv",
                "size": size,
                "url": f"{ORIGIN}/files/{number}/download?download_frd=1&verifier=v{number}",
            }
        return shown

    def _index(self, account: int, name: str, path: str, query: Mapping[str, str]) -> Answer:
        page, size = int(query.get("page", 1)), min(int(query.get("per_page", 10)), _PER_PAGE)
        found = [one for one in self.reports.values() if one.visible and (one.account, one.name) == (account, name)]
        found.sort(key=lambda one: (one.created_at, one.number), reverse=True)
        here = found[(page - 1) * size : page * size]
        links = (
            {"link": f'<{ORIGIN}{path}?page={page + 1}&per_page={size}>; rel="next"'} if found[page * size :] else {}
        )
        return json_answer(200, [self.shown(one) for one in here], **links)

    def _download(self, number: int) -> Answer:
        if self.stored(number) is None:
            return NOT_FOUND
        return Answer(302, b"", {"location": f"{STORAGE}/{number}?signature=s{number}", "x-request-context-id": "r"})


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(_ZONE).isoformat(timespec="seconds") if moment else None


def echo_of(body: bytes) -> Echo:
    """Return the parameters of a form as Canvas keeps them: texts, and lists of texts."""
    echo: Echo = {}
    for key, value in parse_qsl(body.decode(), keep_blank_values=True):
        name, _, rest = key.removeprefix("parameters[").partition("]")
        if rest == "[]":
            several = echo.setdefault(name, [])
            assert isinstance(several, list)
            several.append(value)
        else:
            echo[name] = value
    return echo


def rows_of_content(content: int) -> list[tuple[int, str]]:
    """Return the rows of a file: an id and a name each. Some files have none."""
    return [(content * 10 + row, f"content {content}, row {row}") for row in range(content % 4)]


@lru_cache(maxsize=256)
def body_of(report: str, content: int) -> bytes:
    """Return a file of a report, byte for byte: a ZIP of two members for provisioning, else a CSV."""
    if content == DAMAGED:
        return b"PK\x03\x04 and nothing that would follow"
    rows = rows_of_content(content)
    if report != "provisioning_csv":
        return _csv("room id,name", [f"{number},{name!r}" for number, name in rows])
    accounts = [f"{number},,1,,{name!r},active,false" for number, name in rows]
    terms = [f"{number},,{name!r},active,,,false" for number, name in rows]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, header, lines in (
            ("accounts", "canvas_account_id,account_id,canvas_parent_id,parent_account_id,name,status", accounts),
            ("terms", "canvas_term_id,term_id,name,status,start_date,end_date", terms),
        ):
            entry = zipfile.ZipInfo(f"{member}.csv", (2026, 1, 1, 0, 0, 0))
            archive.writestr(entry, _csv(f"{header},created_by_sis", lines))
    return packed.getvalue()


def _csv(header: str, lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in [header, *lines]).replace("'", '"').encode()
