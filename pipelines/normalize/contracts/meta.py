"""Contracts of the tables about the tables: the quarantine, which is loaded like any other, and what publish writes."""

from pipelines.normalize.contracts.model import Column, ColumnType, Privacy, Table

QUARANTINE = Table(
    schema="meta",
    name="quarantine",
    description="Rows that Canvas gave and that do not fit their table, with the reason. None is dropped silently.",
    grain="one row per rejected row",
    key=("table_name", "slice", "line_number"),
    key_is_unique=False,
    slice_columns=(("", "slice"),),
    columns=(
        Column("table_name", ColumnType.VARCHAR, "The table that the row was meant for.", nullable=False),
        Column(
            "slice",
            ColumnType.VARCHAR,
            "The scope of the answer that the row came in: account, course, report.",
            privacy=Privacy.PSEUDONYM,
        ),
        Column(
            "line_number",
            ColumnType.BIGINT,
            "Number of the record in the file, the header being 1: line breaks within cells do not count, nor do empty "
            "lines unless the file has one column. Of an endpoint: position in the answer, from 1. NULL where it is "
            "not known: the row was set aside when rows of the lake were typed anew.",
            "place from 1",
        ),
        Column("reason", ColumnType.VARCHAR, "What does not fit.", nullable=False),
        Column(
            "raw",
            ColumnType.VARCHAR,
            "The row: of a file put together again as CSV, which need not be its text byte for byte; of an endpoint as "
            "JSON. Long ones are cut.",
            privacy=Privacy.IDENTITY,
        ),
    ),
    source="every load",
    slice="as the table that the row was meant for",
    group="meta",
    fresh_within=None,
    come_and_go=True,
)

LOADED_TABLES = (QUARANTINE,)

_ID, _TEXT, _TIME, _FLAG, _NUMBER = (
    ColumnType.BIGINT,
    ColumnType.VARCHAR,
    ColumnType.TIMESTAMPTZ,
    ColumnType.BOOLEAN,
    ColumnType.DOUBLE,
)


def _written(name: str, description: str, grain: str, key: tuple[str, ...], columns: tuple[Column, ...]) -> Table:
    return Table(
        schema="meta",
        name=name,
        description=description,
        grain=grain,
        key=key,
        columns=columns,
        source="canvaslake, at each publish",
        slice="the whole table",
        group="meta",
        fresh_within=None,
        come_and_go=True,
    )


LOADS = _written(
    "loads",
    "The loads whose rows are in this file.",
    "one row per table and slice",
    ("table_name", "slice"),
    (
        Column("table_name", _TEXT, "The table that the load brought rows for.", nullable=False),
        Column("slice", _TEXT, "The scope that the load speaks for.", "", Privacy.PSEUDONYM, nullable=False),
        Column("load_id", _TEXT, "Id of the load, as in _load_id of the rows.", nullable=False),
        Column("source", _TEXT, "Endpoint family or report."),
        Column("report_id", _ID, "Canvas id of the report, for loads of reports."),
        Column("rows", _ID, "Rows of the load in this table.", "rows"),
        Column("sha256", _TEXT, "Checksum of the Parquet file."),
        Column("path", _TEXT, "The Parquet file, below the lake."),
        Column("extracted_at", _TIME, "When Canvas gave the rows.", "UTC"),
        Column("committed_at", _TIME, "When the load became live.", "UTC"),
    ),
)

COVERAGE = _written(
    "coverage",
    "How the last question about each scope and endpoint ended. Unreadable is not empty.",
    "one row per scope and endpoint",
    ("scope_kind", "scope_id", "endpoint"),
    (
        Column("instance", _TEXT, "The Canvas that was asked."),
        Column("scope_kind", _TEXT, "account, course or student.", nullable=False),
        Column(
            "scope_id",
            _TEXT,
            "Id of the account or course; course/user for a student.",
            "",
            Privacy.PSEUDONYM,
            nullable=False,
        ),
        Column("account_id", _ID, "The account, where the scope is one."),
        Column("course_id", _ID, "The course, where the scope is one or a student in one."),
        Column("user_id", _ID, "The student, where the scope is one.", privacy=Privacy.PSEUDONYM),
        Column("endpoint", _TEXT, "What was asked for.", nullable=False),
        Column("status", _TEXT, "loaded, empty, forbidden, missing, failed or skipped.", nullable=False),
        Column("http_status", _ID, "Status of Canvas's last answer.", "HTTP status code"),
        Column("request_id", _TEXT, "Canvas's id of the request, for questions to its operators."),
        Column("attempts", _ID, "How often it was asked.", "requests"),
        Column("detail", _TEXT, "What went wrong.", privacy=Privacy.PSEUDONYM),
        Column("answered_at", _TIME, "When the question ended.", "UTC"),
    ),
)

