"""The main job from the person's side: one command, and what Canvas holds is in the file."""

import json
import stat
from collections.abc import Iterator

import dagster as dg
import pytest

from pipelines.cli.sync import sync
from pipelines.code_location import build_definitions
from pipelines.demo import DemoCanvas, Institution
from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES
from tests.stories.conftest import Office, make_office


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory, institution: Institution) -> Iterator[Office]:
    """One university that has synced once; the tests that use it only look."""
    with DemoCanvas(institution, report_seconds=0.3) as canvas:
        office = make_office(tmp_path_factory.mktemp("synced"), canvas)
        result = office.run("sync")
        assert result.returncode == 0, result.stderr
        yield office


def test_one_sync_brings_reports_endpoints_and_marts_into_the_file(synced: Office, institution: Institution) -> None:
    [(enrollments, users, accounts, courses)] = synced.rows(
        "select (select count(*) from marts.fct_enrollment), (select count(distinct canvas_user_id) from"
        " reports.provisioning_users), (select count(*) from canvas.accounts), (select count(*) from canvas.courses)"
    )
    assert courses == len(institution.courses)
    assert enrollments > 500
    assert users > 100
    assert accounts > 5
    days = synced.rows("select count(*), sum(views) from analytics.department_activity_by_date")[0]
    assert days[0] > 100
    refused = synced.rows("select * from meta.coverage where status in ('forbidden', 'failed')")
    assert refused == []
    assert synced.rows("select count(*) > 0 from analytics.student_summaries") == [(True,)]
    runs = synced.rows("select report, status, loaded_at is not null, failure from meta.report_runs order by report")
    assert runs == [("grade_export_csv", "complete", True, None), ("provisioning_csv", "complete", True, None)]


def test_the_dagster_page_tells_how_every_check_of_the_file_ended(synced: Office) -> None:
    told = synced.rows("select table_name, check_name, passed from meta.checks")
    assert {check for table, check, _ in told if table == "canvas.courses"} >= {
        "row_count",
        "key_unique",
        "not_null_course_id",
        "accepted_values_workflow_state",
        "references_account_id",
        "freshness",
    }
    loaded_tables = {name for (name,) in synced.rows("select distinct table_name from meta.loads")}
    shown = checks_shown(synced)
    for table, check, passed in told:
        if table.startswith("meta."):
            continue
        place = (table, check)
        is_model = table.split(".")[0] in ("staging", "marts", "history")
        if table in loaded_tables or is_model:
            assert place in shown, place
        assert shown.get(place, passed) is passed, place


def checks_shown(office: Office) -> dict[tuple[str, str], bool]:
    """Return how each check ended that the Dagster page shows for the last materialization of its table."""
    found = {}
    with dg.DagsterInstance.from_config(str(office.folder / "data" / "dagster")) as instance:
        keys = build_definitions(office.settings).resolve_asset_graph().asset_check_keys
        executions = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
        for key, execution in executions.items():
            [record] = instance.get_asset_records([key.asset_key])
            last = record.asset_entry.last_materialization_record
            assert last is not None
            # Dagster goes by the run, and else by whole seconds.
            if execution.run_id == last.run_id or execution.create_timestamp + 1 > last.timestamp:
                place = (".".join(key.asset_key.path), key.name)
                found[place] = execution.status.value == "SUCCEEDED"
    return found


@pytest.mark.slow
def test_a_second_sync_asks_each_report_once_more_and_settled_terms_no_more(office: Office) -> None:
    settings = (office.folder / "canvaslake.toml").read_text()
    office.write_settings(settings.replace('departments = "all"', 'departments = "roots"'))
    asked = []
    for generation in (1, 2):
        office.canvas.requests.clear()
        result = office.run("sync")
        assert result.returncode == 0, result.stderr
        # The second brings no other rows, and the news that Canvas was asked again.
        assert ("Changed: marts." in result.stderr) is (generation == 1)
        assert f"Published generation {generation}: " in result.stderr
        assert office.canvas.requests.count(r"/reports/", method="POST") == 2
        told = office.rows("select table_name, check_name from meta.checks where table_name not like 'meta.%'")
        loaded = {name for (name,) in office.rows("select distinct table_name from meta.loads")}
        schemas = ("staging", "marts", "history")
        due = {place for place in told if place[0] in loaded or place[0].split(".")[0] in schemas}
        assert due
        assert due <= checks_shown(office).keys()
        assert office.rows("select generation from meta.generation") == [(generation,)]
        asked.append(office.canvas.requests.count(r"/analytics/"))
    assert 0 < asked[1] < asked[0]


