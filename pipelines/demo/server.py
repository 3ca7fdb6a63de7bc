"""The demo Canvas as a whole: two listening servers on the loopback, started and stopped together.

Assembles the parts and knows sockets and threads; what is served is in `api` and `files_host`.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp

from pipelines.demo.answer_cache import AnswerCache
from pipelines.demo.api import CanvasApp
from pipelines.demo.builders import COURSE_REPORT_TYPES, REPORT_TYPES, ReportType
from pipelines.demo.builders.course_reports import COURSE_ROSTER
from pipelines.demo.clock import Clock, system_clock
from pipelines.demo.faults import Faults
from pipelines.demo.files_host import FilesApp
from pipelines.demo.institution import Institution
from pipelines.demo.preferences import Preferences
from pipelines.demo.progress_desk import ProgressDesk
from pipelines.demo.quota import CostModel, Quota, QuotaPolicy
from pipelines.demo.report_catalog import Buildable, ReportCatalog
from pipelines.demo.report_desk import ReportDesk
from pipelines.demo.request_log import RequestLog
from pipelines.demo.tokens import Grant, TokenBook
from pipelines.demo.world import PageViewBuckets, World

HOST: Final = "127.0.0.1"
DEMO_TOKEN: Final = "1~demoCanvasTokenThatOpensOnlyTheLoopback"  # noqa: S105 - opens nothing but this server
_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 10.0


class _ListeningServer(uvicorn.Server):
    """A uvicorn server that says when it has begun to serve."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = threading.Event()
        self._finished = asyncio.Event()
        self._own_loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._own_loop = asyncio.get_running_loop()
        self.serving.set()

    async def main_loop(self) -> None:
        # As in the base class, but woken when it is to end: tests start and stop many servers.
        tick = 0
        while not await self.on_tick(tick):
            tick = (tick + 1) % 864_000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._finished.wait(), 0.1)

    def finish(self) -> None:
        """Ask the server to end; may be called from any thread."""
        self.should_exit = True
        if self._own_loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._own_loop.call_soon_threadsafe(self._finished.set)


@dataclass(frozen=True, slots=True)
class _Running:
    server: _ListeningServer
    thread: threading.Thread
    listener: socket.socket


