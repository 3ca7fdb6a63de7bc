"""The page of a whole university, loaded from the demo Canvas as a person would load it."""

import re
from collections.abc import Iterator

import pytest

from pipelines.cli.init import settings_text
from pipelines.demo import DemoCanvas, QuotaPolicy, seeded_institution
from tests.serve.overview.test_page import SECTIONS, Walk
from tests.stories.conftest import AS_OF, Office, make_office

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    roomy = QuotaPolicy(hwm=100_000, maximum=110_000)
    with DemoCanvas(seeded_institution(AS_OF, scale=0.2), report_seconds=0.1, quota=roomy) as canvas:
        office = make_office(tmp_path_factory.mktemp("overview"), canvas)
        office.write_settings(settings_text(base_url=canvas.base_url, student_analytics="all"))
        synced = office.run("sync")
        assert synced.returncode == 0, synced.stderr
        yield office


def test_the_page_of_a_university_is_full_and_names_none_of_its_people(office: Office) -> None:
    made = office.run("overview")
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == str(office.published.with_name("overview.html"))
    html = office.published.with_name("overview.html").read_text(encoding="utf-8")
    walk = Walk(html)
    assert {one["id"] for one in walk.named("section")} == SECTIONS
    assert len([one for one in walk.named("svg") if "viewbox" in one]) == 2 * (len(SECTIONS) - 1)
    people = office.rows("select user_id, full_name, sortable_name, email, login_id, sis_user_id from marts.dim_user")
    assert len(people) > 100
    words = {str(value) for row in people for value in row if value is not None}
    # Short names such as Ann are part of other words.
    assert not [word for word in words if len(word) > 4 and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", html)]
