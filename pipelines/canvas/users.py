"""Who the token belongs to (``/api/v1/users/self``).

Lives here: the one call that answers it. Does not live here: the users of an institution, which reports bring.
"""

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import api_path
from pipelines.canvas.shapes import Record, expect_object


async def show_self(client: CanvasClient) -> Answer[Record]:
    """GET /users/self: the token's owner, at least ``id`` and ``name``. The cheapest proof that a token works."""
    return expect_object(await client.get_json(api_path("users", "self")), "id")
