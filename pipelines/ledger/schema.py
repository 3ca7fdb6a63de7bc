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

_PARQUET = """
CREATE TABLE parquet (
    parquet_id INTEGER PRIMARY KEY,
    path       TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT NOT NULL
)"""

_SLICES = """
CREATE TABLE slices (
    load_id      TEXT NOT NULL REFERENCES loads (load_id),
    table_name   TEXT NOT NULL,
    slice        TEXT NOT NULL,
    parquet_id   INTEGER NOT NULL REFERENCES parquet (parquet_id),
    rows         INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    version      INTEGER,
    live_from    TEXT NOT NULL,
    live_to      TEXT,
    PRIMARY KEY (load_id, table_name, slice)
) WITHOUT ROWID"""

_COPY_FILES = """
INSERT INTO slices
SELECT files.load_id, files.table_name, files.slice, parquet.parquet_id, files.rows, files.content_hash, files.version,
       files.live_from, files.live_to
FROM files JOIN parquet USING (path)"""

_FILES_TO_SLICES = (
    _PARQUET,
    _SLICES,
    "INSERT INTO parquet (path, bytes, sha256) SELECT DISTINCT path, bytes, sha256 FROM files",
    _COPY_FILES,
    "DROP TABLE files",
    # The slice first: what an earlier answer of the same slice had in any table is looked for by it alone.
    "CREATE UNIQUE INDEX slices_live ON slices (slice, table_name) WHERE live_to IS NULL",
)

_COVERAGE_WITH_BASIS = """
CREATE TABLE coverage_2 (
    instance    TEXT NOT NULL,
    scope_kind  TEXT NOT NULL,
    scope_id    TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    status      TEXT NOT NULL,
    http_status INTEGER,
    request_id  TEXT,
    attempts    INTEGER NOT NULL,
    detail      TEXT,
    fingerprint TEXT,
    settled     INTEGER NOT NULL DEFAULT 1,
    answered_at TEXT NOT NULL,
    PRIMARY KEY (instance, scope_kind, scope_id, endpoint)
) WITHOUT ROWID"""

_COPY_COVERAGE = """
INSERT INTO coverage_2
SELECT instance, scope_kind, scope_id, endpoint, status, http_status, request_id, attempts, detail, NULL, 1, answered_at
FROM coverage"""

_PULLS = """
CREATE TABLE pulls (
    pull_id     INTEGER PRIMARY KEY,
    instance    TEXT NOT NULL,
    family      TEXT NOT NULL,
    started_at  TEXT NOT NULL,
    saved_at    TEXT NOT NULL,
    finished_at TEXT,
    questions   INTEGER NOT NULL,
    answered    INTEGER NOT NULL DEFAULT 0,
    requests    INTEGER NOT NULL DEFAULT 0,
    cost        REAL NOT NULL DEFAULT 0,
    seconds     REAL NOT NULL DEFAULT 0
)"""

_INTENTS_WITH_CONTEXT = """
CREATE TABLE intents_2 (
    intent_id       INTEGER PRIMARY KEY,
    instance        TEXT NOT NULL,
    account_id      INTEGER,
    course_id       INTEGER,
    report          TEXT NOT NULL,
    parameters      TEXT NOT NULL,
    parameters_hash TEXT NOT NULL,
    window          TEXT NOT NULL,
    origin          TEXT NOT NULL,
    replaces        INTEGER REFERENCES intents_2 (intent_id),
    wanted_at       TEXT NOT NULL,
    posting_at      TEXT,
    posting_owner   TEXT,
    report_id       INTEGER,
    identified_by   TEXT,
    asked_at        TEXT,
    status          TEXT,
    status_at       TEXT,
    progress        INTEGER,
    reported_created_at TEXT,
    reported_started_at TEXT,
    reported_ended_at TEXT,
    deadline_at     TEXT NOT NULL,
    finished_at     TEXT,
    ended_at        TEXT,
    failure         TEXT,
    outcome         TEXT,
    attempts        INTEGER NOT NULL DEFAULT 0,
    attempts_before INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT,
    parked_at       TEXT,
    version         INTEGER NOT NULL DEFAULT 1,
    file_id         INTEGER,
    load_id         TEXT,
    loaded_at       TEXT,
    delete_wanted   INTEGER NOT NULL DEFAULT 0,
    deleted_at      TEXT,
    told_at         TEXT,
    CHECK ((account_id IS NULL) <> (course_id IS NULL))
)"""

