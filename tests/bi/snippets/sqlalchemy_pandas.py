import pandas as pd
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

engine = create_engine(
    "duckdb:///data/warehouse.duckdb",
    connect_args={"read_only": True},
    poolclass=NullPool,
)
with engine.connect() as con:
    courses = pd.read_sql(
        """
        select generation, t.term_name, a.account_name, count(*) as courses
        from meta.generation
        cross join marts.dim_course as c
        join marts.dim_term as t using (term_id)
        join marts.dim_account as a on c.account_id = a.account_id
        group by all
        """,
        con,
    )
