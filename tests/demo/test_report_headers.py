"""What each report says of itself: the header of each file, and its entry in the catalog.

The lists here are copied from the facts about Canvas and not from the builders: that is what they are compared with.
"""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pipelines.demo import DemoCanvas, Institution, seeded_institution
from pipelines.demo.builders import REPORT_TYPES, ReportScope, report_rows
from tests.demo.conftest import AS_OF, MakeCanvas

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLUGIN = "user_course_access_log_csv"
MEMBERS = (
    *("users", "accounts", "terms", "courses", "sections", "enrollments"),
    *("groups", "group_membership", "group_categories", "xlist", "user_observers", "admins"),
)

HEADERS: dict[tuple[str, str], str] = {
    ("course_storage_csv", ""): (
        "id,sis id,short name,name,account id,account sis id,account name,storage used in MB,sum of all files in MB"
    ),
    ("developer_key_report_csv", ""): (
        "Global ID,Key Name,Inherited from Parent Account,Contact Info,Key Type,Placements,Status,"
        "Permitted API Endpoints"
    ),
    ("eportfolio_report_csv", ""): (
        "eportfolio_name,eportfolio_id,author_name,author_id,author_sis_id,author_login_id,created_at,"
        "updated_at,is_public,workflow_state"
    ),
    ("grade_export_csv", ""): (
        "student name,student id,student sis,course,course id,course sis,section,section id,section sis,"
        "term,term id,term sis,current score,final score,enrollment state,unposted current score,"
        "unposted final score,current grade,final grade,unposted current grade,unposted final grade"
    ),
    ("last_enrollment_activity_csv", ""): "user id,user name,last activity at",
    ("last_user_access_csv", ""): "user id,user sis id,user name,last access at,last ip",
    ("lti_report_csv", ""): (
        "context_type,context_id,account_name,course_name,tool_id,tool_type_name,tool_type_id,"
        "tool_created_at,privacy_level,launch_url,custom_fields"
    ),
    ("outcome_export_csv", ""): (
        "vendor_guid,object_type,title,description,friendly_description,display_name,calculation_method,"
        "calculation_int,parent_guids,workflow_state,mastery_points,ratings"
    ),
    ("outcome_results_csv", ""): (
        "student name,student id,student sis id,assessment title,assessment id,assessment type,"
        "submission date,submission score,learning outcome name,learning outcome id,attempt,outcome score,"
        "assessment question,assessment question id,course name,course id,course sis id,section name,"
        "section id,section sis id,assignment url,learning outcome friendly name,"
        "learning outcome points possible,learning outcome mastery score,learning outcome mastered,"
        "learning outcome rating,learning outcome rating points,learning outcome group title,"
        "learning outcome group id,account id,account name,enrollment state"
    ),
    ("provisioning_csv", "users"): (
        "canvas_user_id,user_id,integration_id,authentication_provider_id,login_id,first_name,last_name,"
        "full_name,sortable_name,short_name,email,status,created_by_sis"
    ),
    (
        "provisioning_csv",
        "accounts",
    ): "canvas_account_id,account_id,canvas_parent_id,parent_account_id,name,status,created_by_sis",
    ("provisioning_csv", "terms"): "canvas_term_id,term_id,name,status,start_date,end_date,created_by_sis",
    ("provisioning_csv", "courses"): (
        "canvas_course_id,course_id,integration_id,short_name,long_name,canvas_account_id,account_id,"
        "canvas_term_id,term_id,status,start_date,end_date,course_format,canvas_blueprint_course_id,"
        "blueprint_course_id,created_by_sis"
    ),
    ("provisioning_csv", "sections"): (
        "canvas_section_id,section_id,canvas_course_id,course_id,integration_id,name,status,start_date,"
        "end_date,canvas_account_id,account_id,created_by_sis"
    ),
    ("provisioning_csv", "enrollments"): (
        "canvas_course_id,course_id,canvas_user_id,user_id,role,role_id,canvas_section_id,section_id,"
        "status,canvas_associated_user_id,associated_user_id,created_by_sis,base_role_type,"
        "limit_section_privileges,canvas_enrollment_id"
    ),
    ("provisioning_csv", "groups"): (
        "canvas_group_id,group_id,canvas_group_category_id,group_category_id,canvas_account_id,account_id,"
        "canvas_course_id,course_id,name,status,created_by_sis,context_id,context_type,max_membership"
    ),
    ("provisioning_csv", "group_membership"): "canvas_group_id,group_id,canvas_user_id,user_id,status,created_by_sis",
    ("provisioning_csv", "group_categories"): (
        "canvas_group_category_id,group_category_id,context_id,context_type,name,role,self_signup,"
        "group_limit,auto_leader,status"
    ),
    ("provisioning_csv", "xlist"): (
        "canvas_xlist_course_id,xlist_course_id,canvas_section_id,section_id,status,"
        "canvas_nonxlist_course_id,nonxlist_course_id"
    ),
    (
        "provisioning_csv",
        "user_observers",
    ): "canvas_observer_id,observer_id,canvas_student_id,student_id,status,created_by_sis",
    ("provisioning_csv", "admins"): (
        "admin_user_name,canvas_user_id,user_id,canvas_account_id,account_id,role_id,role,status,created_by_sis"
    ),
    ("public_courses_csv", ""): "id,sis id,short name,name,start date,end date",
    ("recently_deleted_courses_csv", ""): "id,sis id,short name,name,start date,end date",
    ("sis_export_csv", "users"): (
        "user_id,integration_id,authentication_provider_id,login_id,password,first_name,last_name,"
        "full_name,sortable_name,short_name,email,status"
    ),
    ("sis_export_csv", "accounts"): "account_id,parent_account_id,name,status",
    ("sis_export_csv", "terms"): "term_id,name,status,start_date,end_date",
    ("sis_export_csv", "courses"): (
        "course_id,integration_id,short_name,long_name,account_id,term_id,status,start_date,end_date,"
        "course_format,blueprint_course_id"
    ),
    ("sis_export_csv", "sections"): "section_id,course_id,integration_id,name,status,start_date,end_date",
    (
        "sis_export_csv",
        "enrollments",
    ): "course_id,user_id,role,role_id,section_id,status,associated_user_id,limit_section_privileges",
    ("sis_export_csv", "groups"): "group_id,group_category_id,account_id,course_id,name,status",
    ("sis_export_csv", "group_membership"): "group_id,user_id,status",
    ("sis_export_csv", "group_categories"): "group_category_id,account_id,course_id,category_name,status",
    ("sis_export_csv", "xlist"): "xlist_course_id,section_id,status",
    ("sis_export_csv", "user_observers"): "observer_id,student_id,status",
    ("sis_export_csv", "admins"): "user_id,account_id,role_id,role,status",
    ("student_assignment_outcome_map_csv", ""): (
        "student name,student id,student sis id,assignment title,assignment id,submission date,"
        "submission score,learning outcome name,learning outcome id,attempt,outcome score,course name,"
        "course id,course sis id,section name,section id,section sis id,assignment url,"
        "learning outcome friendly name,learning outcome points possible,learning outcome mastery score,"
        "learning outcome mastered,learning outcome rating,learning outcome rating points,"
        "learning outcome group title,learning outcome group id,account id,account name,enrollment state"
    ),
    ("students_with_no_submissions_csv", ""): (
        "user id,user sis id,user name,section id,section sis id,section name,course id,course sis id,course name"
    ),
    ("unpublished_courses_csv", ""): "id,sis id,short name,name,start date,end date",
    ("unused_courses_csv", ""): "course id,course sis id,short name,long name,status,created at",
    ("user_access_tokens_csv", ""): "user id,user name,token hint,expiration,last used,dev key id,dev key name",
    ("zero_activity_csv", ""): (
        "user id,user sis id,name,section id,section sis id,section name,course id,course sis id,course name"
    ),
}

