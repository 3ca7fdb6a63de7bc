"""The page can be sent on: it is whole, loads nothing, names nobody, and can be read by everybody."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.serve.overview import page, pictures, read_overview
from pipelines.serve.overview.page import chart_sheet, style_sheet
from pipelines.serve.overview.sections import sections
from tests.serve.overview.conftest import STUDENTS, insert

_VOID = {"meta", "br", "hr", "img", "link", "input"}
_LOADING = {"src", "srcset", "data", "action", "poster", "xlink:href", "background", "formaction"}
SECTIONS = {
    "activity",
    "hours",
    "categories",
    "scores",
    "letters",
    "courses",
    "submissions",
    "coverage",
    "freshness",
}


class Walk(HTMLParser):
    """Every tag with its attributes and the tags around it, and every text; tags must close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}, tuple(self.open)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}, tuple(self.open)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def named(self, tag: str) -> Iterator[dict[str, str]]:
        return (attributes for name, attributes, _ in self.tags if name == tag)

    def text(self) -> str:
        return " ".join(data for tag, data in self.texts if tag != "style")


@pytest.fixture
def html(campus: Path) -> str:
    return page(read_overview(campus, time_zone="America/Denver"))


@pytest.fixture
def walk(html: str) -> Walk:
    return Walk(html)


def test_every_section_is_there_and_can_be_jumped_to(walk: Walk) -> None:
    assert {one["id"] for one in walk.named("section")} == SECTIONS
    targets = {one["href"] for one in walk.named("a")}
    ids = [one["id"] for _, one, _ in walk.tags if "id" in one]
    assert len(ids) == len(set(ids))
    assert targets == {f"#{name}" for name in (*SECTIONS, "main")}
    assert targets <= {f"#{one}" for one in ids}


