"""One report that Canvas does not show keeps nobody from the others."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.demo import DemoCanvas, seeded_institution
from tests.stories.conftest import AS_OF, Office, make_office

pytestmark = pytest.mark.slow

_FORBIDDEN = json.dumps({"status": "unauthorized", "errors": [{"message": "user not authorized"}]})


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Office]:
    """An office whose reports are not finished at the first look."""
    with DemoCanvas(seeded_institution(AS_OF, scale=0.1), report_seconds=2.0) as canvas:
        yield make_office(tmp_path, canvas)


def test_a_refused_index_of_one_report_leaves_the_other_waited_for(slow: Office) -> None:
    slow.canvas.faults.answer(
        r"/reports/grade_export_csv(/|$)",
        status=403,
        body=_FORBIDDEN,
        headers={"content-type": "application/json", "x-request-cost": "0.1", "x-rate-limit-remaining": "500.0"},
        method="GET",
        times=None,
    )
    result = slow.run("sync", "provisioning_csv", "grade_export_csv")
    assert result.returncode == 5, result.stderr
    problems = [line for line in result.stderr.splitlines() if line.startswith("!")]
    assert len(problems) == 1
    assert "reports/grade_export_csv" in problems[0]
    assert slow.rows("select count(*) > 0 from reports.provisioning_users") == [(True,)]
    states = {entry["report"]: entry["state"] for entry in json.loads(slow.run("reports", "list", "--json").stdout)}
    assert states == {"provisioning_csv": "loaded", "grade_export_csv": "asked"}


def test_a_token_that_is_refused_meanwhile_ends_the_waiting_for_all(slow: Office) -> None:
    slow.canvas.faults.answer(
        r"/reports/grade_export_csv$",
        status=401,
        body=json.dumps({"errors": [{"message": "Revoked access token."}]}),
        headers={"content-type": "application/json", "www-authenticate": 'Bearer realm="canvas-lms"'},
        method="GET",
        times=None,
    )
    result = slow.run("sync", "provisioning_csv", "grade_export_csv")
    assert result.returncode == 4, result.stderr
    listed = json.loads(slow.run("reports", "list", "--json").stdout)
    assert {entry["state"] for entry in listed} == {"asked"}


def test_an_answer_that_is_lost_and_found_again_is_no_trouble_of_a_sync(slow: Office) -> None:
    slow.canvas.faults.drop(r"/reports/provisioning_csv$", method="POST", after_effect=True)
    result = slow.run("sync", "provisioning_csv")
    assert result.returncode == 0, result.stderr
    assert not [line for line in result.stderr.splitlines() if line.startswith("!")]
    assert slow.rows("select count(*) > 0 from reports.provisioning_users") == [(True,)]
    assert len(slow.canvas.reports.all()) == 1
