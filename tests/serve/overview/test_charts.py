"""Charts stay within their edges and keep their proportions, whatever the numbers are."""

from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.serve.overview.charts import (
    NARROW,
    WIDE,
    Chart,
    Series,
    by_day,
    columns,
    middle_and_spread,
    rows,
    shares,
    week_of_hours,
)
from pipelines.serve.overview.drawing import Drawing, text_width
from pipelines.serve.overview.facts import Count
from pipelines.serve.overview.page import chart_sheet
from pipelines.serve.overview.scales import marked_days, short, ticks

_SVG = "{http://www.w3.org/2000/svg}"
WIDTHS = st.sampled_from([WIDE, NARROW])
COUNTS: st.SearchStrategy[Count] = st.one_of(st.none(), st.just(0), st.integers(5, 10**7))
FIRST = date(2026, 2, 27)


def parsed(drawing: Drawing, css: str = "") -> ET.Element:
    return ET.fromstring(drawing.svg("x", "Title", "Words", css))  # noqa: S314 (our own)


def shapes(drawing: Drawing, name: str) -> list[dict[str, str]]:
    return [dict(shape.attrib) for shape in parsed(drawing).iter(f"{_SVG}{name}")]


def assert_inside(drawing: Drawing) -> None:
    """No shape and no letter leaves the picture, by the width that letters are reckoned with."""
    for one in shapes(drawing, "rect"):
        if one["class"] == "touch":
            continue
        assert float(one["x"]) >= -0.2
        assert float(one["x"]) + float(one["width"]) <= drawing.width + 0.2
        assert float(one["y"]) >= -0.2
        assert float(one["y"]) + float(one["height"]) <= drawing.height + 0.2
    for shape in parsed(drawing).iter(f"{_SVG}text"):
        wide, x = text_width(shape.text or ""), float(shape.attrib["x"])
        start = x - wide * {"start": 0, "middle": 0.5, "end": 1}[shape.attrib["text-anchor"]]
        assert start >= -5, shape.text
        assert start + wide <= drawing.width + 5, shape.text
        assert 0 <= float(shape.attrib["y"]) <= drawing.height


@given(st.integers(0, 10**9))
def test_an_axis_is_marked_at_few_whole_even_steps_up_to_the_highest_number(highest: int) -> None:
    marks = ticks(highest)
    steps = {round(after - before) for before, after in pairwise(marks)}
    assert marks[0] == 0
    assert marks[-1] >= highest
    assert 2 <= len(marks) <= 5
    assert len(steps) == 1
    assert all(mark == int(mark) for mark in marks)


@pytest.mark.parametrize(("number", "text"), [(950, "950"), (1500, "1.5k"), (12_000, "12k"), (2_500_000, "2.5M")])
def test_numbers_on_an_axis_are_short(number: int, text: str) -> None:
    assert short(number) == text


@given(st.integers(0, 2000), st.integers(3, 10))
def test_marked_days_lie_in_the_span_and_are_not_too_many(length: int, most: int) -> None:
    last = FIRST + timedelta(days=length)
    marks = marked_days(FIRST, last, most)
    assert 1 <= len(marks) <= most
    assert all(FIRST <= mark <= last for mark in marks)
    assert marks == sorted(set(marks))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**4)), min_size=1, max_size=400), WIDTHS)
def test_days_of_any_number_fit(values: list[tuple[int, int]], width: int) -> None:
    days = [FIRST + timedelta(days=place) for place in range(len(values))]
    panels = (
        Series("Page views", [one for one, _ in values], "s1"),
        Series("Others", [one for _, one in values], "s5"),
    )
    assert_inside(by_day(days, panels, width))


