"""What counts as one question that only reads. The engine's own locks stand in `reader`; these stand before them.

The engine, locked, opens no other file. It still has functions that change its own state, write logs, read memory by
its address, or run a text as SQL: a question may call none of them.
"""

import re
from itertools import pairwise

import duckdb

from pipelines.serve.problem import QueryError

_READ = "SELECT"
"""What DuckDB's parser calls reading; FROM, VALUES, DESCRIBE, SHOW and SUMMARIZE are SELECT to it."""

_TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_constraints",
        "duckdb_databases",
        "duckdb_dependencies",
        "duckdb_functions",
        "duckdb_indexes",
        "duckdb_keywords",
        "duckdb_memory",
        "duckdb_optimizers",
        "duckdb_schemas",
        "duckdb_sequences",
        "duckdb_settings",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_variables",
        "duckdb_views",
        "generate_series",
        "histogram",
        "histogram_values",
        "icu_calendar_names",
        "json_each",
        "json_tree",
        "pg_timezone_names",
        "pragma_collations",
        "pragma_database_size",
        "pragma_platform",
        "pragma_show",
        "pragma_storage_info",
        "pragma_table_info",
        "pragma_version",
        "range",
        "repeat",
        "repeat_row",
        "summary",
        "test_all_types",
        "unnest",
    }
)
"""Functions in FROM that a question may call. A list of those it may not would have holes with every new DuckDB."""

_CALLS_THAT_ACT = frozenset({"getenv", "nextval", "sleep_ms", "write_log"})
"""Functions in expressions that do more than compute."""

_OF_EXPLAIN = ("analyze", "analyse", "verbose", "format")

_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_BLANK_OR_COMMENT = re.compile(r"[ \t\r\n\f\v]|--|/\*")

_SPACE = re.compile(r"[^\S \t\r\n\f\v]|[\u180e\u200b-\u200f\u2060\ufeff]")
"""Spaces to the parser; the tokenizer takes most of them for letters."""


def refuse_anything_but_one_read(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise QueryError unless the text is one statement that reads, or EXPLAIN of one.

    Parsed on the locked connection: the parser itself opens files for IMPORT DATABASE.
    """
    if "\0" in sql:
        raise QueryError("The query was refused.", "It holds a NUL character.", "Take it out.")
    statements = con.extract_statements(sql)
    if not statements:
        raise QueryError("There is no query.", "The text is empty.", "Try: select * from meta.tables")
    kinds = [statement.type.name for statement in statements]
    # PIVOT without a list of values is one statement to a person; DuckDB splits it, and only such parts have no text.
    if kinds == ["CREATE", _READ] and not any(statement.query for statement in statements):
        kinds = [_READ]
    if len(kinds) > 1:
        raise QueryError("The query was refused.", f"It holds {len(kinds)} statements.", "Ask one question at a time.")
    # For looking only: in a text between quotes such a space stays what it is.
    looked_at = _SPACE.sub(" ", sql)
    if kinds == ["EXPLAIN"]:
        refuse_anything_but_one_read(con, _explained(looked_at))
    elif kinds != [_READ] or _first_word(_tokens(looked_at.lstrip("; \t\r\n"))[0][0]) == "pragma":
        # DuckDB turns a PRAGMA that lists something into the SELECT behind it.
        kind = kinds[0] if kinds != [_READ] else "PRAGMA"
        raise QueryError(
            "The query was refused.",
            f"{kind} is not a way of reading, and the published file is only read.",
            "Write SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN. To keep an answer as a file, "
            "use `canvaslake export`.",
        )
    called = _called(looked_at) - _TABLE_FUNCTIONS
    refused = sorted(called & (_CALLS_THAT_ACT | _table_functions(con))) if called else []
    if refused:
        raise QueryError(
            "The query was refused.",
            f"{refused[0]}() reaches outside the published file, or does more than read it.",
            "Ask about the tables that `canvaslake tables` lists, by their names.",
        )


def _table_functions(con: duckdb.DuckDBPyConnection) -> set[str]:
    rows = con.execute(
        "select distinct function_name from duckdb_functions() where function_type in ('table', 'table_macro')"
    ).fetchall()
    return {str(row[0]).lower() for row in rows}


def _called(sql: str) -> set[str]:
    """Return every name in the text that stands before a parenthesis, in lower case; strings and comments have none."""
    tokens = _tokens(sql)
    return {
        _name(text)
        for (text, kind), (following, _) in pairwise(tokens)
        if kind in ("identifier", "keyword") and following.startswith("(")
    }


def _name(token: str) -> str:
    """Return the name that a token ends with, in lower case."""
    if token.startswith('"'):
        return token[1:-1].replace('""', '"').lower()
    words = _WORD.findall(token)
    return words[-1].lower() if words else ""


def _tokens(sql: str) -> list[tuple[str, str]]:
    """Return the tokens, without the blanks and comments behind them, each with its kind in DuckDB's words."""
    text = sql.encode()
    starts = duckdb.tokenize(sql)
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return [
        (_bare(text[start:end].decode(errors="replace")), kind.name)
        for (start, kind), end in zip(starts, ends, strict=True)
    ]


def _bare(token: str) -> str:
    if token.startswith("'"):
        return "''"
    quoted = _QUOTED.match(token)
    return quoted[0] if quoted else _BLANK_OR_COMMENT.split(token, maxsplit=1)[0]


def _explained(sql: str) -> str:
    """Return the statement behind EXPLAIN, ANALYZE, VERBOSE and a list of options in parentheses."""
    text = sql.encode()
    rests = [text[start:].decode(errors="replace") for start, _ in duckdb.tokenize(sql)[1:]]
    within = False
    for rest, following in pairwise([*rests, ""]):
        if within:
            within = not rest.startswith(")")
        elif rest.startswith("(") and _first_word(following) in _OF_EXPLAIN:
            within = True
        elif _first_word(rest) not in _OF_EXPLAIN:
            return rest
    return ""


def _first_word(text: str) -> str:
    word = _WORD.match(text)
    return word[0].lower() if word else ""
