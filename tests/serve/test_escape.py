"""An escape corpus: statements that would reach a file, the network, a secret or the engine, and reads like them.

Each is put to `query` in this process, to `export`, and to the command in a process of its own.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from pipelines.serve import QueryError, export_answer, run_query

SECRET = "hunter2"
TOKEN = "7~sesame"

ESCAPES = [
    # Writing files.
    "copy marts.dim_course to '{dir}/out.csv'",
    "copy marts.dim_course to '{dir}/out.parquet' (format parquet)",
    "copy (select 1) to '{dir}/out.csv'",
    "copy (select 1) to stdout",
    "copy (select 1) to '/dev/stdout'",
    "copy (select 1) to program 'touch {dir}/out'",
    "copy from database warehouse to memory",
    "explain copy (select 1) to '{dir}/out.csv'",
    "explain analyze copy (select 1) to '{dir}/out.csv'",
    "export database '{dir}/out'",
    "explain analyze export database '{dir}/out'",
    "select 1 into outfile '{dir}/out'",
    # Other databases.
    "attach '{dir}/out.db'",
    "attach '{dir}/other.duckdb' as o (read_only)",
    "attach '{dir}/out.db' as o; create table o.t as select 1",
    "attach ':memory:' as m",
    "attach 'https://example.com/x.duckdb' as o",
    "attach 'dbname=x' as p (type postgres)",
    "detach warehouse",
    "use memory",
    "use system",
    "import database '{dir}'",
    "from read_duckdb('{dir}/other.duckdb')",
    "from read_duckdb('{dir}/other.duckdb', table_name := 'secret')",
    "from '{dir}/other.duckdb'",
    # Extensions.
    "install httpfs",
    "force install spatial from community",
    "install '{dir}/x.duckdb_extension'",
    "load httpfs",
    "load '{dir}/x.duckdb_extension'",
    "update extensions",
    "explain analyze load httpfs",
    "from st_read('{dir}/secret.csv')",
    "from read_xlsx('{dir}/secret.xlsx')",
    "from sqlite_scan('{dir}/secret.db', 'x')",
    "from postgres_scan('dbname=x', 'public', 'x')",
    "from mysql_query('x', 'select 1')",
    "from iceberg_scan('{dir}')",
    "from delta_scan('{dir}')",
    "from load_aws_credentials()",
    # Reading files.
    "copy marts.dim_course from '{dir}/secret.csv'",
    "from '{dir}/secret.csv'",
    'from "{dir}/secret.csv"',
    "select * from '{dir}/secret.parquet'",
    "select * from '{dir}/*.csv'",
    "select * from '/etc/passwd'",
    "from 'file:///etc/passwd'",
    "describe '{dir}/secret.csv'",
    "summarize '{dir}/secret.csv'",
    "from read_csv('{dir}/secret.csv')",
    "from read_csv_auto('{dir}/secret.csv')",
    "from READ_CSV ('{dir}/secret.csv')",
    "from \"read_csv\"('{dir}/secret.csv')",
    "from read_csv('/dev/stdin')",
    "from read_csv(['{dir}/secret.csv', '/etc/passwd'])",
    "from read_parquet('{dir}/secret.parquet')",
    "from parquet_scan('{dir}/secret.parquet')",
    "from read_json('{dir}/secret.json')",
    "from read_json_auto('{dir}/secret.json')",
    "from read_json_objects('{dir}/secret.json')",
    "from read_ndjson('{dir}/secret.json')",
    "from read_ndjson_objects('{dir}/secret.json')",
    "from read_text('{dir}/secret.csv')",
    "from read_blob('{dir}/secret.csv')",
    "from read_blob('{warehouse}')",
    "select (select content from read_text('{dir}/secret.csv'))",
    "with s as (from read_text('{dir}/secret.csv')) from s",
    "from marts.dim_course where name in (select content from read_text('{dir}/secret.csv'))",
    "from marts.dim_course, lateral (from read_text('{dir}/secret.csv'))",
    "pivot read_csv('{dir}/secret.csv') on password",
    "from parquet_metadata('{dir}/secret.parquet')",
    "from parquet_schema('{dir}/secret.parquet')",
    "from parquet_kv_metadata('{dir}/secret.parquet')",
    "from parquet_file_metadata('{dir}/secret.parquet')",
    "from sniff_csv('{dir}/secret.csv')",
    "from glob('{dir}/*')",
    "from glob(current_setting('temp_directory') || '/*')",
    "from glob(current_setting('temp_directory') || '/../*')",
    "from read_text(current_setting('temp_directory') || '/*')",
    "from read_text(current_setting('temp_directory') || '/../*/secret.csv')",
    "from read_blob(current_setting('temp_directory') || '/**')",
    # The network.
    "from read_csv('https://example.com/x.csv')",
    "from 'https://example.com/x.parquet'",
    "from 's3://bucket/x.parquet'",
    "from read_text('http://169.254.169.254/latest/meta-data')",
    "from 'hf://datasets/x/y.csv'",
    # Secrets, and what the process has in memory.
    "select getenv('CANVAS_API_TOKEN')",
    "create secret (type s3, key_id 'a', secret 'b')",
    "create persistent secret x (type http, bearer_token 'x')",
    "drop secret x",
    "from duckdb_secrets()",
    "from which_secret('s3://bucket', 's3')",
    "from secret_frame",
    "from python_map_function()",
    "from pandas_scan(0::pointer)",
    "from arrow_scan(0::pointer, 0::pointer, 0::pointer)",
    "from arrow_scan_dumb(0::pointer, 0::pointer, 0::pointer)",
    # Settings, logs and profiles.
    "set enable_external_access = true",
    "set global memory_limit = '99GB'",
    "set temp_directory = '{dir}/spill'",
    "set profiling_output = '{dir}/profile.json'",
    "set home_directory = '{dir}'",
    "set search_path = 'memory'",
    "set variable x = 1",
    "reset enable_external_access",
    "reset all",
    "pragma enable_external_access = true",
    "pragma enable_profiling",
    "pragma enable_profiling = 'json'",
    "pragma profiling_output = '{dir}/profile.json'",
    "pragma log_query_path = '{dir}/log'",
    "pragma database_list",
    " ;\n/* a */ PRAGMA database_list",
    "pragma import_database('{dir}')",
    "pragma copy_database('warehouse', 'memory')",
    "explain analyze set threads = 1",
    "from enable_profiling()",
    "from enable_profiling(format := 'json', save_location := '{dir}/profile.json')",
    "from disable_profiling()",
    "from enable_logging()",
    "from enable_logging(storage := 'file', storage_path := '{dir}/logs')",
    "from enable_logging('QueryLog', storage := 'file', storage_config := {{'path': '{dir}/logs'}})",
    "from disable_logging()",
    "from truncate_duckdb_logs()",
    "select write_log('x')",
    "select system.main.write_log('x')",
    "select list_transform(['x'], lambda x: write_log(x))",
    "select sleep_ms(1)",
    # Running a text, or another kind of statement.
    "call pragma_version()",
    "call enable_logging()",
    "from query('select 1')",
    "from query('from read_text(''{dir}/secret.csv'')')",
    "from query('from read_' || 'text(''{dir}/secret.csv'')')",
    "from system.main.query('select 1')",
    "from QUERY /* ( */ -- (\n ('select 1')",
    "from\u00a0query\u00a0('select 1')",
    "from query\u2003('select 1')",
    "from\ufeffquery('select 1')",
    "explain analyze from query('select 1')",
    "explain (analyze, format json) from query('select 1')",
    "from query_table('{dir}/secret.csv')",
    "from query_table(['{dir}/secret.csv'])",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "from json_execute_serialized_sql(json_serialize_sql('from read_text(''{dir}/secret.csv'')'))",
    "prepare p as select 1",
    "execute p",
    "deallocate p",
    "explain analyze prepare p as select 1",
    # Changing the file, or the engine.
    "create table marts.t as select 1",
    "create table memory.main.t as select 1",
    "create temp table t as select 1",
    "create or replace table marts.dim_course as select 1",
    "create view marts.v as select 1",
    "create temp view v as from '{dir}/secret.csv'",
    "create macro f() as 1",
    "create temp macro f() as table from read_text('{dir}/secret.csv')",
    "create schema s",
    "create sequence s",
    "create index i on marts.dim_course (course_id)",
    "create type memory.main.t as enum ('a')",
    "insert into marts.dim_course values (9, 'x', null)",
    "with x as (select 1) insert into marts.dim_course select 9, 'x', null",
    "with d as (delete from marts.dim_course returning *) select * from d",
    "from (delete from marts.dim_course returning *)",
    "update marts.dim_course set name = 'x'",
    "delete from marts.dim_course",
    "truncate marts.dim_course",
    "merge into marts.dim_course using marts.fct_day on true when matched then delete",
    "drop table marts.dim_course",
    "drop schema marts cascade",
    "alter table marts.dim_course add column x int",
    "comment on table marts.dim_course is 'x'",
    "explain analyze delete from marts.dim_course",
    "explain analyze create temp table t as select 1",
    "vacuum",
    "analyze",
    "explain analyze vacuum",
    "checkpoint",
    "force checkpoint",
    "from checkpoint()",
    "from force_checkpoint()",
    "explain analyze checkpoint",
    "begin",
    "begin transaction read only",
    "commit",
    "rollback",
    "explain analyze begin",
    # More than one statement, and none.
    "select 1; select 2",
    "select 1; drop table marts.dim_course",
    "select 1;;; copy (select 1) to '{dir}/out.csv'",
    "/* select 1 */ copy (select 1) to '{dir}/out.csv'",
    "select 1 -- '\n; copy (select 1) to '{dir}/out.csv'",
    "select $$ $$; copy (select 1) to '{dir}/out.csv'",
    "select 1\0; from read_text('{dir}/secret.csv')",
    "",
    "-- nothing",
    ";",
]

READS = [
    "select 'copy x to y; drop table z; attach install load' as words",
    "select $$from read_csv('/etc/passwd')$$ as words",
    "select e'it\\'s query(' as words -- query(",
    "select 1 /* from read_text('x') ; drop table y */",
    'select 1 as "query", 2 as "read_csv(", 3 as copy, 4 as "set"',
    'with query as (select 1 as "glob") select "glob" from query',
    "select name as write_log from marts.dim_course where name <> 'sleep_ms(1)'",
    "select count(*) from marts.dim_course where name in (select 'x') or name like '%install%'",
    "select upper(name), coalesce(name, 'x'), row_number() over (order by name) from marts.dim_course",
    "from range(3) as r(n) where n in (1, 2)",
    "select unnest([1, 2]), generate_series(1, 2), list_transform([1], lambda x: x + 1)",
    "from unnest([1, 2])",
    "select * from json_each('{{\"a\": 1}}')",
    "select current_setting('temp_directory') is not null",
    "select name from duckdb_settings() limit 1",
    "select table_name from duckdb_tables()",
    "from pragma_table_info('marts.dim_course')",
    "from information_schema.tables",
    "from sqlite_master",
    "show databases",
    "show tables from marts",
    "show marts.dim_course",
    "table marts.dim_course",
    "describe select 1",
    "summarize select 1 as n",
    "from (summarize marts.dim_course)",
    "explain select 1",
    "explain -- why\n analyze select 1",
    "explain (format json) select 1",
    "explain (analyze, format json) with x as (select 1) from x",
    "explain (select 1)",
    "select\u00a01 as\u2003n",
    "with recursive r as (select 1 as n union all select n + 1 from r where n < 9) from r",
    "pivot marts.dim_course on name using count(*)",
    "unpivot (select 1 as a, 2 as b) on a, b",
    "select 1; -- because",
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a published file, secrets beside it, and a home in which nothing may appear."""
    folder = tmp_path_factory.mktemp("escapes")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        con.execute("create schema marts")
        con.execute("create table marts.dim_course (course_id bigint, name varchar, start_at timestamptz)")
        con.execute("insert into marts.dim_course values (1, 'Art', '2024-07-01 12:00:00+02'), (2, null, null)")
        con.execute("create table marts.fct_day as select range as n from range(1000)")
    (folder / "secret.csv").write_text(f"password\n{SECRET}\n")
    (folder / "secret.json").write_text(f'{{"password": "{SECRET}"}}\n')
    (folder / "schema.sql").write_text(f"select '{SECRET}'")
    (folder / "load.sql").write_text("")
    with duckdb.connect(":memory:") as con:
        con.execute(f"copy (select '{SECRET}' as password) to '{folder / 'secret.parquet'}'")
        con.execute(f"attach '{folder / 'other.duckdb'}' as other")
        con.execute(f"create table other.secret as select '{SECRET}' as password")
        con.execute("detach other")
    (folder / "home").mkdir()
    return folder


