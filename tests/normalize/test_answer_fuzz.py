"""Answers that went wrong somewhere: every row is right, set aside, or refused with the rest, and none is made up."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.normalize import course, department, directory, student
from pipelines.normalize.contracts import course as of_course
from pipelines.normalize.contracts import department as of_department
from pipelines.normalize.contracts import directory as of_directory
from pipelines.normalize.contracts import student as of_student
from pipelines.normalize.contracts.model import ColumnType, Table
from pipelines.normalize.department import DepartmentScope
from pipelines.normalize.rows import TableRecords, UnexpectedAnswerShapeError
from tests.normalize import oracle
from tests.normalize.oracle import BAD, Refused, Row
from tests.normalize.typed import batch, rows

COURSE, STUDENT, ACCOUNT = 4711, 99, 1234
WHO = {"course_id": COURSE, "user_id": STUDENT}
SCOPE = DepartmentScope(ACCOUNT, "term", 3)
TERM = {"account_id": ACCOUNT, "term_filter": "term", "term_id": 3}
TARDINESS = {f"tardiness_{name}": name for name in ("missing", "late", "on_time", "floating", "total")}
BREAKDOWN = {"missing": 0.25, "late": 0, "on_time": 0.75, "floating": 0.0, "total": 4}
COUNTS = dict.fromkeys(
    ["courses", "subaccounts", "teachers", "students", "discussion_topics", "media_objects", "attachments"], 2
)


@dataclass(frozen=True)
class Case:
    """An endpoint: a good answer, what reads it, and what rows must come of an answer, by table."""

    name: str
    answer: Any
    read: Callable[[Any], TableRecords | list[TableRecords]]
    expect: Callable[[Any], list[tuple[Table, list[Row]]]]
    told: str = "Canvas gave"


def course_activity(answer: Any) -> list[tuple[Table, list[Row]]]:
    if isinstance(answer, dict):
        answer = [
            {"views": value.get("views"), "participations": value.get("participations"), "date": day}
            if isinstance(value, dict)
            else {"views": value, "date": day}
            for day, value in oracle.entries(answer)
        ]
    return [(of_course.COURSE_ACTIVITY, oracle.flat(of_course.COURSE_ACTIVITY, answer, course_id=COURSE))]


def course_assignments(answer: Any) -> list[tuple[Table, list[Row]]]:
    table, modules = of_course.COURSE_ASSIGNMENTS, []
    found = oracle.flat(table, answer, course_id=COURSE)
    seen: list[Row] = []
    for row, record in zip(found, answer, strict=True):
        oracle.put_nested(row, record.get("tardiness_breakdown"), TARDINESS)
        ids = record.get("module_ids")
        for each in ids if isinstance(ids, list) else [] if ids is None else [BAD]:
            one = {"course_id": COURSE, "assignment_id": record.get("assignment_id"), "module_id": each}
            clean = oracle.typed(of_course.COURSE_ASSIGNMENT_MODULES, one)
            if not oracle.fits(of_course.COURSE_ASSIGNMENT_MODULES, clean) or clean not in seen:
                modules.append(one)
            seen.append(clean)
    return [(table, found), (of_course.COURSE_ASSIGNMENT_MODULES, modules)]


def student_summaries(answer: Any) -> list[tuple[Table, list[Row]]]:
    table, kept = of_course.STUDENT_SUMMARIES, []
    seen: set[object] = set()
    for row, record in zip(oracle.flat(table, answer, course_id=COURSE), answer, strict=True):
        oracle.put_nested(row, record.get("tardiness_breakdown"), TARDINESS)
        if row["max_page_views"] is None:
            row["max_page_views"] = record.get("max_page_view")
        user = oracle.cell(row["user_id"], ColumnType.BIGINT)
        if user in (None, BAD) or user not in seen:
            kept.append(row)
        seen.add(user)
    return [(table, kept)]


def student_activity(answer: Any) -> list[tuple[Table, list[Row]]]:
    if not isinstance(answer, dict) or "page_views" not in answer or "participations" not in answer:
        raise Refused
    participations = oracle.flat(of_student.STUDENT_PARTICIPATIONS, answer["participations"], **WHO)
    for position, row in enumerate(participations, start=1):
        row["position"] = position
    views = answer["page_views"]
    pairs = (
        oracle.entries(views)
        if isinstance(views, dict)
        else [(record.get("date"), record.get("views")) for record in oracle.objects(views)]
    )
    found: list[Row] = []
    sums: dict[object, Row] = {}
    for key, value in pairs:
        is_day = isinstance(key, str) and len(key) == 10 and key[4] + key[7] == "--"
        row = {**WHO, "bucket_at": f"{key}T00:00Z" if is_day else key, "bucket": "day" if is_day else "hour"}
        at = oracle.cell(row["bucket_at"], ColumnType.TIMESTAMPTZ)
        count = oracle.cell(value, ColumnType.BIGINT)
        if at in (None, BAD) or count in (None, BAD):
            found.append({**row, "views": value})
        elif (at, is_day) in sums:
            sums[at, is_day]["views"] += count
        else:
            sums[at, is_day] = {**row, "views": count}
            found.append(sums[at, is_day])
    return [(of_student.STUDENT_PAGE_VIEWS, found), (of_student.STUDENT_PARTICIPATIONS, participations)]


def student_assignments(answer: Any) -> list[tuple[Table, list[Row]]]:
    table = of_student.STUDENT_ASSIGNMENTS
    found = oracle.flat(table, answer, **WHO)
    scores = {"max_score", "min_score", "first_quartile", "median", "third_quartile"}
    names = {f"submission_{name}": name for name in ("score", "submitted_at", "posted_at")}
    for row, record in zip(found, answer, strict=True):
        oracle.put_nested(row, record.get("submission"), names)
        row["statistics"] = bool(scores & set(record))
    return [(table, found)]


def student_communication(answer: Any) -> list[tuple[Table, list[Row]]]:
    if not isinstance(answer, dict) and answer != []:
        raise Refused
    found = []
    for day, counts in oracle.entries(answer or {}):
        row = {**WHO, "date": day, "instructor_messages": BAD, "student_messages": BAD}
        if isinstance(counts, dict):
            row["instructor_messages"] = counts.get("instructorMessages", 0)
            row["student_messages"] = counts.get("studentMessages", 0)
        found.append(row)
    return [(of_student.STUDENT_MESSAGES, found)]


def department_activity(answer: Any) -> list[tuple[Table, list[Row]]]:
    if not isinstance(answer, dict):
        raise Refused
    tables = []
    for name, key, table in (
        ("by_date", "date", of_department.ACTIVITY_BY_DATE),
        ("by_category", "category", of_department.ACTIVITY_BY_CATEGORY),
    ):
        member = answer.get(name)
        if isinstance(member, dict):
            member = [
                {**(value if isinstance(value, dict) else {"views": value}), key: each}
                for each, value in member.items()
                if each != "id"
            ]
        tables.append((table, oracle.flat(table, member, **TERM)))
    return tables


def read_department_activity(answer: Any) -> list[TableRecords]:
    return [department.activity_by_date(answer, SCOPE), department.activity_by_category(answer, SCOPE)]


def department_grades(answer: Any) -> list[tuple[Table, list[Row]]]:
    if not isinstance(answer, dict) or not any(key.isdecimal() for key in answer):
        raise Refused
    found = [{**TERM, "score": key, "students": value} for key, value in answer.items() if key != "id"]
    return [(of_department.GRADES, found)]


def department_statistics(answer: Any) -> list[tuple[Table, list[Row]]]:
    if not isinstance(answer, dict) or not set(answer) & {*COUNTS, "assignments"}:
        raise Refused
    return [(of_department.STATISTICS, oracle.flat(of_department.STATISTICS, [answer], **TERM))]


def by_subaccount(answer: Any) -> list[tuple[Table, list[Row]]]:
    table = of_department.STATISTICS_BY_SUBACCOUNT
    return [(table, oracle.flat(table, answer.get("accounts") if isinstance(answer, dict) else None, **TERM))]


def a_list(table: Table, **implied: object) -> Callable[[Any], list[tuple[Table, list[Row]]]]:
    return lambda answer: [(table, oracle.flat(table, answer, **implied))]


def accounts(answer: Any) -> list[tuple[Table, list[Row]]]:
    found = oracle.flat(of_directory.ACCOUNTS, answer)
    for row in found:
        row["root_account_id"] = row["root_account_id"] or row["account_id"]
    return [(of_directory.ACCOUNTS, found)]


def pairs_of(table: Table, key: str, value: str, **implied: object) -> Callable[[Any], list[tuple[Table, list[Row]]]]:
    def expect(answer: Any) -> list[tuple[Table, list[Row]]]:
        if not isinstance(answer, dict):
            raise Refused
        kept = oracle.setting if value == "value" else lambda given: given
        return [(table, [{**implied, key: name, value: kept(given)} for name, given in answer.items()])]

    return expect


def notifications(answer: Any) -> list[tuple[Table, list[Row]]]:
    found = oracle.flat(of_directory.ACCOUNT_NOTIFICATIONS, answer, root_account_id=ACCOUNT)
    for row in found:
        row["role_ids"], row["roles"] = oracle.joined(row["role_ids"]), oracle.joined(row["roles"])
    return [(of_directory.ACCOUNT_NOTIFICATIONS, found)]


def terms_of_service(answer: Any) -> list[tuple[Table, list[Row]]]:
    if not isinstance(answer, dict) or not set(answer) & {"id", "terms_type", "content"}:
        raise Refused
    table = of_directory.TERMS_OF_SERVICE
    return [(table, oracle.flat(table, [answer], account_id=ACCOUNT))]


def help_links(answer: Any) -> list[tuple[Table, list[Row]]]:
    if not isinstance(answer, dict):
        raise Refused
    lists = {source: answer.get(f"{source}_help_links") for source in ("default", "custom")}
    if set(map(type, lists.values())) == {type(None)}:
        raise Refused
    found = []
    for source, links in lists.items():
        for position, row in enumerate(oracle.flat(of_directory.HELP_LINKS, [] if links is None else links), start=1):
            row |= {"account_id": ACCOUNT, "source": source, "position": position}
            row |= {name: answer.get(name) for name in ("help_link_name", "help_link_icon")}
            found.append({**row, "available_to": oracle.joined(row["available_to"])})
    return [(of_directory.HELP_LINKS, found)]


COURSE_DAY = {"id": None, "date": "2026-11-20", "views": 5, "participations": 2}
ASSIGNMENT = {
    "assignment_id": 8,
    "title": "Essay",
    "due_at": "2026-11-20T22:00:00-07:00",
    "unlock_at": None,
    "points_possible": 10.5,
    "muted": False,
    "max_score": 10,
    "median": 7.2,
    "module_ids": [1, 2],
}
SUMMARY = {
    "id": 3,
    "page_views": 351,
    "max_page_views": 415,
    "page_views_level": 2,
    "participations": None,
    "tardiness_breakdown": dict.fromkeys(BREAKDOWN, 3),
}
SUBMISSION = {"posted_at": None, "score": 9.5, "submitted_at": "2026-11-20T05:00:00Z"}
VIEWS = {"2026-11-20T05:00:00+01:00": 4, "2026-11-20T04:00:00Z": 2, "2026-11-20T05:00:00Z": 1, "2026-11-20": 9}
MESSAGES = {"2026-11-20": {"instructorMessages": 1, "studentMessages": 2}, "2026-11-21": {"studentMessages": 1}}
PARTICIPATION = {"created_at": "2026-11-20T05:00:00-06:00", "url": "https://canvas.example.com/x"}
LINK = {"id": "a", "text": "Ask", "url": "#x", "type": "default", "available_to": ["student", "user"]}
IN_COURSE, OF_STUDENT = f"course {COURSE}", f"student {STUDENT} in course {COURSE}"
IN_ACCOUNT = f"account {ACCOUNT}"

CASES = [
    Case("activity", [COURSE_DAY, COURSE_DAY | {"date": "2026-11-21"}], lambda a: course.activity(a, COURSE),
         course_activity, IN_COURSE),
    Case("activity as a map", {"2026-11-20": 5, "2026-11-21": {"views": 1, "participations": 0}, "id": None},
         lambda a: course.activity(a, COURSE), course_activity, IN_COURSE),
    Case("assignments", [ASSIGNMENT | {"tardiness_breakdown": BREAKDOWN}, ASSIGNMENT | {"assignment_id": 9}],
         lambda a: course.assignments(a, COURSE), course_assignments, IN_COURSE),
    Case("student summaries", [SUMMARY, SUMMARY | {"id": 4}, SUMMARY, {"id": 5, "max_page_view": 4}],
         lambda a: course.student_summaries(a, COURSE), student_summaries, IN_COURSE),
    Case("student activity", {"page_views": VIEWS, "participations": [PARTICIPATION, PARTICIPATION]},
         lambda a: student.activity(a, COURSE, STUDENT), student_activity, OF_STUDENT),
    Case("student activity as a list", {"page_views": [COURSE_DAY, COURSE_DAY], "participations": []},
         lambda a: student.activity(a, COURSE, STUDENT), student_activity, OF_STUDENT),
    Case("student assignments", [ASSIGNMENT | {"status": "late", "submission": SUBMISSION, "excused": False}] * 2,
         lambda a: student.assignments(a, COURSE, STUDENT), student_assignments, OF_STUDENT),
    Case("student communication", MESSAGES, lambda a: student.communication(a, COURSE, STUDENT),
         student_communication, OF_STUDENT),
    Case("department activity", {"by_date": [COURSE_DAY], "by_category": {"pages": 3, "quizzes": 1}},
         read_department_activity, department_activity, IN_ACCOUNT),
    Case("department grades", {"0": 1, "50": None, "100": 3}, lambda a: department.grades(a, SCOPE),
         department_grades, IN_ACCOUNT),
    Case("department statistics", COUNTS, lambda a: department.statistics(a, SCOPE), department_statistics,
         IN_ACCOUNT),
    Case("department by subaccount", {"accounts": [{"id": 1, "name": "A", **COUNTS}] * 2},
         lambda a: department.statistics_by_subaccount(a, SCOPE), by_subaccount, IN_ACCOUNT),
    Case("accounts", [{"id": 1, "name": "Root", "root_account_id": None}, {"id": 2, "root_account_id": 1}],
         directory.accounts, accounts),
    Case("terms", [{"id": 1, "name": "Fall", "start_at": "2026-08-24T06:00:00Z"}] * 2,
         lambda a: directory.terms(a, ACCOUNT), a_list(of_directory.TERMS, root_account_id=ACCOUNT), IN_ACCOUNT),
    Case("courses", [{"id": 1, "name": "A", "concluded": False, "total_students": 4, "sis_course_id": "007"}] * 2,
         directory.courses, a_list(of_directory.COURSES)),
    Case("calendars", [{"id": 1, "name": "A", "visible": True, "sub_account_count": 0}] * 2,
         lambda a: directory.account_calendars(a, ACCOUNT),
         a_list(of_directory.ACCOUNT_CALENDARS, top_account_id=ACCOUNT)),
    Case("domains", [{"name": "A", "domain": "a.edu", "distance": None, "authentication_provider": "canvas"}],
         directory.account_domains, a_list(of_directory.ACCOUNT_DOMAINS)),
    Case("settings", {"a": True, "b": "x", "c": 5}, lambda a: directory.account_settings(a, ACCOUNT),
         pairs_of(of_directory.ACCOUNT_SETTINGS, "key", "value", account_id=ACCOUNT), IN_ACCOUNT),
    Case("permissions", {"a": True, "b": "false"}, lambda a: directory.account_permissions(a, ACCOUNT),
         pairs_of(of_directory.ACCOUNT_PERMISSIONS, "permission", "granted", account_id=ACCOUNT), IN_ACCOUNT),
    Case("notifications", [{"id": 1, "subject": "A", "role_ids": [1, 2], "roles": ["StudentEnrollment"]}] * 2,
         lambda a: directory.account_notifications(a, ACCOUNT), notifications, IN_ACCOUNT),
    Case("terms of service", {"id": 1, "terms_type": "custom", "passive": False, "content": "<p>"},
         lambda a: directory.terms_of_service(a, ACCOUNT), terms_of_service, IN_ACCOUNT),
    Case("help links", {"help_link_name": "Help", "default_help_links": [LINK], "custom_help_links": [LINK, LINK]},
         lambda a: directory.help_links(a, ACCOUNT), help_links, IN_ACCOUNT),
]  # fmt: skip

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2**63, 10**30, 5.0, 5.5, 1e300, "", "  ", "7", " 7 ", "5.5", "x", "true", "grüße",
    "2026-11-20", "2026-02-30", "2026-11-20T05:00:00+01:00", "2026-11-20T05:00:00", [], [1], [None], {}, {"a": 1},
]  # fmt: skip
KEYS = [
    "zebra",
    "id",
    "course_id",
    "user_id",
    "account_id",
    "x",
    "2026-11-22",
    "2026-02-30",
    "2026-11-20T04:00:00+00:00",
]

Mutation = tuple[str, int, int]


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every place in a tree as (container, key)."""
    inside = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    found = [(tree, key) for key, _ in inside]
    for _, value in inside:
        found += places(value)
    return found


