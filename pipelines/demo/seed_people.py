"""Invented people for the seeded university: their names, logins and SIS ids, awkward ones among them.

Only users and logins; who is enrolled where is in `seed`.
"""

import random
from typing import Final

from pipelines.demo.institution import SHARD_FACTOR
from pipelines.demo.records import Login, User


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST: Final = _names(
    """
    Amara Anaïs Ben Bilal Chiara Chloé Daniel Dmitri Elif Emeka Fatima Finn Grace Hana Ibrahim Ines Jack Jonas
    Kai Keiko Lars Leila Luca Maja Marta Mateo Mei Miguel Nadia Nils Noor Olga Omar Paula Priya Quinn Ravi Rosa
    Samuel Sofia Tariq Thandiwe Uma Viktor Wanda Xin Yara Yusuf Zara Zoë
    """
)
_LAST: Final = _names(
    """
    Abbott Adeyemi Almeida Andersson Bauer Bianchi Brown Castillo Chen Costa Diallo Dubois Eriksen Farouk
    Fischer Garcia Gupta Haddad Hansen Horvat Ivanov Jensen Johnson Kaya Kim Kowalski Kumar Larsen Lopez Martin
    Meyer Moreau Müller Nakamura Ndlovu Nguyen Novák O'Brien Okafor Oliveira Park Patel Peralta Petrov Rossi
    Santos Schmidt Silva Singh Smith Sørensen Suzuki Tanaka Torres Virtanen Walker Weber Wright Yılmaz Zhang
    """
)

CROSS_SHARD_USER_ID: Final = 1234 * SHARD_FACTOR + 42
"""A user of another shard: an id above 2**53, which a double cannot hold."""

_AWKWARD: Final = (
    # first name, last name, login, SIS id: what careless readers of CSV take for missing or for numbers.
    ("Na", "NA", "NA", "NA"),
    ("NULL", "Null", "NULL", "NULL"),
    ("None", "None", "None", "None"),
    ("nan", "Nan", "nan", "nan"),
    ("Zero", "Lead", "00007919", "00007919"),
    ("Exponent", "Case", "1e5", "1E5"),
    ("José María", "Ñandú, Jr.", "jose.ñandu", "S-ñ-1"),
    ("莉", "王", "wang.li", "S-王-2"),
    ('Quo"te', "Com,ma", 'quote"d', 'S,"3"'),
    ("محمد", "الأحمد", "m.alahmad", "S-4"),
    ("😀", "Emoji", "emoji", "S-5"),
    ("TRUE", "False", "true", "false"),
    ("", "Mononym", "mononym", "S-6"),
)


def invented_students(rng: random.Random, count: int) -> list[User]:
    """Return `count` students, the awkward cases first; ids from 10001 on, SIS ids with leading zeros."""
    students = [
        _user(10001 + at, first, last, (Login(20001 + at, login, sis, created_by_sis=True),))
        for at, (first, last, login, sis) in enumerate(_AWKWARD[:count])
    ]
    for number in range(len(students), count):
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        sis = f"{8000 + number:08d}"
        login = Login(20001 + number, f"{_ascii(first)}.{_ascii(last)}{number}", sis, created_by_sis=True)
        students.append(_user(10001 + number, first, last, (login,)))
    return students


def special_students() -> list[User]:
    """Return the people with an unusual set of logins: two, none that works, none with a SIS id, another shard."""
    return [
        _user(
            9001,
            "Twola",
            "Logins",
            (
                Login(29001, "twola", "00009001", created_by_sis=True),
                Login(29002, "twola.alumni@example.org", "A-9001", integration_id="int-9001"),
            ),
        ),
        _user(9002, "Gone", "Login", (Login(29003, "gone", "00009002", state="deleted", created_by_sis=True),)),
        _user(9003, "Manual", "Guest", (Login(29004, "guest@example.org"),)),
        _user(9004, "Empty", "Sis", (Login(29005, "empty.sis", ""),)),
        _user(CROSS_SHARD_USER_ID, "Consortia", "Visitor", (Login(29006, "visitor", "X-0042", created_by_sis=True),)),
    ]


def invented_staff(rng: random.Random, count: int, first_id: int, prefix: str) -> list[User]:
    """Return teachers, observers or admins, with ids from `first_id` on."""
    staff = []
    for number in range(count):
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        login = Login(
            first_id * 10 + number,
            f"{prefix}{number + 1:03d}",
            f"{prefix.upper()}{number + 1:05d}",
            created_by_sis=True,
        )
        staff.append(_user(first_id + number, first, last, (login,)))
    return staff


def view_student(user_id: int) -> User:
    """Return the pretend student of a course's student view; no report shows it."""
    return User(user_id, "Test Student", "Test", "Student", (), is_test=True)


def _user(user_id: int, first: str, last: str, logins: tuple[Login, ...]) -> User:
    name = f"{first} {last}".strip()
    return User(user_id, name, first, last, logins, email=f"user{user_id}@example.edu")


def _ascii(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
