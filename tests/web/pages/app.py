"""The pages over a made-up shop, behind a door that only says who is there."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from inbox.model.errors import NotFound
from inbox.model.people import Role, Viewer
from web.doors.addresses import TrustedProxies
from web.doors.problems import Problem
from web.doors.table import AuditNote, Call, Route, Session
from web.pages.desk import Desk
from web.pages.entry import EntryPages
from web.pages.pages import Pages
from web.pages.routes import page_table

OWNER = Viewer(id="me", name="Оксана Коваль", role=Role.OWNER)
MANAGER = Viewer(id="ihor", name="Ігор Бондар", role=Role.MANAGER)


def made_up(desk: Desk, pages: Pages) -> web.Application:
    """A site whose visitors are signed in as the owner, or as whoever the header `As` names."""
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
    return app
