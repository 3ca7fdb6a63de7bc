import { DuckDBInstance } from "@duckdb/node-api";

const instance = await DuckDBInstance.create("data/warehouse.duckdb", { access_mode: "READ_ONLY" });
const connection = await instance.connect();
const reader = await connection.runAndReadAll(`
  select generation, t.term_name, a.account_name, count(*) as courses
  from meta.generation
  cross join marts.dim_course as c
  join marts.dim_term as t using (term_id)
  join marts.dim_account as a on c.account_id = a.account_id
  group by all
`);
export const courses = reader.getRowsJson();
connection.closeSync();
instance.closeSync();
