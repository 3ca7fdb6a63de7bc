"""The overview as one HTML file: no script, nothing from elsewhere, every text escaped.

The same published file gives the same bytes: the page tells the time of the generation, not of its making.
"""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from pipelines.serve.overview.charts import NARROW, WIDE, Chart, written
from pipelines.serve.overview.facts import FEWEST, Overview
from pipelines.serve.overview.scales import day
from pipelines.serve.overview.sections import sections

_MILLION = 1_000_000


def page(overview: Overview) -> str:
    """Return the overview as HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_text("page.html"))
    return template.render(
        title=_title(overview),
        about=_about(overview),
        numbers=_numbers(overview),
        sections=sections(overview),
        drawn=_drawn,
        wide=WIDE,
        narrow=NARROW,
        # Style sheets are ours and hold no data; escaped, their quotes would be lost.
        css=Markup(style_sheet()),  # noqa: S704
        foot=_foot(overview),
    )


@cache
def style_sheet() -> str:
    """Return the rules of the page, in the colours that the reader's system asks for; paper is light."""
    light, dark = _text("light.css"), _text("dark.css")
    return (
        f":root {{\n{light}}}\n@media screen and (prefers-color-scheme: dark) {{\n:root {{\n{dark}}}\n}}\n"
        f"{_text('chart.css')}{_text('page.css')}"
    )


@cache
def chart_sheet() -> str:
    """Return the rules of a chart that stands alone, on white."""
    return f".chart {{\n{_text('light.css')}}}\n{_text('chart.css')}"


def _drawn(chart: Chart, width: int) -> Markup:
    # The XML writer has escaped every text in it.
    return Markup(chart.svg(width))  # noqa: S704


def _title(overview: Overview) -> str:
    scope = overview.scope
    inside = f": {scope.account_name}" if scope.account_name != scope.institution else ""
    return f"{scope.institution}{inside}"


def _about(overview: Overview) -> str:
    scope, generation = overview.scope, overview.generation
    term = scope.term_name or {"completed": "Concluded courses of the default term"}.get(
        scope.term_filter, "Default term"
    )
    then = " as of then" if generation.as_of else ""
    return (
        f"{term} · {day(generation.moment.date(), with_year=True)}, {generation.moment:%H:%M} UTC{then} · "
        f"generation {generation.number} · Canvas {generation.instance or 'unknown'}"
    )


def _numbers(overview: Overview) -> list[tuple[str, str]]:
    statistics, days, overall = overview.statistics, overview.days, overview.submissions.overall
    found: list[tuple[str, str]] = []
    if statistics:
        counts = {
            "courses": statistics.courses,
            "teachers": statistics.teachers,
            "assignments": statistics.assignments,
            "discussions": statistics.discussion_topics,
        }
        found = [(name, f"{count:,}") for name, count in counts.items() if count is not None]
        found.insert(1, ("students", written(statistics.students)))
    if days:
        found.append(("page views", _large(sum(one.views for one in days))))
        found.append(("participations", _large(sum(one.participations for one in days))))
    if overall.total:
        found.append(("work on time", f"{overall.on_time / overall.total:.0%}"))
    return found


def _large(number: int) -> str:
    """Return a number that fits its tile; the sentence of its section has it in full."""
    return f"{number:,}" if number < _MILLION else f"{number / _MILLION:,.1f}M"


def _foot(overview: Overview) -> str:
    version = f" {overview.generation.version}" if overview.generation.version else ""
    return (
        f"Made by canvaslake{version} from generation {overview.generation.number}. The page names no person, shows no "
        f"number of students from 1 to {FEWEST - 1}, and loads nothing from a network."
    )


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
