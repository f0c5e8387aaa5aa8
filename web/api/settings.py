"""The shop's settings."""

from dataclasses import dataclass

from aiohttp import web

from bot.settings import bot_settings
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from web.api.requests import SettingsChange
from web.api.shapes import SettingsShape
from web.api.views import View
from web.doors.answers import json_answer
from web.doors.table import Call


def settings_view(settings: Document) -> View:
    """The settings, but for what has endpoints of its own."""
    shown = {field: settings[field] for field in SettingsShape.model_fields}
    return {**shown, "bot": bot_settings(settings).model_dump(mode="json")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsHandlers:
    """`/settings`."""

    settings: ShopSettings

    async def show(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002  # A handler is called with its call.
        """Every setting."""
        return json_answer(settings_view(await self.settings.get()))

    async def change(self, call: Call[SettingsChange, None]) -> web.Response:
        """Set some of them."""
        call.note.object_id = "settings"
        changes = call.body.changes()
        if "bot" in changes:
            present = bot_settings(await self.settings.get())
            changes["bot"] = present.changed(changes["bot"]).model_dump(mode="json")
        return json_answer(settings_view(await self.settings.change(changes)))
