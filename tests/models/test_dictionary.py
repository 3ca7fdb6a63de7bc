"""What the models tell the dictionary: units and origins that an analyst adds nothing up wrongly by."""

from pathlib import Path

import pytest

from pipelines.models import Model, load_models, model_columns, sql_folder
from pipelines.models.dictionary import model_notes, units_of
from pipelines.normalize.contracts import TABLES, Column, ColumnType, Privacy, Table
from pipelines.warehouse.dictionary import Dictionary, TableNote, wants_unit

DAYS = Table(
    schema="analytics",
    name="days",
    description="Days.",
    grain="one row per day",
    key=("course_id", "date"),
    columns=(
        Column("course_id", ColumnType.BIGINT, "Id."),
        Column("date", ColumnType.DATE, "The day.", "UTC day"),
        Column("views", ColumnType.BIGINT, "Views.", "views"),
        Column("clicks", ColumnType.BIGINT, "Clicks.", "clicks"),
        Column("score", ColumnType.DOUBLE, "Score.", "percent", Privacy.RECORD),
    ),
    source="GET /api/v1/days",
    slice="",
    group="",
)
HEADER = "-- description: One.\n-- grain: one row\n-- key: id\n-- owner: team:analytics\n"

SHIPPED = load_models(sql_folder(), TABLES)
TYPES = model_columns(SHIPPED, TABLES)
NOTES = {note.qualified: note for note in model_notes(SHIPPED, TABLES)}


def _models(folder: Path, **queries: str) -> tuple[Model, ...]:
    (folder / "marts").mkdir()
    for name, text in queries.items():
        header, _, sql = text.rpartition("\n")
        (folder / "marts" / f"{name}.sql").write_text(f"{HEADER}{header}\n{sql}", encoding="utf-8")
    return load_models(folder, ["analytics.days"])


def test_a_copied_column_keeps_its_unit_and_hands_it_on(tmp_path: Path) -> None:
    models = _models(
        tmp_path,
        a="select course_id as id, date, views, coalesce(views, 0) as filled from analytics.days",
        b="select id, max(views) as most from marts.a group by all",
    )
    units = units_of(models, [DAYS])
    assert units["marts.a"] == {"date": "UTC day", "views": "views", "filled": "views"}
    assert units["marts.b"] == {"most": "views"}


def test_no_unit_is_guessed_where_inputs_or_types_differ(tmp_path: Path) -> None:
    models = _models(
        tmp_path,
        a="select course_id as id, views + clicks as both, avg(views) as mean, count(*) as n, views > 3 as many,"
        " views::varchar as spelt, 7 as seven from analytics.days group by all",
    )
    assert units_of(models, [DAYS])["marts.a"] == {}


def test_the_header_has_the_last_word(tmp_path: Path) -> None:
    models = _models(
        tmp_path,
        a="-- unit place: place from 1\n-- unit n: days\n"
        "select course_id as id, rank() over (order by views) as place, count(*) over () as n from analytics.days",
    )
    assert units_of(models, [DAYS])["marts.a"] == {"place": "place from 1", "n": "days"}


@pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.qualified)
def test_every_number_and_time_of_every_model_has_a_unit(model: Model) -> None:
    dictionary = Dictionary(NOTES.values())
    without = [
        name
        for name, kind in TYPES[model.qualified]
        if wants_unit(name, kind, model.row_key) and not dictionary.column(model.qualified, name, kind).unit
    ]
    assert without == [], f"add `-- unit COLUMN: UNIT` to the header of {model.path.name}"


@pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.qualified)
def test_every_column_of_every_model_says_what_it_is_and_where_it_comes_from(model: Model) -> None:
    dictionary = Dictionary(NOTES.values())
    for name, kind in TYPES[model.qualified]:
        said = dictionary.column(model.qualified, name, kind)
        assert said.description.endswith("."), name
        assert said.derived_from, name
        assert said.endpoints, name
        assert all(one.startswith(("GET /api/v1/", "POST /api/v1/")) for one in said.endpoints), name
        assert said.privacy in list(Privacy)


def test_endpoints_are_found_through_models_upon_models() -> None:
    dictionary = Dictionary(NOTES.values())
    term_name = dictionary.column("marts.fct_department_day", "term_name", "VARCHAR")
    assert term_name.derived_from == ("marts.dim_term.term_name",)
    assert term_name.endpoints == (
        "GET /api/v1/accounts/:account_id/terms",
        "POST /api/v1/accounts/:account_id/reports/provisioning_csv (terms.csv)",
    )
    counted = dictionary.column("marts.grade_distribution", "students", "BIGINT")
    assert "marts.dim_course.*" in counted.derived_from
    assert "POST /api/v1/accounts/:account_id/reports/grade_export_csv" in counted.endpoints


def test_a_table_of_versions_has_its_times_in_the_key_and_described() -> None:
    dictionary = Dictionary(NOTES.values())
    facts = dictionary.table("history.courses")
    assert (facts.kind, facts.key) == ("history", ("course_id", "valid_from"))
    ended = dictionary.column("history.courses", "valid_to", "TIMESTAMP WITH TIME ZONE")
    assert "NULL" in ended.description
    assert ended.unit == "UTC"


def test_a_column_that_a_star_hands_on_unseen_counts_as_identity() -> None:
    note = TableNote("marts.a", "A.", "one row", ("id",), "sql/marts/a.sql", {}, {"id": "none"})
    said = Dictionary([note]).column("marts.a", "motto", "VARCHAR")
    assert said.privacy == Privacy.IDENTITY
