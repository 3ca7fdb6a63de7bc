"""The running server's shared state, and the call that a handler is given.

One `World` holds what the two hosts and all endpoints share; a `Call` is one authenticated request with the
lookups and checks that endpoints have in common. Routing and sending are in `api`.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pipelines.demo.answer_cache import AnswerCache
from pipelines.demo.builders import ReportType
from pipelines.demo.clock import Clock
from pipelines.demo.faults import Faults
from pipelines.demo.institution import Institution
from pipelines.demo.paging import bookmarked_page, numbered_page
from pipelines.demo.preferences import Preferences
from pipelines.demo.progress_desk import ProgressDesk
from pipelines.demo.quota import CostModel, Quota
from pipelines.demo.records import Account
from pipelines.demo.report_catalog import Buildable, ReportCatalog
from pipelines.demo.report_desk import ReportDesk
from pipelines.demo.request_log import RequestLog
from pipelines.demo.tokens import Grant, TokenBook
from pipelines.demo.wire import Answer, Query, forbidden, not_found

_Record = TypeVar("_Record")
_Value = TypeVar("_Value")

PageViewBuckets = Literal["hour", "day"]
"""How a student's page views are keyed: by hour with an offset (hosted Canvas) or by UTC day (a database)."""


@dataclass(eq=False)
class World:
    """Everything the server's two hosts share.

    `documented_shapes` serves analytics as the public documentation shows them instead of as Canvas sends
    them; `bookmark_pages` turns lists without a total into bookmarked ones; `repeated_students` summarises a
    student of two sections twice when the two enrollments hold different scores.
    """

    institution: Institution
    clock: Clock
    quota: Quota
    costs: CostModel
    tokens: TokenBook
    faults: Faults
    requests: RequestLog
    reports: ReportDesk
    answers: AnswerCache
    progress: ProgressDesk
    catalog: ReportCatalog[ReportType]
    course_catalog: ReportCatalog[Buildable]
    preferences: Preferences = field(default_factory=Preferences)
    base_url: str = ""
    files_url: str = ""
    documented_shapes: bool = False
    bookmark_pages: bool = False
    page_view_buckets: PageViewBuckets = "hour"
    repeated_students: bool = False
    link_seconds: float = 300.0


@dataclass(eq=False)
class Call:
    """One request that was let in: who asks, for what, with which parameters."""

    world: World
    grant: Grant
    method: str
    path: str
    query: Query
    path_params: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def institution(self) -> Institution:
        """The institution being served."""
        return self.world.institution

    def may(self, permission: str) -> bool:
        """Whether the token has a permission."""
        return permission in self.grant.permissions

    def require(self, permission: str) -> None:
        """Raise Canvas's 403 unless the token has the permission."""
        if not self.may(permission):
            raise forbidden()

    def account(self) -> Account:
        """Return the account named in the path, or raise the 404."""
        account = self.institution.find_account(self.path_params["account_id"])
        if account is None or account.state == "deleted":
            raise not_found()
        return account

    def numbered(
        self, records: Sequence[_Record], write: Callable[[_Record], object], *, with_total: bool = True
    ) -> Answer:
        """Answer one numbered page of the records."""
        page, link = numbered_page(self.url, self.query, records, with_total=with_total)
        return Answer([write(record) for record in page], headers={"link": link})

    def bookmarked(
        self, records: Sequence[_Record], write: Callable[[_Record], object], key: Callable[[_Record], int]
    ) -> Answer:
        """Answer one bookmarked page of the records, which are sorted by `key`."""
        page, link = bookmarked_page(self.url, self.query, records, key)
        return Answer([write(record) for record in page], headers={"link": link})

    def without_total(
        self, records: Sequence[_Record], write: Callable[[_Record], object], key: Callable[[_Record], int]
    ) -> Answer:
        """Answer a page of a list whose total Canvas does not count: no `last`."""
        if self.world.bookmark_pages:
            return self.bookmarked(records, write, key)
        return self.numbered(records, write, with_total=False)

    @property
    def url(self) -> str:
        """The call's absolute URL, without a query."""
        return self.world.base_url + self.path

    def cache_key(self) -> Hashable:
        """Return what a cached answer depends on: the path, and what the token may see of it."""
        return self.path, self.grant.permissions

    def remembered(self, compute: Callable[[], _Value]) -> _Value:
        """Return what Canvas has cached for this path, or compute it; call it after the checks, which never are."""
        return self.world.answers.get(self.cache_key(), compute)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route: `path` has `{names}`; `request_class` prices it in the cost model."""

    method: str
    path: str
    handler: Callable[[Call], Answer]
    request_class: str = "show"

    @property
    def scope(self) -> str:
        """The scope that a token with enforced scopes needs."""
        return f"url:{self.method}|{self.path.replace('{', ':').replace('}', '')}"
