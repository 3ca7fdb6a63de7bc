"""A report of a gigabyte, by the command that a person would type, in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.ledger import Ledger
from pipelines.ledger.kept_files import kept_files
from pipelines.ledger.loads import live_files
from pipelines.private_files import write_private

GIGABYTE = 10**9
MEMORY = 1 << 30
AT_ONCE = 20_000
BAD_EVERY = 50_000
COLUMNS = (
    "canvas_user_id,user_id,integration_id,authentication_provider_id,login_id,first_name,last_name,full_name,"
    "sortable_name,short_name,email,status,created_by_sis"
)


def rows(first: int, count: int) -> bytes:
    """Return rows of users: quotes, line breaks, letters of many alphabets, and now and then one that is too short."""
    lines = []
    for number in range(first, first + count):
        if number % BAD_EVERY == 1:
            lines.append(f"{number},short\n")
            continue
        name = f'"Zoë ""{number}"" 山田"' if number % 3 else f'"Ann\nMarie {number}"'
        lines.append(
            f'{number},{number:08d},,12,login{number},Zoë,"Doe, {number}",{name},"Doe, {number}",{name},'
            f"u{number}@example.edu,active,{'true' if number % 2 else 'false'}\n"
        )
    return "".join(lines).encode()


@pytest.fixture
def large(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Return a file of a gigabyte and its number of rows; it goes with the test."""
    path, written = tmp_path / "provisioning_csv_20_Nov_2026_7.csv", 0
    with path.open("wb") as file:
        file.write(f"{COLUMNS}\n".encode())
        while file.tell() < GIGABYTE:
            file.write(rows(written, AT_ONCE))
            written += AT_ONCE
    yield path, written
    path.unlink()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_gigabyte_loads_within_a_gibibyte(tmp_path: Path, large: tuple[Path, int]) -> None:
    path, written = large
    write_private(tmp_path / "canvaslake.toml", '[canvas]\nbase_url = "https://canvas.example.edu"\n')
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "reports", "load", str(path), "--account", "1", "-p", "users=true"],
        env={**os.environ, "CANVASLAKE_CONFIG": str(tmp_path / "canvaslake.toml"), "CANVAS_API_TOKEN": "x"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = used.ru_maxrss << 10
    print(f"{path.stat().st_size:,} bytes in {time.monotonic() - began:.0f} s, at most {peak >> 20} MiB of memory")  # noqa: T201 - for who runs it
    assert process.returncode == 0, said
    assert peak < MEMORY

    bad = written // BAD_EVERY + (written % BAD_EVERY > 1)
    assert f"{written - bad:,} rows, {bad:,} in meta.quarantine" in said
    ledger = Ledger(tmp_path / "data" / "state" / "ledger.sqlite", lambda: datetime.now(UTC) + timedelta(days=1))
    (file,) = live_files(ledger, tables=["reports.provisioning_users"])
    assert file.rows == written - bad
    (kept,) = kept_files(ledger)
    assert kept.bytes == path.stat().st_size
    assert_every_row(tmp_path / "data" / "lake" / file.path, written)


def assert_every_row(parquet: Path, written: int) -> None:
    """Read the rows back piece by piece: each is there once, in order, with its own values."""
    columns = ["canvas_user_id", "user_id", "full_name", "last_name", "created_by_sis"]
    due = (number for number in range(written) if number % BAD_EVERY != 1)
    for batch in pq.ParquetFile(parquet).iter_batches(columns=columns):
        for number, sis, full, last, by_sis in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            wanted = next(due)
            assert (number, sis, last, by_sis) == (wanted, f"{wanted:08d}", f"Doe, {wanted}", wanted % 2 == 1)
            assert full == (f'Zoë "{wanted}" 山田' if wanted % 3 else f"Ann\nMarie {wanted}")
    assert next(due, None) is None
