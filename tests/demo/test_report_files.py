import csv
import io
import zipfile
from collections import Counter
from datetime import UTC, datetime

import pytest

from pipelines.demo import Institution, seeded_institution
from pipelines.demo.builders import REPORT_TYPES, ReportScope
from pipelines.demo.builders.provisioning import COLUMNS
from pipelines.demo.csv_text import cell_text, csv_bytes, iso_in_zone
from pipelines.demo.seed import CROSS_SHARD_USER_ID
from tests.demo.conftest import AS_OF

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def university() -> Institution:
    return seeded_institution(AS_OF)


def _content(institution: Institution, report: str, account: int = 1, **parameters: str) -> bytes:
    scope = ReportScope(institution, institution.account_by_id[account], parameters, NOW)
    return REPORT_TYPES[report].build(scope).content


def _rows(content: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def _member(institution: Institution, member: str, account: int = 1, **parameters: str) -> Rows:
    return _rows(_content(institution, "provisioning_csv", account, **{member: "1", **parameters}))


def test_null_is_an_empty_cell_and_the_empty_string_a_quoted_one() -> None:
    assert csv_bytes(["a", "b", "c"], [(None, "", False), ('q"', "x,y\nz", 1.5)]) == (
        b'a,b,c\n,"",false\n"q""","x,y\nz",1.5\n'
    )
    assert cell_text("00007919") == "00007919"


def test_times_carry_the_offset_of_the_season_and_z_only_in_utc(university: Institution) -> None:
    summer = datetime(2026, 7, 1, 6, tzinfo=UTC)
    assert iso_in_zone(summer, university.time_zone) == "2026-07-01T00:00:00-06:00"
    terms = _member(university, "terms")
    assert {row["start_date"][-6:] for row in terms if row["start_date"]} == {"-06:00", "-07:00"}


def test_two_selectors_make_a_zip_in_canvas_order_and_one_a_plain_csv(university: Institution) -> None:
    both = zipfile.ZipFile(io.BytesIO(_content(university, "provisioning_csv", enrollments="true", users="1")))
    assert both.namelist() == ["users.csv", "enrollments.csv"]
    assert _content(university, "provisioning_csv", users="true").startswith(b"canvas_user_id,")


def test_every_member_has_rows_and_its_own_columns(university: Institution) -> None:
    archive = zipfile.ZipFile(io.BytesIO(_content(university, "provisioning_csv", 1, **dict.fromkeys(COLUMNS, "on"))))
    assert archive.namelist() == [f"{name}.csv" for name in COLUMNS]
    for name, header in COLUMNS.items():
        content = archive.read(f"{name}.csv")
        assert content.splitlines()[0].decode() == header
        assert _rows(content), name


def test_users_are_listed_by_login_and_hostile_values_survive(university: Institution) -> None:
    users = _member(university, "users")
    counts = Counter(row["canvas_user_id"] for row in users)
    assert counts["9001"] == 2
    assert "9002" not in counts, "a deleted login is not listed"
    assert "8001" not in counts, "neither is a test student"
    by_id = {row["canvas_user_id"]: row for row in users}
    assert {row["login_id"] for row in users} >= {"NA", "NULL", "None", "nan"}
    assert by_id[str(CROSS_SHARD_USER_ID)]["user_id"] == "X-0042"
    assert CROSS_SHARD_USER_ID > 2**53
    assert {row["user_id"] for row in users} >= {"00007919", "S-王-2", 'S,"3"'}
    deleted = _member(university, "users", include_deleted="true")
    assert len(deleted) == len(users) + 1


def test_accounts_never_hold_the_root_and_from_below_only_direct_children(university: Institution) -> None:
    assert {row["canvas_parent_id"] for row in _member(university, "accounts")} == {"1", "2", "3", "4"}
    assert [row["canvas_account_id"] for row in _member(university, "accounts", 2)] == ["5", "6", "7"]


def test_concluded_courses_and_enrollments_only_show_with_include_deleted(university: Institution) -> None:
    for member in ("courses", "enrollments"):
        plain = Counter(row["status"] for row in _member(university, member))
        everything = Counter(row["status"] for row in _member(university, member, include_deleted="1"))
        assert "concluded" not in plain
        assert "deleted" not in plain
        assert everything["concluded"] > 0
        assert everything["deleted"] > 0


def test_a_deleted_course_shows_only_when_touched_lately_or_holding_a_sis_id(university: Institution) -> None:
    names = {row["long_name"] for row in _member(university, "courses", include_deleted="true")}
    assert "Withdrawn, with a SIS id" in names
    assert "Deleted long ago" not in names


def test_created_by_sis_false_still_filters_because_any_text_is_true(university: Institution) -> None:
    everyone = _member(university, "users")
    imported = _member(university, "users", created_by_sis="false")
    assert 0 < len(imported) < len(everyone)
    assert {row["created_by_sis"] for row in imported} == {"true"}
    assert len(_member(university, "users", include_deleted="false")) == len(everyone), "this flag is parsed"


def test_enrollments_leave_out_people_without_a_usable_login_and_test_students(university: Institution) -> None:
    enrollments = _member(university, "enrollments", include_deleted="true")
    people = {row["canvas_user_id"] for row in enrollments}
    assert not people & {"9002", "8001"}
    assert {"9001", str(CROSS_SHARD_USER_ID)} <= people
    statuses = {row["status"] for row in enrollments}
    assert statuses == {"invited", "active", "concluded", "inactive", "deleted", "rejected"}
    observers = [row for row in enrollments if row["role"] == "observer"]
    assert observers
    assert all(row["canvas_associated_user_id"] for row in observers)


def test_a_student_in_two_sections_has_two_enrollments_in_one_course(university: Institution) -> None:
    active = [row for row in _member(university, "enrollments") if row["role"] == "student"]
    per_course = Counter((row["canvas_course_id"], row["canvas_user_id"]) for row in active)
    assert max(per_course.values()) == 2


def test_term_and_filters_narrow_enrollments(university: Institution) -> None:
    courses = {row["canvas_course_id"] for row in _member(university, "courses", enrollment_term_id="4")}
    rows = _member(university, "enrollments", enrollment_term="sis_term_id:202610")
    assert {row["canvas_course_id"] for row in rows} <= courses
    assert len(rows) < len(_member(university, "enrollments"))
    teachers = _member(university, "enrollments", enrollment_filter="TeacherEnrollment,TaEnrollment")
    assert {row["role"] for row in teachers} == {"teacher", "ta"}
    invited = _member(university, "enrollments", enrollment_states="invited")
    assert {row["status"] for row in invited} == {"invited"}


def test_a_sub_account_report_is_scoped_to_its_subtree(university: Institution) -> None:
    inside = {str(course.id) for course in university.courses_in(2)}
    assert {row["canvas_course_id"] for row in _member(university, "courses", 2)} <= inside
    assert {row["canvas_course_id"] for row in _member(university, "enrollments", 2)} <= inside
    assert 0 < len(_member(university, "users", 2)) < len(_member(university, "users"))


def test_cross_listed_sections_point_back_to_the_course_they_came_from(university: Institution) -> None:
    moves = _member(university, "xlist")
    sections = {row["canvas_section_id"]: row for row in _member(university, "sections")}
    assert moves
    for move in moves:
        assert sections[move["canvas_section_id"]]["canvas_course_id"] == move["canvas_nonxlist_course_id"]
        assert move["canvas_xlist_course_id"] != move["canvas_nonxlist_course_id"]


def test_a_course_name_with_newline_comma_and_quotes_survives(university: Institution) -> None:
    names = {row["long_name"] for row in _member(university, "courses")}
    assert 'Commas, "quotes"\nand a second line; 100 % — naïve 日本語' in names
    assert "NA" in names


def test_grade_export_has_one_row_per_section_enrollment_and_letters_only_with_a_scheme(
    university: Institution,
) -> None:
    rows = _rows(_content(university, "grade_export_csv"))
    assert {row["enrollment state"] for row in rows} == {"active"}
    schemes = {str(course.id): course.grading_scheme for course in university.courses}
    assert all(schemes[row["course id"]] or row["final grade"] == "" for row in rows)
    assert any(row["final grade"] == "A" for row in rows)
    assert any(row["current score"] == "" for row in rows), "some students have no score, which is not zero"
    everything = _rows(_content(university, "grade_export_csv", include_deleted="true"))
    assert {row["enrollment state"] for row in everything} == {"active", "concluded", "inactive", "deleted"}
    assert Counter((row["course id"], row["student id"]) for row in rows).most_common(1)[0][1] == 2


def test_grade_export_comes_in_no_dependable_order(university: Institution) -> None:
    rows = _rows(_content(university, "grade_export_csv", include_deleted="true"))
    keys = [int(row["course id"]) for row in rows]
    assert keys != sorted(keys)