@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS), min_size=1, max_size=40), WIDTHS)
def test_columns_stand_on_each_other_without_gaps(values: list[tuple[Count, Count, Count]], width: int) -> None:
    series = [
        Series(name, list(one), f"s{place}")
        for place, (name, one) in enumerate(zip("abc", zip(*values, strict=True), strict=True), 1)
    ]
    drawing = columns([f"Week {place}" for place in range(len(values))], series, width, "things")
    assert_inside(drawing)
    by_place: dict[str, list[tuple[float, float]]] = {}
    for one in shapes(drawing, "rect"):
        if one["width"] != "12":
            by_place.setdefault(one["x"], []).append((float(one["y"]), float(one["height"])))
    for stack in by_place.values():
        for (lower, _), (upper, tall) in pairwise(stack):
            assert upper + tall == pytest.approx(lower, abs=0.2)


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=60),
        COUNTS,
        min_size=1,
        max_size=30,
    ),
    WIDTHS,
)
def test_rows_with_long_names_and_large_numbers_fit(values: dict[str, Count], width: int) -> None:
    assert_inside(rows(list(values), list(values.values()), width, "things"))


def test_a_bar_is_as_long_as_its_number() -> None:
    long, half = (float(one["width"]) for one in shapes(rows(["a", "b"], [200, 100], WIDE, "x"), "rect"))
    assert long == pytest.approx(2 * half, abs=0.2)


def test_numbers_too_small_to_show_are_drawn_alike_whatever_is_beside_them() -> None:
    drawn = [
        one for one in shapes(rows(["a", "b", "c"], [None, 5000, None], WIDE, "x"), "rect") if "few" in one["class"]
    ]
    assert len({one["width"] for one in drawn}) == 1
    assert float(drawn[0]["width"]) >= 3


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=9), WIDTHS)
def test_shares_fill_their_line(values: list[tuple[int, int]], width: int) -> None:
    labels = [f"Family {place}" for place in range(len(values))]
    series = [Series("loaded", [one for one, _ in values], "s1"), Series("failed", [one for _, one in values], "s5")]
    drawing = shares(labels, series, width, "questions")
    assert_inside(drawing)
    by_line: dict[str, float] = {}
    for one in shapes(drawing, "rect"):
        if one["width"] != "12":
            by_line[one["y"]] = by_line.get(one["y"], 0) + float(one["width"])
    assert len(by_line) == sum(1 for one in values if sum(one))
    if by_line:
        assert max(by_line.values()) - min(by_line.values()) < 0.5


HOURS = st.dictionaries(st.tuples(st.integers(1, 7), st.integers(0, 23)), st.one_of(st.none(), st.integers(1, 10**6)))


@given(HOURS, WIDTHS)
def test_every_hour_of_the_week_has_a_cell_of_its_shade(cells: dict[tuple[int, int], Count], width: int) -> None:
    drawing = week_of_hours(cells, width)
    assert_inside(drawing)
    drawn = [one["class"] for one in shapes(drawing, "rect") if one["width"] != "12"]
    assert len(drawn) == 7 * 24
    assert drawn.count("heat withheld") == list(cells.values()).count(None)
    known = [views for views in cells.values() if views is not None]
    assert drawn.count("heat h0") == 7 * 24 - len(cells)
    if known:
        assert drawn.count("heat h5") >= known.count(max(known))


@given(st.lists(st.tuples(*[st.integers(0, 10**5)] * 3).map(sorted), min_size=1, max_size=60), WIDTHS)
def test_the_middle_lies_within_the_band(values: list[list[int]], width: int) -> None:
    starts = [FIRST + timedelta(days=7 * place) for place in range(len(values))]
    low, middle, high = zip(*values, strict=True)
    drawing = middle_and_spread(starts, low, middle, high, width, "views")
    assert_inside(drawing)
    assert len(shapes(drawing, "circle")) == len(values)


def test_a_picture_of_its_own_brings_its_colours_and_a_ground() -> None:
    chart = Chart("grades", "Grades", "A few.", lambda width: rows(["A"], [7], width, "students"))
    root = parsed(chart.draw(WIDE), chart_sheet())
    assert [one.attrib["class"] for one in root.findall(f"{_SVG}rect")] == ["ground"]
    [style] = root.findall(f"{_SVG}style")
    assert "--blue" in (style.text or "")
    assert 'id="grades-640-title"' in chart.svg(WIDE)
    assert 'id="grades-340-title"' in chart.svg(NARROW)
