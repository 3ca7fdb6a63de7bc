"""Runs the demo Canvas as a process: `python -m pipelines.demo --port 8700 --files-port 8701`.

Prints one line, the base URL, when it listens; ends cleanly on SIGTERM and SIGINT, and with `--until-input-ends` also
when its standard input ends: a process that starts it so cannot leave it behind, however it dies.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from pipelines.demo.clock import system_clock
from pipelines.demo.oulad import oulad_institution
from pipelines.demo.seed import seeded_institution
from pipelines.demo.server import DEMO_TOKEN, DemoCanvas

TOKEN_VARIABLE = "DEMO_CANVAS_TOKEN"  # noqa: S105 (its name, not the token)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; returns the exit code (1 when a port is taken or a file is missing)."""
    options = _parser().parse_args(arguments)
    done = threading.Event()
    # Set before the server starts: a signal that comes early must not find the default handler.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    if options.until_input_ends:
        threading.Thread(target=_wait_for_the_end_of_input, args=(done,), daemon=True).start()
    try:
        if options.institution is not None:
            institution = oulad_institution(options.institution)
        else:
            institution = seeded_institution(options.as_of, options.seed, options.scale)
        with DemoCanvas(
            institution,
            token=options.token,
            report_seconds=options.report_seconds,
            port=options.port,
            files_port=options.files_port,
            first_report_id=options.first_report_id,
            analytics_cache=timedelta(hours=options.analytics_cache_hours),
            progress_seconds=options.progress_seconds,
            page_view_buckets=options.page_view_buckets,
        ) as canvas:
            sys.stdout.write(f"{canvas.base_url}\n")
            sys.stdout.flush()
            done.wait()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _wait_for_the_end_of_input(done: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    done.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.demo", description="A Canvas stand-in on the loopback.")
    parser.add_argument("--port", type=int, default=0, help="port of the Canvas host; 0 takes a free one")
    parser.add_argument("--files-port", type=int, default=0, help="port of the files host; 0 takes a free one")
    parser.add_argument("--institution", type=Path, metavar="FOLDER", help="serve the OULAD files of a folder")
    parser.add_argument("--seed", type=int, default=7, help="seed of the invented university")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the invented university")
    parser.add_argument(
        "--as-of",
        type=date.fromisoformat,
        default=system_clock().date() - timedelta(days=1),
        metavar="YYYY-MM-DD",
        help="the day on which the university stands (default: yesterday, for today is not over)",
    )
    parser.add_argument(
        "--token",
        default=os.environ.get(TOKEN_VARIABLE) or DEMO_TOKEN,
        help=f"the access token that may do everything (default: that of {TOKEN_VARIABLE}, or the usual one)",
    )
    parser.add_argument("--first-report-id", type=int, default=1001, help="id of the first report")
    parser.add_argument("--report-seconds", type=float, default=1.5, help="how long a report runs")
    parser.add_argument("--analytics-cache-hours", type=float, default=0.0, help="how long analytics stay as answered")
    parser.add_argument("--until-input-ends", action="store_true", help="end when the standard input does")
    parser.add_argument("--progress-seconds", type=float, default=0.5, help="how long a background job runs")
    parser.add_argument("--page-view-buckets", choices=("hour", "day"), default="hour", help="keys of page views")
    return parser


if __name__ == "__main__":
    sys.exit(main())
