"""What everybody sees and sets about themselves."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import Field, SecretStr

from inbox.managers import Managers
from inbox.model.errors import Invalid
from inbox.model.people import Status
from routing.assignment import Assigner
from web.api.fields import Languages, Name, Password
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import MeShape
from web.api.views import manager_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change
from web.doors.gate import Doors
from web.doors.passwords import Passwords
from web.doors.problems import Problem
from web.doors.signin import SignIn
from web.doors.table import Call, Route, Who


class MeChange(Change):
    """What everybody changes about themselves."""

    audited: ClassVar = frozenset({"name", "languages"})

    name: Name = ""
    languages: Languages = ()


class StatusBody(Body):
    """Saying whether one takes conversations."""

    audited: ClassVar = frozenset({"status"})

    status: Status


class PasswordBody(Body):
    """A new password, with the present one as proof."""

    current_password: Annotated[SecretStr, Field(max_length=1000)]
    new_password: Password


@dataclass(frozen=True, slots=True, kw_only=True)
class MeHandlers:
    """`/me`."""

    managers: Managers
    sign_in: SignIn
    passwords: Passwords
    assigner: Assigner

    async def show(self, call: Call[None, None]) -> web.Response:
        """Who is signed in."""
        session = call.signed_in
        shown = manager_view(session.manager, session.viewer)
        return json_answer({**shown, "csrf_token": session.csrf_token})

    async def change(self, call: Call[MeChange, None]) -> web.Response:
        """Set one's own name and languages."""
        call.note.object_id = call.viewer.id
        changed = await self.managers.change_own(call.viewer, call.body.changes())
        return json_answer({**manager_view(changed, call.viewer), "csrf_token": call.signed_in.csrf_token})

    async def set_status(self, call: Call[StatusBody, None]) -> web.Response:
        """Take conversations, or stop taking them."""
        call.note.object_id = call.viewer.id
        await self.assigner.set_status(call.viewer.id, call.body.status)
        changed = await self.managers.get(call.viewer.id)
        return json_answer({**manager_view(changed, call.viewer), "csrf_token": call.signed_in.csrf_token})

    async def set_password(self, call: Call[PasswordBody, None]) -> web.Response:
        """Set a new password. Whoever found an open browser must still know the present one."""
        manager = call.signed_in.manager
        current = call.body.current_password.get_secret_value()
        try:
            await self.sign_in.prove(manager["email"], manager["password_hash"], current, address=call.address)
        except Problem as refusal:
            if refusal.status != web.HTTPUnauthorized.status_code:
                raise
            raise Invalid("current_password", "this is not your present password") from refusal
        password_hash = await self.passwords.hash(call.body.new_password.get_secret_value())
        await self.managers.set_own_password(call.viewer, password_hash, session=call.signed_in.key)
        call.note.object_id = call.viewer.id
        return no_content()


def rows(doors: Doors, services: ApiServices) -> list[Route]:
    """The endpoints of what everybody sees and sets about themselves."""
    me = MeHandlers(
        managers=services.managers,
        sign_in=doors.sign_in,
        passwords=services.passwords,
        assigner=services.assigner,
    )
    return [
        row("GET", "/me", Who.SIGNED_IN)(handler=me.show, summary="Who is signed in", answer=MeShape),
        row("PATCH", "/me", Who.SIGNED_IN)(
            handler=me.change,
            summary="Change one's own name and languages",
            body=MeChange,
            answer=MeShape,
            audit="me.change",
        ),
        row("PUT", "/me/status", Who.SIGNED_IN)(
            handler=me.set_status,
            summary="Take conversations, or stop taking them",
            body=StatusBody,
            answer=MeShape,
            audit="me.status",
        ),
        row("PUT", "/me/password", Who.SIGNED_IN)(
            handler=me.set_password,
            summary="Set a new password; other sessions end",
            body=PasswordBody,
            statuses=(204,),
            audit="me.password",
        ),
    ]