TITLES_AND_PARAMETERS: dict[str, tuple[str, str | None]] = {
    "course_storage_csv": ("Course Storage", "enrollment_term_id skip_message"),
    "developer_key_report_csv": ("Developer Keys Report", None),
    "eportfolio_report_csv": ("Eportfolio Report", "no_enrollments include_deleted skip_message"),
    "grade_export_csv": ("Grade Export", "enrollment_term_id include_deleted limiting_period skip_message"),
    "lti_report_csv": ("LTI Report", "include_deleted skip_message"),
    "last_enrollment_activity_csv": ("Last Enrollment Activity", "enrollment_term_id course_id skip_message"),
    "last_user_access_csv": ("Last User Access", "enrollment_term_id course_id include_deleted skip_message"),
    "mgp_grade_export_csv": ("Multiple Grading Periods Grade Export", "enrollment_term_id! skip_message"),
    "outcome_export_csv": ("Outcome Export", None),
    "outcome_results_csv": ("Outcome Results", "enrollment_term_id order include_deleted skip_message"),
    "provisioning_csv": (
        "Provisioning",
        (
            "enrollment_term_id users accounts terms courses sections enrollments groups group_categories "
            "group_membership xlist user_observers admins created_by_sis include_deleted enrollment_filter "
            "enrollment_states skip_message"
        ),
    ),
    "public_courses_csv": ("Public Courses", "enrollment_term_id skip_message"),
    "recently_deleted_courses_csv": ("Recently Deleted Courses", "enrollment_term_id skip_message"),
    "sis_export_csv": (
        "SIS Export",
        (
            "enrollment_term_id users accounts terms courses sections enrollments groups group_categories "
            "group_membership xlist user_observers admins created_by_sis include_deleted skip_message"
        ),
    ),
    "student_assignment_outcome_map_csv": ("Student Competency", "enrollment_term_id include_deleted skip_message"),
    "students_with_no_submissions_csv": (
        "Students with no submissions",
        "enrollment_term_id course_id start_at! end_at! include_enrollment_state enrollment_state skip_message",
    ),
    "unpublished_courses_csv": ("Unpublished Courses", "enrollment_term_id skip_message"),
    "unused_courses_csv": ("Unused Courses", "enrollment_term_id skip_message"),
    "user_access_tokens_csv": ("User Access Tokens", "include_deleted skip_message"),
    "zero_activity_csv": ("Zero Activity", "enrollment_term_id start_at course_id skip_message"),
}
"""Report -> title, and parameters with `!` behind required ones; None where the catalog lists none."""


