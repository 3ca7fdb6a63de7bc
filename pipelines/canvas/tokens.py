"""Access tokens of the token's own owner (``/api/v1/users/self/tokens``).

Lives here: showing one and giving it a new value. Does not live here: where a token is kept, and when it is changed.

A token is named by its id or by its hint, the first five characters of its value. Canvas has no list of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.errors import CanvasError, RegenerationLostError, TransientCanvasError
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.secret import SecretToken
from pipelines.canvas.shapes import Record, expect_object, unexpected

HINT_LENGTH = 5
#: Where Canvas gives no whole token it gives the hint and three dots.
_SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Regenerated:
    """A token that has a new value: its ``record``, which does not hold the value, and the ``secret`` that does."""

    record: Record
    secret: SecretToken


def hint_of(secret: SecretToken) -> str:
    """Return the beginning of a token, by which Canvas finds it."""
    return secret.reveal()[:HINT_LENGTH]


async def show_token(client: CanvasClient, token: CanvasId) -> Answer[Record]:
    """GET /users/self/tokens/:id: what a token is for, when it ends, its ``scopes``, and whether it can be renewed.

    ``visible_token`` is cut to the hint, whatever Canvas sends. Raises ``NotFoundError`` for one that is not the
    owner's, or was deleted.
    """
    answer = expect_object(await client.get_json(api_path("users", "self", "tokens", token)), "id")
    return answer.with_data(_without_value(answer.data))


async def regenerate_token(
    client: CanvasClient, token: CanvasId, *, expires_at: datetime | None = None
) -> Answer[Regenerated]:
    """PUT /users/self/tokens/:id: give a token a new value, and a new end with ``expires_at``; the old value is void.

    Sent once: a second request would void the value that the first one made. Raises ``RegenerationLostError`` when
    it may have worked and the new value did not arrive, ``BadRequestError`` for an expired token without a new end,
    and other errors where nothing has happened.
    """
    path = api_path("users", "self", "tokens", token)
    try:
        answer = expect_object(await client.put(path, _form(expires_at), once=True), "id", "visible_token")
        value = answer.data["visible_token"]
        if not isinstance(value, str) or len(value) < _SHORTEST_TOKEN:
            raise unexpected(answer, "a whole token")
        return answer.with_data(Regenerated(_without_value(answer.data), SecretToken(value)))
    except CanvasError as error:
        if _left_no_trace(error):
            raise
        lost = RegenerationLostError(
            "The answer with the new token did not arrive whole.",
            status=error.status,
            method="PUT",
            path=error.path,
            request_id=error.request_id,
        )
    # Outside the handler, so that no context hangs on the error: the frames of the other hold the answer.
    raise lost


def _form(expires_at: datetime | None) -> Iterable[tuple[str, str]]:
    yield "token[regenerate]", "true"
    if expires_at is not None:
        yield "token[expires_at]", expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _left_no_trace(error: CanvasError) -> bool:
    """Return whether a failed PUT provably changed nothing: it never arrived, or Canvas refused it."""
    if error.had_no_effect:
        return True
    refused = error.status is not None and 300 <= error.status < 500
    return refused and not isinstance(error, TransientCanvasError)


def _without_value(record: Record) -> Record:
    visible = record.get("visible_token")
    hint = visible[:HINT_LENGTH] if isinstance(visible, str) else None
    return {**{key: value for key, value in record.items() if key != "visible_token"}, "visible_token": hint}
