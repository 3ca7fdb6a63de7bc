"""The ledger's tables, as the steps that bring an older file up to date. Steps are added at the end, never changed."""

_INTENTS = """
CREATE TABLE intents (
    intent_id       INTEGER PRIMARY KEY,
    instance        TEXT NOT NULL,
    account_id      INTEGER NOT NULL,
    report          TEXT NOT NULL,
    parameters      TEXT NOT NULL,
    parameters_hash TEXT NOT NULL,
    window          TEXT NOT NULL,
    origin          TEXT NOT NULL,
    wanted_at       TEXT NOT NULL,
    posting_at      TEXT,
    posting_owner   TEXT,
    report_id       INTEGER,
    asked_at        TEXT,
    status          TEXT,
    status_at       TEXT,
    progress        INTEGER,
    reported_ended_at TEXT,
    deadline_at     TEXT NOT NULL,
    finished_at     TEXT,
    ended_at        TEXT,
    failure         TEXT,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT,
    parked_at       TEXT,
    load_id         TEXT,
    loaded_at       TEXT,
    UNIQUE (instance, account_id, report, parameters_hash, window)
)"""

_LOADS = """
CREATE TABLE loads (
    load_id          TEXT PRIMARY KEY,
    instance         TEXT NOT NULL,
    source           TEXT NOT NULL,
    scope            TEXT NOT NULL,
    report_id        INTEGER,
    rows_read        INTEGER NOT NULL,
    rows_loaded      INTEGER NOT NULL,
    rows_quarantined INTEGER NOT NULL,
    content_hash     TEXT NOT NULL,
    unchanged        INTEGER NOT NULL DEFAULT 0,
    extracted_at     TEXT NOT NULL,
    committed_at     TEXT NOT NULL,
    CHECK (rows_read = rows_loaded + rows_quarantined)
)"""

_FILES = """
CREATE TABLE files (
    load_id    TEXT NOT NULL REFERENCES loads (load_id),
    table_name TEXT NOT NULL,
    slice      TEXT NOT NULL,
    path       TEXT NOT NULL,
    rows       INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    version    INTEGER,
    live_from  TEXT NOT NULL,
    live_to    TEXT,
    PRIMARY KEY (load_id, table_name)
)"""

_COVERAGE = """
CREATE TABLE coverage (
    instance    TEXT NOT NULL,
    scope_kind  TEXT NOT NULL,
    scope_id    TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    status      TEXT NOT NULL,
    http_status INTEGER,
    request_id  TEXT,
    attempts    INTEGER NOT NULL,
    detail      TEXT,
    answered_at TEXT NOT NULL,
    PRIMARY KEY (instance, scope_kind, scope_id, endpoint)
)"""

_DRIFT = """
CREATE TABLE drift (
    table_name TEXT NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    first_load_id TEXT,
    first_seen_at TEXT NOT NULL,
    last_seen_at  TEXT NOT NULL,
    PRIMARY KEY (table_name, kind, name)
)"""

_GENERATIONS = """
CREATE TABLE generations (
    generation   INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at   TEXT NOT NULL,
    published_at TEXT,
    file         TEXT,
    rows         INTEGER,
    bytes        INTEGER,
    withdrawn_at TEXT
)"""

_ACCOUNT_NUMBERS = """
CREATE TABLE account_numbers (
    instance   TEXT NOT NULL,
    name       TEXT NOT NULL,
    account_id INTEGER NOT NULL,
    PRIMARY KEY (instance, name)
)"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        _INTENTS,
        "CREATE UNIQUE INDEX intents_report ON intents (instance, report_id) WHERE report_id IS NOT NULL",
        "CREATE INDEX intents_open ON intents (instance, ended_at) WHERE ended_at IS NULL",
        _LOADS,
        "CREATE INDEX loads_scope ON loads (instance, source, scope, committed_at)",
        _FILES,
        "CREATE UNIQUE INDEX files_live ON files (table_name, slice) WHERE live_to IS NULL",
        "CREATE INDEX files_history ON files (table_name, slice, live_from)",
        _COVERAGE,
        _DRIFT,
        _GENERATIONS,
    ),
    ("CREATE TABLE unpublished (table_name TEXT PRIMARY KEY)",),
    (_ACCOUNT_NUMBERS,),
)
"""Each step is a tuple of statements; `PRAGMA user_version` counts the steps that a file has taken."""
