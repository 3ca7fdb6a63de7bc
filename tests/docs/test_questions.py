"""The questions that the page answers get answers: from a warehouse of the demo Canvas, and the right ones."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from pipelines.demo import Institution
from pipelines.demo.records import ActivityLog, Enrollment
from pipelines.warehouse import publish
from tests.docs.pages import DOCS
from tests.load.families import pull_all
from tests.load.worlds import NOON, World, institution, open_world
from tests.projects import project_of

pytestmark = pytest.mark.slow

PAGE = DOCS / "how-to" / "answer-questions.md"
_SECTION = re.compile(r"^## (?P<title>[^\n]+)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)

LOST, ATTENTION, GRADES, LATE, NOBODY, WHEN, CENSUS, DROPPED, TEACHERS, QUIET = (
    "Which courses lost activity?",
    "Which students need attention, and why?",
    "How did the grades of this term compare with those of the term before?",
    "Where is work late or missing?",
    "Which courses does nobody look at?",
    "When do students work?",
    "How many students were there on census day?",
    "Who dropped since census day?",
    "How many students does each teacher have?",
    "Which courses are quiet beside the others of their department?",
)

COLUMNS = {
    LOST: "course_id course_name account_name term_name views_a_week_now views_a_week_before percent_of_before",
    ATTENTION: "course_name user_id sortable_name reasons reason_count",
    GRADES: "term_name grade students percent_of_term",
    LATE: "course_id course_name account_name students works_due percent_missing percent_late",
    NOBODY: "course_id course_name account_name term_name students students_known",
    WHEN: "weekday hours views percent_of_week",
    CENSUS: "term_name account_name courses course_enrollments students",
    DROPPED: "course_name account_name user_id sortable_name status_now",
    TEACHERS: "user_id sortable_name courses students course_names",
    QUIET: "course_id course_name account_name courses_compared views_per_student_and_week median_of_department"
    " percent_of_median",
}


def questions() -> dict[str, str]:
    """Return the SELECT of each question of the page."""
    sections = {match["title"]: _SQL.findall(match["text"]) for match in _SECTION.finditer(PAGE.read_text("utf-8"))}
    assert {len(found) for found in sections.values()} == {1}
    return {title: sql for title, [sql] in sections.items()}


@dataclass(frozen=True)
class Asked:
    """The published file, and what the institution was on census day and after it."""

    path: Path
    before: Institution
    after: Institution
    silent: int

    def answer(self, title: str) -> list[dict[str, Any]]:
        """Ask a question as a person would and return its rows by column."""
        with duckdb.connect(str(self.path), read_only=True) as con:
            con.execute("set TimeZone = 'UTC'")
            cursor = con.execute(questions()[title])
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _is_active_student(enrollment: Enrollment) -> bool:
    return enrollment.type == "StudentEnrollment" and enrollment.state == "active"


def places(school: Institution) -> set[tuple[int, int]]:
    """Return the pairs of course and student in which the student is active in at least one section.

    The provisioning report leaves out whoever cannot log in, and calls all deleted that is in a deleted section.
    """
    people = {user.id for user in school.users if user.usable_login}
    there = {each.id for each in school.sections if each.state == "active"}
    there_too = {each.id for each in school.courses if each.state != "deleted"}
    return {
        (each.course_id, each.user_id)
        for each in school.enrollments
        if _is_active_student(each)
        and each.user_id in people
        and each.section_id in there
        and each.course_id in there_too
    }


def _with_a_silent_course(school: Institution) -> tuple[Institution, int]:
    """Return the institution with one running course that nobody has looked at, and the course."""
    term = school.current_term(NOON)
    studied = {course for course, _ in places(school)}
    running = [each for each in school.courses if each.state == "available" and term and each.term_id == term.id]
    course = next(each.id for each in running if each.id in studied)
    log = school.activity
    kept = log.course_id != course
    columns = {name.name: getattr(log, name.name)[kept] for name in fields(ActivityLog)}
    return replace(school, activity=ActivityLog(**columns)), course


def _with_drops(school: Institution) -> Institution:
    """Return the institution after every twentieth enrollment of an active student was deleted."""
    gone = {each.id for each in [each for each in school.enrollments if _is_active_student(each)][::20]}
    changed = (replace(each, state="deleted") if each.id in gone else each for each in school.enrollments)
    return replace(school, enrollments=tuple(changed))


def _pull_and_publish(world: World, window: str) -> Path:
    chosen = {"users": True, "accounts": True, "terms": True, "courses": True, "sections": True, "enrollments": True}
    pull_all(world, every=False)
    world.load(world.finished("provisioning_csv", window, **chosen, include_deleted=True))
    world.load(world.finished("grade_export_csv", window))
    project = project_of(world)
    return publish(project.warehouse, project.models).path


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Publish on 21 November and, after some students were dropped, on 9 December: the census day lies between."""
    before, silent = _with_a_silent_course(institution(0.1))
    after = _with_drops(before)
    with open_world(tmp_path_factory.mktemp("questions"), institution=before) as world:
        _pull_and_publish(world, "before")
        world.canvas.institution = after
        world.clock.advance(timedelta(days=18).total_seconds())
        yield Asked(_pull_and_publish(world, "after"), before, after, silent)


