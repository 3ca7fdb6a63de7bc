"""Where a number comes from, as the Dagster page and the dictionary show it."""

from pathlib import Path

import pytest

from pipelines.models import Model, ModelError, column_lineage, inherited_privacy, load_models, model_columns
from pipelines.normalize.contracts import Column, ColumnType, Privacy, Table

PEOPLE = Table(
    schema="canvas",
    name="people",
    description="People.",
    grain="one row per person",
    key=("id",),
    columns=(
        Column("id", ColumnType.BIGINT, "Id.", privacy=Privacy.PSEUDONYM),
        Column("boss_id", ColumnType.BIGINT, "Id.", privacy=Privacy.PSEUDONYM),
        Column("name", ColumnType.VARCHAR, "Name.", privacy=Privacy.IDENTITY),
        Column("score", ColumnType.DOUBLE, "Score.", privacy=Privacy.RECORD),
    ),
    source="",
    slice="",
    group="",
)
HEADER = "-- description: One.\n-- grain: one row\n-- key: id\n-- owner: team:analytics\n"


def _models(folder: Path, **queries: str) -> tuple[Model, ...]:
    (folder / "marts").mkdir()
    for name, sql in queries.items():
        (folder / "marts" / f"{name}.sql").write_text(HEADER + sql, encoding="utf-8")
    return load_models(folder, ["canvas.people"])


def test_a_star_hands_every_column_through(tmp_path: Path) -> None:
    models = _models(tmp_path, a="with p as (select * from canvas.people) select * from p")

    lineage = column_lineage(models, [PEOPLE])["marts.a"]

    assert lineage["name"] == (("canvas.people", "name"),)
    assert set(lineage) == {"id", "boss_id", "name", "score", "_load_id", "_extracted_at"}


def test_lineage_stops_at_the_direct_input(tmp_path: Path) -> None:
    models = _models(
        tmp_path,
        a="select id, upper(name) as label from canvas.people",
        b="select id, max(label) as top, count(*) as n from marts.a group by all",
    )

    lineage = column_lineage(models, [PEOPLE])["marts.b"]

    assert lineage == {"id": (("marts.a", "id"),), "top": (("marts.a", "label"),), "n": ()}


def test_both_sides_of_a_recursive_query_are_seen(tmp_path: Path) -> None:
    models = _models(
        tmp_path,
        a="""with recursive tree as (
            select id, name as path from canvas.people where boss_id is null
            union all
            select below.id, tree.path || below.score as path
            from tree join canvas.people as below on below.boss_id = tree.id
        ) select id, path from tree""",
    )

    assert column_lineage(models, [PEOPLE])["marts.a"]["path"] == (
        ("canvas.people", "name"),
        ("canvas.people", "score"),
    )


def test_a_column_is_as_private_as_the_nearest_of_its_origins(tmp_path: Path) -> None:
    models = _models(
        tmp_path,
        a="select id, id + score as mixed, name || id as label, 1 as one from canvas.people",
        b="select id, length(label) as size from marts.a",
    )

    privacy = inherited_privacy(models, [PEOPLE])

    assert privacy["marts.a"] == {
        "id": Privacy.PSEUDONYM,
        "mixed": Privacy.RECORD,
        "label": Privacy.IDENTITY,
        "one": Privacy.NONE,
    }
    assert privacy["marts.b"]["size"] is Privacy.IDENTITY


def test_a_query_that_cannot_be_traced_is_refused_rather_than_called_harmless(tmp_path: Path) -> None:
    models = _models(tmp_path, a="select columns('id|name') from canvas.people")

    with pytest.raises(ModelError, match="cannot be traced"):
        column_lineage(models, [PEOPLE])


def test_types_are_those_that_duckdb_gives(tmp_path: Path) -> None:
    models = _models(tmp_path, a="select id, count(*) as n, max(_extracted_at) as at from canvas.people group by id")

    assert model_columns(models, [PEOPLE])["marts.a"] == [
        ("id", "BIGINT"),
        ("n", "BIGINT"),
        ("at", "TIMESTAMP WITH TIME ZONE"),
    ]


def test_a_description_of_a_column_that_a_star_does_not_give_is_refused(tmp_path: Path) -> None:
    (tmp_path / "marts").mkdir()
    (tmp_path / "marts" / "a.sql").write_text(HEADER + "-- column nme: Typo.\nfrom canvas.people", encoding="utf-8")
    models = load_models(tmp_path, ["canvas.people"])

    with pytest.raises(ModelError, match=r"nme\. Did you mean name\?"):
        model_columns(models, [PEOPLE])


def test_a_model_over_a_report_that_nobody_declared_is_described_by_its_header_and_counts_as_names(
    tmp_path: Path,
) -> None:
    header = "-- description: One.\n-- grain: one row\n-- key: id\n-- owner: team:tests\n-- column id: The id.\n"
    folder = tmp_path / "marts"
    folder.mkdir()
    (folder / "a.sql").write_text(header + 'select "Whatever" as id from reports.of_our_own')
    (folder / "b.sql").write_text(header + "select id from marts.a")
    models = load_models(tmp_path, ["reports.of_our_own"])
    assert model_columns(models, [PEOPLE]) == {"marts.a": [("id", "VARCHAR")], "marts.b": [("id", "VARCHAR")]}
    assert inherited_privacy(models, [PEOPLE])["marts.b"] == {"id": Privacy.IDENTITY}


def test_a_column_of_a_table_function_counts_as_names(tmp_path: Path) -> None:
    header = "-- description: One.\n-- grain: one row\n-- key: n\n-- owner: team:tests\n-- column n: A number.\n"
    (tmp_path / "marts").mkdir()
    (tmp_path / "marts" / "a.sql").write_text(header + "select range as n from range(3)")
    models = load_models(tmp_path, [])
    assert inherited_privacy(models, []) == {"marts.a": {"n": Privacy.IDENTITY}}
