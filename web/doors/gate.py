"""Puts rows of the table on the server and stands before each handler: session, origin, role, query, body."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from inbox.model.ids import new_id, now
from inbox.storage.audit import AuditStore
from web.doors.addresses import TrustedProxies
from web.doors.bodies import Body
from web.doors.headers import REQUEST_ID, common_headers, header_signal
from web.doors.origin import OriginGuard
from web.doors.problems import FieldError, PageRenderer, Problem, invalid_fields, problem_middleware
from web.doors.signin import SignIn, renewal_signal
from web.doors.table import JSON_LIMIT, AuditNote, Call, Face, Route, Session, Who

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

TABLE = web.AppKey("table", list[Route])
"""Every row that an application serves."""

_log = structlog.get_logger(__name__)


class Doors:
    """The only way for an endpoint onto the server.

    `public_url` is the shop's own address where it is known, `frame_ancestors` are sites that may frame the inbox,
    `render_page` makes refusals readable for people in browsers.
    """

    def __init__(
        self,
        *,
        sign_in: SignIn,
        audit: AuditStore,
        proxies: TrustedProxies,
        public_url: str | None,
        frame_ancestors: Sequence[str] = (),
        render_page: PageRenderer | None = None,
    ) -> None:
        self.sign_in = sign_in
        self.secure = bool(public_url) and urlsplit(public_url or "").scheme == "https"
        self.table: list[Route] = []
        self._audit = audit
        self._proxies = proxies
        self._origins = OriginGuard(public_url)
        self.headers = common_headers(secure=self.secure, frame_ancestors=frame_ancestors)
        self._render_page = render_page
        self._admitted: set[web.AbstractRoute] = set()

    def install(self, app: web.Application) -> None:
        """Stand before everything that `app` serves."""
        app.middlewares.append(problem_middleware(self._render_page))
        app.on_startup.append(self._refuse_strangers)
        app.on_response_prepare.append(header_signal(self.headers))
        app.on_response_prepare.append(renewal_signal(secure=self.secure))
        app[TABLE] = self.table

    def add(self, app: web.Application, rows: Iterable[Route]) -> None:
        """Serve these rows."""
        for row in rows:
            resource = app.router.add_resource(row.path)
            methods = ("GET", "HEAD") if row.method == "GET" else (row.method,)
            for method in methods:
                self._admitted.add(resource.add_route(method, self._entrance(row)))
            self.table.append(row)

    def client_address(self, request: web.Request) -> str:
        """Where a request comes from."""
        return self._proxies.client_address(request)

    async def _refuse_strangers(self, app: web.Application) -> None:
        """No endpoint without its row: a server with one does not start."""
        for route in app.router.routes():
            if route not in self._admitted:
                raise RuntimeError(f"{route.method} {route.resource} is served without a row in the table")

    def _entrance(self, row: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def enter(request: web.Request) -> web.StreamResponse:
            session = None
            if row.who is not Who.PUBLIC:
                session = await self.sign_in.find(request)
                if session is None:
                    return _send_to_sign_in(request, row)
            if session is not None or row.checks_origin:
                await self._refuse_foreign_pages(request, row, session)
            if session is not None and not row.who.admits(session.viewer.role):
                raise Problem(403, f"this is for: {row.who}")
            call: Call[Any, Any] = Call(
                request=request,
                proxies=self._proxies,
                session=session,
                query=_checked_query(request, row.query) if row.query is not None else None,
                body=await _checked_body(request, row.body, optional=row.body_optional) if row.body else None,
                note=AuditNote(),
            )
            response = await row.handler(call)
            if row.audit is not None and not call.note.skip:
                await self._record(row.audit, call)
            return response

        return enter

    async def _refuse_foreign_pages(self, request: web.Request, row: Route, session: Session | None) -> None:
        if session is not None and not session.by_cookie:
            return
        if session is not None and row.writes:
            await self._origins.refuse_forged_write(request, session)
        elif row.checks_origin:
            self._origins.refuse_foreign(request)

    async def _record(self, action: str, call: Call[Any, Any]) -> None:
        """Write down who did what. The deed is done: where this cannot be stored, the log keeps it."""
        viewer = call.session.viewer if call.session is not None else call.note.actor
        entry = {
            "_id": new_id(),
            "at": now(),
            "actor": {"id": viewer.id, "name": viewer.name, "role": viewer.role.value} if viewer is not None else None,
            "action": action,
            "object_id": call.note.object_id or call.request.match_info.get("id"),
            "address": call.address,
            "request_id": call.request.get(REQUEST_ID),
            "changed": {**_told_by(call.body), **call.note.changed},
        }
        try:
            await self._audit.add(entry)
        except Exception:  # noqa: BLE001  # Whatever it was, the request itself succeeded.
            _log.exception("audit_not_stored", entry=entry)


def _told_by(body: Any) -> dict[str, Any]:
    """Which fields a body set; the values of those that it marks as fit for the audit."""
    if not isinstance(body, Body):
        return {}
    shown = body.model_dump(mode="json", by_alias=True, include=set(body.audited))
    return {name: shown.get(name) for name in sorted(body.model_fields_set)}


def _send_to_sign_in(request: web.Request, row: Route) -> web.StreamResponse:
    if row.face is not Face.PAGE:
        challenge = {"WWW-Authenticate": 'Bearer realm="skrynka"'}
        raise Problem(401, "sign in: this session is unknown or over", headers=challenge)
    if request.headers.get("HX-Request") == "true":
        return web.Response(status=401, headers={"HX-Redirect": "/login"})
    back = f"?next={quote(request.path_qs, safe='')}" if request.method == "GET" and request.path != "/" else ""
    return web.Response(status=303, headers={"Location": f"/login{back}"})


def _checked_query(request: web.Request, query: type[BaseModel]) -> BaseModel:
    try:
        return query.model_validate(dict(request.query))
    except ValidationError as error:
        raise invalid_fields(error, "query") from error


async def _checked_body(request: web.Request, body: type[BaseModel], *, optional: bool) -> BaseModel:
    if request.content_type in _FORMS:
        raise Problem(415, "send the body as application/json")
    sent = await read_body(request, JSON_LIMIT)
    try:
        return body.model_validate_json(sent or b"{}" if optional else sent)
    except ValidationError as error:
        raise invalid_fields(error, "body") from error


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body, byte for byte. Raises `Problem` 413 as soon as it proves larger than `limit`."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    content = request.content
    first = await content.readany()
    if content.at_eof() and len(first) <= limit:
        return first
    chunks = bytearray(first)
    while chunk := await content.readany():
        chunks += chunk
        if len(chunks) > limit:
            raise _too_large(limit)
    return bytes(chunks)


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body may have {limit} bytes at most", errors=[FieldError("body", "is too large")])
