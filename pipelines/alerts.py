"""A word to the people when a report needs them: by the command that the settings name."""

import os
import subprocess
from collections.abc import Sequence

_SECONDS = 10.0
_SECRETS = ("CANVAS_API_TOKEN",)


def alert(command: Sequence[str], messages: Sequence[str]) -> str | None:
    """Run a command once with the messages, a line each, on its standard input; return what went wrong, or None.

    The command does not get the token. An alert that fails must not fail what it tells of.
    """
    if not command or not messages:
        return None
    environment = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    try:
        done = subprocess.run(  # noqa: S603 (the settings name the command; no shell reads it)
            list(command),
            # Bytes, and none read back: a character that cannot be written or read must not fail it.
            input="".join(f"canvaslake: {message}\n" for message in messages).encode("utf-8", errors="replace"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return f"The alert command {command[0]} could not be run ({type(error).__name__})."
    return None if done.returncode == 0 else f"The alert command {command[0]} ended with {done.returncode}."