REPORT_RUNS = _written(
    "report_runs",
    "Every report that was wanted, from the wish to the load.",
    "one row per wanted report",
    ("intent_id",),
    (
        Column("intent_id", _ID, "Id of the wish.", nullable=False),
        Column("instance", _TEXT, "The Canvas that was asked."),
        Column("account_id", _ID, "The account that the report is about, unless it is about a course."),
        Column("course_id", _ID, "The course that the report is about, if it is about one."),
        Column("report", _TEXT, "Name of the report in Canvas."),
        Column("parameters", _TEXT, "What was asked for, as JSON."),
        Column(
            "state",
            _TEXT,
            "wanted, posting, asked, finished, parked, loaded, failed, lost or cancelled: where the story stands.",
            nullable=False,
        ),
        Column("origin", _TEXT, "schedule, sync, command, adoption (a person ran it in Canvas) or file (by hand)."),
        Column("window", _TEXT, "The scheduled moment or the call that the wish belongs to."),
        Column("replaces", _ID, "The wish that was lost and that this one took the place of.", "intent_id"),
        Column("report_id", _ID, "Canvas id of the report."),
        Column("identified_by", _TEXT, "How the id is known: answer, index (after a lost answer), adoption or file."),
        Column("status", _TEXT, "Canvas's last word: created, running, compiling, complete, error, aborted, deleted."),
        Column("progress", _ID, "Canvas's last word; 100 is also set by failure.", "percent"),
        Column("wanted_at", _TIME, "When the wish was written down.", "UTC"),
        Column("posted_at", _TIME, "When the request to start it was about to be sent.", "UTC"),
        Column("asked_at", _TIME, "When Canvas had the report.", "UTC"),
        Column("canvas_created_at", _TIME, "When Canvas had the report, by its own clock.", "UTC"),
        Column("canvas_started_at", _TIME, "When Canvas began to make it.", "UTC"),
        Column("canvas_ended_at", _TIME, "When Canvas had made it.", "UTC"),
        Column("deadline_at", _TIME, "Until when it is waited for.", "UTC"),
        Column("finished_at", _TIME, "When it was seen to be complete.", "UTC"),
        Column("attempts", _ID, "Attempts to load it that failed, or that a newer file made necessary.", "attempts"),
        Column("next_attempt_at", _TIME, "When it may be tried again.", "UTC"),
        Column("parked_at", _TIME, "Since when it waits for a person.", "UTC"),
        Column("loaded_at", _TIME, "When its rows became live.", "UTC"),
        Column("deleted_at", _TIME, "When it was deleted in Canvas from here.", "UTC"),
        Column("ended_at", _TIME, "When the story of the wish was over.", "UTC"),
        Column("failure", _TEXT, "Why it failed, last, with Canvas's words.", privacy=Privacy.IDENTITY),
        Column("load_id", _TEXT, "The load that fulfilled it."),
    ),
)

DRIFT = _written(
    "drift",
    "Where Canvas differs from the contracts: unknown columns, missing ones, reports that appear or vanish.",
    "one row per difference",
    ("table_name", "kind", "name"),
    (
        Column("table_name", _TEXT, "The table concerned.", nullable=False),
        Column(
            "kind",
            _TEXT,
            "unknown column, missing column, type refused, report appeared or report vanished.",
            nullable=False,
        ),
        Column("name", _TEXT, "The column or the report concerned.", nullable=False),
        Column("detail", _TEXT, "What was done about it."),
        Column("first_load_id", _TEXT, "The load that showed it first."),
        Column("first_seen_at", _TIME, "When it was seen first.", "UTC"),
        Column("last_seen_at", _TIME, "When it was seen last.", "UTC"),
    ),
)

