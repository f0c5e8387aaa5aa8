"""The shop's settings as the rest of the house reads them."""

from collections.abc import Mapping
from typing import Any

from inbox.model.contacts import home_region
from inbox.model.schedule import Schedule
from inbox.storage.database import Document
from inbox.storage.settings import SettingsStore

DEFAULTS: Mapping[str, Any] = {
    "shop_name": "My shop",
    "timezone": "Europe/Kyiv",
    "languages": ["uk", "en"],
    # A schedule without its time zone; nothing listed is always closed.
    "hours": {"open": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00"}]},
    # When the bot begins nothing by itself, and customers are not told of their orders; may span midnight.
    "quiet_hours": {"enabled": False, "from": "21:00", "to": "09:00"},
    "reopen_window_days": 14,
    # On which channels customers are told of their orders, by id, the most wished-for first; others come after them.
    "notice_channels": [],
    # A `bot.settings.BotSettings`; None is its defaults.
    "bot": None,
    # A `routing.policy.RoutingSettings`; None is its defaults.
    "routing": None,
}
"""What holds until somebody sets it; also the list of all there is to set."""


def opening_hours(settings: Mapping[str, Any]) -> Schedule:
    """When the shop is open, by all of its settings."""
    return Schedule.model_validate({"timezone": settings["timezone"], "open": settings["hours"]["open"]})


class ShopSettings:
    """Reads and changes the settings."""

    def __init__(self, store: SettingsStore) -> None:
        self._store = store

    async def get(self) -> Document:
        """Every setting as it is now."""
        return {**DEFAULTS, **await self._store.read()}

    async def region(self) -> str:
        """The shop's country (ISO 3166), by which phones without country are read; empty where nothing tells."""
        known = await self.get()
        return home_region(known["timezone"], known["languages"])

    async def change(self, changes: dict[str, Any]) -> Document:
        """Set these (already checked) fields; returns every setting."""
        return {**DEFAULTS, **(await self._store.change(changes) if changes else await self._store.read())}