def test_there_are_ten_questions_with_one_select_each() -> None:
    assert list(questions()) == list(COLUMNS)
    assert len(COLUMNS) == 10
    for sql in questions().values():
        [statement] = sqlglot.parse(sql, dialect="duckdb")
        assert isinstance(statement, sqlglot.exp.Select)
        schemas = {table.db for table in statement.find_all(sqlglot.exp.Table) if table.db}
        assert schemas <= {"marts", "history"}


@pytest.mark.parametrize("title", COLUMNS)
def test_each_question_has_an_answer_with_the_columns_that_it_promises(asked: Asked, title: str) -> None:
    rows = asked.answer(title)

    assert rows
    assert list(rows[0]) == COLUMNS[title].split()


@pytest.mark.parametrize("title", COLUMNS)
def test_each_answer_is_followed_by_how_to_read_it(title: str) -> None:
    text = next(match["text"] for match in _SECTION.finditer(PAGE.read_text("utf-8")) if match["title"] == title)
    after = text.rsplit("```", 1)[1]
    assert after.count(".") >= 2


def test_census_day_is_as_the_records_were_then(asked: Asked) -> None:
    then = Counter(asked.before.course_by_id[course].term_id for course, _ in places(asked.before))
    terms = {term.id: term.name for term in asked.before.terms}

    said: Counter[str] = Counter()
    for row in asked.answer(CENSUS):
        said[row["term_name"]] += row["course_enrollments"]

    assert said == Counter({terms[term]: pairs for term, pairs in then.items()})


def test_who_dropped_is_who_has_no_living_enrollment_any_more(asked: Asked) -> None:
    gone = places(asked.before) - places(asked.after)
    names = asked.before.course_by_id

    rows = asked.answer(DROPPED)

    assert sorted((row["course_name"], row["user_id"]) for row in rows) == sorted(
        (names[course].name, user) for course, user in gone
    )
    assert {row["status_now"] for row in rows} == {"deleted"}
    assert all(row["sortable_name"] for row in rows)


def test_the_course_that_nobody_looked_at_is_found_among_those_with_numbers(asked: Asked) -> None:
    rows = asked.answer(NOBODY)

    assert [row["course_id"] for row in rows if row["students_known"]] == [asked.silent]


def test_shares_of_a_whole_add_up_to_a_hundred(asked: Asked) -> None:
    assert sum(row["percent_of_week"] for row in asked.answer(WHEN)) == pytest.approx(100, abs=1)
    terms: Counter[str] = Counter()
    for row in asked.answer(GRADES):
        terms[row["term_name"]] += row["percent_of_term"]
    assert list(terms) == ["Autumn 2026", "Summer 2026"]
    assert all(percent == pytest.approx(100, abs=1) for percent in terms.values())


def test_a_teacher_has_the_students_of_the_courses_that_the_records_give_them(asked: Asked) -> None:
    now = NOON + timedelta(days=18)
    classes = Counter(course for course, _ in places(asked.after))
    terms = asked.after.term_by_id
    over = {
        each.id
        for each in asked.after.courses
        if each.state != "available" or ((end := each.end_at or terms[each.term_id].end_at) is not None and end < now)
    }
    taught = {
        (each.user_id, each.course_id)
        for each in asked.after.enrollments
        if each.type == "TeacherEnrollment" and each.state == "active" and each.course_id not in over
    }
    students: Counter[int] = Counter()
    for teacher, course in taught:
        students[teacher] += classes[course]

    assert {row["user_id"]: row["students"] for row in asked.answer(TEACHERS)} == dict(+students)
