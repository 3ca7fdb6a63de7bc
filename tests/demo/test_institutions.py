import csv
import io
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipelines.demo import Institution, oulad_institution, seeded_institution
from pipelines.demo.builders import REPORT_TYPES, ReportScope
from pipelines.demo.clock import system_clock
from tests.demo.conftest import AS_OF


@pytest.fixture(scope="module")
def university() -> Institution:
    return seeded_institution(AS_OF)


@pytest.fixture(scope="module")
def oulad(oulad_folder: Path) -> Institution:
    return oulad_institution(oulad_folder)


def test_the_same_seed_gives_the_same_university_and_another_seed_another(university: Institution) -> None:
    again, other = seeded_institution(AS_OF), seeded_institution(AS_OF, seed=8)
    assert again.users == university.users
    assert again.enrollments == university.enrollments
    assert (again.activity.views == university.activity.views).all()
    assert other.enrollments != university.enrollments


def test_the_university_has_the_size_of_a_middle_sized_one(university: Institution) -> None:
    assert 55 <= len(university.courses) <= 75
    assert 1200 <= len(university.users) <= 1400
    assert 4000 <= len(university.enrollments) <= 6500
    assert sum(account.state == "active" for account in university.accounts) == 1 + 3 + 8


def test_one_term_ended_more_than_a_month_ago_one_runs_and_one_is_to_come(university: Institution) -> None:
    now = system_clock().replace(year=AS_OF.year, month=AS_OF.month, day=AS_OF.day)
    dated = [term for term in university.terms if term.start_at and term.end_at and term.state == "active"]
    assert len(dated) == 4
    assert any(term.end_at and term.end_at < now - timedelta(days=30) for term in dated)
    assert any(term.start_at and term.start_at > now for term in dated)
    assert university.current_term(now) in dated


def test_every_record_refers_to_records_that_exist_and_no_enrollment_twice(university: Institution) -> None:
    for enrollment in university.enrollments:
        assert university.section_by_id[enrollment.section_id].course_id == enrollment.course_id
        assert enrollment.user_id in university.user_by_id
    keys = Counter(
        (each.user_id, each.section_id, each.type, each.associated_user_id) for each in university.enrollments
    )
    assert max(keys.values()) == 1
    assert len({each.id for each in university.enrollments}) == len(university.enrollments)
    assert all(course.account_id in university.account_by_id for course in university.courses)


def test_activity_stays_within_terms_and_today_and_falls_on_saturdays(university: Institution) -> None:
    log = university.activity
    weekdays = Counter(dict.fromkeys(range(7), 0))
    for day, views in zip(log.day.tolist(), log.views.tolist(), strict=True):
        weekdays[(day + 3) % 7] += views
    assert weekdays[5] < min(weekdays[day] for day in (0, 1, 2, 3))
    assert log.day.max() <= (AS_OF - AS_OF.replace(1970, 1, 1)).days
    assert set(log.course_id.tolist()) <= set(university.course_by_id)
    assert log.views.min() >= 1
    assert (log.participations <= log.views).all()


def test_a_small_scale_is_still_whole() -> None:
    tiny = seeded_institution(AS_OF, scale=0.02)
    assert len(tiny.users) < 60
    assert {term.id for term in tiny.terms} >= {course.term_id for course in tiny.courses}


def test_coursework_refers_to_what_exists_and_comes_once_per_assignment_and_student(university: Institution) -> None:
    by_id = {each.id: each for each in university.assignments}
    assert len(by_id) == len(university.assignments)
    held = university.submissions
    for number, course, user in zip(
        held.assignment_id.tolist(), held.course_id.tolist(), held.user_id.tolist(), strict=True
    ):
        assert by_id[number].course_id == course
        assert user in university.students_by_course[course]
    pairs = set(zip(held.assignment_id.tolist(), held.user_id.tolist(), strict=True))
    assert len(pairs) == len(held) > 20_000
    now = int(datetime(AS_OF.year, AS_OF.month, AS_OF.day, 12, tzinfo=UTC).timestamp())
    assert held.submitted_at.max() <= now
    assert held.posted_at.max() <= now


def test_every_course_that_ran_has_four_to_twelve_assignments_and_each_awkward_kind(university: Institution) -> None:
    for course in university.courses:
        work = university.assignments_by_course.get(course.id, [])
        assert course.content.assignments == len(work)
        if course.state not in {"available", "completed"}:
            assert not work
            continue
        assert 4 <= len(work) <= 12
        assert sum(each.due_at is None for each in work) == 1
        assert sum(each.points_possible is None for each in work) == 1
        assert sum(each.muted for each in work) == 1
        assert sum(each.non_digital_submission for each in work) == 1
        assert {each.unlock_at is None for each in work} == {True, False}
        if course.term_id == 4:
            assert any(each.due_at and each.due_at > datetime(2026, 11, 22, tzinfo=UTC) for each in work)
    assert {len(each.module_ids) for each in university.assignments} == {0, 1, 2}
    assert any(not each.title.isascii() for each in university.assignments)