_COPY_INTENTS = """
INSERT INTO intents_2 (intent_id, instance, account_id, report, parameters, parameters_hash, window, origin, wanted_at,
    posting_at, posting_owner, report_id, identified_by, asked_at, status, status_at, progress, reported_ended_at,
    deadline_at, finished_at, ended_at, failure, outcome, attempts, next_attempt_at, parked_at, load_id, loaded_at)
SELECT intent_id, instance, account_id, report, parameters, parameters_hash, window, origin, wanted_at,
    posting_at, posting_owner, report_id, CASE WHEN report_id IS NOT NULL THEN 'index' END, asked_at, status, status_at,
    progress, reported_ended_at, deadline_at, finished_at, ended_at, failure,
    CASE WHEN ended_at IS NOT NULL AND loaded_at IS NULL THEN 'failed' END, attempts, next_attempt_at, parked_at,
    load_id, loaded_at
FROM intents"""

_WISHES = """
CREATE TABLE wishes (
    instance        TEXT NOT NULL,
    context         TEXT NOT NULL,
    report          TEXT NOT NULL,
    parameters_hash TEXT NOT NULL,
    window          TEXT NOT NULL,
    origin          TEXT NOT NULL,
    wanted_at       TEXT NOT NULL,
    intent_id       INTEGER NOT NULL REFERENCES intents (intent_id),
    PRIMARY KEY (instance, context, report, parameters_hash, window)
) WITHOUT ROWID"""

_COPY_WISHES = """
INSERT INTO wishes
SELECT instance, 'accounts/' || account_id, report, parameters_hash, window, origin, wanted_at, intent_id
FROM intents"""

_LOOKS = """
CREATE TABLE looks (
    instance  TEXT NOT NULL,
    context   TEXT NOT NULL,
    report    TEXT NOT NULL,
    looked_at TEXT NOT NULL,
    PRIMARY KEY (instance, context, report)
) WITHOUT ROWID"""

_KEPT_FILES = """
CREATE TABLE kept_files (
    load_id      TEXT PRIMARY KEY,
    intent_id    INTEGER NOT NULL REFERENCES intents (intent_id),
    path         TEXT NOT NULL,
    bytes        INTEGER NOT NULL,
    sha256       TEXT NOT NULL,
    extracted_at TEXT NOT NULL,
    kept_at      TEXT NOT NULL,
    discarded_at TEXT
)"""

_CATALOG = """
CREATE TABLE catalog (
    instance      TEXT NOT NULL,
    account_id    INTEGER NOT NULL,
    report        TEXT NOT NULL,
    title         TEXT,
    parameters    TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    last_seen_at  TEXT NOT NULL,
    gone_at       TEXT,
    PRIMARY KEY (instance, account_id, report)
) WITHOUT ROWID"""

_INTENTS_REPORT = """
CREATE UNIQUE INDEX intents_report ON intents (instance, course_id IS NULL, report_id) WHERE report_id IS NOT NULL"""

_REPORTS_OF_COURSES_TOO = (
    _INTENTS_WITH_CONTEXT,
    _COPY_INTENTS,
    "DROP TABLE intents",
    "ALTER TABLE intents_2 RENAME TO intents",
    # Canvas numbers reports of accounts and of courses apart.
    _INTENTS_REPORT,
    "CREATE INDEX intents_open ON intents (instance, ended_at)",
    "CREATE INDEX intents_kind ON intents (instance, account_id, report, parameters_hash)",
    "CREATE INDEX intents_to_delete ON intents (instance) WHERE delete_wanted AND deleted_at IS NULL",
    "CREATE INDEX intents_replaced ON intents (replaces) WHERE replaces IS NOT NULL",
    _WISHES,
    _COPY_WISHES,
    _LOOKS,
    _KEPT_FILES,
    _CATALOG,
)

_GENERATIONS_TO_GO_BACK_TO = (
    # The one that a person has put back, until a person publishes again.
    "ALTER TABLE generations ADD COLUMN pinned_at TEXT",
    "ALTER TABLE parquet ADD COLUMN removed_at TEXT",
)

_COPY_LAST_COMMIT = """
INSERT INTO last_commit
SELECT 1, max(at) FROM (SELECT max(live_from) AS at FROM slices UNION ALL SELECT max(live_to) FROM slices)
HAVING max(at) IS NOT NULL"""

# When a load was committed must be told in the order of the commits, whatever the clock of the machine does.
_LAST_COMMIT = (
    "CREATE TABLE last_commit (one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL)",
    _COPY_LAST_COMMIT,
)

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
    (
        *_FILES_TO_SLICES,
        _COVERAGE_WITH_BASIS,
        _COPY_COVERAGE,
        "DROP TABLE coverage",
        "ALTER TABLE coverage_2 RENAME TO coverage",
        _PULLS,
        "CREATE INDEX pulls_family ON pulls (instance, family, started_at)",
    ),
    _REPORTS_OF_COURSES_TOO,
    _GENERATIONS_TO_GO_BACK_TO,
    _LAST_COMMIT,
)
"""Each step is a tuple of statements; `PRAGMA user_version` counts the steps that a file has taken."""