CHECKS = _written(
    "checks",
    "What was checked before this file was published.",
    "one row per table and check",
    ("table_name", "check_name"),
    (
        Column("table_name", _TEXT, "The table checked.", nullable=False),
        Column(
            "check_name",
            _TEXT,
            "key_unique, not_null_*, accepted_values_*, references_*, freshness, row_count, types_fit.",
            nullable=False,
        ),
        Column("passed", _FLAG, "Whether the check passed.", nullable=False),
        Column("severity", _TEXT, "error or warning."),
        Column("detail", _TEXT, "What was found, and what was done about it."),
        Column("checked_at", _TIME, "When it was checked.", "UTC"),
    ),
)

MODELS = _written(
    "models",
    "The models in this file and what they were made from.",
    "one row per model",
    ("model",),
    (
        Column("model", _TEXT, "Qualified name of the model's table.", nullable=False),
        Column("fingerprint", _TEXT, "Checksum of the SQL and of everything that went into the model.", nullable=False),
        Column("rows", _ID, "Rows of the model.", "rows"),
        Column("seconds", _NUMBER, "How long it took to make.", "seconds"),
        Column("refreshed_at", _TIME, "When it was made.", "UTC"),
    ),
)

TABLE_LIST = _written(
    "tables",
    "The tables of this file.",
    "one row per table",
    ("table_schema", "table_name"),
    (
        Column("table_schema", _TEXT, "Schema of the table.", nullable=False),
        Column("table_name", _TEXT, "Name of the table.", nullable=False),
        Column("description", _TEXT, "What the table holds."),
        Column("grain", _TEXT, "What one row stands for."),
        Column("key", _TEXT, "The columns that tell rows apart."),
        Column("source", _TEXT, "Endpoint, report or model file."),
        Column("kind", _TEXT, "loaded, model, history or meta: what makes the table."),
        Column("owner", _TEXT, "Who answers for the table: of a model, what its file says; else canvaslake."),
        Column("row_count", _ID, "Rows in this generation.", "rows"),
        Column(
            "extracted_at",
            _TIME,
            "When Canvas last gave rows for the table, or for what a model is made from. NULL: it never did.",
            "UTC",
        ),
    ),
)

COLUMN_LIST = _written(
    "columns",
    "The columns of this file.",
    "one row per column",
    ("table_schema", "table_name", "position"),
    (
        Column("table_schema", _TEXT, "Schema of the table.", nullable=False),
        Column("table_name", _TEXT, "Name of the table.", nullable=False),
        Column("column_name", _TEXT, "Name of the column.", nullable=False),
        Column("position", _ID, "Place of the column in its table.", "place from 1", nullable=False),
        Column("data_type", _TEXT, "DuckDB type."),
        Column("description", _TEXT, "What the column says."),
        Column("unit", _TEXT, "Unit of the values; NULL for text, ids and flags."),
        Column("is_key", _FLAG, "Whether the column is part of the key."),
        Column("source", _TEXT, "Key or header in Canvas; NULL where canvaslake makes the value."),
        Column(
            "endpoint",
            _TEXT,
            "Endpoints and reports of Canvas that the values come from, near or far, with semicolons between; "
            "canvaslake for what it knows by itself.",
        ),
        Column(
            "derived_from",
            _TEXT,
            "For models: the columns that the value is made from, as schema.table.column with commas between. A * in "
            "place of a column: rows are counted, or it is a constant.",
        ),
        Column("privacy", _TEXT, "none, pseudonym, identity or record."),
    ),
)

GENERATION = _written(
    "generation",
    "Which generation this file is.",
    "one row",
    ("generation",),
    (
        Column("generation", _ID, "Number of the generation; grows with every publish.", nullable=False),
        Column("published_at", _TIME, "When the file was made.", "UTC", nullable=False),
        Column("instance", _TEXT, "The Canvas instances in the file, comma separated."),
        Column("canvaslake_version", _TEXT, "The canvaslake that made the file."),
        Column(
            "as_of",
            _TIME,
            "The moment that the file speaks of, if it was made of the past; NULL in files that are published.",
            "UTC",
        ),
    ),
)

WRITTEN_TABLES = (
    GENERATION,
    LOADS,
    COVERAGE,
    REPORT_RUNS,
    DRIFT,
    CHECKS,
    MODELS,
    TABLE_LIST,
    COLUMN_LIST,
)
"""The tables that publish writes; they carry no system columns."""
