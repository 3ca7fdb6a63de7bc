"""Records that administrators look after: tools, developer keys, people's access tokens and portfolios."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LtiTool:
    """An external tool of an account or a course (`context_type` is Account or Course).

    `tool_id` is the tool's own name for its kind. Custom fields are pairs of texts.
    """

    id: int
    context_type: str
    context_id: int
    name: str
    created_at: datetime
    tool_id: str | None = None
    privacy_level: str = "public"
    launch_url: str | None = None
    custom_fields: tuple[tuple[str, str], ...] = ()
    state: str = "active"


@dataclass(frozen=True, slots=True)
class DeveloperKey:
    """A developer key. `placements` None is none at all, `scopes` None is every endpoint."""

    id: int
    name: str | None
    inherited: bool = False
    email: str | None = None
    is_lti: bool = False
    placements: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    state: str = "active"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token of a person, as far as others may know it. `developer_key_id` may name a key that is gone."""

    id: int
    user_id: int
    hint: str
    developer_key_id: int
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    state: str = "active"


@dataclass(frozen=True, slots=True)
class Eportfolio:
    """A person's portfolio of work."""

    id: int
    user_id: int
    name: str
    created_at: datetime
    updated_at: datetime
    is_public: bool = False
    state: str = "active"
