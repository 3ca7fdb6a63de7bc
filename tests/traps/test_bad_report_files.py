"""Files that are not what their report promises, on the whole road: what loads, what is set aside, what is refused."""

import io
import stat
import zipfile
from collections.abc import Callable

import pytest

from pipelines.canvas.errors import CanvasError, LinkExpiredError, LoginPageError, TruncatedDownloadError
from pipelines.demo.csv_text import zip_bytes
from pipelines.extract.archives import HostileArchiveError
from pipelines.lake import LoadOutcome
from pipelines.lake.store import TooManyBadRowsError
from pipelines.ledger import CommitResult, Intent, IntentState
from pipelines.ledger.intents import all_intents
from pipelines.ledger.report_facts import unpark
from pipelines.load.reports import REFUSED, ReportNotReadyError
from pipelines.normalize.csv_files import UnreadableFileError
from tests.load.report_worlds import lake_rows, load_counts, published, published_rows, quarantine
from tests.load.worlds import Rows
from tests.traps.conftest import Office

pytestmark = pytest.mark.slow

REPORT = "provisioning_csv"
USERS = {"users": True}
HEADER = b"canvas_user_id,user_id,login_id,status,created_by_sis"
GOOD = 40


def good_rows(count: int = GOOD, first: int = 1) -> bytes:
    return b"".join(b"%d,S%04d,login%d,active,true\n" % (n, n, n) for n in range(first, first + count))


def users_file(*bad: bytes, header: bytes = HEADER) -> bytes:
    """Return a file whose bad rows stand behind the twentieth good one: from line 22 on."""
    return header + b"\n" + good_rows(20) + b"".join(line + b"\n" for line in bad) + good_rows(20, 21)


@pytest.fixture
def yesterday(office: Office) -> Rows:
    """Return the rows of a good report of the day before."""
    office.world.canvas.faults.report_file(HEADER + b"\n" + good_rows(7, 900))
    office.loaded(REPORT, window="yesterday", parameters=USERS)
    return users(office)


def users(office: Office) -> Rows:
    return sorted(lake_rows(office.world, "provisioning_users"), key=lambda row: row["canvas_user_id"])


def finished(office: Office, content: bytes, content_type: str = "text/csv") -> Intent:
    office.world.canvas.faults.report_file(content, content_type)
    (intent,) = office.ask(REPORT, parameters=USERS)
    office.look()
    return office.now(intent)


def loaded(office: Office, content: bytes) -> LoadOutcome:
    return office.load(finished(office, content))


BAD_ROWS: dict[str, tuple[list[bytes], list[tuple[int, str, str]]]] = {
    "bytes that are no text": (
        [b"501,S501,l\xff\xfein,active,true"],
        [(22, "login_id is not UTF-8", r"501,S501,l\xff\xfein,active,true")],
    ),
    "too short": (
        [b"501,S501"],
        [(22, "has 2 cells where the header has 5", "501,S501")],
    ),
    "too long": (
        [b"501,S501,x,active,true,more,and more"],
        [(22, "has 7 cells where the header has 5", "501,S501,x,active,true,more,and more")],
    ),
    "text for a number": (
        [b"five hundred,S501,x,active,true"],
        [(22, "canvas_user_id is not a whole number", "five hundred,S501,x,active,true")],
    ),
    "a number past 64 bits": (
        [b"9223372036854775808,S501,x,active,true"],
        [(22, "canvas_user_id is past 64 bits", "9223372036854775808,S501,x,active,true")],
    ),
    "nothing where something must be": (
        [b",S501,x,active,true"],
        [(22, "canvas_user_id is missing", ",S501,x,active,true")],
    ),
    "maybe": (
        [b"501,S501,x,active,maybe"],
        [(22, "created_by_sis is not true or false", "501,S501,x,active,maybe")],
    ),
    "several at once": (
        [b"501", b'502,"S\n502",x,active,perhaps', b"\xff,S503,x,active,maybe"],
        [
            (22, "has 1 cells where the header has 5", "501"),
            (23, "created_by_sis is not true or false", '502,"S\n502",x,active,perhaps'),
            (24, "canvas_user_id is not UTF-8; created_by_sis is not true or false", r"\xff,S503,x,active,maybe"),
        ],
    ),
}


