"""A small shop of endpoints behind real doors: what the doors promise does not depend on what is behind them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.test_utils import TestClient

from inbox.managers import Managers
from inbox.storage.audit import AuditStore
from inbox.storage.database import Document
from web.doors.answers import json_answer
from web.doors.bodies import Body
from web.doors.gate import Doors
from web.doors.signin import SignIn, set_cookie
from web.doors.table import Call, Face, Route, Who

PASSWORD = "correct horse"


class Parcel(Body):
    """A body for the endpoints of these tests."""

    audited = frozenset({"weight"})

    weight: int
    address: str = ""


class Credentials(Body):
    email: str
    password: str


@dataclass(frozen=True)
class House:
    """Doors with all that keeps them."""

    doors: Doors
    sign_in: SignIn
    managers: Managers
    audit: AuditStore
    owner: Document

    async def token(self, email: str = "owner@shop.example") -> str:
        """A fresh session of somebody."""
        token, _ = await self.sign_in.sign_in(email, PASSWORD, address="192.0.2.1", agent="tests")
        return token


BuildHouse = Callable[..., Awaitable[House]]
Client = TestClient[web.Request, web.Application]
Serve = Callable[[House], Awaitable[Client]]


def endpoints(house: House) -> list[Route]:
    """One of each sort."""

    async def hello(call: Call[None, None]) -> web.Response:
        return json_answer({"address": call.address})

    async def send(call: Call[Parcel, None]) -> web.Response:
        call.note.object_id = "parcel"
        return json_answer({"weight": call.body.weight}, status=201)

    async def form(call: Call[None, None]) -> web.Response:
        fields = await call.request.post()
        return json_answer({"said": fields.get("say", "")})

    async def break_down(call: Call[None, None]) -> web.Response:
        raise LookupError("the secret of the house")

    async def enter(call: Call[Credentials, None]) -> web.Response:
        token, _ = await house.sign_in.sign_in(call.body.email, call.body.password, address=call.address, agent="tests")
        response = json_answer({"token": token}, status=201)
        set_cookie(response, token, secure=house.doors.secure)
        return response

    def row(method: str, path: str, who: Who, **more: object) -> Route:
        return Route(method=method, path=path, who=who, summary=path, **more)  # type: ignore[arg-type]

    return [
        row("GET", "/api/hello", Who.PUBLIC, handler=hello),
        row("GET", "/api/inside", Who.SIGNED_IN, handler=hello),
        row("GET", "/api/owners", Who.OWNER, handler=hello),
        row("POST", "/api/parcels", Who.SIGNED_IN, handler=send, body=Parcel, statuses=(201,), audit="parcel.send"),
        row("POST", "/form", Who.SIGNED_IN, handler=form, face=Face.PAGE),
        row("GET", "/page", Who.SIGNED_IN, handler=hello, face=Face.PAGE),
        row("GET", "/api/broken", Who.PUBLIC, handler=break_down),
        row("POST", "/api/enter", Who.PUBLIC, handler=enter, body=Credentials, checks_origin=True),
        row("GET", "/api/socket", Who.SIGNED_IN, handler=hello, checks_origin=True),
    ]


def by_cookie(token: str) -> dict[str, str]:
    """The header of a browser that carries this session."""
    return {"Cookie": f"skrynka_session={token}"}
