"""A picture in SVG: shapes in pixels, coloured by the class names of `chart.css`. Which shapes is `charts`' business.

Text is escaped by the XML writer, and the same shapes give the same bytes.
"""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

Point = tuple[float, float]

LETTER = 7.2
"""Width of a letter of 12 px in the widest of the usual fonts: labels must not run into each other or off the edge."""


class Drawing:
    """A picture of a fixed size in pixels, x to the right and y downwards."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._shapes = ET.Element("g")

    def rect(self, x: float, y: float, width: float, height: float, style: str, tip: str = "") -> None:
        """Add a rectangle; `tip` is what a mouse that rests on it tells."""
        sides = {"x": _n(x), "y": _n(y), "width": _n(max(width, 0)), "height": _n(max(height, 0)), "class": style}
        self._tip(ET.SubElement(self._shapes, "rect", sides), tip)

    def line(self, start: Point, end: Point, style: str) -> None:
        """Add a straight line."""
        ends = {"x1": _n(start[0]), "y1": _n(start[1]), "x2": _n(end[0]), "y2": _n(end[1]), "class": style}
        ET.SubElement(self._shapes, "line", ends)

    def path(self, points: Sequence[Point], style: str, *, closed: bool = False) -> None:
        """Add a line through points, or the area within them."""
        steps = " ".join(f"{'L' if place else 'M'}{_n(x)} {_n(y)}" for place, (x, y) in enumerate(points))
        ET.SubElement(self._shapes, "path", {"d": f"{steps}{' Z' if closed else ''}", "class": style})

    def dot(self, at: Point, radius: float, style: str, tip: str = "") -> None:
        """Add a filled circle."""
        self._tip(
            ET.SubElement(self._shapes, "circle", {"cx": _n(at[0]), "cy": _n(at[1]), "r": _n(radius), "class": style}),
            tip,
        )

    def text(self, at: Point, text: str, style: str = "label", anchor: str = "start") -> None:
        """Add a line of text on the base line y; `anchor` is start, middle or end."""
        shape = ET.SubElement(
            self._shapes, "text", {"x": _n(at[0]), "y": _n(at[1]), "class": style, "text-anchor": anchor}
        )
        shape.text = text

    def svg(self, ident: str, title: str, description: str, css: str = "") -> str:
        """Return the picture with a title and a description for readers who do not see it.

        `ident` makes the ids in it unique on a page. With `css` it stands alone, on a ground of its own.
        """
        root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {_n(self.width)} {_n(self.height)}",
                "width": _n(self.width),
                "height": _n(self.height),
                "role": "img",
                "aria-labelledby": f"{ident}-title {ident}-desc",
                "class": "chart",
            },
        )
        ET.SubElement(root, "title", {"id": f"{ident}-title"}).text = title
        ET.SubElement(root, "desc", {"id": f"{ident}-desc"}).text = description
        if css:
            ET.SubElement(root, "style").text = css
            ET.SubElement(root, "rect", {"width": "100%", "height": "100%", "class": "ground"})
        root.append(self._shapes)
        return ET.tostring(root, encoding="unicode")

    @staticmethod
    def _tip(shape: ET.Element, tip: str) -> None:
        if tip:
            ET.SubElement(shape, "title").text = tip


def _n(value: float) -> str:
    """Return a coordinate to a tenth of a pixel."""
    return f"{round(value, 1):g}" if abs(value) < 100_000 else f"{value:.0f}"


def text_width(text: str) -> float:
    """Return about how wide a label of 12 px is, in pixels."""
    return len(text) * LETTER


def shortened(text: str, width: float) -> str:
    """Return the text, cut with an ellipsis where it is wider than `width` pixels."""
    most = max(round(width / LETTER), 1)
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
