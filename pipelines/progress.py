"""How long work says how far it is. Who listens, a terminal or nobody, is not known here."""

from typing import Protocol


class Progress(Protocol):
    """A listener to long work. Calls may come from any thread."""

    def start(self, task: str, total: int | None) -> None:
        """Hear that a task begins, of so many steps if that is known."""

    def advance(self, task: str, steps: int = 1, note: str = "") -> None:
        """Hear that a task went on."""

    def finish(self, task: str, note: str = "") -> None:
        """Hear that a task is over."""

    def tell(self, text: str) -> None:
        """Hear why nothing happens."""


class Silent:
    """Nobody listens."""

    def start(self, task: str, total: int | None) -> None:
        """Do nothing."""

    def advance(self, task: str, steps: int = 1, note: str = "") -> None:
        """Do nothing."""

    def finish(self, task: str, note: str = "") -> None:
        """Do nothing."""

    def tell(self, text: str) -> None:
        """Do nothing."""