@pytest.fixture
def folder(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder, which is after the test what it was before."""
    monkeypatch.setenv("HOME", str(prepared / "home"))
    monkeypatch.setenv("CANVAS_API_TOKEN", TOKEN)
    # DuckDB looks for a table among the variables of whoever calls it.
    frame = pd.DataFrame({"password": [SECRET]})
    monkeypatch.setattr("pipelines.serve.query.secret_frame", frame, raising=False)
    monkeypatch.setattr("pipelines.serve.export.secret_frame", frame, raising=False)
    before = contents(prepared)
    yield prepared
    assert contents(prepared) == before


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return everything in a folder, with what files hold."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def statement(form: str, folder: Path) -> str:
    return form.format(dir=folder, warehouse=folder / "warehouse.duckdb")


def test_the_corpus_is_one() -> None:
    assert len(set(ESCAPES)) == len(ESCAPES) >= 80
    assert len(set(READS)) == len(READS) >= 30


@pytest.mark.parametrize("form", ESCAPES)
def test_an_escape_is_refused_and_leaves_nothing(folder: Path, form: str) -> None:
    with pytest.raises(QueryError) as caught:
        run_query(folder / "warehouse.duckdb", statement(form, folder))

    assert SECRET not in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.slow
def test_no_escape_gets_out_as_a_file_either(folder: Path) -> None:
    through = []
    for form in ESCAPES:
        try:
            export_answer(folder / "warehouse.duckdb", statement(form, folder), folder / "answer.csv")
        except QueryError:
            continue
        through.append(form)

    assert through == []


@pytest.mark.parametrize("form", READS)
def test_a_read_that_only_looks_like_one_is_answered(folder: Path, form: str) -> None:
    assert len(run_query(folder / "warehouse.duckdb", statement(form, folder))) >= 1


def test_reads_can_be_exported(folder: Path) -> None:
    answer = folder / "answer.csv"
    for form in READS:
        assert export_answer(folder / "warehouse.duckdb", statement(form, folder), answer).rows >= 1
        answer.unlink()


@pytest.mark.parametrize(
    "view", ["duckdb_settings()", "duckdb_variables()", "duckdb_databases()", "duckdb_functions()"]
)
def test_what_the_engine_tells_of_itself_is_not_the_token(folder: Path, view: str) -> None:
    result = run_query(folder / "warehouse.duckdb", f"from {view}")

    assert TOKEN not in str(result.rows())


def ask(folder: Path, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[bytes]":
    """Run the command in a process of its own, in the folder."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=folder,
        env={**os.environ, "CANVAS_BASE_URL": "https://canvas.example.edu", "CANVASLAKE_HOME": str(folder)},
        input=text.encode(),
        capture_output=True,
        check=False,
    )


def refusal(folder: Path, form: str) -> str | None:
    """Return what the command did that it should not have done with an escape; None if it refused it."""
    done = ask(folder, "query", "-", text=statement(form, folder))
    said = (done.stdout + done.stderr).decode()
    refused = done.returncode == 2 and not done.stdout and not re.search(f"Traceback|{SECRET}|{TOKEN}", said)
    return None if refused else f"{form!r}: {done.returncode}, {said}"


def test_the_command_refuses_and_answers_like_the_library(folder: Path) -> None:
    assert refusal(folder, "from read_text('{dir}/secret.csv')") is None
    assert refusal(folder, "from enable_logging(storage := 'file', storage_path := '{dir}/logs')") is None
    assert ask(folder, "query", "--format", "csv", "select 'copy x to y' as a").stdout == b"a\ncopy x to y\n"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_command_refuses_every_fourth_of_the_corpus_in_a_process_of_its_own(folder: Path) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [answer for answer in pool.map(lambda form: refusal(folder, form), ESCAPES[::4]) if answer]

    assert wrong == []
