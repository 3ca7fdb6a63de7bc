import duckdb

with duckdb.connect() as con:
    con.execute("attach 'data/warehouse.duckdb' as warehouse (read_only)")
    con.execute("use warehouse")
    courses = con.execute("""
        select generation, t.term_name, a.account_name, count(*) as courses
        from meta.generation
        cross join marts.dim_course as c
        join marts.dim_term as t using (term_id)
        join marts.dim_account as a on c.account_id = a.account_id
        group by all
    """).fetchall()
