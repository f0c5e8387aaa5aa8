"""The people who answer."""

from dataclasses import dataclass

from aiohttp import web

from inbox.managers import Managers, NewManager
from web.api.requests import ManagerChange, NewManagerBody
from web.api.views import manager_view
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.passwords import Passwords
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerHandlers:
    """`/managers`."""

    managers: Managers
    passwords: Passwords

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Everybody, with what one needs for handing over a conversation."""
        found, cursor = await self.managers.page(call.query.cursor, call.query.limit)
        return json_answer({"items": [manager_view(row, call.viewer) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewManagerBody, None]) -> web.Response:
        """Let somebody join."""
        body = call.body
        created = await self.managers.create(
            NewManager(
                email=body.email,
                name=body.name,
                password_hash=await self.passwords.hash(body.password.get_secret_value()),
                role=body.role,
                capacity=body.capacity,
                teams=body.teams,
                languages=body.languages,
            ),
            by=call.viewer,
        )
        call.note.object_id = created["_id"]
        return json_answer(manager_view(created, call.viewer), status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One manager."""
        return json_answer(manager_view(await self.managers.get(call.path()), call.viewer))

    async def change(self, call: Call[ManagerChange, None]) -> web.Response:
        """Change somebody; deactivating ends their sessions and passes their conversations on."""
        changes = call.body.changes()
        password = changes.pop("password", None)
        if password is not None:
            changes["password_hash"] = await self.passwords.hash(password.get_secret_value())
        changed = await self.managers.change(call.path(), changes, by=call.viewer)
        return json_answer(manager_view(changed, call.viewer))