@pytest.mark.parametrize("bad", BAD_ROWS, ids=str)
def test_good_rows_load_and_bad_ones_are_set_aside_with_line_reason_and_text(office: Office, bad: str) -> None:
    rows, due = BAD_ROWS[bad]
    outcome = loaded(office, users_file(*rows))
    assert [row["canvas_user_id"] for row in users(office)] == list(range(1, GOOD + 1))
    assert [(row["line_number"], row["reason"], row["raw"]) for row in quarantine(office.world)] == due
    assert {row["table_name"] for row in quarantine(office.world)} == {"reports.provisioning_users"}
    assert outcome.quarantined == {"reports.provisioning_users": len(due)}
    assert load_counts(office.world, outcome.load_id) == (GOOD + len(due), GOOD, len(due))
    published(office.world)
    counts = published_rows(office.world, "select table_name, rows, load_id from meta.loads order by table_name")
    assert [(row["table_name"], row["rows"]) for row in counts] == [
        ("meta.quarantine", len(due)),
        ("reports.provisioning_users", GOOD),
    ]
    assert {row["load_id"] for row in counts} == {outcome.load_id}
    told = published_rows(office.world, "select line_number, reason, raw from meta.quarantine order by line_number")
    assert [tuple(row.values()) for row in told] == due


def test_the_next_good_file_empties_the_quarantine(office: Office) -> None:
    loaded(office, users_file(b"501"))
    assert len(quarantine(office.world)) == 1
    loaded(office, users_file())
    assert quarantine(office.world) == []


def test_a_header_that_comes_twice_is_two_columns_and_the_second_is_drift(office: Office) -> None:
    content = b"canvas_user_id,user_id,user_id,status\n" + b"".join(b"%d,a%d,b%d,active\n" % (n, n, n) for n in (1, 2))
    outcome = loaded(office, content)
    assert [(row["user_id"], row["user_id_2"]) for row in users(office)] == [("a1", "b1"), ("a2", "b2")]
    assert ("unknown column", "user_id_2") in {(one.kind, one.name) for one in outcome.drift}


def test_a_column_that_is_missing_is_null_and_drift(office: Office) -> None:
    outcome = loaded(office, b"canvas_user_id,status\n1,active\n")
    (row,) = users(office)
    assert (row["canvas_user_id"], row["status"], row["user_id"]) == (1, "active", None)
    missing = {one.name for one in outcome.drift if one.kind == "missing column"}
    assert {"user_id", "login_id", "created_by_sis"} <= missing
    published(office.world)
    drift = published_rows(office.world, "select name from meta.drift where table_name = 'reports.provisioning_users'")
    assert {row["name"] for row in drift} == missing


def test_a_column_that_is_needed_and_was_renamed_is_named_in_the_refusal(office: Office, yesterday: Rows) -> None:
    intent = finished(office, b"canvas_user_ids,user_id,status\n1,a,active\n")
    with pytest.raises(UnreadableFileError, match=r"lacks canvas_user_id.*canvas_user_ids may be what is missing"):
        office.load(intent)
    assert_parked(office, intent, yesterday)


def test_an_unknown_name_for_a_column_keeps_its_cells_as_text(office: Office) -> None:
    loaded(office, b"canvas_user_id,sis_user_id\n1,0007\n")
    assert [(row["user_id"], row["sis_user_id"]) for row in users(office)] == [(None, "0007")]


def assert_parked(office: Office, intent: Intent, yesterday: Rows) -> None:
    """A file that is refused leaves the rows of the day before, no file, and a wish that waits for a person."""
    parked = office.now(intent)
    assert (parked.state, parked.attempts) == (IntentState.PARKED, 1)
    assert parked.failure
    assert users(office) == yesterday
    assert list(office.world.downloads.iterdir()) == []
    assert office.look(3600).finished == [], "nobody tries the same file again"
    assert all(one.state is not IntentState.FINISHED for one in all_intents(office.world.ledger))


def test_a_file_with_too_many_bad_rows_is_refused_and_parked(office: Office, yesterday: Rows) -> None:
    intent = finished(office, users_file(*[b"x,S,l,active,true"] * 11))
    with pytest.raises(TooManyBadRowsError, match=r"11 of 51 rows do not fit reports.provisioning_users.*line 22"):
        office.load(intent)
    assert_parked(office, intent, yesterday)
    assert quarantine(office.world) == []
    assert unpark(office.world.ledger, intent.intent_id)
    with pytest.raises(TooManyBadRowsError):
        office.load(intent)
    assert office.now(intent).state is IntentState.PARKED