def test_headings_are_in_order(walk: Walk) -> None:
    levels = [int(tag[1]) for tag, _, _ in walk.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels == [1, *[2] * len(SECTIONS)]


def test_nothing_is_loaded_from_anywhere(html: str, walk: Walk) -> None:
    assert not any(set(attributes) & _LOADING for _, attributes, _ in walk.tags)
    assert not list(walk.named("script"))
    assert not any(name.startswith("on") for _, attributes, _ in walk.tags for name in attributes)
    without_names = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "//" not in re.sub(r"\s+", "", without_names).replace("<!doctype", "")
    assert "url(" not in html
    assert "@import" not in html
    [policy] = [one["content"] for one in walk.named("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_nobody_is_named(campus: Path, html: str) -> None:
    drawn = "".join(pictures(campus).values())
    assert "Zapfelberg" not in html + drawn
    assert not [who for who in STUDENTS if str(who) in html or f"{who:,}" in html]


def test_one_to_four_students_are_never_a_number(walk: Walk) -> None:
    assert "5–9: <5 students" in walk.text()
    assert "Excellent: <5 students" in walk.text()
    assert not re.search(r"\b[1-4] students", walk.text())


def test_the_numbers_of_the_campus_are_on_the_page(walk: Walk) -> None:
    text = re.sub(r"\s+", " ", walk.text())
    for words in (
        "Mill University",
        "Autumn · 20 Oct 2026, 06:00 UTC · generation 7",
        "1,150 page views and 115 participations from 1 Oct to 3 Oct 2026",
        "Most fall on Monday from 08:00 to 09:00",
        "Assignments take 75% of 1,200 page views",
        "the course in the middle of 3 had 200 page views and 2 participations",
        "70% came on time, 20% late, and 10% is missing",
        "5 questions to Canvas",
        "2 could not be read",
        "Courses is the oldest",
        "3 days",
    ):
        assert words in text


def test_each_chart_speaks_and_has_its_numbers_below_it(campus: Path, walk: Walk) -> None:
    charts = [one for one in walk.named("svg") if "viewbox" in one]
    ids = {one["id"] for _, one, _ in walk.tags if "id" in one}
    assert all(one["role"] == "img" and set(one["aria-labelledby"].split()) <= ids for one in charts)
    figures = [figure for one in sections(read_overview(campus)) for figure in one.figures]
    drawn = [figure for figure in figures if figure.chart]
    # Each is drawn for a desk and for a phone.
    assert len(charts) == 2 * len(drawn) == 2 * (len(SECTIONS) - 1)
    assert len(list(walk.named("details"))) == len(drawn)
    assert all(figure.table.rows for figure in figures)
    headed = [parents for tag, _, parents in walk.tags if tag == "table"]
    assert len([parents for parents in headed if "details" in parents]) == len(drawn)


def test_every_cell_of_a_table_has_a_heading(campus: Path) -> None:
    for section in sections(read_overview(campus)):
        for figure in section.figures:
            assert {len(row) for row in figure.table.rows} == {len(figure.table.columns)}


def test_tables_that_scroll_can_be_reached_by_the_keyboard(walk: Walk) -> None:
    scrolling = [one for one in walk.named("div") if one.get("class") == "table"]
    assert scrolling
    assert all(one["tabindex"] == "0" and one["role"] == "region" and one["aria-label"] for one in scrolling)


def test_the_same_file_gives_the_same_bytes(campus: Path, html: str) -> None:
    assert page(read_overview(campus, time_zone="America/Denver")) == html
    assert pictures(campus) == pictures(campus)


def test_a_hostile_name_stays_a_text(campus: Path) -> None:
    name = '</title><script>alert(1)</script>"onload="x" & <b>'
    account = {"account_id": 9, "account_name": name, "id_path": "/9/", "depth": 0, "path": name, "status": "active"}
    insert(campus, "marts.dim_account", [{**account, "root_account_id": 9, "root_account_name": name}])
    scope = {"account_id": 9, "term_filter": "current", "term_id": None}
    rows = [{**scope, "category": name, "views": 5}]
    insert(campus, "analytics.department_activity_by_category", rows)
    text = page(read_overview(campus, account=9))
    walk = Walk(text)
    assert not list(walk.named("script"))
    assert not list(walk.named("b"))
    assert ("title", name) in walk.texts
    assert ("h1", name) in walk.texts
    assert any(tag == "th" and name in data for tag, data in walk.texts)


def test_a_file_without_rows_says_what_brings_them(bare: Path) -> None:
    walk = Walk(page(read_overview(bare)))
    assert {one["id"] for one in walk.named("section")} == SECTIONS
    assert not list(walk.named("svg"))
    commands = [data for tag, data in walk.texts if tag == "code"]
    assert len(commands) == len(SECTIONS)
    assert all(command.startswith("canvaslake sync") for command in commands)
    assert pictures(bare) == {}


def test_an_account_of_few_students_says_why_it_shows_nothing(campus: Path) -> None:
    text = Walk(page(read_overview(campus, account=3))).text()
    assert text.count("Fewer than 5 people study in this account") == 4
    assert "Mill University: Sanskrit" in text


def _colours(sheet: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#\w{6});", sheet))


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_letters_stand_out_from_their_ground(mode: int) -> None:
    sheets = style_sheet().split("@media screen")
    colours = _colours(sheets[mode])
    for letters in ("ink", "quiet", "link"):
        for ground in ("page", "ground"):
            assert _contrast(colours[letters], colours[ground]) >= 4.5, (letters, ground)
    assert _contrast(colours["blue"], colours["ground"]) >= 3
    # What is too pale to stand out by itself has an edge that does.
    assert _contrast(colours["edge"], colours["orange"]) >= 3


def test_dark_and_light_name_the_same_colours_and_every_rule_finds_its_own() -> None:
    light, dark = (_colours(sheet) for sheet in style_sheet().split("@media screen"))
    assert set(light) == set(dark)
    used = set(re.findall(r"var\(--(\w+)\)", style_sheet()))
    assert used - {"own"} <= set(light)
    assert used - {"own"} >= set(re.findall(r"var\(--(\w+)\)", chart_sheet())) - {"own"}
