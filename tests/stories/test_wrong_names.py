"""Names and ids that do not exist are told, and not passed over in silence."""

import json
from collections.abc import Iterator

import pytest

from pipelines.demo import DemoCanvas, QuotaPolicy, seeded_institution
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import record_coverage
from tests.stories.conftest import AS_OF, Office, make_office

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office that has loaded the directory, and the courses' summaries."""
    roomy = QuotaPolicy(hwm=100_000, maximum=110_000)
    with DemoCanvas(seeded_institution(AS_OF, scale=0.1), report_seconds=0.1, quota=roomy) as canvas:
        office = make_office(tmp_path_factory.mktemp("directory"), canvas)
        result = office.run("sync", "canvas", "analytics.student_summaries")
        assert result.returncode == 0, result.stderr
        yield office


@pytest.fixture
def settings(directory: Office) -> Iterator[str]:
    """The settings of the office, which are as they were after the test."""
    text = (directory.folder / "canvaslake.toml").read_text()
    yield text
    directory.write_settings(text)


@pytest.mark.usefixtures("settings")
def test_ids_that_canvas_does_not_show_are_warned_of(directory: Office, settings: str) -> None:
    [(account,)] = directory.rows("select max(account_id) from canvas.accounts")
    [(term,)] = directory.rows("select max(term_id) from canvas.terms where workflow_state <> 'deleted'")
    for before, after in (
        ('student_accounts = "all"', "student_accounts = [777]"),
        ('terms = "active"', f"terms = [{term}, 77, 78]"),
        ('departments = "all"', f"departments = [{account}, 555]"),
        ('accounts = ["self"]', 'accounts = ["self", 888]'),
    ):
        assert before in settings
        settings = settings.replace(before, after)
    directory.write_settings(settings)
    file = directory.folder / "canvaslake.toml"
    below = f"which Canvas does not show below the configured accounts. Correct {file}."
    for_them = f"which Canvas does not show for the configured accounts. Correct {file}."
    warnings = [
        f"[sync] departments names the account 555, {below}",
        f"[sync] student_accounts names the account 777, {below}",
        f"[sync] terms names the terms 77 and 78, {for_them}",
    ]

    def warned() -> list[str]:
        plan = directory.run("plan")
        assert plan.returncode == 0, plan.stderr
        return [line for line in plan.stderr.splitlines() if line.startswith("!")]

    # 888 was not asked about yet, and whatever is below it may be what the settings mean.
    assert warned() == [f"! {warnings[2]}"]
    place = (directory.settings.instance, "account", "888", "accounts")
    record_coverage(directory.project.ledger, [Coverage(*place, CoverageStatus.MISSING, 404)])
    assert warned() == [f"! {one}" for one in (f"[canvas] accounts names the account 888, {below}", *warnings)]
    directory.write_settings(settings.replace(", 888", ""))
    doctor = directory.run("doctor")
    assert doctor.returncode == 0, doctor.stdout
    told = [line.split(None, 2) for line in doctor.stdout.splitlines() if line.startswith("!")]
    assert told == [["!", "settings", one] for one in warnings]
    # A warning does not hide what is wrong.
    directory.write_settings(settings)
    doctor = directory.run("doctor")
    assert doctor.returncode != 0
    assert any(line.startswith("!!") and "account 888" in line for line in doctor.stdout.splitlines())


def test_settings_that_name_what_is_there_are_not_warned_of(directory: Office) -> None:
    assert "names the" not in directory.run("plan").stderr
    assert "names the" not in directory.run("doctor").stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("canvas.cuorses", "Did you mean canvas.courses"),
        ("foo.bar", "canvaslake tables lists them all."),
    ],
)
def test_a_table_that_cannot_be_accepted_is_refused(directory: Office, name: str, said: str) -> None:
    before = directory.rows("from meta.generation")
    result = directory.run("publish", "--accept", "canvas.terms", "--accept", name)
    assert result.returncode == 2, result.stderr
    assert name in result.stderr
    assert said in result.stderr
    assert directory.rows("from meta.generation") == before


def test_a_table_that_is_there_can_be_accepted(directory: Office) -> None:
    assert directory.run("publish", "--accept", "reports.grade_export").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--course", "999"],
            "No question about course 999. There is no course 999 among the loaded courses (canvas.courses).",
        ),
        (
            ["--account", "999"],
            "No question about account 999. There is no account 999 among the loaded accounts (canvas.accounts).",
        ),
        (["--student", "999/1"], "No question about student 999/1. There is no course 999 among"),
        (["--account", "sis_account_id:X"], "No question about account sis_account_id:X. canvaslake coverage shows"),
        (
            ["--endpoint", "nonsense", "--status", "failed"],
            "No question at an endpoint with 'nonsense' in its name ended as failed. canvaslake coverage shows",
        ),
    ],
)
def test_coverage_says_what_was_looked_for_and_whether_it_is_there(
    directory: Office, arguments: list[str], said: str
) -> None:
    result = directory.run("coverage", *arguments)
    assert result.returncode == 0
    assert said in result.stderr
    as_json = directory.run("coverage", *arguments, "--json")
    assert (as_json.returncode, json.loads(as_json.stdout), as_json.stderr) == (0, [], "")


def test_coverage_tells_a_student_that_is_not_there_from_one_that_was_not_asked_about(directory: Office) -> None:
    [(course, user)] = directory.rows("select course_id, user_id from analytics.student_summaries limit 1")
    there = directory.run("coverage", "--student", f"{course}/{user}").stderr
    assert there == f"No question about student {course}/{user}. canvaslake coverage shows what was asked.\n"
    absent = directory.run("coverage", "--student", f"{course}/1").stderr
    assert f"There is no student 1 of course {course} among the loaded summaries" in absent


def test_coverage_before_the_first_sync_says_that_nothing_was_asked(office: Office) -> None:
    result = office.run("coverage", "--course", "1")
    assert (result.returncode, result.stderr) == (0, "Nothing was asked yet. Next: canvaslake sync\n")
