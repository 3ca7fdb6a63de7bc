"""The access token, held so that it cannot be shown by accident.

Lives here: the token's one container. Does not live here: the decision where it may be sent (``origin``).
"""

import hmac
from typing import NoReturn

from pipelines.canvas.errors import InvalidTokenError, MissingTokenError

_SHOWN = "[token]"


class SecretToken:
    """A Canvas access token. ``repr``, ``str`` and ``format`` hide it; pickling is refused.

    Raises ``MissingTokenError`` for an empty text and ``InvalidTokenError`` for one that cannot stand in a header.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        value = value.strip()
        if not value:
            raise MissingTokenError("There is no Canvas access token.", why="CANVAS_API_TOKEN is empty or not set.")
        # Checked here because the HTTP library would put the whole header, token and all, into its own error.
        if not all("!" <= letter <= "~" for letter in value):
            raise InvalidTokenError(
                "The Canvas access token cannot be sent.",
                why="It holds a space, a line break or a letter outside ASCII; perhaps more than the token was pasted.",
            )
        self.__value = value

    def reveal(self) -> str:
        """Return the token itself. For the Authorization header and the lock's keyed hash only."""
        return self.__value

    def __repr__(self) -> str:
        return f"SecretToken({_SHOWN})"

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, format_spec: str) -> str:
        return _SHOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretToken) and hmac.compare_digest(self.__value, other.reveal())

    def __hash__(self) -> int:
        return hash((SecretToken, self.__value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SecretToken is not pickled: read it from the environment in the process that needs it")
