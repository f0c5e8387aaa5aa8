"""Connected accounts."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from inbox.channels import Channels
from inbox.model.people import Viewer
from inbox.paging import decode_cursor, page
from inbox.storage.database import Document
from web.api.requests import ChannelChange, NewChannel
from web.api.views import View, channel_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import PageQuery
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHandlers:
    """`/channels`."""

    channels: Channels

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Every channel; managers see what their composer needs."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else ""
        rows = sorted((row for row in await self.channels.all() if row["_id"] > after), key=lambda row: row["_id"])
        found, cursor = page(rows[: call.query.limit + 1], call.query.limit, "_id")
        return json_answer({"items": [self._view(row, call.viewer) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewChannel, None]) -> web.Response:
        """Connect an account: checked with its provider and registered before this answers."""
        body = call.body
        created, shown_once = await self.channels.create(body.kind, body.name, body.settings)
        call.note.object_id = created["_id"]
        view = self._view(created, call.viewer)
        told: dict[str, Any] = {"secret_token": None, "generated": shown_once, **shown_once}
        return json_answer({**view, "settings": {**view["settings"], **shown_once}, **told}, status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One channel."""
        return json_answer(self._view(await self.channels.get(call.path()), call.viewer))

    async def change(self, call: Call[ChannelChange, None]) -> web.Response:
        """Rename it, give it other settings, which are checked like new ones, and pause or resume it."""
        key, changes = call.path(), call.body.changes()
        changed = await self.channels.get(key)
        if "name" in changes or "settings" in changes:
            changed = await self.channels.change(key, name=changes.get("name"), settings=changes.get("settings"))
        if "paused" in changes:
            changed = await (self.channels.hold(key) if changes["paused"] else self.channels.resume(key))
        return json_answer(self._view(changed, call.viewer))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Disconnect it; what was said over it stays."""
        await self.channels.delete(call.path())
        return no_content()

    async def check(self, call: Call[None, None]) -> web.Response:
        """Look whether it works, and repair what can be repaired."""
        return json_answer(self._view(await self.channels.check(call.path(), seen=True), call.viewer))

    def _view(self, channel: Document, viewer: Viewer) -> View:
        return channel_view(
            channel,
            viewer,
            self.channels.kind(channel["kind"]).capabilities,
            path=self.channels.webhook_path(channel),
            absolute=self.channels.webhook_url(channel),
        )
