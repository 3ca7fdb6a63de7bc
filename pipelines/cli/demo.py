"""`canvaslake demo`: a Canvas of our own, the main job on it, and what came of it.

The demo's folder is made anew at each call; it is known by a marker, so that no other folder is ever removed.
"""

import os
import shutil
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.cli.app import current_project
from pipelines.cli.console import put, put_table, say
from pipelines.cli.demo_canvas import choose_ports, describe
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.init import settings_text
from pipelines.demo import DEMO_TOKEN, DemoCanvas, Institution, oulad_institution, seeded_institution
from pipelines.demo.quota import CostModel
from pipelines.demo.seed_structure import ZONE
from pipelines.private_files import private_folder, write_private
from pipelines.serve import QueryError, list_tables, run_query, to_terminal
from pipelines.settings import CONFIG_NAME, DEMO_HOME

_MARKER = ".canvaslake-demo"
_ENOUGH_STUDENTS = 30
_CHEAP_COSTS = {"list": 0.3, "analytics": 0.3, "report_start": 0.5, "report_poll": 0.15}
"""Quota units per request, as of a quick Canvas: nobody wants to wait for a demo's bucket to leak."""

_LETTERS = """\
select grade, sum(students)::bigint as students
from marts.grade_distribution
where grade is not null
group by grade
order by students desc"""

_LATE = """\
select c.course_id, c.course_name, count(*) as students, sum(s.tardiness_missing)::bigint as missing,
       sum(s.tardiness_late)::bigint as late, sum(s.tardiness_on_time)::bigint as on_time
from analytics.student_summaries as s
join marts.dim_course as c using (course_id)
group by all
order by missing desc
limit 8"""

_BUSIEST = """\
with weeks as (
    select term_name, date_trunc('week', date)::date as week_of, sum(views)::bigint as views
    from marts.fct_department_day
    where depth = 0 and term_filter = 'term'
    group by term_name, week_of
)
select term_name, arg_max(week_of, views) as busiest_week, max(views) as views
from weeks
group by term_name
order by busiest_week"""

_QUESTIONS = (
    ("How did the students do, by letter grade?", _LETTERS),
    ("In which running courses is work missing or late?", _LATE),
    ("When was the busiest week, term by term?", _BUSIEST),
)


def run_demo(institution: Path | None, report_seconds: float) -> int:
    """Run the demo and return its exit code."""
    began = time.monotonic()
    for name in ("CANVAS_BASE_URL", "CANVAS_API_TOKEN", "CANVASLAKE_HOME"):
        os.environ.pop(name, None)
    try:
        # As of yesterday: today is not over, and nobody has looked at a page this evening.
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        held = oulad_institution(institution) if institution else seeded_institution(yesterday)
    except FileNotFoundError as error:
        say(f"{institution} is no folder of OULAD files: {error.filename} is not there.")
        return ExitCode.USAGE
    home = _fresh_home()
    port, files_port = choose_ports()
    with DemoCanvas(
        held,
        token=DEMO_TOKEN,
        report_seconds=report_seconds,
        port=port,
        files_port=files_port,
        costs=CostModel(cost=_CHEAP_COSTS),
    ) as canvas:
        _write_settings(home, canvas.base_url, institution, _quiet_accounts(held))
        say(f"A demo Canvas with {describe(held)} is up at {canvas.base_url}")
        os.environ["CANVASLAKE_CONFIG"] = str((home / CONFIG_NAME).absolute())
        from pipelines.cli.sync import report_outcome, sync

        project = current_project()
        outcome = sync(project)
        report_outcome(project, outcome)
    if outcome.exit_code:
        return outcome.exit_code
    _show(project.paths.published)
    say(f"\nAll of it took {time.monotonic() - began:.0f} s. What to type next:")
    for command, what in (
        ('query "select * from marts.dim_course limit 5"', "ask a question"),
        ("tables marts.fct_enrollment", "see what a table holds"),
        ("up", "the demo Canvas, the Dagster page and the daemon"),
    ):
        say(f"  {_program()} --demo {command:<50} # {what}")
    say(f"  {_program()} init{'':<53} # your own Canvas")
    return ExitCode.OK


def _quiet_accounts(held: Institution) -> list[int]:
    """Return the account whose students the demo asks about: all of them would take Canvas's quota minutes.

    It is the one with the fewest students in running courses, of those with at least a few dozen.
    """
    now = datetime.now(UTC)
    running = {
        term.id
        for term in held.terms
        if term.state == "active" and (term.start_at or now) <= now <= (term.end_at or now)
    }
    students: Counter[int] = Counter()
    for course in held.courses:
        if course.state == "available" and course.term_id in running:
            students[course.account_id] += len(held.students_by_course.get(course.id, {}))
    enough = {account: count for account, count in students.items() if count >= _ENOUGH_STUDENTS}
    return [min(enough, key=lambda account: (enough[account], account))] if enough else []


def _program() -> str:
    """Return the command as the person can type it: `canvaslake`, or its path when it is not on the PATH."""
    if shutil.which("canvaslake"):
        return "canvaslake"
    program = Path(sys.argv[0])
    try:
        return str(program.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(program)


def _fresh_home() -> Path:
    home = DEMO_HOME.absolute()
    if home.exists():
        if not (home / _MARKER).is_file():
            say(f"{home} is there and was not made by the demo; it stays. Move it away, and run this again.")
            raise SystemExit(ExitCode.SETTINGS)
        _remove(home)
    private_folder(home)
    write_private(home / _MARKER, "Made by `canvaslake demo`, which removes this folder when it is run again.\n")
    return home


def _remove(home: Path) -> None:
    """Empty the demo's folder, unless somebody works in it. The marker goes last: a removal may be cut short."""
    lock = home / "state" / "up.lock"
    if lock.is_file():
        try:
            FileLock(lock).acquire(timeout=0).lock.release()
        except Timeout:
            say(f"`canvaslake --demo up` is running in {home}. Stop it with Ctrl-C, and run this again.")
            raise SystemExit(ExitCode.SETTINGS) from None
    for entry in home.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _MARKER:
            entry.unlink()


def _write_settings(home: Path, base_url: str, institution: Path | None, accounts: list[int]) -> None:
    served = f"# The demo Canvas serves {institution.absolute()}\n" if institution else ""
    zone = "UTC" if institution else ZONE
    text = settings_text(base_url=base_url, time_zone=zone, home=".", student_accounts=accounts)
    write_private(home / CONFIG_NAME, served + text)
    write_private(home / ".env", f"CANVAS_API_TOKEN={DEMO_TOKEN}\n")


def _show(path: Path) -> None:
    entries = [entry for entry in list_tables(path) if entry.schema not in ("staging", "meta") and entry.rows]
    put("")
    put_table(
        ["table", "rows", "what"], [[e.qualified, e.rows, _short(e.description)] for e in entries], right=["rows"]
    )
    for question, sql in _QUESTIONS:
        put(f"\n{question}\n\n{sql}\n")
        try:
            put(to_terminal(run_query(path, sql)))
        except QueryError as error:
            put(str(error))


def _short(description: str) -> str:
    return description.split(". ", maxsplit=1)[0].rstrip(".")
