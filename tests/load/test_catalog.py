"""The catalog as Canvas gives it: read whole, remembered, and what came or went told as drift of the report's table."""

import json

import pytest

from pipelines.canvas.errors import ForbiddenError
from pipelines.ledger.catalog import CatalogChange, OfferedReport, known_catalog
from pipelines.ledger.database import rows_of
from pipelines.load.catalog import read_catalog
from tests.load.worlds import HOST, World

PATH = "/api/v1/accounts/1/reports$"


def read(world: World, account: int = 1, *, token: str = "") -> tuple[dict[str, OfferedReport], CatalogChange]:
    return world.ask(lambda client: read_catalog(world.ledger, client, HOST, account), token=token)


def drift(world: World) -> list[tuple[object, ...]]:
    sql = "SELECT table_name, kind, name FROM drift ORDER BY kind, name"
    return [tuple(row.values()) for row in rows_of(world.ledger, sql)]


def test_everything_that_canvas_offers_is_known_with_what_it_says_of_the_parameters(world: World) -> None:
    offered, change = read(world)
    assert set(offered) == {kind.name for kind in world.canvas.catalog.offered()}
    assert change == CatalogChange()
    assert known_catalog(world.ledger, HOST, 1) == offered
    provisioning = offered["provisioning_csv"]
    assert provisioning.title == "Provisioning"
    assert {"users", "enrollments", "enrollment_term_id"} <= set(provisioning.parameters)
    assert offered["mgp_grade_export_csv"].required == ["enrollment_term_id"]


def test_a_report_that_comes_and_goes_is_drift_of_its_table(world: World) -> None:
    world.canvas.catalog.switch_off("lti_report_csv")
    read(world)
    world.canvas.catalog.switch_on("lti_report_csv")
    world.canvas.catalog.switch_off("zero_activity_csv")
    offered, change = read(world)
    assert change == CatalogChange(("lti_report_csv",), ("zero_activity_csv",))
    assert "zero_activity_csv" not in offered
    assert drift(world) == [
        ("reports.lti_report", "report appeared", "lti_report_csv"),
        ("reports.zero_activity", "report vanished", "zero_activity_csv"),
    ]
    assert read(world)[1] == CatalogChange()
    world.canvas.catalog.switch_on("zero_activity_csv")
    assert read(world)[1] == CatalogChange(appeared=("zero_activity_csv",))


def test_each_account_is_read_for_itself(world: World) -> None:
    read(world)
    world.canvas.catalog.switch_off("zero_activity_csv")
    assert read(world, 2)[1] == CatalogChange()
    assert "zero_activity_csv" in known_catalog(world.ledger, HOST, 1)
    assert "zero_activity_csv" not in known_catalog(world.ledger, HOST, 2)


def test_entries_in_a_shape_that_nobody_expects_do_not_break_the_rest(world: World) -> None:
    entries = [
        {"report": "plain_csv", "title": "Plain", "parameters": None},
        {
            "report": "odd_csv",
            "title": 7,
            "parameters": {"a": None, "b": {"required": "true"}, "c": {"required": True}},
        },
        {"report": "list_csv", "parameters": ["a"]},
        {"report": None, "title": "Nameless"},
        {"report": ""},
        {"title": "Without a name"},
    ]
    json_type = {"content-type": "application/json"}
    world.canvas.faults.answer(PATH, status=200, body=json.dumps(entries), headers=json_type)
    offered, _ = read(world)
    assert offered == {
        "plain_csv": OfferedReport("plain_csv", "Plain"),
        "odd_csv": OfferedReport("odd_csv", None, {"a": {}, "b": {"required": "true"}, "c": {"required": True}}),
        "list_csv": OfferedReport("list_csv"),
    }
    assert offered["odd_csv"].required == ["c"]


def test_a_catalog_that_may_not_be_read_leaves_what_was_known(world: World) -> None:
    offered, _ = read(world)
    world.canvas.tokens.grant("poor", without=["read_reports"])
    with pytest.raises(ForbiddenError):
        read(world, token="poor")
    assert known_catalog(world.ledger, HOST, 1) == offered
    assert drift(world) == []
