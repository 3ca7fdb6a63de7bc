"""What a sync would ask and how long that takes. Pure: counts and what Canvas's headers showed in, a price out.

The families are asked one after the other. Each takes as long as the slowest of what bounds it:

- the way to Canvas and back: `requests * round_trip / in_flight`;
- the quota: what a family costs beyond what stands ready leaks back at 10 units a second, so it takes
  `(cost - credit) / 10`. At first `remaining - margin` stands ready: `remaining` from Canvas's own header, the margin
  is what the client keeps. What a family leaves of it, and what leaks back meanwhile, is the next one's, never more
  than stood ready at first: how large the bucket is, Canvas does not say;
- what was measured: `requests` at the pace of the family's last pulls, in which the computing of Canvas and the saving
  of answers are contained.

A request costs what those of the family's last pulls did, and before the first what a cheap request costs. Without
quota headers the second bound is unknown, and the client keeps four requests in flight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.canvas.quota import DEFAULT_LEAK, DEFAULT_RESERVATION, HEADERLESS_LIMIT
from pipelines.extract.courses import CourseFacts
from pipelines.ledger.pulls import Spent

MARGIN = DEFAULT_RESERVATION / 2
"""What the client leaves of the quota at all times."""

_PER_PAGE = 100
_REPORT_LOOKS = 5


@dataclass(frozen=True)
class Seen:
    """What a cheap request showed: seconds there and back, its cost and what was left; None without quota headers."""

    round_trip: float
    cost: float | None
    remaining: float | None

    def in_flight(self, cap: int) -> int:
        """Return how many requests the client keeps under way at most."""
        return cap if self.remaining is not None else min(cap, HEADERLESS_LIMIT)


@dataclass(frozen=True)
class Part:
    """Questions of a family that feed the same tables. `about` names those that bring no rows of their own."""

    tables: tuple[str, ...]
    questions: int
    requests: int
    about: str = ""


@dataclass(frozen=True)
class Asked:
    """A family with what it would be asked. `parts` None: that is not known before the directory is loaded.

    `before` is what its last pulls took. `note` says what the numbers leave out.
    """

    family: str
    parts: tuple[Part, ...] | None
    estimated: bool = False
    before: Spent | None = None
    note: str = ""

    @property
    def questions(self) -> int:
        """How many questions; 0 while that is not known."""
        return sum(part.questions for part in self.parts or ())

    @property
    def requests(self) -> int:
        """How many requests they take; 0 while that is not known."""
        return sum(part.requests for part in self.parts or ())


@dataclass(frozen=True)
class Line:
    """What a family would cost. `rows` by table, None where nothing was ever loaded; times in seconds."""

    asked: Asked
    cost: float | None
    seconds: float | None
    rows: dict[str, int | None] = field(default_factory=dict)

    @property
    def total_rows(self) -> int | None:
        """Rows of all tables together; None where nothing was ever loaded of any."""
        known = [count for count in self.rows.values() if count is not None]
        return sum(known) if known else None


@dataclass(frozen=True)
class Plan:
    """A sync with its price. `seconds` None: Canvas was not asked, and not everything was measured before."""

    lines: tuple[Line, ...]

    @property
    def questions(self) -> int:
        """All questions that are known."""
        return sum(line.asked.questions for line in self.lines)

    @property
    def requests(self) -> int:
        """All requests that are known."""
        return sum(line.asked.requests for line in self.lines)

    @property
    def seconds(self) -> float | None:
        """How long all of it takes."""
        times = [line.seconds for line in self.lines if line.seconds is not None]
        return sum(times) if len(times) == len(self.lines) else None

    @property
    def is_whole(self) -> bool:
        """Whether it is known of every family what it would be asked."""
        return all(line.asked.parts is not None for line in self.lines)


def price(
    families: Sequence[Asked], seen: Seen | None, cap: int, rows_per_answer: Mapping[str, float] | None = None
) -> Plan:
    """Return what asking some families in this order would cost; `seen` None when Canvas could not be asked.

    `cap` is the most that may be in flight, by the settings. `rows_per_answer` is what answers brought before.
    """
    known = rows_per_answer or {}
    ready = None if seen is None or seen.remaining is None else seen.remaining - MARGIN
    credit = ready
    lines = []
    for asked in families:
        cost = _cost(asked, seen)
        seconds = _seconds(asked, cost, seen, cap, credit)
        if ready is not None and credit is not None and asked.requests:
            credit = min(max(ready, 0.0), credit - (cost or 0.0) + DEFAULT_LEAK * (seconds or 0.0))
        rows = {
            table: round(known[table] * part.questions) if table in known else None
            for part in asked.parts or ()
            for table in part.tables
        }
        lines.append(Line(asked, cost, seconds, rows))
    return Plan(tuple(lines))


def _cost(asked: Asked, seen: Seen | None) -> float | None:
    before = asked.before
    if before is not None and before.requests and before.cost:
        return asked.requests * before.cost / before.requests
    return None if seen is None or seen.cost is None else asked.requests * seen.cost


def _seconds(asked: Asked, cost: float | None, seen: Seen | None, cap: int, credit: float | None) -> float | None:
    if not asked.requests:
        return 0.0
    bounds = []
    if asked.before is not None and asked.before.requests:
        bounds.append(asked.requests * asked.before.seconds / asked.before.requests)
    if seen is not None:
        bounds.append(asked.requests * seen.round_trip / seen.in_flight(cap))
        if cost is not None and credit is not None:
            bounds.append((cost - credit) / DEFAULT_LEAK)
    return max(bounds, default=None)


def pages(records: int | None) -> int:
    """Return the requests that a list takes: one per hundred records, and one for an empty list."""
    return max(1, -(-(records or 0) // _PER_PAGE))


def course_requests(course: CourseFacts, endpoint: str) -> int:
    """Return the requests of a question about a course.

    Statistics of a large one are asked for, looked at while Canvas prepares them, and asked for again.
    """
    if endpoint == "student_summaries":
        return pages(course.total_students)
    return 3 if endpoint == "assignments" and course.is_large else 1


def report_requests(reports: int) -> int:
    """Return about how many requests reports take: for each the start, some looks, and one for the link to the file."""
    return reports * (1 + _REPORT_LOOKS + 1)


@dataclass(frozen=True)
class Choice:
    """Another value of one setting: the questions of its family with it and without, and what it saves in all.

    Negative savings are what the other value would cost more. `seconds_saved` None: not known.
    """

    setting: str
    questions: int
    instead_of: int
    requests_saved: int
    seconds_saved: float | None

    @property
    def saves(self) -> bool:
        """Whether the other value is the cheaper one."""
        return self.requests_saved > 0

    @property
    def saved(self) -> str:
        """What lies between the two, in words."""
        if self.seconds_saved is None:
            return f"{abs(self.requests_saved):,} requests"
        return about(abs(self.seconds_saved))

    def __str__(self) -> str:
        said = f"[sync] {self.setting} would ask {self.questions:,} instead of {self.instead_of:,} questions"
        return f"{said}: {'saves' if self.requests_saved >= 0 else 'takes'} {self.saved}{_more(self.requests_saved)}"


def _more(requests_saved: int) -> str:
    return "" if requests_saved >= 0 else " more"


def choose(setting: str, family: str, now: Plan, then: Plan) -> Choice:
    """Compare a plan with what it would be with another value of a setting that concerns one family."""
    both = now.seconds, then.seconds
    return Choice(
        setting,
        sum(line.asked.questions for line in then.lines if line.asked.family == family),
        sum(line.asked.questions for line in now.lines if line.asked.family == family),
        now.requests - then.requests,
        None if both[0] is None or both[1] is None else both[0] - both[1],
    )


def cheapest(choices: Sequence[Choice]) -> Choice | None:
    """Return the change that saves most; None when none saves anything."""
    saving = [choice for choice in choices if choice.saves]
    return max(saving, key=lambda choice: (choice.seconds_saved or 0.0, choice.requests_saved), default=None)


def about(seconds: float) -> str:
    """Return a time in words, no more exact than an estimate is."""
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"
