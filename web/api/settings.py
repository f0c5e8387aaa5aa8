"""The shop's settings."""

from dataclasses import dataclass

from aiohttp import web

from inbox.settings import ShopSettings
from web.api.requests import SettingsChange
from web.doors.answers import json_answer
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsHandlers:
    """`/settings`."""

    settings: ShopSettings

    async def show(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002  # A handler is called with its call.
        """Every setting."""
        return json_answer(await self.settings.get())

    async def change(self, call: Call[SettingsChange, None]) -> web.Response:
        """Set some of them."""
        call.note.object_id = "settings"
        return json_answer(await self.settings.change(call.body.changes()))
