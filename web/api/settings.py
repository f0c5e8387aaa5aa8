"""The shop's settings."""

import zoneinfo
from dataclasses import dataclass
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints

from bot.settings import BotSettings, bot_settings
from inbox.model.schedule import Clock, Day
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from web.api.fields import Id, Languages, Name, each_once
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import SettingsShape
from web.api.views import View
from web.doors.answers import json_answer
from web.doors.bodies import Body, Change
from web.doors.table import Call, Route, Who


def settings_view(settings: Document) -> View:
    """The settings, but for what has endpoints of its own."""
    shown = {field: settings[field] for field in SettingsShape.model_fields}
    return {**shown, "bot": bot_settings(settings).model_dump(mode="json")}


def _time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("give a time zone by its IANA name, such as Europe/Kyiv") from error
    return name


class OpenSpan(Body):
    """A stretch of the day on these days."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]
    start: Annotated[Clock, Field(alias="from")]
    end: Annotated[Clock, Field(alias="to")]


class Hours(Body):
    """When the shop is open."""

    open: Annotated[tuple[OpenSpan, ...], Field(max_length=50)]


class QuietHours(Body):
    """When the bot begins nothing by itself."""

    enabled: bool
    start: Annotated[Clock, Field(alias="from")] = "21:00"
    end: Annotated[Clock, Field(alias="to")] = "09:00"


class SettingsChange(Change):
    """What an admin sets for the shop."""

    audited: ClassVar = frozenset(
        {"shop_name", "timezone", "languages", "hours", "quiet_hours", "reopen_window_days", "notice_channels", "bot"}
    )

    shop_name: Name = ""
    timezone: Annotated[str, StringConstraints(max_length=60), AfterValidator(_time_zone)] = ""
    languages: Annotated[Languages, Field(min_length=1)] = ()
    hours: Hours = Hours(open=())
    quiet_hours: QuietHours = QuietHours(enabled=False)
    reopen_window_days: Annotated[int, Field(ge=0, le=365)] = 14
    notice_channels: Annotated[tuple[Id, ...], Field(max_length=100), AfterValidator(each_once)] = ()
    """On which channels customers are told of their orders, by id, the most wished-for first."""
    bot: Annotated[BotSettings, Field(default_factory=BotSettings)]
    """What of it is sent changes: of `skills` those that are named."""


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


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of the shop's settings."""
    settings = SettingsHandlers(settings=services.settings)
    return [
        row("GET", "/settings", Who.ADMIN)(handler=settings.show, summary="The shop's settings", answer=SettingsShape),
        row("PATCH", "/settings", Who.ADMIN)(
            handler=settings.change,
            summary="Change the shop's settings",
            body=SettingsChange,
            answer=SettingsShape,
            audit="settings.change",
        ),
    ]
