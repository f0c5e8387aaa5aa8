"""The door behind which aiogram stands: nothing of it is imported before a bot is connected (docs/decisions/0010)."""

import asyncio
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from bot.staff.accounts import Line, StaffAccounts
from bot.staff.desk import StaffDesk
from bot.staff.updates import Hearing
from channels.telegram import TelegramSettings
from inbox.settings import ShopSettings
from inbox.storage.database import Document

if TYPE_CHECKING:
    from bot.staff.line import ManagerLine


async def open_line(settings: TelegramSettings) -> Line:
    """A connection to a bot. The import takes seconds: in a thread, so that webhooks are answered meanwhile."""
    return await asyncio.to_thread(_line, settings)


def _line(settings: TelegramSettings) -> "ManagerLine":
    from bot.staff.line import ManagerLine

    return ManagerLine(settings)


class Opener:
    """Makes the companion of a bot."""

    def __init__(
        self, *, desk: StaffDesk, accounts: StaffAccounts, settings: ShopSettings, redis: Redis, namespace: str
    ) -> None:
        self._desk = desk
        self._accounts = accounts
        self._settings = settings
        self._redis = redis
        self._namespace = namespace

    async def __call__(self, bot: Document) -> Hearing:
        """The companion, importing what it takes in a thread."""
        return await asyncio.to_thread(self._open, bot)

    def _open(self, bot: Document) -> Hearing:
        from bot.staff.companion import Companion

        return Companion(
            self._accounts.settings(bot),
            desk=self._desk,
            accounts=self._accounts,
            settings=self._settings,
            redis=self._redis,
            namespace=self._namespace,
        )
