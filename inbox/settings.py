"""The shop's settings as the rest of the house reads them."""

from typing import Any

import msgspec

from inbox.storage.settings import SettingsStore


class OpenSpan(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A stretch of the day, on these days (`mon` … `sun`); `24:00` ends the day."""

    days: tuple[str, ...]
    start: str
    end: str


class Hours(msgspec.Struct, frozen=True):
    """When the shop is open, in its time zone; nothing listed is always closed."""

    open: tuple[OpenSpan, ...] = ()


class QuietHours(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """When the bot starts no conversation by itself; may span midnight."""

    enabled: bool = False
    start: str = "21:00"
    end: str = "09:00"


_WEEK = Hours((OpenSpan(days=("mon", "tue", "wed", "thu", "fri"), start="09:00", end="18:00"),))


class ShopSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a shop may set."""

    shop_name: str = "My shop"
    timezone: str = "Europe/Kyiv"
    languages: tuple[str, ...] = ("uk", "en")
    hours: Hours = _WEEK
    quiet_hours: QuietHours = QuietHours()
    reopen_window_days: int = 14


class Settings:
    """Reads and changes the shop's settings."""

    def __init__(self, store: SettingsStore) -> None:
        self._store = store

    async def read(self) -> ShopSettings:
        """The settings as they are now, with defaults for what nobody set."""
        return msgspec.convert(await self._store.read(), ShopSettings)

    async def change(self, changes: dict[str, Any]) -> ShopSettings:
        """Set these (already checked) fields."""
        if not changes:
            return await self.read()
        return msgspec.convert(await self._store.change(changes), ShopSettings)
