"""Connected accounts."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from aiohttp import web
from pydantic import Field, StringConstraints

from inbox.channels import Channels
from inbox.model.people import Viewer
from inbox.paging import decode_cursor, page
from inbox.storage.database import Document
from web.api.fields import Name
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import ChannelShape, NewChannelShape, Page
from web.api.views import View, channel_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change, PageQuery
from web.doors.table import Call, Route, Who


class NewChannel(Body):
    """An account that is to be connected; what `settings` holds is the kind's to say."""

    audited: ClassVar = frozenset({"kind", "name"})

    kind: Annotated[str, StringConstraints(max_length=40)]
    name: Name
    settings: dict[str, Any]


class ChannelChange(Change):
    """What an admin changes about a channel; settings that are not sent stay. `paused` holds what goes out, by hand."""

    audited: ClassVar = frozenset({"name", "paused"})

    name: Name = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    paused: bool = False


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


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of connected accounts."""
    channels = ChannelHandlers(channels=services.channels)
    return [
        row("GET", "/channels", Who.SIGNED_IN)(
            handler=channels.index,
            summary="Connected accounts; their settings are for admins",
            query=PageQuery,
            answer=Page[ChannelShape],
        ),
        row("POST", "/channels", Who.ADMIN)(
            handler=channels.create,
            summary="Connect an account: checked with its provider, its webhook registered",
            body=NewChannel,
            answer=NewChannelShape,
            statuses=(201,),
            audit="channel.create",
        ),
        row("GET", "/channels/{id}", Who.ADMIN)(handler=channels.show, summary="One channel", answer=ChannelShape),
        row("PATCH", "/channels/{id}", Who.ADMIN)(
            handler=channels.change,
            summary="Rename a channel or give it other settings",
            body=ChannelChange,
            answer=ChannelShape,
            audit="channel.change",
        ),
        row("DELETE", "/channels/{id}", Who.ADMIN)(
            handler=channels.delete, summary="Disconnect an account", statuses=(204,), audit="channel.delete"
        ),
        row("POST", "/channels/{id}/check", Who.ADMIN)(
            handler=channels.check,
            summary="Check a channel again; lifts the pause of a repaired one",
            answer=ChannelShape,
            audit="channel.check",
        ),
    ]
