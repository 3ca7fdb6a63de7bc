"""What leaves the tables is told: an account that is not asked about any more, a course that Canvas does not list."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipelines.demo import DemoCanvas, Institution, QuotaPolicy
from tests.stories.conftest import make_office

pytestmark = pytest.mark.slow

_ROOMY = QuotaPolicy(hwm=100_000, maximum=110_000)


def test_each_table_that_collapsed_is_named_with_what_to_do(tmp_path: Path, institution: Institution) -> None:
    with DemoCanvas(institution, quota=_ROOMY) as canvas:
        office = make_office(tmp_path, canvas)
        assert office.run("sync", "canvas", "analytics.department_statistics").returncode == 0
        [(before,)] = office.rows("select count(*) from analytics.department_statistics")
        settings = office.folder / "canvaslake.toml"
        text = settings.read_text(encoding="utf-8")
        assert 'departments = "all"' in text
        office.write_settings(text.replace('departments = "all"', 'departments = "roots"'))
        result = office.run("sync", "analytics.department_statistics")
        assert result.returncode == 8, result.stderr
        held_back = [line for line in result.stderr.splitlines() if line.startswith("! Held back: ")]
        [told] = [line for line in held_back if line.startswith("! Held back: analytics.department_statistics ")]
        assert f"fell from {before} rows to " in told
        assert told.endswith("If this is right: canvaslake publish --accept analytics.department_statistics")
        assert office.rows("select count(*) from analytics.department_statistics") == [(before,)]


def test_a_course_that_canvas_does_not_list_any_more_is_told(tmp_path: Path, institution: Institution) -> None:
    names = ("canvas.accounts", "canvas.terms", "canvas.courses", "analytics.course_activity")
    with DemoCanvas(institution, quota=_ROOMY) as canvas:
        office = make_office(tmp_path, canvas)
        assert office.run("sync", *names).returncode == 0
        [(gone,)] = office.rows("select min(course_id) from analytics.course_activity")
    hidden = replace(institution, courses=tuple(one for one in institution.courses if one.id != gone))
    with DemoCanvas(hidden, quota=_ROOMY, port=urlsplit(office.canvas.base_url).port or 0):
        result = office.run("sync", *names)
        assert f"! Canvas does not list course {gone} any more" in result.stderr
        assert office.rows(f"select count(*) from analytics.course_activity where course_id = {gone}") == [(0,)]
        assert "does not list" not in office.run("sync", *names).stderr
