"""Invented records that administrators look after, and details of people and courses that only reports show.

Tools, developer keys, access tokens and portfolios; when and from where people came last; storage; who stands in
for whom. Drawn from a generator of its own, so that everything else stays as it is.
"""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from pipelines.demo.admin_records import AccessToken, DeveloperKey, Eportfolio, LtiTool
from pipelines.demo.institution import SHARD_FACTOR, Institution
from pipelines.demo.records import Course, CourseContent, Enrollment, Login, User

_STREAM: Final = 0xAD
_PRONOUNS: Final = ("she/her", "he/him", "they/them", "elle", "xe; xem", "")
_KEYS: Final = (
    DeveloperKey(1, "Library search", email="library@example.edu", is_lti=True, placements=("course_navigation",)),
    DeveloperKey(
        2,
        'Proctor "Pro", GmbH; Köln',
        email="",
        is_lti=True,
        placements=("link_selection", "assignment_selection"),
        scopes=("url:GET|/api/v1/courses", "url:GET|/api/v1/users/:id"),
    ),
    DeveloperKey(3, "Timetable\nexport", email=None, scopes=("url:GET|/api/v1/calendar_events",)),
    DeveloperKey(4, None, state="inactive"),
    DeveloperKey(5, "", email="NA"),
    DeveloperKey(6, "Gone", state="deleted"),
    DeveloperKey(1234 * SHARD_FACTOR + 9, "Mobile app", inherited=True, email="support@example.com", is_lti=False),
)
_HINTS: Final = ("00017", "1e005", "NULL0", "aB3dE", "9007~")
_TITLES: Final = ("Capstone", "NA", "My work; 2026", "Sketches\nand notes", 'The "best" of', "作品集", "")


def with_administration(institution: Institution, seed: int, now: datetime) -> Institution:
    """Return a copy with these records and details."""
    rng = random.Random(f"{seed} {_STREAM}")
    users = tuple(_person(rng, each, now) for each in institution.users)
    return replace(
        institution,
        users=users,
        courses=tuple(_stored(rng, each) for each in institution.courses),
        enrollments=_stand_ins(institution),
        # What an import made is all that an export for an import holds.
        user_observers=tuple(
            replace(each, created_by_sis=at % 2 == 0) for at, each in enumerate(institution.user_observers)
        ),
        admins=tuple(replace(each, created_by_sis=at > 2) for at, each in enumerate(institution.admins)),
        lti_tools=_tools(institution, now),
        developer_keys=_KEYS,
        access_tokens=_tokens(rng, users, now),
        eportfolios=_portfolios(rng, users, now),
    )


def _person(rng: random.Random, user: User, now: datetime) -> User:
    pronouns = rng.choice(_PRONOUNS) if rng.random() < 0.15 else None
    return replace(user, pronouns=pronouns, logins=tuple(_access(rng, each, now) for each in user.logins))


def _access(rng: random.Random, login: Login, now: datetime) -> Login:
    never = rng.random() < 0.12 or login.state == "deleted"
    last = now + timedelta(hours=4) - timedelta(seconds=rng.randrange(200 * 86_400))
    octets = ".".join(str(rng.randrange(1, 255)) for _ in range(3))
    ip = f"2001:db8::{rng.randrange(1, 65535):x}" if rng.random() < 0.1 else f"10.{octets}"
    integration = f"INT-{login.id:07d}" if login.integration_id is None and login.id % 5 == 0 else login.integration_id
    return replace(
        login,
        integration_id=integration,
        last_request_at=None if never else last,
        last_ip=None if never else ip,
    )


def _stored(rng: random.Random, course: Course) -> Course:
    # Courses that nobody has published and nothing was put into are what the list of unused ones is for.
    empty = course.state == "claimed"
    used = 0.0 if empty else rng.lognormvariate(3.0, 1.4)
    return replace(
        course,
        content=CourseContent() if empty else course.content,
        storage_mb=round(used, 6),
        files_mb=round(used * rng.choice((1.0, 1.0, 1.3337)), 6),
    )


def _stand_ins(institution: Institution) -> tuple[Enrollment, ...]:
    teachers = [each for each in institution.enrollments if each.type == "TeacherEnrollment"]
    sources = {
        each.id: next(other.user_id for other in teachers if other.user_id != each.user_id)
        for each in teachers[3:40:12]
        if any(other.user_id != each.user_id for other in teachers)
    }
    return tuple(
        replace(each, temporary_source_user_id=sources[each.id]) if each.id in sources else each
        for each in institution.enrollments
    )


def _tools(institution: Institution, now: datetime) -> tuple[LtiTool, ...]:
    made = now - timedelta(days=700, hours=3)
    tools = [
        LtiTool(301, "Account", 1, "Library search", made, "library", "anonymous", "https://library.example.edu/lti"),
        LtiTool(
            302,
            "Account",
            1,
            'Proctor "Pro"; Köln',
            made + timedelta(days=200),
            "proctor",
            launch_url="https://proctor.example.com/launch?a=1,2",
            custom_fields=(("key", 'va"lue'), ("lines", "one\ntwo"), ("arrow", "a=>b, c")),
        ),
        LtiTool(
            303, "Account", 3, "実験ノート", made + timedelta(days=300), None, "name_only", "", (("Größe", "3,5"),)
        ),
        LtiTool(304, "Account", 1, "Retired tool", made, "old", "public", None, state="deleted"),
    ]
    for number, course in enumerate(institution.courses[::9]):
        tools.append(
            LtiTool(
                310 + number,
                "Course",
                course.id,
                f"Polls {number}",
                made + timedelta(days=400 + number),
                "polls",
                "email_only",
                f"https://polls.example.org/{course.id}",
                (("course", str(course.id)),) if number % 2 else (),
            )
        )
    return tuple(tools)


def _tokens(rng: random.Random, users: tuple[User, ...], now: datetime) -> tuple[AccessToken, ...]:
    owners = [each for each in users if not each.is_test and each.logins][::17]
    keys = [each.id for each in _KEYS]
    tokens = []
    for number, owner in enumerate(owners):
        hint = _HINTS[number % len(_HINTS)] if number < 10 else f"{rng.randrange(16**5):05x}"
        tokens.append(
            AccessToken(
                901 + number,
                owner.id,
                hint,
                # One key in the list is gone: its tokens are listed without a name.
                999 if number % 8 == 3 else rng.choice(keys),
                None if number % 3 else now + timedelta(days=rng.randrange(-30, 300)),
                None if number % 4 == 1 else now - timedelta(minutes=rng.randrange(90_000)),
                "deleted" if number % 9 == 5 else "active",
            )
        )
    return tuple(tokens)


def _portfolios(rng: random.Random, users: tuple[User, ...], now: datetime) -> tuple[Eportfolio, ...]:
    authors = [each for each in users if not each.is_test and each.logins]
    # Everybody with two logins is among them: such portfolios have two rows.
    chosen = [each for each in authors if len(each.logins) > 1] + authors[::31]
    portfolios = []
    for number, author in enumerate(chosen):
        made = now - timedelta(minutes=rng.randrange(20_000, 900_000))
        portfolios.append(
            Eportfolio(
                801 + number,
                author.id,
                _TITLES[number % len(_TITLES)],
                made,
                made + timedelta(minutes=rng.randrange(20_000)),
                number % 3 == 0,
                "deleted" if number % 6 == 4 else "active",
            )
        )
    return tuple(portfolios)
