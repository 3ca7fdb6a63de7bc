"""Settings: `canvaslake.toml` and the environment, read once into frozen, typed values.

Secrets come only from the environment or from a `.env` file beside `canvaslake.toml` that nobody else can read. What
the settings lead to is decided where they are used.
"""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from pipelines.setting_problems import SettingProblems

CONFIG_NAME = "canvaslake.toml"
DEMO_HOME = Path("data") / "demo"
_DOTENV = ".env"

_NO_KEYS = ("config_path", "token")
"""Fields of Settings that no key of the file sets."""


class SettingsError(Exception):
    """The settings are missing or wrong; the message says which and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_CRON_PART = re.compile(r"(\*|(?P<first>\d+|[A-Za-z]{3})(-(?P<last>\d+|[A-Za-z]{3}))?)(/[1-9]\d*)?")


def _is_cron(value: str | None) -> str | None:
    if value is None:
        return None
    fields = value.split(" ")
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError(f'{value!r} is not a schedule of five fields like "0 3 * * *" (at 03:00 every day)')
    for text, (name, least, most) in zip(fields, _CRON_FIELDS, strict=True):
        for part in text.split(","):
            found = _CRON_PART.fullmatch(part)
            numbers = [int(one) for one in found.group("first", "last") if one and one.isdecimal()] if found else []
            if found is None or any(not least <= number <= most for number in numbers):
                raise ValueError(f"{value!r} is not a schedule: {part!r} is no {name} from {least} to {most}")
    return value


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class CanvasSettings(_Part):
    """Which Canvas, which accounts of it, and how hard it may be asked."""

    base_url: str = Field(default="", description="Address at which you open Canvas in a browser.")
    accounts: Annotated[tuple[str | int, ...], BeforeValidator(_as_tuple)] = ("self",)
    max_in_flight: int = Field(
        default=10,
        ge=1,
        le=64,
        description="Requests under way at once, at most. The quota headers of Canvas may allow fewer.",
    )
    time_zone: str = "UTC"

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            # Not quoted: an address can hold a password, and a token is easily pasted here.
            raise ValueError("this is not an address like https://canvas.example.edu")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not a time zone like America/Denver") from error
        return value


class SyncSettings(_Part):
    """What is pulled from the endpoints, and when. `cron` is in the time zone of `[canvas]`."""

    terms: Annotated[Literal["active", "all"] | tuple[int, ...], BeforeValidator(_as_tuple)] = "active"
    departments: Annotated[Literal["all", "roots"] | tuple[int, ...], BeforeValidator(_as_tuple)] = "all"
    student_analytics: Literal["off", "changed", "all"] = Field(
        default="changed",
        description=(
            "Whose analytics are pulled student by student, at three requests per student and course: nobody's, those "
            "whose summary has moved, or everybody's in courses that go on."
        ),
    )
    student_accounts: Annotated[Literal["all"] | tuple[int, ...], BeforeValidator(_as_tuple)] = Field(
        default="all",
        description="Accounts in whose courses, and those of the accounts below, students are asked about.",
    )
    student_refresh_days: int = Field(
        default=30,
        ge=1,
        description=(
            "With `changed`: days after which a student is asked about again although the summary stands still. New "
            "messages and scores alone do not move it."
        ),
    )
    checkpoint: int = Field(
        default=200,
        ge=10,
        le=5000,
        description=(
            "Questions between two checkpoints of a pull: a crash loses fewer than twice as many answers. As many are "
            "under way at most, so keep it above half of max_in_flight."
        ),
    )
    cron: Annotated[str, AfterValidator(_is_cron)] = "0 5 * * *"


class ReportSettings(_Part):
    """A report to ask for: its name in Canvas, its parameters, when, and for which accounts.

    `deadline_hours` is how long Canvas may take before the report counts as overdue.
    """

    report: str = Field(
        pattern=r"^[A-Za-z0-9_]+$",
        description="Name of the report in Canvas, as `canvaslake reports catalog` lists it.",
    )
    parameters: dict[str, str | int | float | bool | list[str | int]] = Field(
        default_factory=dict, description="What Canvas is asked for; the catalog lists the names."
    )
    cron: Annotated[str | None, AfterValidator(_is_cron)] = Field(
        default=None, description="When it is asked for, in the time zone of `[canvas]`. Without it only `sync` asks."
    )
    accounts: Annotated[tuple[str | int, ...] | None, BeforeValidator(_as_tuple)] = Field(
        default=None, description="Accounts to ask for; those of `[canvas]` without it."
    )
    terms: Annotated[Literal["active", "all"] | tuple[int, ...] | None, BeforeValidator(_as_tuple)] = Field(
        default=None,
        description=(
            "One report for each of these terms, as `enrollment_term_id`: those that are active, all, or some ids. "
            "Without it one report is asked for, with the parameters as they stand."
        ),
    )
    adopt: bool = Field(
        default=False,
        description="Whether the daemon also loads such reports that a person has run in Canvas.",
    )
    delete_after_load: bool = Field(
        default=False,
        description="Whether a report that canvaslake started is deleted in Canvas when it is loaded.",
    )
    columns: dict[str, Literal["BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMPTZ"]] = Field(
        default_factory=dict,
        description=(
            "Types for columns of a report that canvaslake does not know, by header or column name; the others are "
            "text. `canvaslake reports reload` reads the files that are kept anew."
        ),
    )
    deadline_hours: float = Field(
        default=12, gt=0, description="How long Canvas may take before the report counts as overdue, in hours."
    )

    @model_validator(mode="after")
    def _has_one_term(self) -> Self:
        if self.terms is not None and {"enrollment_term_id", "enrollment_term"} & set(self.parameters):
            raise ValueError(f"{self.report} has both terms and a term among its parameters; keep one of them")
        return self


class CourseReportSettings(_Part):
    """A report about courses to ask for. Canvas's own source has one, `course_pace_docx`, which makes a document.

    `deadline_hours` is how long Canvas may take before the report counts as overdue.
    """

    report: str = Field(pattern=r"^[A-Za-z0-9_]+$", description="Name of the course report in Canvas.")
    courses: Annotated[Literal["active"] | tuple[int, ...], BeforeValidator(_as_tuple)] = Field(
        description="Ids of courses, or `active`: every published course of the active terms."
    )
    parameters: dict[str, str | int | float | bool | list[str | int]] = Field(
        default_factory=dict, description="What Canvas is asked for: `section_ids`, `enrollment_ids`."
    )
    cron: Annotated[str | None, AfterValidator(_is_cron)] = Field(
        default=None, description="When it is asked for, in the time zone of `[canvas]`. Without it only `sync` asks."
    )
    deadline_hours: float = Field(
        default=12, gt=0, description="How long Canvas may take before the report counts as overdue, in hours."
    )


class LakeSettings(_Part):
    """What the lake keeps beside the tables."""

    keep_files_days: float = Field(
        default=30,
        ge=0,
        description="Days for which files of reports are kept, packed, so that they can be read anew; 0 keeps none.",
    )
    keep_superseded_days: float = Field(
        default=400,
        ge=0,
        description=(
            "Days for which rows that were replaced stay in the lake: so far back goes "
            "`canvaslake publish --as-of DATE`. "
            "0 keeps none."
        ),
    )


class WarehouseSettings(_Part):
    """Limits of the warehouse. `max_bad_share` is the share of rows (0..1) above which a file is refused."""

    memory_limit: str = Field(default="2GB", description="Memory that DuckDB may take for a publish.")
    keep_generations: int = Field(
        default=5, ge=1, description="Published files that are kept in `generations/`, the newest included."
    )
    max_bad_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of rows (0 to 1) that may go to quarantine before an answer is refused.",
    )


class SensorSettings(_Part):
    """How often the daemon looks for finished reports, and how often a failed load is tried."""

    interval_seconds: int = Field(default=20, ge=5, description="Seconds between two looks for finished reports.")
    load_attempts: int = Field(
        default=5, ge=1, description="Attempts to load a finished report before it is parked for a person."
    )
    retry_minutes: float = Field(
        default=2, gt=0, description="Minutes before the second attempt; the pause doubles with each."
    )
    alert: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
        default=(),
        description=(
            "A command, as a list of words, that is run when a report fails or is parked; it gets the message as text "
            "on its standard input. Empty: the Dagster page and `canvaslake reports list` say so."
        ),
    )


class Settings(_Part):
    """Everything that a person can set, and where it was found. `config_path` is None without a settings file."""

    canvas: CanvasSettings = CanvasSettings()
    sync: SyncSettings = SyncSettings()
    reports: Annotated[tuple[ReportSettings, ...], BeforeValidator(_as_tuple)] = ()
    course_reports: Annotated[tuple[CourseReportSettings, ...], BeforeValidator(_as_tuple)] = ()
    lake: LakeSettings = LakeSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    sensor: SensorSettings = SensorSettings()
    owners: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
        default=("team:canvaslake",),
        description="Owners of the assets on the Dagster page, such as `team:analytics` or an e-mail address.",
    )
    home: Path = Path("data")
    config_path: Path | None = None
    token: SecretStr = SecretStr("")

    @field_validator("reports")
    @classmethod
    def _counts_no_rows_twice(cls, reports: tuple[ReportSettings, ...]) -> tuple[ReportSettings, ...]:
        whole = [(one.report, one.accounts, one.parameters) for one in reports if one.terms is None]
        for one in reports:
            if one.terms is not None and (one.report, one.accounts, one.parameters) in whole:
                raise ValueError(
                    f"{one.report} is there twice with the same parameters, for all terms at once and term by term: "
                    "its rows would stand in the table twice. Remove one of the two"
                )
        return reports

    @property
    def instance(self) -> str:
        """The name of this Canvas in the ledger and the lake: its host, with the port where it has one."""
        return instance_name(self.canvas.base_url)

    @property
    def secret_path(self) -> Path:
        """The file that holds the token, if it is not in the environment."""
        return (self.config_path.parent if self.config_path else Path.cwd()) / _DOTENV

    def require_canvas(self) -> None:
        """Raise SettingsError unless there is an address and a token."""
        if not self.canvas.base_url:
            raise SettingsError(
                "No Canvas is configured: there is no canvaslake.toml here or above, and CANVAS_BASE_URL is not set. "
                "Run: canvaslake init"
            )
        if not self.token.get_secret_value():
            raise SettingsError(
                f"No token for {self.instance}: CANVAS_API_TOKEN is neither in the environment nor in "
                f"{self.secret_path}. Run: canvaslake init, or put the line CANVAS_API_TOKEN=... into that file."
            )


def instance_name(base_url: str) -> str:
    """Return the name of a Canvas by its address: `canvas.example.edu`, or `127.0.0.1_8765` with a port."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").lower()
    return f"{host}_{parts.port}" if parts.port else host


