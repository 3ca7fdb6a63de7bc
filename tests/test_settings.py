"""Settings: found where a person put them, told plainly when they are wrong, and never with the token in the text."""

import traceback
from pathlib import Path

import pytest

from pipelines.code_location import build_definitions
from pipelines.settings import Settings, SettingsError, find_config, instance_name, load_settings

TOKEN = "7~SecretSecretSecretSecret"
TOML = '[canvas]\nbase_url = "https://canvas.example.edu/"\n'


def write(folder: Path, text: str = TOML) -> Path:
    path = folder / "canvaslake.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_nearest_file_upward_counts_from_any_folder_below(tmp_path: Path) -> None:
    write(tmp_path, TOML.replace("canvas.", "outer."))
    project = tmp_path / "project"
    below = project / "notebooks" / "deep"
    below.mkdir(parents=True)
    path = write(project)
    settings = load_settings(below, {})
    assert settings.config_path == path
    assert settings.canvas.base_url == "https://canvas.example.edu"
    assert settings.home == project / "data"


def test_a_file_that_is_named_wins_and_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    other = tmp_path / "other.toml"
    other.write_text('[canvas]\nbase_url = "https://other.example.edu"\n')
    assert load_settings(tmp_path, {"CANVASLAKE_CONFIG": str(other)}).instance == "other.example.edu"
    with pytest.raises(SettingsError, match=r"CANVASLAKE_CONFIG names .*gone\.toml"):
        find_config(tmp_path, {"CANVASLAKE_CONFIG": str(tmp_path / "gone.toml")})


def test_the_environment_overrides_the_file_and_the_env_file(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / ".env").write_text("CANVAS_API_TOKEN=from-file\nCANVAS_BASE_URL=https://file.example.edu\n")
    (tmp_path / ".env").chmod(0o600)
    from_file = load_settings(tmp_path, {})
    assert (from_file.instance, from_file.token.get_secret_value()) == ("file.example.edu", "from-file")
    environment = {
        "CANVAS_API_TOKEN": TOKEN,
        "CANVAS_BASE_URL": "https://env.example.edu:8443",
        "CANVASLAKE_HOME": str(tmp_path / "elsewhere"),
    }
    settings = load_settings(tmp_path, environment)
    assert (settings.instance, settings.token.get_secret_value()) == ("env.example.edu_8443", TOKEN)
    assert settings.home == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[canvas]\nbase_url = 5\n", "canvas.base_url"),
        ('[canvas]\nbase_url = "canvas.example.edu"\n', "canvas.base_url"),
        ("[canvas]\nmax_in_flight = 0\n", "canvas.max_in_flight"),
        ('[canvas]\ntime_zone = "Mars/Olympus"\n', "canvas.time_zone"),
        ('[canvas]\ntime_zone = "America"\n', "canvas.time_zone"),
        ('[canvas]\ntime_zone = "../../etc/passwd"\n', "canvas.time_zone"),
        (f'[canvas]\ntoken = "{TOKEN}"\n', "canvas.token"),
        (f'CANVAS_API_TOKEN = "{TOKEN}"\n', "CANVAS_API_TOKEN"),
        ("canvas = 3\n", "canvas"),
        ('[sync]\nterms = "some"\n', "sync.terms"),
        ('[sync]\nterms = "never"\n', "sync.terms"),
        ('[sync]\ncron = "every night"\n', "sync.cron"),
        ('[sync]\ncron = "99 3 * * *"\n', "sync.cron"),
        ('[[reports]]\nreport = "provisioning csv"\n', "reports.0.report"),
        ("[[reports]]\n[reports.parameters]\nusers = true\n", "reports.0.report"),
        ("[warehouse]\nmax_bad_share = 10\n", "warehouse.max_bad_share"),
        ("[warehouse]\nkeep_generations = 0\n", "warehouse.keep_generations"),
        ("[sensor]\ninterval_seconds = 1\n", "sensor.interval_seconds"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file_and_without_the_token(tmp_path: Path, text: str, named: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as raised:
        load_settings(tmp_path, {"CANVAS_API_TOKEN": TOKEN})
    assert f"{named}" in str(raised.value)
    assert str(path) in str(raised.value)
    assert TOKEN not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[sync]\nstudnet_accounts = [1]\n",
            "sync.studnet_accounts is not a setting; did you mean sync.student_accounts?",
        ),
        ("[synk]\nterms = [1]\n", "synk is not a setting; did you mean sync?"),
        ("student_accounts = [1]\n", "student_accounts is not a setting; did you mean sync.student_accounts?"),
        ('[canvas]\nowners = ["me"]\n', "canvas.owners is not a setting; did you mean owners, above the first table?"),
        (
            "[canvas]\nzzz = 1\n",
            "canvas.zzz is not a setting; there are base_url, accounts, max_in_flight, time_zone.",
        ),
        (f'[canvas]\ntoken = "{TOKEN}"\n', "canvas.token is not a setting; the token stands in .env or in the"),
        (
            '[[reports]]\nreport = "x"\nparametrs = {}\n',
            "reports.0.parametrs is not a setting; did you mean reports.0.parameters?",
        ),
        ('[sync]\nstudent_analytics = "some"\n', 'sync.student_analytics must be "off", "changed" or "all".'),
        ('[sync]\nterms = "never"\n', 'sync.terms must be "active", "all" or a list of whole numbers.'),
        ('[sync]\nterms = ["x"]\n', 'sync.terms must be "active", "all" or a list of whole numbers.'),
        ("[canvas]\naccounts = [1.5]\n", "canvas.accounts must be a list of text or whole numbers."),
        ('[canvas]\nmax_in_flight = "ten"\n', "canvas.max_in_flight must be a whole number from 1 to 64."),
        ("[warehouse]\nkeep_generations = 0\n", "warehouse.keep_generations must be a whole number of at least 1."),
        ("[sensor]\nretry_minutes = 0\n", "sensor.retry_minutes must be a number above 0."),
        ('[canvas]\ntime_zone = "Denver"\n', "canvas.time_zone: 'Denver' is not a time zone like America/Denver."),
        (
            f'[canvas]\nbase_url = "{TOKEN}"\n',
            "canvas.base_url: this is not an address like https://canvas.example.edu.",
        ),
        ("canvas = 3\n", "canvas must be a table."),
        ("reports = [3]\n", "reports.0 must be a table."),
        ("reports = 3\n", "reports must be a list of tables."),
        ("[[reports]]\n", "reports.0.report is missing; it must be text."),
        (
            '[[reports]]\nreport = "x"\n[reports.parameters]\nusers = {}\n',
            "reports.0.parameters.users must be text, a whole number, a number, true or false or a list of text or",
        ),
    ],
)
def test_a_wrong_setting_is_told_in_our_words_with_what_it_may_be(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as raised:
        load_settings(tmp_path, {})
    told = str(raised.value)
    assert told.startswith(f"{path} has a setting that is not right: {said}")
    assert TOKEN not in told
    assert "Input should" not in told
    assert "Value error" not in told


def test_each_wrong_setting_is_told_in_a_sentence_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "[warehouse]\nmax_bad_share = 2\nkeep_generation = 1\n")
    with pytest.raises(SettingsError) as raised:
        load_settings(tmp_path, {})
    assert str(raised.value).endswith(
        "has settings that are not right: warehouse.max_bad_share must be a number from 0 to 1. "
        "warehouse.keep_generation is not a setting; did you mean warehouse.keep_generations?"
    )


