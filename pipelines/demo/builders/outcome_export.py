"""The outcome export: groups, then outcomes, whose ratings run on past the last cell of the header.

Honours the starter's gradebook preferences and writes numbers as the account's locale does.
"""

from typing import Final

from pipelines.demo.builders.report_type import ReportType, Sheet, one_sheet
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Cell, Row
from pipelines.demo.outcome_records import Outcome, OutcomeGroup

COLUMNS: Final = (
    "vendor_guid,object_type,title,description,friendly_description,display_name,calculation_method,"
    "calculation_int,parent_guids,workflow_state,mastery_points,ratings"
)
MASTERY_SCALE_COLUMNS: Final = (
    "vendor_guid,object_type,title,description,friendly_description,display_name,parent_guids,workflow_state"
)


def _group_guid(group: OutcomeGroup) -> str:
    return group.vendor_guid or f"canvas_outcome_group:{group.id}"


def _sheets(scope: ReportScope) -> dict[str, Sheet]:
    institution = scope.institution
    subtree = institution.subtree_ids(scope.account.id)
    scaled = scope.preferences.account_level_mastery_scales
    guids = {each.id: _group_guid(each) for each in institution.outcome_groups if each.state != "deleted"}
    # The group at the top is the account itself and is not listed; groups end before the ratings.
    rows = [
        _row(_group_cells(group, guids), (), scaled=scaled)
        for group in institution.outcome_groups
        if group.account_id in subtree and group.id in guids and group.parent_id is not None
    ]
    rows += [
        _row(
            _outcome_cells(outcome, guids),
            [cell for each in outcome.ratings for cell in (each.points, each.description)],
            scaled=scaled,
        )
        for outcome in institution.outcomes
        if outcome.account_id in subtree and outcome.state != "deleted"
    ]
    return one_sheet(MASTERY_SCALE_COLUMNS if scaled else COLUMNS, rows)


def _group_cells(group: OutcomeGroup, guids: dict[int, str]) -> list[Cell]:
    parents = None if group.parent_id is None else guids.get(group.parent_id)
    return [
        _group_guid(group), "group", group.title, group.description, None, None, None, None, parents, group.state, None
    ]  # fmt: skip


def _outcome_cells(outcome: Outcome, guids: dict[int, str]) -> list[Cell]:
    return [
        outcome.vendor_guid or f"canvas_outcome:{outcome.id}",
        "outcome",
        outcome.title,
        outcome.description,
        outcome.friendly_description,
        outcome.display_name,
        outcome.calculation_method,
        outcome.calculation_int,
        " ".join(guids[each] for each in outcome.group_ids if each in guids),
        outcome.state,
        outcome.mastery_points,
    ]


def _row(cells: list[Cell], ratings: Row, *, scaled: bool) -> Row:
    if not scaled:
        return [*cells, *ratings]
    # Scales of the account leave how an outcome is reckoned, and its ratings, out.
    return [*cells[:6], *cells[8:10]]


OUTCOME_EXPORT: Final = ReportType(
    name="outcome_export_csv",
    title="Outcome Export",
    parameters=None,
    sheets=_sheets,
    gradebook_preferences=True,
    local_numbers=True,
)
