"""What the Dagster page shows: groups, kinds, owners, descriptions, columns; and that it loads without settings."""

from pathlib import Path

import dagster as dg
import pytest

from pipelines.code_location import build_definitions
from pipelines.models import load_models, sql_folder
from pipelines.normalize.contracts import TABLES
from pipelines.settings import ReportSettings, Settings


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings())


def test_every_declared_table_and_every_model_is_an_asset_that_explains_itself(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    keys = {key.to_user_string().replace("/", ".") for key in graph.executable_asset_keys}
    assert {name for name in TABLES if not name.startswith("meta.")} <= keys
    models = {f"{path.parent.name}.{path.stem}" for path in Path(__file__).parents[2].glob("sql/*/*.sql")}
    assert models <= keys
    for key in graph.executable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
        assert node.group_name != "default", key
        if key.path[0] != "published":
            schema = node.metadata["dagster/column_schema"]
            assert isinstance(schema, dg.TableSchema)
            assert all(column.description for column in schema.columns), key


def test_every_declared_check_is_on_the_page_and_says_what_holds(definitions: dg.Definitions) -> None:
    keys = definitions.resolve_asset_graph().asset_check_keys
    told = {(key.asset_key.to_user_string().replace("/", "."), key.name) for key in keys}
    declared = {(name, check.name) for name, table in TABLES.items() for check in table.checks}
    declared = {(table, check) for table, check in declared if not table.startswith("meta.")}
    declared |= {(model.qualified, check.name) for model in load_models(sql_folder(), TABLES) for check in model.checks}
    assert declared <= told
    of_answers = {"no_row_in_quarantine", "every_question_answered"}
    assert {check for _, check in told - declared} == {*of_answers, "nothing_held_back"}
    specs = [spec for assets in definitions.asset_checks or () for spec in assets.check_specs]
    assert all(spec.description for spec in specs)


def test_every_cron_of_the_settings_is_one_schedule_in_the_time_zone_of_the_institution() -> None:
    settings = Settings.model_validate(
        {
            "canvas": {"base_url": "https://canvas.example.edu", "time_zone": "America/Denver"},
            "reports": [
                {"report": "grade_export_csv", "cron": "0 3 * * *"},
                {"report": "provisioning_csv", "cron": "0 3 * * *"},
                {"report": "zero_activity_csv", "cron": "0 4 * * 1"},
            ],
        }
    )
    definitions = build_definitions(settings)
    schedules = {schedule.name: schedule for schedule in definitions.schedules or ()}
    assert set(schedules) == {"ask_reports_0_3_x_x_x", "ask_reports_0_4_x_x_1", "pull_endpoints"}
    for schedule in schedules.values():
        assert isinstance(schedule, dg.ScheduleDefinition)
        assert schedule.execution_timezone == "America/Denver"
    assert dg.AssetKey(["reports", "zero_activity"]) in definitions.resolve_asset_graph().executable_asset_keys


def test_the_settings_of_a_report_may_have_no_cron() -> None:
    settings = Settings(reports=(ReportSettings(report="grade_export_csv"),))
    names = {schedule.name for schedule in build_definitions(settings).schedules or ()}
    assert names == {"pull_endpoints"}
