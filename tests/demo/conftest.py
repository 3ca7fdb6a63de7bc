"""Servers for the demo tests: one that is only read, and a factory for those that a test changes."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.demo import DemoCanvas, Institution, ManualClock, QuotaPolicy, seeded_institution

AS_OF = date(2026, 11, 21)
MakeCanvas = Callable[..., DemoCanvas]


@pytest.fixture(scope="session")
def small() -> Institution:
    return seeded_institution(AS_OF, scale=0.2)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))


@pytest.fixture
def make_canvas(small: Institution, clock: ManualClock) -> Iterator[MakeCanvas]:
    with ExitStack() as stack:

        def make(institution: Institution = small, **options: Any) -> DemoCanvas:
            options.setdefault("clock", clock)
            return stack.enter_context(DemoCanvas(institution, **options))

        yield make


@pytest.fixture(scope="session")
def canvas(small: Institution) -> Iterator[DemoCanvas]:
    """One server for the tests that only read; its clock stands still."""
    still = ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))
    with DemoCanvas(small, clock=still, quota=QuotaPolicy(hwm=1e9, maximum=1e9)) as running:
        yield running


@pytest.fixture(scope="session")
def http(canvas: DemoCanvas) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as client:
        yield client


@pytest.fixture
def fresh(make_canvas: MakeCanvas) -> DemoCanvas:
    """A server of the test's own, on the clock that the test moves."""
    return make_canvas()


@pytest.fixture
def fresh_http(fresh: DemoCanvas) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=fresh.base_url, headers=fresh.headers) as client:
        yield client


@pytest.fixture(scope="session")
def oulad_folder() -> Path:
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "oulad"
    folder = Path(os.environ.get("CANVASLAKE_OULAD", str(beside)))
    if not folder.is_dir():
        pytest.skip(f"OULAD is not at {folder}")
    return folder
