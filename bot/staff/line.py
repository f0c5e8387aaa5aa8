"""The connection to the companion's bot: that of the channel of the same provider, and what chats with managers need.

Importing this module imports aiogram, which takes seconds (docs/decisions/0010): only `bot.staff.companion` and
`open_line` do so, in a thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from aiogram import Bot
from aiogram.methods import AnswerCallbackQuery, EditMessageText, GetMe, SendMessage
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.staff.accounts import BotAddress
from channels.telegram.client import TelegramConnection
from channels.telegram.spec import CAPABILITIES
from inbox.model.failures import Refused, RetryLater
from inbox.model.parts import split_text

PATIENCE_SECONDS: Final = 20.0
"""How long an answer to a manager waits at most where Telegram asks to slow down."""

ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 1.0

ALERT_LIMIT: Final = 200
"""answerCallbackQuery: 0-200 characters."""

Button = tuple[str, str]
"""What stands on it, and its data."""

Rows = Sequence[Sequence[Button]]

_T = TypeVar("_T")


class ManagerLine(TelegramConnection):
    """One bot, speaking with managers. Every method raises `ChannelFailure` and nothing else of its own."""

    @property
    def bot(self) -> Bot:
        """The bot as aiogram's dispatcher wants to see it."""
        return self._bot

    async def me(self) -> BotAddress:
        """Who the bot is; also checks its token."""
        me = await self._repeatable(GetMe())
        return BotAddress(str(me.id), me.username or "")

    async def say(self, chat_id: int, text: str, rows: Rows = ()) -> None:
        """Write to a manager who waits for it. Said again where Telegram asks to slow down; seldom said twice."""
        method = SendMessage(chat_id=chat_id, text=cut(text), reply_markup=_keyboard(rows))
        await patiently(lambda: self._repeatable(method))

    async def tell(self, chat_id: int, text: str, rows: Rows = ()) -> None:
        """Write to a manager unasked, never twice: what may have arrived is `Uncertain`."""
        await self._call(SendMessage(chat_id=chat_id, text=cut(text), reply_markup=_keyboard(rows)))

    async def turn(self, chat_id: int, message_id: int, text: str, rows: Rows = ()) -> None:
        """Put something else in the place of a message of the bot's; below, where it cannot be changed any more."""
        place: dict[str, Any] = {"chat_id": chat_id, "message_id": message_id}
        method = EditMessageText(**place, text=cut(text), reply_markup=_keyboard(rows))
        try:
            await patiently(lambda: self._repeatable(method))
        except Refused as refusal:
            if "message is not modified" not in str(refusal).lower():
                await self.say(chat_id, text, rows)

    async def pressed(self, query_id: str, alert: str = "") -> None:
        """Say that a button's press was heard, with words over the screen where it did nothing."""
        method = AnswerCallbackQuery(
            callback_query_id=query_id, text=alert[:ALERT_LIMIT] or None, show_alert=bool(alert)
        )
        try:
            await self._repeatable(method)
        except Refused:
            # After a while Telegram shows nothing any more; the press counts all the same.
            return


async def patiently(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Do what bears repetition, again where Telegram is throttled or in trouble for a moment."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except RetryLater as failure:
            pause = failure.after if failure.after is not None else _PAUSE_SECONDS
            if pause > PATIENCE_SECONDS:
                raise
        await asyncio.sleep(pause)
    return await attempt()


def cut(text: str) -> str:
    """As much of a text as one message holds."""
    return split_text(text, CAPABILITIES.text_limit, CAPABILITIES.text_unit)[0]


def _keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=text, callback_data=data) for text, data in row] for row in rows]
    )
