"""The seeded university's frame: its accounts, its terms around a date, its scale of letters.

Courses and people are put into the frame by `seed`.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pipelines.demo.records import Account, Term

ZONE: Final = "America/Denver"

_COLLEGES: Final = {
    "College of Arts": ("History", "Languages & Literature", "Music"),
    "College of Science": ("Biology", "Chemistry", "Mathematics"),
    "School of Business": ("Finance", "Management"),
}
_TERM_DAYS: Final = (("previous", -290, -170), ("recent", -160, -45), ("current", -35, 80), ("future", 95, 210))
_LETTERS: Final = (
    (93, "A"),
    (90, "A-"),
    (87, "B+"),
    (83, "B"),
    (80, "B-"),
    (77, "C+"),
    (73, "C"),
    (70, "C-"),
    (60, "D"),
)
_DEFAULT_TERM_ID: Final = 1


def midnight(as_of: date, days: int = 0) -> datetime:
    """Return the local midnight `days` after a date, in UTC."""
    return datetime.combine(as_of + timedelta(days=days), time(), ZoneInfo(ZONE)).astimezone(UTC)


def letter(score: float) -> str:
    """Return the letter for a score from 0 to 100."""
    return next((name for least, name in _LETTERS if score >= least), "F")


def seeded_terms(as_of: date) -> dict[str, Term]:
    """Return the terms by what they are on `as_of`: default, previous, recent, current, future, deleted."""
    made = midnight(as_of, -400)
    terms = {"default": Term(_DEFAULT_TERM_ID, "Default Term", None, None, made, is_default=True)}
    for number, (key, first, last) in enumerate(_TERM_DAYS, start=2):
        start = as_of + timedelta(days=first)
        season = ("Spring", "Summer", "Autumn")[(start.month - 1) // 4]
        terms[key] = Term(
            number,
            f"{season} {start.year}",
            midnight(as_of, first),
            midnight(as_of, last),
            made,
            sis_id=f"{start:%Y%m}",
            created_by_sis=True,
        )
    terms["deleted"] = Term(
        9, "Cancelled Term", midnight(as_of, -500), midnight(as_of, -420), made, sis_id="000000", state="deleted"
    )
    return terms


def seeded_accounts() -> tuple[Account, ...]:
    """Return the root, three colleges, eight departments and a deleted account."""
    accounts = [Account(1, "Ridgeline University", None, time_zone=ZONE)]
    for number, name in enumerate(_COLLEGES, start=2):
        accounts.append(Account(number, name, 1, f"COL{number:03d}", time_zone=ZONE, created_by_sis=True))
    for college, departments in zip(list(accounts[1:]), _COLLEGES.values(), strict=True):
        for name in departments:
            number = len(accounts) + 1
            accounts.append(Account(number, name, college.id, f"0{number:02d}", time_zone=ZONE, created_by_sis=True))
    accounts.append(Account(99, "Closed Institute", 1, None, state="deleted", time_zone=ZONE))
    return tuple(accounts)
