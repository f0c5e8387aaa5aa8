"""Signing in and out."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from pydantic import Field, SecretStr, StringConstraints

from inbox.model.people import Viewer
from web.api.rows import row
from web.api.shapes import SessionShape
from web.api.views import manager_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body
from web.doors.gate import Doors
from web.doors.signin import SignIn, clear_cookie, csrf_token, set_cookie
from web.doors.table import Call, Route, Who


class Credentials(Body):
    """Signing in."""

    email: Annotated[str, StringConstraints(max_length=1000)]
    password: Annotated[SecretStr, Field(max_length=1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHandlers:
    """`/sessions`. `secure` keeps the cookie off plain connections."""

    sign_in: SignIn
    secure: bool

    async def open(self, call: Call[Credentials, None]) -> web.Response:
        """Answer with a token, for those who carry it themselves, and with a cookie, for browsers."""
        token, manager = await self.sign_in.sign_in(
            call.body.email,
            call.body.password.get_secret_value(),
            address=call.address,
            agent=call.request.headers.get("User-Agent", ""),
        )
        call.note.object_id = manager["_id"]
        call.note.actor = Viewer.of(manager)
        shown = manager_view(manager, call.note.actor)
        response = json_answer({"token": token, "csrf_token": csrf_token(token), "manager": shown}, status=201)
        set_cookie(response, token, secure=self.secure)
        return response

    async def end(self, call: Call[None, None]) -> web.Response:
        """End the session that asks."""
        await self.sign_in.sign_out(call.signed_in)
        call.note.object_id = call.viewer.id
        response = no_content()
        clear_cookie(response, secure=self.secure)
        return response


def rows(doors: Doors) -> list[Route]:
    """The endpoints of signing in and out."""
    sessions = SessionHandlers(sign_in=doors.sign_in, secure=doors.secure)
    return [
        row("POST", "/sessions", Who.PUBLIC)(
            handler=sessions.open,
            summary="Sign in",
            body=Credentials,
            answer=SessionShape,
            statuses=(201,),
            audit="session.open",
            checks_origin=True,
        ),
        row("DELETE", "/sessions/current", Who.SIGNED_IN)(
            handler=sessions.end, summary="Sign out", statuses=(204,), audit="session.end"
        ),
    ]
