"""Reading model files: a bad one is refused with its place and a way out, a good one is put in order."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.models import ModelError, load_models, sql_folder

HEADER = "-- description: One.\n-- grain: one row\n-- key: id\n-- owner: team:analytics\n"


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / "marts" / f"{name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_the_models_of_the_repository_are_found() -> None:
    assert (sql_folder() / "marts" / "dim_account.sql").is_file()


def test_a_model_runs_after_what_it_reads(tmp_path: Path) -> None:
    _write(
        tmp_path,
        a=HEADER + "select id from marts.b",
        b=HEADER + "select id from marts.c",
        c=HEADER + "select id from canvas.accounts",
    )

    models = load_models(tmp_path, ["canvas.accounts"])

    assert [model.qualified for model in models] == ["marts.c", "marts.b", "marts.a"]
    assert models[0].depends_on == ("canvas.accounts",)


def test_common_table_expressions_and_table_functions_are_not_waited_for(tmp_path: Path) -> None:
    sql = """
    with recursive accounts as (from canvas.accounts), tree as (
        select id from accounts union all select tree.id + 1 from tree where tree.id < 3
    )
    select tree.id from tree, range(3) as numbers(n), unnest([1]) as u(x)
    where tree.id in (select id from canvas.terms) qualify row_number() over (partition by tree.id) = 1
    """
    _write(tmp_path, a=HEADER + sql)

    [model] = load_models(tmp_path, ["canvas.accounts", "canvas.terms"])

    assert model.depends_on == ("canvas.accounts", "canvas.terms")


def test_a_report_that_nobody_declared_can_be_read(tmp_path: Path) -> None:
    _write(tmp_path, a=HEADER + "select id from reports.zero_activity")

    [model] = load_models(tmp_path, ["reports.zero_activity"])

    assert model.depends_on == ("reports.zero_activity",)


def test_a_description_may_go_on_over_lines(tmp_path: Path) -> None:
    text = HEADER.replace("One.", "One\n--     and more.") + "-- column id: An\n--   id.\nselect 1 as id;\n-- end\n"

    [model] = load_models(_write(tmp_path, a=text), [])

    assert model.description == "One and more."
    assert model.columns == {"id": "An id."}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("select 1 as id", "lacks description, grain, key, owner"),
        (HEADER.replace("-- owner: team:analytics\n", "") + "select 1 as id", "lacks owner"),
        (HEADER + "-- colum id: Typo.\nselect 1 as id", "line 5 of the header is not understood"),
        (HEADER + "-- key: id\nselect 1 as id", "line 5 says 'key' again"),
        (HEADER + "-- column id:\nselect 1 as id", "no description after column id"),
        (HEADER + "select 1 as id; select 2 as id", "exactly one SELECT; here are 2 statements"),
        (HEADER, "exactly one SELECT; here are 0 statements"),
        (HEADER + "create table x as select 1 as id", "a plain SELECT; this is CREATE"),
        (HEADER + "select from where", "cannot be parsed"),
        (HEADER + "-- column idd: Typo.\nselect 1 as id", "does not give: idd. Did you mean id?"),
        (HEADER + "select 1 as other", "does not give: id."),
        (HEADER + "select id from canvas.acounts", "canvas.acounts, which is neither loaded nor a model. Did you mean"),
        (HEADER + "select id from nowhere.at_all", "add the model nowhere/at_all.sql"),
        (HEADER + "select id from accounts", "not of the form schema.table"),
        (HEADER + "select id from other.canvas.accounts", "not of the form schema.table"),
        (HEADER + "select 1 as id, current_date as day", "tells the machine's time"),
        (HEADER + "select 1 as id, get_current_timestamp() as at_", "tells the machine's time"),
        (HEADER + "select id from marts.a", "wait for each other: marts.a -> marts.a"),
    ],
)
def test_a_bad_model_is_refused_with_its_file(tmp_path: Path, text: str, problem: str) -> None:
    _write(tmp_path, a=text)

    with pytest.raises(ModelError) as caught:
        load_models(tmp_path, ["canvas.accounts"])

    assert problem in str(caught.value)
    assert caught.value.path == tmp_path / "marts" / "a.sql"
    assert caught.value.next_step


def test_models_that_wait_for_each_other_are_named(tmp_path: Path) -> None:
    _write(tmp_path, a=HEADER + "select id from marts.b", b=HEADER + "select id from marts.a")

    with pytest.raises(ModelError, match=r"marts\.(a|b) -> marts\.(a|b) -> marts\.(a|b)"):
        load_models(tmp_path, [])


def test_a_model_cannot_overwrite_loaded_data(tmp_path: Path) -> None:
    _write(tmp_path, a=HEADER + "select 1 as id")

    with pytest.raises(ModelError, match=r"overwrite the loaded table marts\.a"):
        load_models(tmp_path, ["marts.a"])


def test_a_missing_folder_is_not_no_models(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        load_models(tmp_path / "nowhere", [])


def test_the_header_declares_checks_and_units(tmp_path: Path) -> None:
    lines = (
        "-- unit id: things\n-- check not_null: id,\n--   name\n-- warn accepted_values name: a, b c\n"
        "-- warn references id: marts.b.id\n-- warn freshness at: 2 days\n-- check row_count\n"
    )
    sql = "select 1 as id, 'a' as name, now() as at"

    [model] = load_models(_write(tmp_path, a=HEADER + lines + sql), [])

    assert model.units == {"id": "things"}
    assert {(check.name, check.blocking) for check in model.checks} == {
        ("key_unique", True),
        ("not_null_id", True),
        ("not_null_name", True),
        ("accepted_values_name", False),
        ("references_id", False),
        ("freshness_at", False),
        ("row_count", True),
    }
    by_name = {check.name: check for check in model.checks}
    assert by_name["accepted_values_name"].values == ("a", "b c")
    assert by_name["freshness_at"].age == timedelta(days=2)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-- check not_nul: id", "there is none called 'not_nul'"),
        ("-- check not_null id: id", "not_null is not written so. Write: -- check not_null: course_id"),
        ("-- check not_null:", "not_null is not written so"),
        ("-- warn accepted_values: a", "accepted_values is not written so"),
        ("-- check references id: marts.b.id", "references cannot hold a table back. Write: -- warn references"),
        ("-- warn references id: marts.b", "references is not written so"),
        ("-- warn freshness id: soon", "freshness is not written so"),
        ("-- check row_count: 3", "row_count is not written so"),
        ("-- check row_count\n-- warn row_count", "the check row_count is there twice"),
        ("-- check not_null: id, id", "the check not_null_id is there twice"),
        ("-- check not_null: idd", "does not give: idd. Did you mean id?"),
        ("-- unit idd: points", "does not give: idd. Did you mean id?"),
        ("-- unit id:", "no unit after column id"),
    ],
)
def test_a_check_that_cannot_be_is_refused_with_how_to_write_it(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_models(_write(tmp_path, a=f"{HEADER}{line}\nselect 1 as id"), [])

    assert problem in str(caught.value)
