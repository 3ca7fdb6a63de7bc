"""The page of checks: what is checked of every table before it goes into the published file."""

from pipelines.cli.reference.markdown import as_code, member_docs, page, table_of
from pipelines.cli.reference.tables import described_tables, table_link
from pipelines.normalize.contracts import CheckKind
from pipelines.serve.dictionary import SCHEMAS


def checks_page() -> str:
    """Return the page of checks: the kinds, and every check by schema and table."""
    docs = member_docs(CheckKind)
    lines = ["## Kinds", ""]
    lines += table_of(("check", "what holds when it passes"), ((as_code(kind), docs[kind.name]) for kind in CheckKind))
    for schema in SCHEMAS:
        rows = [
            (table_link(table.qualified), as_code(check.name), "held back" if check.blocking else "warning", check.says)
            for table in described_tables()
            if table.schema == schema
            for check in table.checks
        ]
        if rows:
            lines += [f"## Checks of {schema}", ""]
            lines += table_of(("table", "check", "if it fails", "what holds when it passes"), rows)
    intro = (
        "Each is a check of an asset on the Dagster page and a row of `meta.checks`. Where one that holds back fails, "
        "the published file keeps the last good rows of the table and says so; `canvaslake publish --accept TABLE` "
        "lets the new rows in. A warning changes nothing in the file. Those of loaded tables follow from their "
        "contracts; those of models are declared in [their files](../how-to/add-a-model.md)."
    )
    return page("Checks", intro, lines)
