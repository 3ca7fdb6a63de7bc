"""The dictionary inside the published file: nobody opens a column that nothing is said of, in whatever tool."""

from collections.abc import Iterator

import duckdb
import pytest

from pipelines.lake import Part
from pipelines.models import Model, load_models, sql_folder
from pipelines.models.dictionary import model_notes
from pipelines.models.incremental import refresh_stale
from pipelines.normalize.contracts import (
    ENDPOINTS,
    REPORTS,
    SYSTEM_COLUMNS,
    TABLES,
    Column,
    ColumnType,
    Table,
    undeclared_table,
)
from pipelines.normalize.contracts.meta import WRITTEN_TABLES
from pipelines.normalize.contracts.sources import OWN, column_endpoints
from pipelines.normalize.rows import batch_from_records
from pipelines.warehouse import Models
from pipelines.warehouse.dictionary import Dictionary, wants_unit
from tests.load.worlds import HOST, NOON
from tests.warehouse.conftest import Shop, open_warehouse

FILES = load_models(sql_folder(), TABLES)
NOTES = model_notes(FILES, TABLES)
DECLARED = (*TABLES.values(), *WRITTEN_TABLES)


def all_models() -> Models:
    return Models(lambda connection, refreshing: refresh_stale(connection, FILES, refreshing), NOTES)