@pytest.mark.slow
def test_a_sync_narrowed_to_a_table_asks_for_nothing_else(office: Office) -> None:
    result = office.run("sync", "canvas.terms", "canvas.accounts")
    assert result.returncode == 0, result.stderr
    assert office.canvas.requests.count(r"/reports/") == 0
    assert office.canvas.requests.count(r"/analytics/") == 0
    assert office.rows("select count(*) > 0 from canvas.terms") == [(True,)]


@pytest.mark.slow
def test_a_misspelled_table_is_named_with_the_one_that_was_meant(office: Office) -> None:
    result = office.run("sync", "canvas.term")
    assert result.returncode == 2
    assert "canvas.terms" in result.stderr


def test_nobody_else_on_the_machine_can_read_what_a_sync_leaves(synced: Office) -> None:
    open_to_others = [
        path
        for path in (synced.folder / "data").rglob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and not path.is_symlink()
    ]
    assert open_to_others == []


def test_no_secret_and_no_name_of_a_student_stands_in_dagsters_storage(
    synced: Office, institution: Institution
) -> None:
    canvas = synced.canvas
    names = {user.sortable_name for user in institution.users if len(user.sortable_name) > 8}
    assert names
    for path in (synced.folder / "data" / "dagster").rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert canvas.token.encode() not in text, path
            assert b"sf_verifier" not in text, path
            assert b"signature=" not in text.lower(), path
            assert not [name for name in names if name.encode() in text], path
    assert not [r for r in canvas.requests.matching(host="files") if r.has_authorization]


def test_the_tables_have_the_columns_that_their_contracts_declare_and_no_others(synced: Office) -> None:
    there: dict[str, list[str]] = {}
    for table, column in synced.rows(
        "select table_schema || '.' || table_name, column_name from meta.columns order by table_name, position"
    ):
        there.setdefault(table, []).append(column)
    for name, table in TABLES.items():
        assert there[name] == [column.name for column in (*table.columns, *SYSTEM_COLUMNS)], name


def test_commands_answer_for_people_and_for_programs(synced: Office) -> None:
    answer = synced.run("query", "select count(*)::int as courses from canvas.courses", "--json")
    assert json.loads(answer.stdout) == [{"courses": len(synced.canvas.institution.courses)}]
    tables = synced.run("tables", "--json")
    assert {"marts", "canvas", "reports", "meta"} <= {entry["schema"] for entry in json.loads(tables.stdout)}
    described = synced.run("tables", "marts.fct_enrollment")
    assert "enrollment_id" in described.stdout
    listed = json.loads(synced.run("reports", "list", "--json").stdout)
    assert [entry["state"] for entry in listed] == ["loaded", "loaded"]
    catalog = json.loads(synced.run("reports", "catalog", "--json").stdout)
    assert "provisioning_csv" in {entry["report"] for entry in catalog}
    doctor = synced.run("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert synced.canvas.token not in doctor.stdout + doctor.stderr


@pytest.mark.slow
def test_a_report_that_a_killed_sync_had_asked_for_is_taken_up_and_not_asked_again(office: Office) -> None:
    started = office.run("reports", "start", "grade_export_csv")
    assert started.returncode == 0, started.stderr
    outcome = sync(office.project, ["reports.grade_export"])
    assert outcome.problems == []
    assert office.canvas.requests.count(r"/reports/", method="POST") == 1
    assert office.rows("select count(*) > 0 from reports.grade_export") == [(True,)]