@pytest.mark.parametrize("content", [b"[canvas\n", b"\xff\xfe", f'x = "{TOKEN}'.encode()])
def test_a_file_that_is_no_toml_is_told_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "canvaslake.toml").write_bytes(content)
    with pytest.raises(SettingsError, match="cannot be read") as raised:
        load_settings(tmp_path, {})
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_file_that_others_can_read_is_refused_with_the_way_to_mend_it(tmp_path: Path, mode: int) -> None:
    write(tmp_path)
    secret = tmp_path / ".env"
    secret.write_text(f"CANVAS_API_TOKEN={TOKEN}\n")
    secret.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600") as raised:
        load_settings(tmp_path, {})
    assert TOKEN not in str(raised.value)


def test_the_token_is_in_no_text_that_a_log_could_hold(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path).parent, {"CANVAS_API_TOKEN": TOKEN})
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert TOKEN not in text


def test_what_is_missing_for_canvas_is_told_when_canvas_is_needed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CANVAS_BASE_URL is not set"):
        load_settings(tmp_path, {}).require_canvas()
    write(tmp_path)
    with pytest.raises(SettingsError, match=r"CANVAS_API_TOKEN.*\.env"):
        load_settings(tmp_path, {}).require_canvas()
    load_settings(tmp_path, {"CANVAS_API_TOKEN": TOKEN}).require_canvas()


def test_definitions_load_without_any_settings_so_that_the_page_opens(tmp_path: Path) -> None:
    definitions = build_definitions(load_settings(tmp_path, {}))
    assert definitions.assets


def test_settings_cannot_be_changed_behind_the_back_of_who_reads_them() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.home = Path("/elsewhere")


def test_two_canvases_on_one_host_are_two_instances() -> None:
    assert instance_name("https://Canvas.Example.edu") == "canvas.example.edu"
    assert instance_name("http://127.0.0.1:8765") != instance_name("http://127.0.0.1:8766")


def test_a_report_for_all_terms_and_term_by_term_would_count_its_rows_twice(tmp_path: Path) -> None:
    text = '[[reports]]\nreport = "grade_export_csv"\n\n[[reports]]\nreport = "grade_export_csv"\nterms = "active"\n'
    (tmp_path / "canvaslake.toml").write_text(text)
    with pytest.raises(SettingsError, match="grade_export_csv is there twice with the same parameters"):
        load_settings(tmp_path, {})
    (tmp_path / "canvaslake.toml").write_text(f"{text}parameters = {{ include_deleted = true }}\n")
    assert len(load_settings(tmp_path, {}).reports) == 2
