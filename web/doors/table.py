"""The table of endpoints: what a row says, and what a handler gets.

Routing, authentication, authorisation, the CSRF rule, body validation, audit and the OpenAPI document come from rows.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel

from inbox.model.people import Role, Viewer
from inbox.storage.database import Document
from web.doors.addresses import TrustedProxies

JSON_LIMIT = 1 << 20
"""The largest JSON body in bytes, where a row does not say otherwise."""

Body = TypeVar("Body")
Query = TypeVar("Query")


class Who(StrEnum):
    """For whom a row is."""

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    ADMIN = "admin"
    OWNER = "owner"

    def admits(self, role: Role) -> bool:
        """Whether a signed-in manager of this role may come in."""
        if self is Who.OWNER:
            return role is Role.OWNER
        if self is Who.ADMIN:
            return role is not Role.MANAGER
        return True


class Face(StrEnum):
    """Who is on the other side: decides how a refusal looks."""

    API = "api"
    PAGE = "page"
    """A person in a browser: sent to /login instead of a bare 401."""
    MACHINE = "machine"
    """Providers, probes, scrapers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A living session. `key` names it in storage; the token itself is only with its owner."""

    key: str
    viewer: Viewer
    manager: Document
    by_cookie: bool
    csrf_token: str


@dataclass(slots=True)
class AuditNote:
    """What the audit will say of this call, beyond what the row and the body tell."""

    object_id: str | None = None
    actor: Viewer | None = None
    """Who did it, where the call itself came from nobody yet: at a sign-in."""
    changed: dict[str, Any] = field(default_factory=dict)
    skip: bool = False
    """Nothing was changed after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Body, Query]):
    """One request on its way through a handler: everything in it is checked."""

    request: web.Request
    proxies: TrustedProxies
    session: Session | None
    body: Body
    query: Query
    note: AuditNote

    @property
    def address(self) -> str:
        """The client's, as far as the trusted proxies tell."""
        return self.proxies.client_address(self.request)

    @property
    def signed_in(self) -> Session:
        """The session. Only rows that are not public have one for certain."""
        if self.session is None:
            raise RuntimeError("a public row asked for its session")
        return self.session

    @property
    def viewer(self) -> Viewer:
        """Who calls. Only rows that are not public have one for certain."""
        return self.signed_in.viewer

    def path(self, name: str = "id") -> str:
        """A variable part of the path."""
        return self.request.match_info[name]


Handler = Callable[[Call[Any, Any]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A row: one endpoint."""

    method: str
    path: str
    handler: Handler
    who: Who
    summary: str
    face: Face = Face.API
    body: type[BaseModel] | None = None
    body_optional: bool = False
    """No body at all means an empty one."""
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    statuses: tuple[int, ...] = (200,)
    audit: str | None = None
    """What the audit calls it; rows that change nothing worth telling have none."""
    checks_origin: bool = False
    """Refuse a foreign Origin although the row is no cookie-authenticated write (sign-in, the live socket)."""
    uploads: bool = False
    """The body is multipart and the handler reads it."""
    media_type: str = "application/json"
    """Of the answer."""

    @property
    def writes(self) -> bool:
        """Whether the method may change something."""
        return self.method not in ("GET", "HEAD", "OPTIONS")
