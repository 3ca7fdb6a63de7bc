"""The overview: what a published file tells about an institution, as one HTML page and as pictures.

In the order of the work: `scope`, `data` and `upkeep` ask the file, `facts` are the answers, `sections` put them into
words, tables and `charts`, `page` and `pictures` write them down. Nothing here shows a person.
"""

from pipelines.serve.overview.data import read_overview
from pipelines.serve.overview.facts import Overview
from pipelines.serve.overview.page import page
from pipelines.serve.overview.pictures import pictures

__all__ = ["Overview", "page", "pictures", "read_overview"]