def test_the_same_seed_gives_the_same_coursework(university: Institution) -> None:
    again, other = seeded_institution(AS_OF), seeded_institution(AS_OF, seed=8)
    assert again.assignments == university.assignments
    assert again.submissions.submitted_at.tobytes() == university.submissions.submitted_at.tobytes()
    assert again.submissions.score.tobytes() == university.submissions.score.tobytes()
    assert again.messages.day.tobytes() == university.messages.day.tobytes()
    assert other.submissions.score.tobytes() != university.submissions.score.tobytes()


def test_a_full_university_is_built_within_seconds_and_found_in_it_within_a_millisecond(
    university: Institution,
) -> None:
    began = time.process_time()
    seeded_institution(AS_OF)
    assert time.process_time() - began < 3
    course = max(university.students_by_course, key=lambda each: len(university.students_by_course[each]))
    users = list(university.students_by_course[course])
    university.activity_of(course)
    university.submissions_of(course)
    began = time.process_time()
    rows = sum(
        len(university.activity_of(course, user)) + len(university.submissions_of(course, user)) for user in users
    )
    assert (time.process_time() - began) / len(users) < 0.001
    log = university.activity
    inside = (log.course_id == course) & np.isin(log.user_id, users)
    assert rows == int(inside.sum()) + len(university.submissions_of(course)) > len(users)


def test_oulad_assessments_are_assignments_and_what_was_handed_in_is_all_there(oulad: Institution) -> None:
    assert len(oulad.assignments) == 206
    assert len(oulad.submissions) == 173_912
    for course in oulad.courses:
        assert course.content.assignments == len(oulad.assignments_by_course[course.id])
    first = next(each for each in oulad.assignments if each.id == 1752)
    # AAA 2013J began on 1 October; day 19 is the 20th, until its end in London's summer time.
    assert first.due_at == datetime(2013, 10, 20, 22, 59, tzinfo=UTC)
    assert (first.title, first.points_possible) == ("TMA 1752", 100.0)
    # Student 11391 handed it in on day 18 and got 78.
    mine = oulad.submissions_of(first.course_id, 11391)
    at = mine.assignment_id.tolist().index(1752)
    assert datetime.fromtimestamp(int(mine.submitted_at[at]), UTC) == datetime(2013, 10, 19, 11, tzinfo=UTC)
    assert mine.score[at] == 78
    assert (~np.isnan(oulad.submissions.score)).sum() == 36_166
    assert sum(each.due_at is None for each in oulad.assignments) == 11


def test_oulad_students_who_withdrew_are_no_students_of_analytics(oulad: Institution) -> None:
    shown = sum(len(people) for people in oulad.students_by_course.values())
    assert shown == 32_593 - 10_156


def test_oulad_counts_are_those_of_the_paper(oulad: Institution) -> None:
    assert (len(oulad.courses), len(oulad.users), len(oulad.enrollments)) == (22, 28785, 32593)
    assert Counter(each.grades.final_grade for each in oulad.enrollments) == {
        "Pass": 12361,
        "Withdrawn": 10156,
        "Fail": 7052,
        "Distinction": 3024,
    }
    assert Counter(each.state for each in oulad.enrollments)["inactive"] == 10156
    assert [term.name for term in oulad.terms] == ["Default Term", "2013B", "2013J", "2014B", "2014J"]


def test_oulad_clicks_are_all_counted(oulad: Institution) -> None:
    assert len(oulad.activity) > 5000
    # The sum of sum_click over the 13,905 rows of the file.
    assert int(oulad.activity.views.sum()) == 61980
    assert set(oulad.activity.course_id.tolist()) == {
        course.id for course in oulad.courses if course.name == "AAA 2013J"
    }


def test_oulad_scores_are_means_where_the_files_have_any(oulad: Institution) -> None:
    scores = [each.grades.current_score for each in oulad.enrollments if each.grades.current_score is not None]
    assert 5000 < len(scores) < 32593
    assert min(scores) >= 0
    assert max(scores) <= 100
    # AAA 2013J, student 11391: 78, 85 and 80; later assessments have no score in the files.
    student = next(each for each in oulad.enrollments if each.user_id == 11391)
    assert student.grades.current_score == 81.0


@pytest.mark.parametrize(
    ("report", "selector", "rows"),
    [
        ("provisioning_csv", "users", 28785),
        ("provisioning_csv", "enrollments", 32593),
        ("grade_export_csv", "x", 32593),
    ],
)
def test_oulad_reports_hold_every_record_and_are_written_in_two_seconds(
    oulad: Institution, report: str, selector: str, rows: int
) -> None:
    scope = ReportScope(oulad, oulad.root, {selector: "1", "include_deleted": "1"}, system_clock())
    began = time.process_time()
    content = REPORT_TYPES[report].build(scope).content
    assert time.process_time() - began < 2
    assert sum(1 for _ in csv.reader(io.StringIO(content.decode(), newline=""))) == rows + 1