def find_config(start: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the settings file: `CANVASLAKE_CONFIG`, or `canvaslake.toml` in a folder or the nearest one above it."""
    named = environment.get("CANVASLAKE_CONFIG")
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise SettingsError(f"CANVASLAKE_CONFIG names {path}, which is not a file. Correct it, or unset it.")
        return path
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    return None


def load_settings(start: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; without a settings file the defaults and the environment stand.

    Raises SettingsError for a file that cannot be read, an unknown or wrong setting, or a secret file that others can
    read.
    """
    environment = os.environ if environment is None else environment
    path = find_config(start or Path.cwd(), environment)
    values = _read(path) if path else {}
    folder = path.parent if path else (start or Path.cwd())
    secrets = {**_secrets(folder / _DOTENV), **environment}
    canvas = values.get("canvas", {})
    if secrets.get("CANVAS_BASE_URL") and isinstance(canvas, dict):
        canvas = {**canvas, "base_url": secrets["CANVAS_BASE_URL"]}
    home = Path(environment.get("CANVASLAKE_HOME") or str(values.pop("home", "data"))).expanduser()
    try:
        return Settings.model_validate(
            {
                **values,
                "canvas": canvas,
                "home": home if home.is_absolute() else folder.absolute() / home,
                "config_path": path,
                "token": secrets.get("CANVAS_API_TOKEN") or "",
            }
        )
    except ValidationError as error:
        problems = SettingProblems(Settings, _NO_KEYS, _DOTENV).of(error)
        wrong = "a setting that is" if len(problems) == 1 else "settings that are"
        raise SettingsError(f"{path or 'The environment'} has {wrong} not right: {' '.join(problems)}") from None


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}. Correct the file, or make a new one: canvaslake init"
        ) from error


def _secrets(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"{path} holds the token and can be read by others. Run: chmod 600 {path}")
    return {name: value for name, value in dotenv_values(path).items() if value is not None}