class DemoCanvas:
    """A running Canvas stand-in on 127.0.0.1; a context manager, or `start()` and `stop()`.

    Ports of 0 are chosen by the system and known after construction. Every path of the API is below
    `base_url`; report files come from `files_url`, another origin. All of `requests`, `faults`, `tokens`,
    `quota`, `reports`, `progress`, `catalog` and `course_catalog` may be used from any thread while it runs.
    `analytics_cache` is how long analytics stay as first answered: half a day in Canvas, not at all unless asked for
    here. `catalog.switch_off("x_csv")` takes a report away and `switch_on` brings it back; the course report
    `course_roster_csv`, a table, is off unless `course_catalog.switch_on` is called or `tabular_course_reports` given.
    """

    def __init__(
        self,
        institution: Institution,
        *,
        token: str = DEMO_TOKEN,
        clock: Clock = system_clock,
        report_seconds: float = 1.5,
        ended_at_lag: float = 0.0,
        port: int = 0,
        files_port: int = 0,
        quota: QuotaPolicy | None = None,
        costs: CostModel | None = None,
        link_seconds: float = 300.0,
        documented_shapes: bool = False,
        bookmark_pages: bool = False,
        first_report_id: int = 1001,
        analytics_cache: timedelta = timedelta(0),
        progress_seconds: float = 0.5,
        page_view_buckets: PageViewBuckets = "hour",
        repeated_students: bool = False,
        preferences: Preferences | None = None,
        tabular_course_reports: bool = False,
    ) -> None:
        self.token = token
        self.faults = Faults()
        self.requests = RequestLog()
        self.tokens = TokenBook(clock)
        self.tokens.add(Grant(token))
        self.quota = Quota(quota or QuotaPolicy(), clock)
        self.catalog: ReportCatalog[ReportType] = ReportCatalog(REPORT_TYPES)
        self.course_catalog: ReportCatalog[Buildable] = ReportCatalog(
            COURSE_REPORT_TYPES, off=() if tabular_course_reports else (COURSE_ROSTER.name,)
        )
        self.reports = ReportDesk(
            lambda: self.world.institution,
            clock,
            self.faults,
            catalog=self.catalog,
            course_catalog=self.course_catalog,
            preferences=lambda: self.world.preferences,
            report_seconds=report_seconds,
            ended_at_lag=ended_at_lag,
            first_report_id=first_report_id,
        )
        self.progress = ProgressDesk(clock, progress_seconds)
        self.world = World(
            institution=institution,
            clock=clock,
            quota=self.quota,
            costs=costs or CostModel(),
            tokens=self.tokens,
            faults=self.faults,
            requests=self.requests,
            reports=self.reports,
            answers=AnswerCache(clock, analytics_cache),
            progress=self.progress,
            catalog=self.catalog,
            course_catalog=self.course_catalog,
            preferences=preferences or Preferences(),
            documented_shapes=documented_shapes,
            bookmark_pages=bookmark_pages,
            link_seconds=link_seconds,
            page_view_buckets=page_view_buckets,
            repeated_students=repeated_students,
        )
        self._ports = (port, files_port)
        self._running: list[_Running] = []

    @property
    def base_url(self) -> str:
        """The Canvas host's origin, without a slash at the end."""
        return self.world.base_url

    @property
    def files_url(self) -> str:
        """The files host's origin, without a slash at the end."""
        return self.world.files_url

    @property
    def institution(self) -> Institution:
        """The institution being served; assign another one to let Canvas change while it runs."""
        return self.world.institution

    @institution.setter
    def institution(self, changed: Institution) -> None:
        # Reports that should have started by now still see what was there before.
        self.reports.all()
        self.world.institution = changed

    @property
    def preferences(self) -> Preferences:
        """What the institution has switched on; assign others, and reports that start from then on follow them."""
        return self.world.preferences

    @preferences.setter
    def preferences(self, changed: Preferences) -> None:
        # As with the institution: what should have started by now started under the old ones.
        self.reports.all()
        self.world.preferences = changed

    @property
    def headers(self) -> dict[str, str]:
        """Headers that a well-behaved client sends."""
        return {"Authorization": f"Bearer {self.token}", "User-Agent": "demo-canvas-client"}

    def start(self) -> Self:
        """Bind both ports and return when both servers serve; raises OSError when a port is taken."""
        if self._running:
            raise RuntimeError("this DemoCanvas is running already")
        listeners: list[socket.socket] = []
        try:
            listeners = [_bound(port) for port in self._ports]
        except OSError:
            _close(listeners)
            raise
        self.world.base_url, self.world.files_url = (f"http://{HOST}:{each.getsockname()[1]}" for each in listeners)
        self._serve(CanvasApp(self.world, self._drop), listeners[0], "demo-canvas")
        self._serve(FilesApp(self.world, self._drop), listeners[1], "demo-canvas-files")
        for running in self._running:
            if not running.server.serving.wait(_START_SECONDS):
                self.stop()
                raise RuntimeError(f"the demo Canvas did not begin to serve within {_START_SECONDS:g} seconds")
        return self

    def stop(self) -> None:
        """Close both servers and wait until their threads are gone; harmless when not running."""
        for running in self._running:
            running.server.finish()
        for running in self._running:
            running.thread.join(_STOP_SECONDS)
            running.listener.close()
        self._running.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self, app: ASGIApp, listener: socket.socket, name: str) -> None:
        config = uvicorn.Config(
            app,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = _ListeningServer(config)
        thread = threading.Thread(target=server.run, args=([listener],), name=name, daemon=True)
        self._running.append(_Running(server, thread, listener))
        thread.start()

    async def _drop(self, request: Request) -> None:
        """Cut the connection that a request came on; runs in that server's event loop."""
        client = request.scope["client"]
        for running in self._running:
            for connection in list(running.server.server_state.connections):
                if getattr(connection, "client", None) == client and getattr(connection, "transport", None):
                    connection.transport.abort()
        # The protocol learns of the cut in the next turn of the loop; before that it would answer a 500.
        await asyncio.sleep(0)


def _bound(port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's algorithm off: without, each answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"the demo Canvas cannot listen on {HOST}:{port}: {error.strerror}") from error
    return listener


def _close(listeners: Iterable[socket.socket]) -> None:
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.close()
