# mypy: disable-error-code="import-not-found, import-untyped, unused-ignore"
import adbc_driver_duckdb
import adbc_driver_manager.dbapi

with (
    adbc_driver_manager.dbapi.connect(
        driver=adbc_driver_duckdb.driver_path(),
        entrypoint="duckdb_adbc_init",
        db_kwargs={"path": "data/warehouse.duckdb", "access_mode": "read_only"},
    ) as con,
    con.cursor() as cursor,
):
    cursor.execute("""
        select generation, t.term_name, a.account_name, count(*) as courses
        from meta.generation
        cross join marts.dim_course as c
        join marts.dim_term as t using (term_id)
        join marts.dim_account as a on c.account_id = a.account_id
        group by all
    """)
    courses = cursor.fetch_arrow_table()