def test_a_few_bad_rows_are_few_whatever_their_share(office: Office) -> None:
    assert loaded(office, users_file(*[b"x"] * 10)).quarantined == {"reports.provisioning_users": 10}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"<!DOCTYPE html><html><body>Log in</body></html>",
        b"name,colour\nAnn,red\n",
        HEADER + b'\n1,"S1,login,active,true\n2,S2,l,active,true\n',
        "canvas_user_id\n1\n".encode("utf-16"),
    ],
    ids=["nothing", "blank lines", "a page", "another table", "an open quote", "UTF-16"],
)
def test_a_file_that_is_no_report_is_refused_and_parked(office: Office, yesterday: Rows, content: bytes) -> None:
    intent = finished(office, content)
    with pytest.raises((*REFUSED, CanvasError)):
        office.load(intent)
    assert office.now(intent).state is not IntentState.LOADED
    assert users(office) == yesterday
    assert list(office.world.downloads.iterdir()) == []


def archive(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members:
            opened.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        entry = zipfile.ZipInfo("users.csv")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(entry, "/etc/hostname")
    return out.getvalue()


def with_size(packed: bytes, size: int) -> bytes:
    """Return an archive whose directory gives its first member another size."""
    at = packed.rindex(b"PK\x01\x02")
    return packed[: at + 24] + size.to_bytes(4, "little") + packed[at + 28 :]


USERS_CSV = HEADER + b"\n" + good_rows()
HOSTILE: dict[str, Callable[[], bytes]] = {
    "a name that leads out": lambda: archive(("../users.csv", USERS_CSV)),
    "a name that leads out, with other slashes": lambda: archive(("..\\..\\users.csv", USERS_CSV)),
    "an absolute name": lambda: archive(("/srv/users.csv", USERS_CSV)),
    "a drive": lambda: archive(("C:\\users.csv", USERS_CSV)),
    "a link": link,
    "a bomb by ratio": lambda: archive(("users.csv", bytes(64 << 20))),
    "a bomb by count": lambda: archive(*((f"{number}.csv", b"") for number in range(1001))),
    "a bomb by size": lambda: with_size(archive(("users.csv", USERS_CSV)), 0xFFFFFFFE),
    "larger than it says": lambda: with_size(archive(("users.csv", USERS_CSV)), 100),
    "two of one name": lambda: archive(("users.csv", USERS_CSV), ("users.csv", USERS_CSV)),
    "damaged": lambda: archive(("users.csv", USERS_CSV))[:-30],
    "damaged within": lambda: archive(("users.csv", USERS_CSV)).replace(b"users.csv", b"usersXcsv", 1),
}


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("kind", HOSTILE, ids=str)
def test_a_hostile_archive_is_refused_and_touches_nothing(office: Office, yesterday: Rows, kind: str) -> None:
    outside = {path for path in office.world.home.parent.rglob("*") if "state" not in path.parts}
    intent = finished(office, HOSTILE[kind](), "application/zip")
    with pytest.raises(HostileArchiveError):
        office.load(intent)
    assert_parked(office, intent, yesterday)
    new = {path for path in office.world.home.parent.rglob("*") if "state" not in path.parts} - outside
    # What Canvas gave is kept, packed as it came, for a person to look at; nothing of it was unpacked.
    assert {path.name.split("-")[0] for path in new if path.is_file()} <= {"report"}
    assert all("files" in path.parts for path in new)


def test_a_good_archive_of_the_same_kind_loads(office: Office) -> None:
    outcome = office.load(finished(office, zip_bytes({"users.csv": USERS_CSV}), "application/zip"))
    assert outcome.rows == {"reports.provisioning_users": GOOD}


def retried(office: Office, intent: Intent, error: type[Exception]) -> None:
    """See a load fail for a passing reason: it is counted, waits for its next attempt, and is not parked."""
    with pytest.raises(error):
        office.load(intent)
    waiting = office.now(intent)
    assert (waiting.state, waiting.attempts, waiting.parked_at) == (IntentState.FINISHED, 1, None)
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at > office.world.clock()
    assert list(office.world.downloads.iterdir()) == []


def test_a_log_in_page_in_place_of_the_file_is_tried_again_later(office: Office, yesterday: Rows) -> None:
    intent = finished(office, USERS_CSV)
    office.world.canvas.faults.login_instead_of_file(times=None)
    retried(office, intent, LoginPageError)
    assert users(office) == yesterday
    office.world.canvas.faults.clear()
    assert office.load(intent).result is CommitResult.COMMITTED
    assert len(users(office)) == GOOD


def test_a_file_that_was_cut_is_tried_again_later(office: Office, yesterday: Rows) -> None:
    intent = finished(office, USERS_CSV)
    office.world.canvas.faults.truncate(times=None, honest=True)
    retried(office, intent, TruncatedDownloadError)
    assert users(office) == yesterday
    office.world.canvas.faults.clear()
    assert office.load(intent).result is CommitResult.COMMITTED


def test_a_file_of_another_size_than_announced_is_not_trusted(office: Office, yesterday: Rows) -> None:
    intent = finished(office, USERS_CSV)
    office.world.canvas.faults.attachment("wrong_size", times=None)
    retried(office, intent, TruncatedDownloadError)
    assert users(office) == yesterday


def test_a_link_that_ran_out_is_asked_for_again_at_once_and_at_last_later(office: Office) -> None:
    intent = finished(office, USERS_CSV)
    shown = rf"/reports/{REPORT}/{intent.report_id}$"
    office.world.canvas.faults.expire_links(times=None)
    retried(office, intent, LinkExpiredError)
    assert office.world.canvas.requests.count(shown) == 3
    office.world.canvas.faults.clear()
    office.world.canvas.faults.expire_links(times=2)
    assert office.load(intent).result is CommitResult.COMMITTED
    assert office.world.canvas.requests.count(shown) == 6


@pytest.mark.parametrize("oddity", ["locked", "absent"])
def test_a_report_without_a_file_to_fetch_waits_for_it(office: Office, oddity: str) -> None:
    (intent,) = office.ask(REPORT, parameters=USERS)
    office.world.canvas.faults.attachment(oddity, times=None)  # type: ignore[arg-type]
    watched = office.look()
    if oddity == "locked":
        assert [one.intent_id for one in watched.pending] == [intent.intent_id]
        assert office.now(intent).state is IntentState.ASKED
        office.world.canvas.faults.clear()
        watched = office.look()
    # Where there is no attachment, the report's page is another way, if a way to the log-in page.
    assert [one.intent_id for one in watched.finished] == [intent.intent_id]
    if oddity == "absent":
        retried(office, intent, LoginPageError)
        office.world.canvas.faults.clear()
    office.load(intent)
    assert users(office)


def test_a_file_that_was_locked_meanwhile_is_tried_again_later(office: Office, yesterday: Rows) -> None:
    intent = finished(office, USERS_CSV)
    office.world.canvas.faults.attachment("locked", rf"/{intent.report_id}$", times=None)
    retried(office, intent, ReportNotReadyError)
    assert users(office) == yesterday
    office.world.canvas.faults.clear()
    assert office.load(intent).result is CommitResult.COMMITTED


def test_what_fails_in_passing_five_times_waits_for_a_person(office: Office, yesterday: Rows) -> None:
    intent = finished(office, USERS_CSV)
    office.world.canvas.faults.truncate(times=None, honest=True)
    pauses = []
    for _ in range(5):
        with pytest.raises(TruncatedDownloadError):
            office.load(intent)
        due = office.now(intent).next_attempt_at
        assert due is not None
        pauses.append((due - office.world.clock()).total_seconds())
        office.world.clock.advance(pauses[-1])
    assert pauses == [120.0, 240.0, 480.0, 960.0, 1920.0]
    assert office.now(intent).state is IntentState.PARKED
    assert users(office) == yesterday
    office.world.canvas.faults.clear()
    assert unpark(office.world.ledger, intent.intent_id)
    assert office.load(intent).result is CommitResult.COMMITTED


def test_a_hand_made_file_of_every_row_bad_is_refused_though_it_is_short(office: Office, yesterday: Rows) -> None:
    intent = finished(office, HEADER + b"\nx,S,l,active,true\n")
    with pytest.raises(TooManyBadRowsError, match="1 of 1 rows"):
        office.load(intent)
    assert_parked(office, intent, yesterday)
