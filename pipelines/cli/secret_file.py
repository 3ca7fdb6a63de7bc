"""The file that holds the token, and how another token comes into it without either being lost.

Lives here: `.env` and, beside it, `.env.next` with a token that has yet to prove itself. Does not live here: asking
Canvas for a token, and whether one is good (`token`).
"""

import io
import os
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from pipelines.canvas import SecretToken
from pipelines.private_files import create_private, sync_folder, write_private
from pipelines.settings import SettingsError

TOKEN_NAME = "CANVAS_API_TOKEN"  # noqa: S105 - the name of a setting, not a secret
_ROOM = 4096


class SecretFile:
    """A `.env` with a token in it. A link is followed, so that what it points to is replaced and not the link."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.next = self.path.with_name(f"{self.path.name}.next")

    def token(self) -> SecretToken | None:
        """Return the token in the file."""
        return _token_in(self.path)

    def next_token(self) -> SecretToken | None:
        """Return the token that was written beside the file and not yet put in place."""
        return _token_in(self.next)

    def check_replaceable(self) -> None:
        """Raise SettingsError unless a new file can be written beside this one: a token with no place is lost."""
        if self.next.exists() and not self.next.is_file():
            raise SettingsError(f"{self.next} is in the way: it is no file. Move it, and run the command again.")
        probe = self.path.with_name(f"{self.path.name}.check")
        try:
            probe.unlink(missing_ok=True)
            try:
                with os.fdopen(create_private(probe), "wb") as file:
                    file.write(bytes(self.path.stat().st_size + _ROOM))
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                probe.unlink(missing_ok=True)
            sync_folder(self.path.parent)
        except OSError as error:
            raise SettingsError(
                f"{self.path} cannot be replaced: {error.strerror or error}. A new token would have no place, so none "
                f"was asked for. Make room in {self.path.parent}, or make it writable."
            ) from None

    def write_next(self, secret: SecretToken) -> None:
        """Write a copy of the file with another token beside it, durably and closed to others; raises OSError."""
        line = f"{TOKEN_NAME}={secret.reveal()}\n"
        text = "".join(
            line if binding.key == TOKEN_NAME else binding.original.string
            for binding in parse_stream(io.StringIO(self.path.read_text(encoding="utf-8")))
        )
        if line not in text:
            text += ("" if not text or text.endswith("\n") else "\n") + line
        write_private(self.next, text)

    def put_next_in_place(self) -> None:
        """Let the token beside take the place of this file's; raises OSError.

        The other lines stay as they are now: somebody may have edited them since the token was written.
        """
        secret = self.next_token()
        if secret is not None:
            self.write_next(secret)
        self.next.replace(self.path)
        sync_folder(self.path.parent)


def _token_in(path: Path) -> SecretToken | None:
    value = dotenv_values(path).get(TOKEN_NAME) if path.is_file() else None
    return SecretToken(value) if value and value.strip() else None
