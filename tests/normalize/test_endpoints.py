"""The list of endpoints: nothing of the documentation is forgotten, and no table is fed by nobody."""

from collections import Counter

import pytest

from pipelines.normalize.contracts import ENDPOINTS, TABLES, Endpoint
from tests.normalize.seed_endpoints import SEED_ENDPOINTS

# What the pipeline may change in Canvas: reports that it started itself, and its own token.
_MAY_WRITE = {
    ("POST", "/api/v1/accounts/:account_id/reports/:report"),
    ("PUT", "/api/v1/accounts/:account_id/reports/:report/:id/abort"),
    ("DELETE", "/api/v1/accounts/:account_id/reports/:report/:id"),
    ("POST", "/api/v1/courses/:course_id/reports/:report_type"),
    ("PUT", "/api/v1/users/:user_id/tokens/:id"),
}


def test_every_documented_endpoint_is_known_once() -> None:
    known = Counter((endpoint.method, endpoint.path) for endpoint in ENDPOINTS)
    assert set(known.values()) == {1}
    assert len(set(SEED_ENDPOINTS)) == len(SEED_ENDPOINTS) == 56
    assert {(each.method, each.path) for each in ENDPOINTS if each.seeded} == set(SEED_ENDPOINTS)


def test_every_table_of_canvas_is_fed_by_an_endpoint_that_is_asked() -> None:
    fed = {table for endpoint in ENDPOINTS if endpoint.asked for table in endpoint.tables}
    assert fed == {name for name, table in TABLES.items() if table.schema != "meta"}
    assert {table for endpoint in ENDPOINTS for table in endpoint.tables} <= set(TABLES)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.scope)
def test_an_endpoint_says_what_it_feeds_or_why_it_does_not(endpoint: Endpoint) -> None:
    assert endpoint.note or (endpoint.asked and endpoint.tables)
    assert not endpoint.note or endpoint.note.endswith(".")
    assert bool(endpoint.source) == (endpoint.asked and endpoint.method == "GET" and bool(endpoint.tables))
    for table in endpoint.tables:
        assert TABLES[table].group == endpoint.group
        assert endpoint.slice == (TABLES[table].slice if endpoint.asked else "")


def test_only_reports_of_its_own_and_its_own_token_are_ever_changed() -> None:
    assert {(each.method, each.path) for each in ENDPOINTS if each.asked and each.method != "GET"} == _MAY_WRITE


def test_a_table_names_the_endpoint_that_feeds_it() -> None:
    for endpoint in ENDPOINTS:
        if endpoint.asked and endpoint.group in ("course", "student"):
            for table in endpoint.tables:
                assert TABLES[table].source == f"{endpoint.method} {endpoint.path}"


def test_the_scope_is_written_as_canvas_writes_it() -> None:
    assert Endpoint("GET", "/api/v1/accounts", "directory").scope == "url:GET|/api/v1/accounts"
