"""Generations: the files that were published, which of them readers see, and the one that a person has put back.

Numbers grow and none is used twice. What lies in the files, and where they are, is the warehouse's matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.ledger.database import Ledger, moment, rows_of, timestamp


@dataclass(frozen=True)
class Generation:
    """One published file. `file` is its name in the folder of generations, `bytes` its size when it was published.

    `withdrawn_at`: a person went back to an older one. `pinned_at`: a person went back to this one, and it stays until
    a person publishes.
    """

    generation: int
    published_at: datetime
    file: str
    rows: int
    bytes: int
    withdrawn_at: datetime | None
    pinned_at: datetime | None


def following_generation(ledger: Ledger) -> int:
    """Return the number that the next generation will have. Only the publisher, under its lock, may rely on it."""
    found = rows_of(ledger, "SELECT coalesce(max(generation), 0) + 1 AS following FROM generations")
    return int(str(found[0]["following"]))


def begin_generation(ledger: Ledger, number: int) -> None:
    """Record that a generation is being published: its number is used, whatever comes of it."""
    with ledger.write() as connection:
        connection.execute("INSERT INTO generations (generation, started_at) VALUES (?, ?)", (number, ledger.now()))


def record_published(ledger: Ledger, number: int, *, file: str, rows: int, size: int) -> None:
    """Record that readers see a generation now. What was pinned is pinned no more."""
    with ledger.write() as connection:
        connection.execute(
            "UPDATE generations SET published_at = ?, file = ?, rows = ?, bytes = ? WHERE generation = ?",
            (ledger.now(), file, rows, size, number),
        )
        connection.execute("UPDATE generations SET pinned_at = NULL WHERE pinned_at IS NOT NULL")


def published_generations(ledger: Ledger) -> list[Generation]:
    """Return every generation that was published, the newest first, those whose files are gone too."""
    rows = rows_of(
        ledger,
        "SELECT generation, published_at, file, rows, bytes, withdrawn_at, pinned_at FROM generations"
        " WHERE published_at IS NOT NULL ORDER BY generation DESC",
    )
    return [
        Generation(
            int(str(row["generation"])),
            datetime.fromisoformat(str(row["published_at"])),
            str(row["file"]),
            int(str(row["rows"])),
            int(str(row["bytes"])),
            moment(_text(row["withdrawn_at"])),
            moment(_text(row["pinned_at"])),
        )
        for row in rows
    ]


def present_generation(ledger: Ledger) -> Generation | None:
    """Return the generation that readers see: the newest that was not withdrawn; None before the first."""
    return next((one for one in published_generations(ledger) if one.withdrawn_at is None), None)


def pinned_generation(ledger: Ledger) -> Generation | None:
    """Return the generation that a person has put back and that stays; None if publishes go on."""
    return next((one for one in published_generations(ledger) if one.pinned_at is not None), None)


def generation_at(ledger: Ledger, at: datetime) -> int:
    """Return the number of the generation that readers saw at a moment; 0 if there was none.

    A generation that was withdrawn and put back counts as one that was never withdrawn.
    """
    rows = rows_of(
        ledger,
        "SELECT coalesce(max(generation), 0) AS generation FROM generations"
        " WHERE published_at <= ? AND (withdrawn_at IS NULL OR withdrawn_at > ?)",
        (timestamp(at), timestamp(at)),
    )
    return int(str(rows[0]["generation"]))


def pin(ledger: Ledger, number: int) -> tuple[int, ...]:
    """Pin a published generation and withdraw the newer ones; return the numbers that were not withdrawn before."""
    now = ledger.now()
    newer = "generation > ? AND published_at IS NOT NULL AND withdrawn_at IS NULL"
    with ledger.write() as connection:
        rows = connection.execute(f"SELECT generation FROM generations WHERE {newer}", (number,)).fetchall()
        connection.execute(f"UPDATE generations SET withdrawn_at = ? WHERE {newer}", (now, number))
        connection.execute("UPDATE generations SET pinned_at = NULL WHERE pinned_at IS NOT NULL")
        connection.execute(
            "UPDATE generations SET pinned_at = ?, withdrawn_at = NULL WHERE generation = ?", (now, number)
        )
    return tuple(sorted(row["generation"] for row in rows))


def release(ledger: Ledger) -> None:
    """Let publishes replace the file again."""
    with ledger.write() as connection:
        connection.execute("UPDATE generations SET pinned_at = NULL WHERE pinned_at IS NOT NULL")


def note_unpublished(ledger: Ledger, tables: Sequence[str]) -> None:
    """Remember tables of the build file that differ from the published one: another process may publish them."""
    with ledger.write() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO unpublished (table_name) VALUES (?)", [(table,) for table in tables]
        )


def take_unpublished(ledger: Ledger) -> tuple[str, ...]:
    """Return those tables, ordered, and forget them."""
    with ledger.write() as connection:
        rows = connection.execute("SELECT table_name FROM unpublished ORDER BY table_name").fetchall()
        connection.execute("DELETE FROM unpublished")
    return tuple(row["table_name"] for row in rows)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