def load_undeclared(shop: Shop) -> Table:
    """Load the file of a report that nobody declared, with a number by the settings' word."""
    types = {"Minutes": ColumnType.DOUBLE, "Canvas user id": ColumnType.BIGINT}
    table = undeclared_table("own_report_csv", "", ["Canvas user id", "Remark", "Minutes"], types)
    rows = batch_from_records(table, [{"Canvas user id": 7, "Remark": "late", "Minutes": 2.5}])
    shop.warehouse.lake.load(
        load_id="report-9",
        instance=HOST,
        source="own_report_csv",
        scope={"account": 1, "report": "own_report_csv"},
        extracted_at=NOON,
        parts=[Part(table, [rows])],
    )
    return table


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A file with every declared table and every model, a column that came later, and a report nobody declared."""
    shop = Shop(open_warehouse(tmp_path_factory.mktemp("dictionary"), lambda: NOON))
    shop.load([1])
    shop.publish(all_models())
    shop.load([1, 2], motto="x")
    load_undeclared(shop)
    shop.publish(all_models())
    return shop


def test_every_comment_in_the_file_says_what_the_dictionary_says(published: Shop) -> None:
    tables = published.rows(
        "select there.schema_name, there.table_name, there.comment, said.description from duckdb_tables() as there"
        " full join meta.tables as said on there.schema_name = said.table_schema and there.table_name = said.table_name"
    )
    columns = published.rows(
        "select there.schema_name, there.table_name, there.column_name, there.comment, said.description"
        " from duckdb_columns() as there full join meta.columns as said on there.schema_name = said.table_schema"
        " and there.table_name = said.table_name and there.column_name = said.column_name"
        " where there.database_name = current_database() or there.database_name is null"
    )
    assert len(tables) == len(TABLES) + len(WRITTEN_TABLES) + len(FILES) + 1
    assert len(columns) > 1000
    assert [row for row in (*tables, *columns) if not row[-1] or row[-2] != row[-1]] == []


def test_nothing_of_a_column_is_left_unsaid(published: Shop) -> None:
    rows = published.rows(
        "select table_schema || '.' || table_name, column_name, data_type, unit, is_key, endpoint, derived_from,"
        " privacy, key, kind from meta.columns join meta.tables using (table_schema, table_name)"
    )
    for table, column, data_type, unit, is_key, endpoint, derived_from, privacy, key, kind in rows:
        keys = (key or "").split(", ")
        place = f"{table}.{column}"
        assert endpoint, place
        assert privacy in ("none", "pseudonym", "identity", "record"), place
        assert is_key is (column in keys), place
        assert bool(unit) or not wants_unit(column, data_type, keys), place
        assert bool(derived_from) is (kind in ("model", "history")), place
        assert (endpoint == OWN) is (kind == "meta"), place


def test_every_table_says_who_answers_for_it_and_how_fresh_it_is(published: Shop) -> None:
    known = {
        row[0]: row[1:]
        for row in published.rows(
            "select table_schema || '.' || table_name, kind, owner, source, extracted_at from meta.tables"
        )
    }
    assert known["canvas.accounts"][:2] == ("loaded", "canvaslake")
    assert known["marts.dim_account"][:3] == ("model", "team:analytics", "sql/marts/dim_account.sql")
    assert known["history.courses"][0] == "history"
    assert known["meta.loads"][0] == "meta"
    assert known["canvas.accounts"][3] == known["marts.dim_account"][3] == NOON
    assert known["canvas.courses"][3] is None
    assert known["meta.loads"][3] is None


def test_a_column_that_came_later_is_described_and_counts_as_identity(published: Shop) -> None:
    [(description, unit, endpoint, privacy)] = published.rows(
        "select description, unit, endpoint, privacy from meta.columns"
        " where table_schema = 'canvas' and table_name = 'accounts' and column_name = 'motto'"
    )
    assert description == "Column 'motto' of the answer, which the contract does not have yet: kept as text."
    assert endpoint == "GET /api/v1/accounts/:account_id/sub_accounts; GET /api/v1/accounts/:id"
    assert (unit, privacy) == (None, "identity")


def test_a_report_that_nobody_declared_says_which_it_is(published: Shop) -> None:
    [(description, source, kind)] = published.rows(
        "select description, source, kind from meta.tables where table_name = 'own_report'"
    )
    assert description.startswith("Report own_report_csv,")
    assert (source, kind) == ("POST /api/v1/accounts/:account_id/reports/own_report_csv", "loaded")
    assert published.rows(
        "select column_name, description, unit, endpoint, privacy from meta.columns"
        " where table_name = 'own_report' and not starts_with(column_name, '_') order by position"
    ) == [
        ("canvas_user_id", "Column 'canvas_user_id' of the report.", None, source, "identity"),
        ("remark", "Column 'remark' of the report.", None, source, "identity"),
        ("minutes", "Column 'minutes' of the report.", "not declared", source, "identity"),
    ]


def test_a_description_that_was_changed_reaches_tables_that_are_there(shop: Shop) -> None:
    shop.load([1])
    shop.publish()
    with duckdb.connect(str(shop.warehouse.paths.build)) as connection:
        connection.execute("comment on column canvas.accounts.name is 'Something of before.'")
    shop.load([1, 2])
    shop.publish()
    said = TABLES["canvas.accounts"].column("name").description
    assert shop.rows(
        "select comment from duckdb_columns() where schema_name = 'canvas' and table_name = 'accounts'"
        " and column_name = 'name'"
    ) == [(said,)]


@pytest.mark.parametrize("table", DECLARED, ids=lambda table: table.qualified)
def test_every_number_and_time_of_a_contract_has_a_unit(table: Table) -> None:
    without = [
        column.name
        for column in table.columns
        if wants_unit(column.name, column.type.value, table.key) and not column.unit
    ]
    assert without == []


@pytest.mark.parametrize("table", DECLARED, ids=lambda table: table.qualified)
def test_no_unit_stands_where_it_makes_no_sense(table: Table) -> None:
    for column in table.columns:
        assert not column.unit or column.type not in (ColumnType.VARCHAR, ColumnType.BOOLEAN), column.name


def loaded_columns() -> Iterator[tuple[Table, Column]]:
    for table in TABLES.values():
        for column in (*table.columns, *SYSTEM_COLUMNS):
            yield table, column


def test_every_source_endpoint_is_one_that_canvaslake_asks() -> None:
    asked = {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS if endpoint.asked}
    analytics = "accounts/:account_id/analytics/{current|completed|terms/:term_id}"
    for table, column in loaded_columns():
        for endpoint in column_endpoints(table, column.name):
            path = endpoint.split(" (")[0]
            report = path.rpartition("/reports/")[2]
            if report in REPORTS:
                path = path.removesuffix(report) + ":report"
            if analytics in path:
                path = path.replace("{current|completed|terms/:term_id}", "current")
            assert path in asked or (path == OWN and table.schema == "meta"), f"{table.qualified}.{column.name}"


def test_a_column_that_one_endpoint_alone_gives_names_that_one() -> None:
    accounts = TABLES["canvas.accounts"]
    for endpoint in ENDPOINTS:
        for column in endpoint.columns:
            assert column_endpoints(accounts, column) == (f"{endpoint.method} {endpoint.path}",)
    assert column_endpoints(accounts, "is_listed") == ("GET /api/v1/accounts",)
    assert "GET /api/v1/accounts" not in column_endpoints(accounts, "name")


@pytest.mark.parametrize(
    ("name", "data_type", "key", "wanted"),
    [
        ("views", "BIGINT", ("course_id",), True),
        ("course_id", "BIGINT", (), False),
        ("id", "BIGINT", (), False),
        ("date", "DATE", ("course_id", "date"), True),
        ("generation", "BIGINT", ("generation",), False),
        ("title", "VARCHAR", (), False),
        ("muted", "BOOLEAN", (), False),
        ("at", "TIMESTAMP WITH TIME ZONE", (), True),
    ],
)
def test_numbers_and_times_want_a_unit_and_ids_do_not(
    name: str, data_type: str, key: tuple[str, ...], wanted: bool
) -> None:
    assert wants_unit(name, data_type, key) is wanted


@pytest.mark.parametrize("model", FILES, ids=lambda model: model.qualified)
def test_freshness_follows_everything_that_a_model_is_made_from(model: Model) -> None:
    inputs = Dictionary(NOTES).loaded_inputs(model.qualified)
    assert inputs
    assert inputs <= set(TABLES)
