"""Every endpoint of the whole server has its row, and every row keeps its door: API, pages, webhooks, probes."""

import re

import pytest
from aiohttp import DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer

from inbox.managers import NewManager
from inbox.model.people import Role
from tests.passwords import quick_hash
from web.app import build_app
from web.doors.gate import TABLE
from web.doors.table import Face, Who
from web.settings import Settings

PASSWORD = "correct horse"
SOCKET = "/api/v1/live"
SIGN_OUT = ("/api/v1/sessions/current", "/logout")


@pytest.fixture
async def client(house):
    """The whole server, its workers asleep."""
    opened = TestClient(TestServer(build_app(Settings(), house)), cookie_jar=DummyCookieJar())
    await opened.start_server()
    yield opened
    house.feed.close()
    await opened.close()


async def token_of(client, house, role: Role) -> str:
    email = f"{role}@shop.example"
    account = NewManager(email=email, name=role.title(), password_hash=quick_hash(PASSWORD), role=role)
    await house.managers.create(account, by=None)
    answer = await client.post("/api/v1/sessions", json={"email": email, "password": PASSWORD})
    assert answer.status == 201
    token: str = (await answer.json())["token"]
    return token


def path(row) -> str:
    return re.sub(r"{\w+(:[^}]*)?}", "nothing", row.path)


async def test_no_endpoint_without_its_row(client):
    rows = {(row.method, row.path) for row in client.app[TABLE]}
    for route in client.app.router.routes():
        method = "GET" if route.method == "HEAD" else route.method
        assert any(method == known and path(row) == _plain(route) for known, _, row in _rows(client)), route
    assert len(rows) == len(client.app[TABLE]), "no row twice"


def _rows(client):
    return [(row.method, row.path, row) for row in client.app[TABLE]]


def _plain(route) -> str:
    return re.sub(r"{\w+(:[^}]*)?}", "nothing", route.resource.canonical)


async def test_without_a_session_only_public_rows_open(client):
    for row in client.app[TABLE]:
        answer = await client.request(row.method, path(row), allow_redirects=False)
        seen = (row.method, row.path, answer.status)
        sent_to_sign_in = answer.status == 303 and answer.headers["Location"].startswith("/login")
        if row.who is not Who.PUBLIC:
            assert sent_to_sign_in if row.face is Face.PAGE else answer.status == 401, seen
        elif row.face is Face.PAGE:
            assert answer.status < 500, seen


async def test_a_manager_is_kept_out_of_what_is_for_admins(client, house):
    headers = {"Authorization": f"Bearer {await token_of(client, house, Role.MANAGER)}"}
    for row in client.app[TABLE]:
        if row.path == SOCKET or row.path in SIGN_OUT:
            continue
        answer = await client.request(row.method, path(row), headers=headers, allow_redirects=False)
        assert (answer.status == 403) is (row.who in (Who.ADMIN, Who.OWNER)), (row.method, row.path, answer.status)


async def test_every_write_by_cookie_from_another_site_is_refused(client, house):
    token = await token_of(client, house, Role.OWNER)
    cookie = {"Cookie": f"skrynka_session={token}"}
    writes = [row for row in client.app[TABLE] if row.writes and row.who is not Who.PUBLIC]
    assert writes
    for row in writes:
        for headers in ({**cookie, "Origin": "http://evil.example"}, cookie):
            answer = await client.request(row.method, path(row), headers=headers, allow_redirects=False)
            assert answer.status == 403, (row.method, row.path, answer.status)
    assert (await client.get("/api/v1/me", headers=cookie)).status == 200