def spoil(tree: Any, mutation: Mutation) -> None:
    what, where, which = mutation
    found = places(tree)
    if not found:
        return
    container, key = found[where % len(found)]
    value, odd, name = container[key], ODD[which % len(ODD)], KEYS[which % len(KEYS)]
    if what == "drop":
        del container[key]
    elif what == "replace":
        container[key] = copy.deepcopy(odd)
    elif what == "as text":
        container[key] = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    elif what == "add" and isinstance(container, dict):
        container[name] = copy.deepcopy(odd)
    elif what == "rename" and isinstance(container, dict):
        container[name] = container.pop(key)
    elif what == "repeat" and isinstance(container, list):
        container.insert(0, copy.deepcopy(value))
    elif what == "list for map" and isinstance(value, dict):
        container[key] = list(value.values())
    elif what == "map for list" and isinstance(value, list):
        container[key] = {str(place): each for place, each in enumerate(value)}


_WHAT = ["drop", "replace", "as text", "add", "rename", "repeat", "list for map", "map for list"]
_MUTATIONS = st.lists(st.tuples(st.sampled_from(_WHAT), st.integers(0, 500), st.integers(0, 500)), max_size=4)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@given(mutations=_MUTATIONS)
@example(mutations=[])
@settings(max_examples=150)
def test_no_answer_gives_a_wrong_value(case: Case, mutations: list[Mutation]) -> None:
    # The root is a place too, so that a whole answer can be of another kind.
    root = [copy.deepcopy(case.answer)]
    for mutation in mutations:
        spoil(root, mutation)
    answer = root[0] if root else None
    given_answer = copy.deepcopy(answer)
    try:
        wanted = case.expect(copy.deepcopy(answer))
    except Refused:
        with pytest.raises(UnexpectedAnswerShapeError, match=case.told):
            case.read(answer)
        return
    found = case.read(answer)
    assert answer == given_answer, "reading an answer changed it"
    parts = found if isinstance(found, list) else [found]
    assert [part.table for part in parts] == [table for table, _ in wanted]
    for part, (table, raw) in zip(parts, wanted, strict=True):
        everything = [oracle.typed(table, row) for row in raw]
        kept = [row for row in everything if oracle.fits(table, row)]
        one = batch(part)
        names = [column.name for column in table.columns]
        assert [{name: row[name] for name in names} for row in rows(one)] == kept
        assert len(one.quarantined) == len(everything) - len(kept)
        assert one.rows_read == len(part.records) == len(raw)


def test_every_answer_of_the_fuzz_is_a_good_one_before_it_is_spoiled() -> None:
    for case in CASES:
        found = case.read(case.answer)
        for part in found if isinstance(found, list) else [found]:
            assert not batch(part).quarantined, case.name


@pytest.mark.parametrize(
    # Any object could be one of settings or of permissions, so that those are not held to this.
    "case",
    [case for case in CASES if case.name not in ("settings", "permissions")],
    ids=lambda case: case.name,
)
def test_an_answer_that_is_one_odd_value_gives_no_row(case: Case) -> None:
    for answer in [*ODD, {"errors": [{"message": "boom"}]}, {"progress_url": "https://canvas.example.com/p/1"}]:
        try:
            found = case.read(copy.deepcopy(answer))
        except UnexpectedAnswerShapeError:
            continue
        assert answer in ([], {}), answer
        assert [part.records for part in (found if isinstance(found, list) else [found]) if part.records] == []
