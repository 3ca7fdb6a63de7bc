"""Enrollments, grades and department days: the numbers that people sum."""

import csv
import gzip
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.models.loaded import NOON, Loaded

OULAD = Path(__file__).resolve().parents[3] / "shared" / "oulad" / "studentInfo.csv.gz"
LATER = NOON + timedelta(hours=1)


def _enroll(loaded: Loaded, enrollment_id: int, **values: Any) -> None:
    row = {
        "canvas_course_id": 1,
        "canvas_section_id": 1,
        "canvas_user_id": 7,
        "base_role_type": "StudentEnrollment",
        "role": "student",
        "status": "active",
        **values,
    }
    loaded.add("reports.provisioning_enrollments", canvas_enrollment_id=enrollment_id, **row)


def _grade(loaded: Loaded, load: str = "load-1", **values: Any) -> None:
    at = values.pop("at", NOON)
    row = {"course_id": 1, "section_id": 1, "student_id": 7, "enrollment_state": "active", **values}
    loaded.add("reports.grade_export", load=load, at=at, **row)


def test_each_section_of_a_student_shows_its_own_grade(loaded: Loaded) -> None:
    _enroll(loaded, 100, canvas_section_id=1)
    _enroll(loaded, 101, canvas_section_id=2)
    _grade(loaded, section_id=1, final_score=80.0, final_grade="B")
    _grade(loaded, section_id=2, final_score=60.0, final_grade="D")

    assert loaded.rows("select enrollment_id, final_score, final_grade from marts.fct_enrollment order by 1") == [
        (100, 80.0, "B"),
        (101, 60.0, "D"),
    ]


def test_the_assistant_who_also_studies_has_a_grade_as_student_only(loaded: Loaded) -> None:
    _enroll(loaded, 100)
    _enroll(loaded, 101, base_role_type="TaEnrollment", role="ta")
    _grade(loaded, final_grade="A")

    assert loaded.rows("select enrollment_id, is_student, final_grade from marts.fct_enrollment order by 1") == [
        (100, True, "A"),
        (101, False, None),
    ]


def test_two_student_roles_in_one_section_do_not_multiply_enrollments(loaded: Loaded) -> None:
    _enroll(loaded, 100)
    _enroll(loaded, 101, role="Auditor")
    _grade(loaded, final_grade="A")
    _grade(loaded, final_grade="F", enrollment_state="deleted")

    assert loaded.rows("select enrollment_id, final_grade from marts.fct_enrollment order by 1") == [
        (100, "A"),
        (101, "A"),
    ]


def test_a_grade_export_of_one_term_beside_one_of_all_terms_gives_the_newest_grade_once(loaded: Loaded) -> None:
    _enroll(loaded, 100)
    _grade(loaded, load="all", final_grade="B")
    _grade(loaded, load="term", at=LATER, final_grade="C")

    assert loaded.rows("select final_grade, graded_at from marts.fct_enrollment") == [("C", LATER)]
    assert loaded.rows("select grade, students from marts.grade_distribution") == [("C", 1)]


def test_an_enrollment_knows_its_section_account_and_term(loaded: Loaded) -> None:
    _enroll(loaded, 100)
    loaded.add("canvas.courses", course_id=1, account_id=3, enrollment_term_id=5)
    loaded.add("reports.provisioning_sections", canvas_section_id=1, name="Tuesday")

    assert loaded.rows("select section_name, account_id, term_id from marts.fct_enrollment") == [("Tuesday", 3, 5)]


def test_a_student_in_two_sections_counts_once_and_by_the_living_enrollment(loaded: Loaded) -> None:
    _grade(loaded, section_id=1, enrollment_state="deleted", final_grade="F")
    _grade(loaded, section_id=2, enrollment_state="active", final_grade="A")
    _grade(loaded, section_id=1, student_id=8, final_grade="A")

    assert loaded.rows("select grade, sum(students) from marts.grade_distribution group by grade") == [("A", 2)]


def test_students_without_a_grade_are_counted_as_such(loaded: Loaded) -> None:
    _grade(loaded, student_id=7, final_grade="A")
    _grade(loaded, student_id=8)
    _grade(loaded, student_id=9)

    assert loaded.rows("select grade, students from marts.grade_distribution order by students") == [
        ("A", 1),
        (None, 2),
    ]


def test_a_distribution_names_account_and_term_of_the_course(loaded: Loaded) -> None:
    loaded.add("canvas.accounts", account_id=3, name="Arts")
    loaded.add("canvas.courses", course_id=1, name="Drawing", account_id=3)
    _grade(loaded, final_grade="A", term_id=5, term="Spring", course="Old name")

    assert loaded.rows(
        "select account_id, account_name, course_name, term_id, term_name from marts.grade_distribution"
    ) == [(3, "Arts", "Drawing", 5, "Spring")]


@pytest.mark.skipif(not OULAD.exists(), reason="the Open University data is not beside the repository")
def test_the_open_universitys_results_come_out_as_published(loaded: Loaded) -> None:
    with gzip.open(OULAD, "rt", newline="") as file:
        students = list(csv.DictReader(file))
    courses = {name: number for number, name in enumerate(sorted({_course(row) for row in students}), start=1)}
    export = pd.DataFrame(
        {
            "course_id": [courses[_course(row)] for row in students],
            "section_id": [courses[_course(row)] for row in students],
            "student_id": [int(row["id_student"]) for row in students],
            "final_grade": [row["final_result"] for row in students],
        }
    )
    loaded.con.register("export", export)
    # twice, as the same students in a second slice and a second section of each course
    for load, section in (("all", 0), ("term", 1000)):
        loaded.con.execute(
            f"""insert into reports.grade_export by name
            select * replace (section_id + {section} as section_id), '{load}' as _load_id, now() as _extracted_at,
            'active' as enrollment_state from export"""
        )

    assert dict(loaded.rows("select grade, sum(students)::int from marts.grade_distribution group by grade")) == {
        "Pass": 12361,
        "Withdrawn": 10156,
        "Fail": 7052,
        "Distinction": 3024,
    }


def _course(row: dict[str, str]) -> str:
    return f"{row['code_module']} {row['code_presentation']}"


def test_department_days_carry_the_names_of_account_and_term(loaded: Loaded) -> None:
    loaded.add("canvas.accounts", account_id=1, name="Uni")
    loaded.add("canvas.accounts", account_id=2, name="Arts", parent_account_id=1, root_account_id=1)
    loaded.add("canvas.terms", term_id=4, root_account_id=1, name="Default Term")
    loaded.add("canvas.terms", term_id=5, root_account_id=1, name="Spring")
    day = date(2024, 2, 29)
    for term_filter, term_id, views in (("current", None, 3), ("term", 5, 4)):
        loaded.add(
            "analytics.department_activity_by_date",
            account_id=2,
            term_filter=term_filter,
            term_id=term_id,
            date=day,
            views=views,
            participations=1,
        )

    assert loaded.rows(
        "select account_path, term_filter, term_id, term_name, date, views from marts.fct_department_day order by views"
    ) == [("Uni / Arts", "current", None, "Default Term", day, 3), ("Uni / Arts", "term", 5, "Spring", day, 4)]