@pytest.fixture(scope="module")
def university() -> Institution:
    return seeded_institution(AS_OF)


def _sheets(institution: Institution, report: str, account: int = 1, **parameters: Any) -> dict[str, Any]:
    scope = ReportScope(institution, institution.account_by_id[account], parameters, NOW)
    return report_rows(report, scope)


@pytest.mark.parametrize(("report", "member"), HEADERS)
def test_every_file_has_the_header_of_canvas_and_rows_of_its_width(
    university: Institution, report: str, member: str
) -> None:
    parameters: dict[str, Any] = (
        dict.fromkeys((*MEMBERS, "include_deleted"), "1") if member else {"include_deleted": ""}
    )
    columns, rows = _sheets(university, report, **parameters)[member]
    assert ",".join(columns) == HEADERS[report, member]
    assert rows, "a file that is always empty proves nothing"
    if report != "outcome_export_csv":
        assert {len(row) for row in rows} == {len(columns)}


@pytest.mark.parametrize(("report", "member"), [each for each in HEADERS if each[1] == ""])
def test_the_file_is_text_made_of_those_rows(university: Institution, report: str, member: str) -> None:
    scope = ReportScope(university, university.root, {}, NOW)
    built = REPORT_TYPES[report].build(scope)
    header, *_ = built.content.decode().split("\n")
    assert (header, built.content_type) == (HEADERS[report, member], "text/csv")
    assert built.lines == {"": len(report_rows(report, scope)[""][1]) + 1}


def test_the_catalog_lists_twenty_reports_and_one_that_only_this_canvas_knows(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    answer = http.get("/api/v1/accounts/1/reports?per_page=1")
    catalog = answer.json()
    assert "link" not in answer.headers
    assert [item["title"] for item in catalog] == sorted(item["title"] for item in catalog)
    found = {item["report"]: item for item in catalog}
    assert set(found) == {*TITLES_AND_PARAMETERS, PLUGIN}
    assert len(TITLES_AND_PARAMETERS) == 20
    assert found[PLUGIN]["title"] == "User Course Access Log"
    for report, (title, parameters) in TITLES_AND_PARAMETERS.items():
        assert found[report]["title"] == title
        if parameters is None:
            assert found[report]["parameters"] is None
            continue
        due = {each.removesuffix("!"): each.endswith("!") for each in parameters.split()}
        assert {name: each["required"] for name, each in found[report]["parameters"].items()} == due, report
        assert all(each["description"] for each in found[report]["parameters"].values())


def test_the_catalog_shows_the_last_run_and_html_when_asked(fresh_http: httpx.Client) -> None:
    path = "/api/v1/accounts/1/reports"
    run = fresh_http.post(f"{path}/provisioning_csv", data={"parameters[users]": "1"}).json()
    catalog = {item["report"]: item for item in fresh_http.get(path, params={"include[]": "description_html"}).json()}
    assert catalog["provisioning_csv"]["last_run"]["id"] == run["id"]
    assert catalog["grade_export_csv"]["last_run"] is None
    assert "description_html" in catalog["lti_report_csv"]


def test_a_report_can_leave_the_catalog_and_come_back_while_canvas_runs(
    fresh: DemoCanvas, fresh_http: httpx.Client
) -> None:
    path = "/api/v1/accounts/1/reports"
    before = fresh_http.post(f"{path}/zero_activity_csv").json()
    fresh.catalog.switch_off("zero_activity_csv")
    assert "zero_activity_csv" not in {item["report"] for item in fresh_http.get(path).json()}
    refused = fresh_http.post(f"{path}/zero_activity_csv")
    assert (refused.status_code, refused.json()["errors"][0]["message"]) == (
        404,
        "The specified resource does not exist.",
    )
    assert fresh_http.get(f"{path}/zero_activity_csv/{before['id']}").status_code == 200
    fresh.catalog.switch_on("zero_activity_csv")
    assert fresh_http.post(f"{path}/zero_activity_csv").status_code == 200
    with pytest.raises(ValueError, match="no report nonsense_csv"):
        fresh.catalog.switch_off("nonsense_csv")


def test_every_report_in_the_catalog_runs_to_completion_from_any_account(make_canvas: MakeCanvas) -> None:
    for account in (1, 3, 8):
        canvas = make_canvas(report_seconds=0)
        for report in REPORT_TYPES:
            canvas.reports.create(account, report, {"users": "1"})
        assert [(run.report, run.status) for run in canvas.reports.all()] == [
            (report, "complete") for report in REPORT_TYPES
        ]
