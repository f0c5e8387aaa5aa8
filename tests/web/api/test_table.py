"""The table holds: every endpoint has its row, every row keeps its door, its body and its word."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from inbox.storage.database import Database
from tests.web.api.desk import API, Desk
from web.api.shapes import ProblemShape
from web.doors.table import Route, Who

NOT_AUDITED = {
    "POST /conversations/{id}/read": "a read mark is nobody's business",
    "POST /conversations/{id}/typing": "changes nothing",
    "POST /macros/preview": "changes nothing",
    "POST /macros/{id}/preview": "changes nothing",
    "POST /rules/try": "changes nothing",
    "POST /rules/{id}/test": "changes nothing",
}
HANDED_OUT = {"GET /customers/{id}/export", "GET /export/{table}"}
"""Reads that are audited: what people trusted the shop with leaves it."""

ENDS_THE_SESSION = "DELETE /sessions/current"


def name(row: Route) -> str:
    return f"{row.method} {row.path.removeprefix(API)}"


def path(row: Route) -> str:
    return re.sub(r"{\w+}", "nothing", row.path.removeprefix(API))


def rows_with_body(desk: Desk) -> Iterator[Route]:
    return (row for row in desk.table if row.body is not None)


async def contents(database: Database) -> dict[str, int]:
    """How much there is in every collection, but for what a mere visit leaves."""
    names = await database.durable.list_collection_names()
    return {key: await database.durable[key].count_documents({}) for key in names if key not in ("sessions", "live")}


async def test_no_endpoint_without_its_row(desk):
    rows = {(row.method, row.path) for row in desk.table}
    served = set()
    for route in desk.client.app.router.routes():
        assert route.method != "*"
        if route.method != "HEAD":
            served.add((route.method, route.resource.canonical))
    assert served == rows
    assert len(rows) == len(desk.table), "no row twice"


async def test_every_row_admits_whom_it_says(desk):
    admitted = {
        Who.PUBLIC: {"anonymous", "manager", "admin", "owner"},
        Who.SIGNED_IN: {"manager", "admin", "owner"},
        Who.ADMIN: {"admin", "owner"},
        Who.OWNER: {"owner"},
    }
    for row in desk.table:
        if name(row) in (ENDS_THE_SESSION, "GET /live"):
            continue
        for role, caller in desk.people.items():
            answer = await caller.call(row.method, path(row), b"[]" if row.body is not None else None)
            seen = (name(row), role, answer.status)
            if role in admitted[row.who]:
                assert answer.status not in (401, 403), seen
                assert answer.status < 500, seen
            else:
                assert answer.status == (401 if role == "anonymous" else 403), seen
                ProblemShape.model_validate_json(answer.raw)


async def test_rows_that_end_or_upgrade_the_connection_refuse_strangers_too(desk):
    for row in desk.table:
        if name(row) in (ENDS_THE_SESSION, "GET /live"):
            assert row.who is Who.SIGNED_IN
            assert (await desk.anonymous.call(row.method, path(row))).status == 401


async def test_every_write_is_audited_or_has_a_reason(desk):
    silent = {name(row) for row in desk.table if row.writes and row.audit is None}
    assert silent == NOT_AUDITED.keys()
    told = {name(row) for row in desk.table if not row.writes and row.audit is not None}
    assert told == HANDED_OUT, "a mere look is nobody's business"


async def test_broken_json_is_400_everywhere(desk, database):
    before = await contents(database)
    for row in rows_with_body(desk):
        for sent in (b"{", b'{"a": ', b"\xff", b"not json"):
            answer = await desk.owner.call(row.method, path(row), sent)
            assert (answer.status, answer.fields) == (400, ["body"]), (name(row), sent)
            assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert await contents(database) == before


async def test_a_body_that_is_no_object_is_422_everywhere(desk, database):
    before = await contents(database)
    for row in rows_with_body(desk):
        for sent in (b"[]", b"null", b'"text"', b"5"):
            answer = await desk.owner.call(row.method, path(row), sent)
            assert (answer.status, answer.fields) == (422, ["body"]), (name(row), sent)
    assert await contents(database) == before


async def test_unknown_and_mistyped_fields_are_named_everywhere(desk, database):
    before = await contents(database)
    for row in rows_with_body(desk):
        assert row.body is not None
        unknown = await desk.owner.call(row.method, path(row), {"colour": "red"})
        assert unknown.status == 422, name(row)
        assert "colour" in unknown.fields, name(row)
        for field, described in row.body.model_fields.items():
            wire = described.alias or field
            answer = await desk.owner.call(row.method, path(row), {wire: 0.5})
            assert answer.status == 422, (name(row), wire)
            assert any(named == wire or named.startswith(f"{wire}.") for named in answer.fields), (name(row), wire)
    assert await contents(database) == before


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=many", "cursor=rubbish", "cursor=WyJhIl0", "colour=red"]
)
async def test_lists_refuse_bad_queries_by_name(desk, query):
    field, _, value = query.partition("=")
    lists = [row for row in desk.table if row.query is not None and "cursor" in row.query.model_fields]
    assert lists
    for row in lists:
        if "{id}" in row.path:
            continue
        needed = "".join(f"&{key}=word" for key, told in row.query.model_fields.items() if told.is_required())
        answer = await desk.owner.call("GET", f"{path(row)}?{query}{needed}")
        # A list in the order of ids cannot tell one made-up id from another.
        by_id = value == "WyJhIl0" and answer.status == 200
        assert by_id or (answer.status, answer.fields) == (422, [field]), (name(row), query, answer)


async def test_the_openapi_document_tells_every_row(desk):
    document = await desk.anonymous.get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    told = {(method.upper(), where) for where, methods in document["paths"].items() for method in methods}
    assert told == {(row.method, row.path) for row in desk.table}
    schemas = document["components"]["schemas"]
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
