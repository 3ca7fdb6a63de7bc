"""The least scopes are enough for all that a sync does; where one is left out, the sync says so."""

import json
from collections.abc import Iterator

import pytest

from pipelines.cli.init import settings_text
from pipelines.cli.token import least_scopes
from pipelines.demo import DemoCanvas, QuotaPolicy, seeded_institution
from pipelines.normalize.contracts import ENDPOINTS
from pipelines.settings import Settings
from tests.stories.conftest import AS_OF, Office, make_office

pytestmark = pytest.mark.slow

_STUDENT = "url:GET|/api/v1/courses/:course_id/analytics/users/:student_id/activity"
_TERMS = "url:GET|/api/v1/accounts/:account_id/terms"
_START = "url:POST|/api/v1/accounts/:account_id/reports/:report"
_RENEW = "url:PUT|/api/v1/users/:user_id/tokens/:id"


_ABORT = "url:PUT|/api/v1/accounts/:account_id/reports/:report/:id/abort"
_DELETE = "url:DELETE|/api/v1/accounts/:account_id/reports/:report/:id"


def scopes(
    *,
    rotation: bool = False,
    students: str = "changed",
    reports: tuple[str, ...] = (),
    delete: bool = False,
    course_reports: tuple[str, ...] = (),
) -> set[str]:
    settings = Settings.model_validate(
        {
            "sync": {"student_analytics": students},
            "reports": [{"report": name, "delete_after_load": delete} for name in reports],
            "course_reports": [{"report": name, "courses": "active"} for name in course_reports],
        }
    )
    return {each.scope for each in least_scopes(settings, rotation=rotation)}


def test_only_what_the_settings_lead_to_is_needed() -> None:
    grades = ("grade_export_csv",)
    everything = scopes(rotation=True, reports=grades, delete=True, course_reports=("course_pace_docx",))
    # What only a person's command leads to is in no settings.
    assert everything == {each.scope for each in ENDPOINTS if each.asked} - {_ABORT}
    of_reports = scopes(reports=grades) - scopes()
    assert {scope for scope in everything if "/accounts/:account_id/reports" in scope} == {*of_reports, _DELETE}
    assert _DELETE not in of_reports
    of_courses = scopes(course_reports=("course_pace_docx",)) - scopes()
    assert {scope for scope in everything if "/courses/:course_id/reports" in scope} == of_courses
    assert _START not in scopes()
    assert {scope for scope in everything if "/users/:student_id/" in scope} == scopes() - scopes(students="off")
    assert {scope for scope in everything if "/tokens/" in scope} == scopes(rotation=True) - scopes()
    assert _RENEW in scopes(rotation=True)


@pytest.fixture(scope="module")
def scoped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, set[str]]]:
    """An office whose token has the scopes that the command prints, after a whole sync."""
    quota = QuotaPolicy(hwm=100_000, maximum=110_000)
    with DemoCanvas(seeded_institution(AS_OF, scale=0.1), report_seconds=0.1, quota=quota) as canvas:
        office = make_office(tmp_path_factory.mktemp("scoped"), canvas)
        office.write_settings(settings_text(base_url=canvas.base_url, student_analytics="all"))
        printed = office.run("token", "scopes")
        assert printed.returncode == 0, printed.stderr
        enough = set(printed.stdout.split())
        canvas.tokens.grant("scoped", scopes=enough)
        office.set_token("scoped")
        yield office, enough


def test_a_token_with_the_least_scopes_does_a_whole_sync(scoped: tuple[Office, set[str]]) -> None:
    office, enough = scoped
    assert enough == scopes(reports=("provisioning_csv", "grade_export_csv"))
    result = office.run("sync")
    assert result.returncode == 0, result.stderr
    assert office.rows("select * from meta.coverage where status in ('forbidden', 'failed')") == []
    assert office.rows("select count(*) > 0 from analytics.student_assignments") == [(True,)]
    assert office.rows("select count(*) > 0 from reports.grade_export") == [(True,)]


@pytest.mark.parametrize(
    ("left_out", "name"), [(_TERMS, "canvas.terms"), (_START, "grade_export_csv"), (_STUDENT, "analytics")]
)
def test_with_one_scope_less_something_is_missing(scoped: tuple[Office, set[str]], left_out: str, name: str) -> None:
    office, enough = scoped
    if not office.published.exists():
        assert office.run("sync", "canvas").returncode == 0
    assert left_out in enough
    office.canvas.tokens.grant("one-less", scopes=enough - {left_out})
    office.set_token("one-less")
    try:
        result = office.run("sync", name)
    finally:
        office.set_token("scoped")
    assert result.returncode == 5, result.stderr
    assert "scopes leave this endpoint out" in result.stderr


def test_the_scopes_are_printed_alone_and_explained_beside(office: Office) -> None:
    result = office.run("token", "scopes", "--rotate")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert all(line.startswith("url:") for line in lines)
    assert _RENEW in lines
    # Students are off in this office.
    assert not [line for line in lines if "/users/:student_id/" in line]
    assert 'student_analytics is "off"' in result.stderr
    listed = json.loads(office.run("token", "scopes", "--rotate", "--json").stdout)
    assert [entry["scope"] for entry in listed] == lines
    assert all(entry["for"] for entry in listed)
    assert len(office.canvas.requests.all()) == 0
