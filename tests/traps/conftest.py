"""A data office with its own memory and a demo Canvas, on one clock: what every trap is set in."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assets.reports import load_intent
from pipelines.asking import ask_reports
from pipelines.demo import DEMO_TOKEN
from pipelines.extract.watching import Watched
from pipelines.lake import LoadOutcome
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import all_intents, get_intent
from pipelines.looking import look
from pipelines.project import Project
from pipelines.settings import CourseReportSettings, ReportSettings, Settings
from tests.load.report_worlds import Loaded, run_of
from tests.load.worlds import World, institution, open_world


@dataclass
class Office:
    """The product as the sensor and its runs use it, beside the world that it works in."""

    world: World
    windows: list[str] = field(default_factory=list)

    @property
    def project(self) -> Project:
        canvas = {"base_url": self.world.canvas.base_url}
        settings = Settings.model_validate({"canvas": canvas, "token": DEMO_TOKEN, "home": self.world.home})
        return Project(settings, clock=self.world.clock)

    def ask(self, report: str, window: str = "", **options: Any) -> list[Intent]:
        """Ask for a report by a schedule; `options` are its settings."""
        return self.ask_all([ReportSettings(report=report, **options)], window)

    def ask_all(
        self,
        reports: Sequence[ReportSettings],
        window: str = "",
        course_reports: Sequence[CourseReportSettings] = (),
    ) -> list[Intent]:
        self.windows.append(window or f"window {len(self.windows)}")
        return asyncio.run(
            ask_reports(
                self.project, reports, window=self.windows[-1], origin="schedule", course_reports=course_reports
            )
        )

    def look(self, after: float = 60, *, idle: bool = True) -> Watched:
        """Let time pass, and look at every report as a tick of the sensor does."""
        self.world.clock.advance(after)
        return asyncio.run(look(self.project, idle=idle))

    def load(self, intent: Intent) -> LoadOutcome:
        """Load a finished report as a run does."""
        return load_intent(self.project, self.now(intent))

    def now(self, intent: Intent) -> Intent:
        return get_intent(self.world.ledger, intent.intent_id)

    def loaded(self, report: str, **options: Any) -> Loaded:
        """Ask, look and load."""
        (intent,) = self.ask(report, **options)
        self.look()
        outcome = self.load(intent)
        return Loaded(self.now(intent), outcome, run_of(self.world, self.now(intent)))

    def posts(self, report: str = "") -> int:
        """Return how many reports Canvas was asked to start."""
        return self.world.canvas.requests.count(rf"/reports/{report}", method="POST")

    def states(self) -> list[IntentState]:
        return [intent.state for intent in all_intents(self.world.ledger)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path, institution=institution(0.5)) as opened:
        yield opened


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)
