"""Pages over the made-up shop, behind a door that only says who is there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from inbox.model.errors import NotFound
from inbox.model.people import Role, Viewer
from tests.web.pages.shop import Shop
from web.doors.addresses import TrustedProxies
from web.doors.problems import Problem
from web.doors.table import AuditNote, Call, Route, Session
from web.pages.entry import EntryPages
from web.pages.pages import STATIC, VENDOR, Pages
from web.pages.routes import page_table

OWNER = Viewer(id="me", name="Оксана Коваль", role=Role.OWNER)
MANAGER = Viewer(id="ihor", name="Ігор Бондар", role=Role.MANAGER)

Read = Callable[..., Awaitable[str]]
Client = TestClient[web.Request, web.Application]


@pytest.fixture
def desk() -> Shop:
    return Shop()


@pytest.fixture
def pages(tmp_path) -> Pages:
    """The real templates; front-end files that only have to be there."""
    for name in VENDOR:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    for name in ("logo.svg", "css/base.css"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((STATIC / name).read_bytes())
    return Pages(tmp_path)


@pytest.fixture
async def client(desk: Shop, pages: Pages) -> AsyncIterator[Client]:
    """Signed in as the owner, or as whoever the header names."""
    app = web.Application()
    entry = EntryPages(pages=pages)

    def enter(row: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            viewer = MANAGER if request.headers.get("As") == MANAGER.id else OWNER
            session = Session(key="s", viewer=viewer, manager={}, by_cookie=True, csrf_token="csrf-of-this-session")
            query: Any = row.query.model_validate(dict(request.query)) if row.query else None
            call: Call[Any, Any] = Call(
                request=request, proxies=TrustedProxies(), session=session, body=None, query=query, note=AuditNote()
            )
            try:
                return await row.handler(call)
            except NotFound as error:
                return await entry.problem(request, Problem(404, str(error)))

        return answer

    for row in page_table(desk, pages):
        app.router.add_route(row.method, row.path, enter(row))
    async with TestClient(TestServer(app)) as opened:
        yield opened


@pytest.fixture
def read(client: Client) -> Read:
    """The text of a page that must be there, or answer with `status`."""

    async def read_(path: str, *, status: int = 200, **headers: str) -> str:
        async with client.get(path, headers=headers, allow_redirects=False) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return text

    return read_
