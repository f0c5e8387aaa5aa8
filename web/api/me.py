"""What everybody sees and sets about themselves."""

from dataclasses import dataclass

from aiohttp import web

from inbox.managers import Managers
from inbox.model.errors import Invalid
from routing.assignment import Assigner
from web.api.requests import MeChange, PasswordBody, StatusBody
from web.api.views import manager_view
from web.doors.answers import json_answer, no_content
from web.doors.passwords import Passwords
from web.doors.problems import Problem
from web.doors.signin import SignIn
from web.doors.table import Call


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
