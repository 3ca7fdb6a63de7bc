"""The charts of the overview as images in Markdown, for places that show Markdown, such as the Dagster page."""

from base64 import b64encode
from pathlib import Path

from pipelines.serve.overview.charts import WIDE
from pipelines.serve.overview.data import read_overview
from pipelines.serve.overview.page import chart_sheet
from pipelines.serve.overview.sections import sections


def pictures(path: Path, *, time_zone: str = "UTC", account: int | None = None) -> dict[str, str]:
    """Return the charts of a published file: its title, and a Markdown image that holds the SVG.

    A chart without numbers is not there. Raises QueryError as `read_overview` does.
    """
    found = {}
    for section in sections(read_overview(path, time_zone=time_zone, account=account)):
        for figure in section.figures:
            if figure.chart:
                svg = figure.chart.svg(WIDE, chart_sheet())
                data = b64encode(svg.encode()).decode("ascii")
                found[figure.chart.title] = f"![{figure.chart.title}](data:image/svg+xml;base64,{data})"
    return found
