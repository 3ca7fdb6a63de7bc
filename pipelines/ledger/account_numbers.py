"""Ids of accounts that the settings name otherwise, as Canvas last told them."""

from pipelines.ledger.database import Ledger


def remember_account(ledger: Ledger, instance: str, name: str, account_id: int) -> None:
    """Remember the id of an account that the settings name otherwise (`self`, `sis_account_id:X`)."""
    with ledger.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO account_numbers (instance, name, account_id) VALUES (?, ?, ?)",
            (instance, name, account_id),
        )


def remembered_account(ledger: Ledger, instance: str, name: str) -> int | None:
    """Return the id that an account had when Canvas was last asked for it; None if it never was."""
    with ledger.read() as connection:
        row = connection.execute(
            "SELECT account_id FROM account_numbers WHERE instance = ? AND name = ?", (instance, name)
        ).fetchone()
    return None if row is None else int(row["account_id"])
