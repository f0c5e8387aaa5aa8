"""The companion itself: aiogram's dispatcher over the line to its bot. Importing this imports aiogram."""

from typing import Final

import msgspec
import structlog
from aiogram import Dispatcher
from aiogram.types import Message, Update, User
from pydantic import ValidationError
from redis.asyncio import Redis

from bot.staff import screens
from bot.staff.accounts import StaffAccounts
from bot.staff.desk import StaffDesk
from bot.staff.line import ManagerLine
from bot.staff.source import KIND
from bot.staff.steps import StepStorage
from bot.staff.talk import Act, Guest, managers, strangers
from bot.staff.updates import News
from bot.staff.words import Words
from channels.telegram import TelegramSettings
from inbox.model.accepted import Accepted
from inbox.model.failures import ChannelFailure, Unreadable
from inbox.model.people import Viewer
from inbox.settings import ShopSettings

_PRIVATE: Final = "private"
_log = structlog.get_logger(__name__)


class Companion:
    """One connected bot at work."""

    def __init__(
        self,
        bot_settings: TelegramSettings,
        *,
        desk: StaffDesk,
        accounts: StaffAccounts,
        settings: ShopSettings,
        redis: Redis,
        namespace: str,
    ) -> None:
        self._desk = desk
        self._accounts = accounts
        self._settings = settings
        self._line = ManagerLine(bot_settings)
        self._dispatcher = Dispatcher(storage=StepStorage(redis, namespace))
        self._dispatcher.include_routers(strangers(), managers())

    async def hear(self, accepted: Accepted) -> None:
        """Deal with an update. What Telegram refuses to show is in the log; what it was to do is done.

        Raises `Unreadable` for what is no update.
        """
        try:
            raw = msgspec.json.decode(accepted.raw)
            update = Update.model_validate(raw, context={"bot": self._line.bot})
        except (msgspec.MsgspecError, ValidationError) as error:
            reason = f"not an update as Telegram documents it: {type(error).__name__}"
            raise Unreadable(reason) from None
        person = _sender(update)
        if person is None:
            return
        manager = await self._accounts.manager(str(person.id))
        shop = (await self._settings.get())["languages"]
        act, guest = None, None
        if manager is None:
            own = [person.language_code] if person.language_code else []
            words = Words(own, shop)
            guest = Guest(desk=self._desk, line=self._line, accounts=self._accounts, words=words)
        else:
            act = Act(
                desk=self._desk,
                line=self._line,
                accounts=self._accounts,
                viewer=Viewer.of(manager),
                words=Words(manager["languages"], shop),
                number=update.update_id,
                token=f"{KIND}:{accepted.channel_id}:{update.update_id}",
                repeated=accepted.adopted,
            )
        try:
            await self._dispatcher.feed_update(self._line.bot, update, act=act, guest=guest)
        except ChannelFailure as failure:
            _log.warning("staff_not_answered", update_id=update.update_id, reason=str(failure))

    async def tell(self, account: str, news: News) -> None:
        """Tell a manager of a conversation. What may have arrived raises `Uncertain`."""
        words = Words(news.languages, (await self._settings.get())["languages"])
        conversation = news.row.conversation
        last = conversation["last_message"]
        lines = [words(f"told:{news.what}")]
        if news.shows != "none":
            lines.append(screens.title(words, news.row))
        if news.shows == "text" and last is not None:
            lines.append(last["text"])
        await self._line.tell(int(account), "\n".join(lines), screens.to_open(words, conversation["_id"]))

    async def close(self) -> None:
        """Release sockets."""
        await self._line.close()


def _sender(update: Update) -> User | None:
    """Who wrote or pressed, in a chat of their own with the bot: what is said in a group stays there."""
    if update.message is not None:
        return update.message.from_user if update.message.chat.type == _PRIVATE else None
    query = update.callback_query
    if query is None or not isinstance(query.message, Message):
        return query.from_user if query is not None and query.message is not None else None
    return query.from_user if query.message.chat.type == _PRIVATE else None
