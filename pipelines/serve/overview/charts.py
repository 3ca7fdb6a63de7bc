"""The kinds of charts of the overview. Each is drawn for a width in pixels, so that its letters keep their size.

What stands in them is decided by `sections`, which colours they have by `chart.css`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.serve.overview.drawing import Drawing, Point, shortened, text_width
from pipelines.serve.overview.facts import FEWEST, Count
from pipelines.serve.overview.scales import day, marked_days, short, thinned, ticks

WIDE, NARROW = 640, 340
"""The widths that the page shows: on a desk and on a phone, in pixels."""

_TOP, _BOTTOM, _GAP = 12, 26, 8
_PANEL = 170
_ROW = 26
_LEAST = 3
"""Pixels that can be seen and pointed at, at least."""

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS = 24
_SHADES = 5


@dataclass(frozen=True)
class Chart:
    """A picture that can be drawn in any width: its name, what it shows in words, and how it is drawn."""

    ident: str
    title: str
    description: str
    draw: Callable[[int], Drawing]

    def svg(self, width: int, css: str = "") -> str:
        """Return the picture as SVG; with `css` as a file of its own."""
        return self.draw(width).svg(f"{self.ident}-{width}", self.title, self.description, css)


@dataclass(frozen=True)
class Series:
    """Numbers under one name. `style` is a class of `chart.css`; None is a number too small to show."""

    name: str
    values: Sequence[Count]
    style: str


def by_day(days: Sequence[date], panels: Sequence[Series], width: int) -> Drawing:
    """Draw numbers by day, each series in a panel with an axis of its own; their sizes differ too much to share one."""
    drawing = Drawing(width, len(panels) * (_PANEL + _BOTTOM + 20))
    left = _axis_width([max(_known(panel.values), default=0) for panel in panels])
    step = (width - left - _GAP) / max(len(days) - 1, 1)
    marks = marked_days(days[0], days[-1], int((width - left) / 62))
    for place, panel in enumerate(panels):
        top = place * (_PANEL + _BOTTOM + 20) + 20
        drawing.text((0, top - 8), panel.name, "name")
        height = _PANEL - _TOP
        scale = _value_axis(drawing, max(_known(panel.values), default=0), (left, top + _TOP), width - left, height)
        points = [
            (left + index * step, top + _TOP + height - (value or 0) * scale)
            for index, value in enumerate(panel.values)
        ]
        floor = top + _TOP + height
        drawing.path([(points[0][0], floor), *points, (points[-1][0], floor)], f"area {panel.style}", closed=True)
        drawing.path(points, f"curve {panel.style}")
        if len(points) == 1:
            drawing.dot(points[0], 4, f"point {panel.style}")
        # A mouse cannot rest on less, and a line of years would be mostly of such places.
        for index, value in enumerate(panel.values if step >= _LEAST else ()):
            tip = f"{day(days[index], with_year=True)}: {value or 0:,} {panel.name.lower()}"
            drawing.rect(points[index][0] - step / 2, top + _TOP, step, height, "touch", tip)
        for mark in marks:
            x = left + (mark - days[0]).days * step
            drawing.line((x, floor), (x, floor + 4), "axis")
            _below(drawing, x, floor + 17, day(mark))
    return drawing


def columns(labels: Sequence[str], series: Sequence[Series], width: int, unit: str) -> Drawing:
    """Draw columns from left to right; more series stand on each other, the first at the foot."""
    legend = _Legend([(one.name, one.style) for one in series] if len(series) > 1 else [], width)
    drawing = Drawing(width, legend.height + _PANEL + _BOTTOM + _TOP)
    legend.draw(drawing, 0)
    totals = [sum(_drawn(one.values[place]) for one in series) for place in range(len(labels))]
    left, top = _axis_width([max(totals, default=0)]), legend.height + _TOP
    height = _PANEL
    scale = _value_axis(drawing, max(totals, default=0), (left, top), width - left, height)
    step = (width - left) / len(labels)
    shown = set(thinned(range(len(labels)), max(int((width - left) / (max(map(text_width, labels)) + 10)), 1)))
    for place, label in enumerate(labels):
        x, y = left + place * step + step * 0.12, float(top + height)
        for one in series:
            value = one.values[place]
            tall = max(_drawn(value) * scale, _LEAST if value is None else 0)
            y -= tall
            if tall:
                style = f"{one.style} few" if value is None else one.style
                tip = f"{label}: {written(value)} {one.name.lower() if len(series) > 1 else unit}"
                drawing.rect(x, y, step * 0.76, tall, f"bar {style}", tip)
        if place in shown:
            _below(drawing, left + (place + 0.5) * step, top + height + 17, label)
    return drawing


def rows(labels: Sequence[str], values: Sequence[Count], width: int, unit: str) -> Drawing:
    """Draw a bar per label, from above to below, with its number at the end."""
    drawing = Drawing(width, len(labels) * _ROW + 4)
    left = _label_width(labels, width)
    widest = max(map(_drawn, values), default=0) or 1
    room = width - left - max((text_width(written(value)) for value in values), default=0) - 2 * _GAP
    for place, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = place * _ROW + 2
        drawing.text((left - _GAP, y + 15), shortened(label, left - _GAP), "label", "end")
        long = max(_drawn(value) / widest * room, _LEAST if value is None else 0)
        style = "bar s1 few" if value is None else "bar s1"
        drawing.rect(left, y + 2, long, _ROW - 8, style, f"{label}: {written(value)} {unit}")
        drawing.text((left + long + 6, y + 15), written(value), "label")
    return drawing


def shares(labels: Sequence[str], series: Sequence[Series], width: int, unit: str) -> Drawing:
    """Draw a bar of full length per label, parted by the share of each series, with the whole number at its end."""
    legend = _Legend([(one.name, one.style) for one in series], width)
    drawing = Drawing(width, legend.height + len(labels) * _ROW + 4)
    legend.draw(drawing, 0)
    left = _label_width(labels, width)
    totals = [sum(_drawn(one.values[place]) for one in series) for place in range(len(labels))]
    room = width - left - max((text_width(f"{total:,}") for total in totals), default=0) - 2 * _GAP
    for place, label in enumerate(labels):
        x, y = left, legend.height + place * _ROW + 2
        drawing.text((left - _GAP, y + 15), shortened(label, left - _GAP), "label", "end")
        for one in series:
            value = _drawn(one.values[place])
            if value:
                long = value / totals[place] * room
                drawing.rect(x, y + 2, long, _ROW - 8, f"bar {one.style}", f"{label}: {value:,} {unit} {one.name}")
                x += long
        drawing.text((left + room + 6, y + 15), f"{totals[place]:,}", "label")
    return drawing


def week_of_hours(cells: dict[tuple[int, int], Count], width: int) -> Drawing:
    """Draw the hours of a week, a line per weekday from Monday (1), shaded by their number in five steps."""
    highest = max(_known(list(cells.values())), default=0)
    bounds = [highest * step / _SHADES for step in range(1, _SHADES + 1)]
    entries = [
        (f"{_lowest(bounds, place):,} to {int(bound):,}", f"heat h{place + 1}") for place, bound in enumerate(bounds)
    ]
    if None in cells.values():
        entries.insert(0, (f"fewer than {FEWEST} students", "heat withheld"))
    legend = _Legend([entry for entry in entries if highest or "withheld" in entry[1]], width)
    left, top = 34, legend.height + 4
    cell = (width - left) / _HOURS
    tall = max(cell, 18)
    drawing = Drawing(width, top + 7 * tall + 22)
    legend.draw(drawing, 0)
    for weekday, name in enumerate(_WEEKDAYS, start=1):
        y = top + (weekday - 1) * tall
        drawing.text((0, y + tall / 2 + 4), name)
        for hour in range(_HOURS):
            value = cells.get((weekday, hour), 0)
            tip = f"{name} {hour:02}:00: {f'{value:,} views' if value is not None else 'too few students'}"
            style = "withheld" if value is None else f"h{_shade(value, bounds)}"
            drawing.rect(left + hour * cell, y, cell - 1, tall - 1, f"heat {style}", tip)
    for hour in range(0, _HOURS, 3 if cell > 16 else 6):
        drawing.text((left + hour * cell, top + 7 * tall + 14), f"{hour:02}:00")
    return drawing


def middle_and_spread(
    starts: Sequence[date], low: Sequence[float], middle: Sequence[float], high: Sequence[float], width: int, unit: str
) -> Drawing:
    """Draw a line through the middle values within a band from the low to the high ones, by week."""
    legend = _Legend([("middle course", "s1"), ("half of the courses", "band")], width)
    top = legend.height + _TOP
    drawing = Drawing(width, top + _PANEL + _BOTTOM)
    legend.draw(drawing, 0)
    left = _axis_width([max(high)])
    scale = _value_axis(drawing, max(high), (left, top), width - left, _PANEL)
    step = (width - left - 3 * _GAP) / max(len(starts) - 1, 1)
    across = [left + _GAP + place * step for place in range(len(starts))]

    def along(values: Sequence[float]) -> list[Point]:
        return [(x, top + _PANEL - value * scale) for x, value in zip(across, values, strict=True)]

    if len(starts) == 1:
        drawing.line(along(low)[0], along(high)[0], "spread")
    drawing.path([*along(high), *reversed(along(low))], "band", closed=True)
    drawing.path(along(middle), "curve s1")
    shown = set(thinned(range(len(starts)), max(int((width - left) / 52), 1)))
    for place, point in enumerate(along(middle)):
        tip = f"Week of {day(starts[place], with_year=True)}: {middle[place]:,.0f} {unit}"
        drawing.dot(point, 4, "point s1", tip)
        if place in shown:
            _below(drawing, point[0], top + _PANEL + 17, day(starts[place]))
    return drawing


def written(value: Count) -> str:
    """Return a number as it is read, <5 for one that is too small to show."""
    return f"<{FEWEST}" if value is None else f"{value:,}"


def _drawn(value: Count) -> int:
    """Return how long a number is drawn; what is too small to show always alike."""
    return FEWEST // 2 if value is None else value


def _known(values: Sequence[Count]) -> list[int]:
    return [value for value in values if value is not None]


def _axis_width(highest: Sequence[float]) -> float:
    return max(text_width(short(mark)) for one in highest for mark in ticks(one)) + 8


def _value_axis(drawing: Drawing, highest: float, corner: Point, width: float, height: float) -> float:
    """Draw the lines of an axis and its numbers; return how many pixels one is."""
    marks = ticks(highest)
    scale = height / marks[-1]
    left, top = corner
    for mark in marks:
        y = top + height - mark * scale
        drawing.line((left, y), (left + width, y), "grid" if mark else "axis")
        drawing.text((left - 6, y + 4), short(mark), "label", "end")
    return scale


def _label_width(labels: Sequence[str], width: int) -> float:
    return min(max(map(text_width, labels), default=0) + _GAP, width * 0.42)


def _below(drawing: Drawing, x: float, y: float, label: str) -> None:
    """Write a label below its place, moved inwards where it would run off an edge."""
    half = text_width(label) / 2
    drawing.text((max(half, min(x, drawing.width - half)), y), label, "label", "middle")


def _lowest(bounds: Sequence[float], place: int) -> int:
    return int(bounds[place - 1]) + 1 if place else 1


def _shade(value: int, bounds: Sequence[float]) -> int:
    if not value:
        return 0
    return next((place for place, bound in enumerate(bounds, start=1) if value <= int(bound)), _SHADES)


class _Legend:
    """Names of colours in lines, before a chart."""

    _LINE = 20

    def __init__(self, entries: Sequence[tuple[str, str]], width: int) -> None:
        self._placed: list[tuple[float, int, str, str]] = []
        x, line = 0.0, 0
        for name, style in entries:
            long = 18 + text_width(name) + 12
            if x and x + long > width:
                x, line = 0.0, line + 1
            self._placed.append((x, line, name, style))
            x += long
        self.height = (line + 1) * self._LINE + 4 if entries else 0

    def draw(self, drawing: Drawing, top: float) -> None:
        for x, line, name, style in self._placed:
            y = top + line * self._LINE
            drawing.rect(x, y + 3, 12, 12, style if style.startswith(("heat", "band")) else f"bar {style}")
            drawing.text((x + 18, y + 13), name)
