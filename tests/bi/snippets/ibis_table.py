# mypy: disable-error-code="import-not-found, import-untyped, unused-ignore"
import ibis

con = ibis.duckdb.connect("data/warehouse.duckdb", read_only=True)
try:
    courses = (
        con.table("dim_course", database="marts")
        .select("term_id", "account_id")
        .join(con.table("dim_term", database="marts")[["term_id", "term_name"]], "term_id")
        .join(con.table("dim_account", database="marts")[["account_id", "account_name"]], "account_id")
        .cross_join(con.table("generation", database="meta")[["generation"]])
        .group_by("generation", "term_name", "account_name")
        .agg(courses=ibis._.count())
        .to_pyarrow()
    )
finally:
    con.disconnect()
