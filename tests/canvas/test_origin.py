"""The token goes to one origin, and is shown to nobody."""

import pickle

import pytest

from pipelines.canvas import errors
from pipelines.canvas.origin import Origin, OriginGuard
from pipelines.canvas.paging import PageTrail, next_link
from pipelines.canvas.paths import api_path, shown_path
from pipelines.canvas.secret import SecretToken
from tests.canvas.conftest import TOKEN

BASE = "https://canvas.example.edu"


def guard(base: str = BASE) -> OriginGuard:
    return OriginGuard(base, SecretToken(TOKEN))


@pytest.mark.parametrize(
    "url",
    [
        "http://canvas.example.edu/api/v1/x",
        "https://canvas.example.edu:8443/api/v1/x",
        "https://canvas.example.edu.evil.test/api/v1/x",
        "https://evil.test/canvas.example.edu",
        "https://canvas.example.edu@evil.test/",
        "https://user:pw@canvas.example.edu/",
        "https://canvas.example.edu\\@evil.test/",
        "//evil.test/x",
        "/api/v1/x",
        "ftp://canvas.example.edu/",
        "",
    ],
)
def test_no_other_address_gets_the_token(url: str) -> None:
    assert guard().credentials_for(url) == {}


@pytest.mark.parametrize(
    "url", ["https://canvas.example.edu/x", "https://CANVAS.example.edu:443/x", "https://canvas.example.edu./x"]
)
def test_the_own_address_gets_it_however_it_is_spelled(url: str) -> None:
    assert guard().credentials_for(url) == {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("base", [f"{BASE}/", f"{BASE}/api/v1", f"{BASE}/api/v1/", f" {BASE} "])
def test_a_base_url_as_people_paste_it_is_accepted(base: str) -> None:
    assert str(guard(base).origin) == BASE


@pytest.mark.parametrize(
    ("base", "kind"),
    [
        ("http://canvas.example.edu", errors.InsecureAddressError),
        ("http://127.0.0.1.example.edu", errors.InsecureAddressError),
        ("canvas.example.edu", errors.InvalidAddressError),
        (f"{BASE}/courses/7", errors.InvalidAddressError),
        ("https://me:secret@canvas.example.edu", errors.InvalidAddressError),
        ("", errors.InvalidAddressError),
    ],
)
def test_a_base_url_that_cannot_be_right_is_refused(base: str, kind: type[errors.CanvasError]) -> None:
    with pytest.raises(kind) as caught:
        guard(base)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:99"])
def test_this_machine_needs_no_https(base: str) -> None:
    assert Origin.of(base).is_loopback
    assert str(guard(base).origin) == base


def test_a_link_elsewhere_is_refused_without_being_shown() -> None:
    with pytest.raises(errors.ForeignOriginError, match=r"evil\.test") as caught:
        guard().resolve("https://evil.test/steal?sig=abc", seen_at=f"{BASE}/api/v1/x")
    assert "sig" not in str(caught.value)
    assert guard().resolve("?page=2", seen_at=f"{BASE}/api/v1/x") == f"{BASE}/api/v1/x?page=2"


@pytest.mark.parametrize("path", ["https://evil.test/", "//evil.test/", "api/v1/x", "/\\evil.test"])
def test_only_paths_are_asked_for(path: str) -> None:
    with pytest.raises(errors.InvalidAddressError):
        guard().absolute(path)


def test_the_token_is_never_shown() -> None:
    secret = SecretToken(f" {TOKEN}\n")
    assert secret.reveal() == TOKEN
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>80}", repr({"t": secret})):
        assert "Secret" not in shown.replace("SecretToken", "")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    ("text", "kind"),
    [("", errors.MissingTokenError), ("  ", errors.MissingTokenError), ("a\nb", errors.InvalidTokenError)],
)
def test_a_token_that_cannot_work_is_said_to_be_so_without_it(text: str, kind: type[errors.CanvasError]) -> None:
    with pytest.raises(kind) as caught:
        SecretToken(text)
    assert "a\nb" not in str(caught.value)


def test_ids_cannot_leave_their_place_in_the_path() -> None:
    assert (
        api_path("accounts", "sis_account_id:A/B?c", "reports") == "/api/v1/accounts/sis_account_id:A%2FB%3Fc/reports"
    )
    assert api_path("accounts", "1~12") == "/api/v1/accounts/1~12"
    for bad in ("", "..", "."):
        with pytest.raises(errors.InvalidAddressError):
            api_path("accounts", bad)


def test_paths_are_shown_without_query_and_without_people() -> None:
    assert shown_path("/api/v1/users/sis_user_id:ada.lovelace/x?page=2") == "/api/v1/users/sis_user_id:.../x"


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        (['<https://c/a?page=1>; rel="current",<https://c/a?page=2>; rel="next"'], "https://c/a?page=2"),
        (
            ['<https://c/a?page=1>; rel="current"', '<https://c/a?page=bookmark:WzFd>; rel="next"'],
            "https://c/a?page=bookmark:WzFd",
        ),
        (["<https://c/a?ids=1,2;3>; rel=next, <https://c/a>; rel=first"], "https://c/a?ids=1,2;3"),
        (['<https://c/a>; title="a, b"; rel="prev next"'], "https://c/a"),
        (['<https://c/a>; rel="last"'], None),
        (["rubbish"], None),
        ([""], None),
        ([], None),
    ],
)
def test_only_next_is_followed(headers: list[str], target: str | None) -> None:
    assert next_link(headers) == target


def test_a_list_that_runs_in_a_circle_ends() -> None:
    trail = PageTrail("/api/v1/x", bound=3)
    trail.step("a")
    trail.step("b")
    with pytest.raises(errors.PagingLoopError, match="already read"):
        trail.step("a")
    trail.step("c")
    with pytest.raises(errors.PagingLoopError, match="more than 3"):
        trail.step("d")
