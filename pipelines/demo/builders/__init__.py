"""The reports this institution offers: a name, a title, the parameters' catalog and a builder for each.

A report is added here by one entry; how a run moves from created to complete is in `report_desk`.
"""

from typing import Final

from pipelines.demo.builders.grade_export import GRADE_EXPORT
from pipelines.demo.builders.provisioning import PROVISIONING
from pipelines.demo.builders.scope import BuiltReport, ReportFailedError, ReportScope, ReportType

REPORT_TYPES: Final[dict[str, ReportType]] = {each.name: each for each in (GRADE_EXPORT, PROVISIONING)}
"""Report name -> its type. A name that is missing is a 404, as for a report an operator switched off."""

__all__ = ["REPORT_TYPES", "BuiltReport", "ReportFailedError", "ReportScope", "ReportType"]
