"""How API paths are spelled.

Lives here: quoting of ids, and the form in which a path may be shown. Does not live here: which origin they are
joined to (``origin``).
"""

import re
from urllib.parse import quote

from pipelines.canvas.errors import InvalidAddressError

#: A Canvas id as callers give it: 7, "self", "sis_account_id:ARTS", "1~12".
CanvasId = int | str

# A token's id may be the beginning of the token itself.
_TOKEN = re.compile(r"(/tokens/)[^/]+")
_PERSON = re.compile(r"(sis_user_id|sis_login_id|sis_integration_id|lti_user_id)(:|%3A)[^/]*", re.IGNORECASE)


def api_path(*parts: CanvasId) -> str:
    """Join ``parts`` under ``/api/v1``, each one quoted so that an id can never become a second path segment."""
    texts = [str(part) for part in parts]
    for text in texts:
        if text in {"", ".", ".."}:
            raise InvalidAddressError("An id in a request is empty.", next_step="Check the ids in canvaslake.toml.")
    return "/api/v1/" + "/".join(quote(text, safe=":~") for text in texts)


def shown_path(path: str) -> str:
    """Return the path as messages show it: no query, no beginning of a token, and no SIS id of a person.

    Such an id can be a name or an e-mail.
    """
    bare = path.split("?", 1)[0].split("#", 1)[0]
    return _TOKEN.sub(r"\1...", _PERSON.sub(r"\1:...", bare))
