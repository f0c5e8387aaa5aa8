"""The companion's bot, and which of its chats is whose.

An admin connects the bot; each manager links their own Telegram account by a link that only their profile shows, works
for fifteen minutes and once, and is stored as its hash. An account belongs to one manager and a manager has one.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, TypeVar

import msgspec
import structlog
from pydantic import SecretStr

from bot.staff.source import KIND
from channels.telegram import TelegramSettings
from channels.telegram.spec import NAME as TELEGRAM
from channels.telegram.spec import bot_id, with_secret
from inbox.channels import Channels
from inbox.model.errors import Conflict, Invalid, NotFound, ProviderUnavailable
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused
from inbox.model.ids import new_id, now
from inbox.model.people import Viewer
from inbox.model.remedies import validated
from inbox.secrets import SecretBox
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.managers import ManagerStore
from inbox.storage.staff import StaffStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later

CODE_LASTS: Final = timedelta(minutes=15)
"""How long a link of a profile page works."""

FRESH_SECONDS: Final = 2.0
"""How long what is known of the bot and its links will do where nobody waits for better."""

GLANCE_SECONDS: Final = 1.4
"""How long an update waits for a database that may be away."""

CHECK: Final = "staff.check"
"""The timer that looks after the bot."""

CHECK_SECONDS: Final = 300.0
TROUBLED_SECONDS: Final = 15.0

Shows = Literal["none", "name", "text"]
"""What the companion says of a customer by itself: nothing, their name, or their name and what they wrote."""

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class BotAddress(msgspec.Struct, frozen=True):
    """What a bot says of itself."""

    account: str
    username: str


class Line(Protocol):
    """A connection to the bot, as far as connecting it needs one. Raises `ChannelFailure` and nothing else."""

    async def me(self) -> BotAddress:
        """Who the bot is; also checks its token."""

    async def register(self, webhook_url: str) -> None:
        """Have updates posted there."""

    async def unregister(self) -> None:
        """Have them posted nowhere."""

    async def check(self, webhook_url: str) -> None:
        """Whether token and webhook still stand; repairs the webhook."""

    async def close(self) -> None:
        """Release sockets."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin sets; None leaves it as it is. `at_desk`: tell also those who have the inbox open."""

    token: str | None = None
    api_base: str | None = None
    shows: Shows | None = None
    at_desk: bool | None = None


class LinkOffer(msgspec.Struct, frozen=True):
    """A link that makes whoever opens it in Telegram the manager's companion."""

    url: str
    expires_at: datetime


class StaffAccounts:
    """Connects the bot and links managers. `open_line` makes a connection; it may import what is heavy."""

    def __init__(
        self,
        *,
        store: StaffStore,
        managers: ManagerStore,
        channels: Channels,
        timers: TimerStore,
        box: SecretBox,
        base_url: str,
        open_line: Callable[[TelegramSettings], Awaitable[Line]],
    ) -> None:
        self._store = store
        self._managers = managers
        self._channels = channels
        self._timers = timers
        self._box = box
        self._base_url = base_url.rstrip("/")
        self._open_line = open_line
        self._known: tuple[Document | None, dict[str, str]] | None = None
        self._read_at = float("-inf")
        channels.respect(self._claimed)

    def webhook_path(self, bot: Mapping[str, object]) -> str:
        """Where Telegram posts."""
        return f"/webhooks/{KIND}/{bot['key']}"

    def webhook_url(self, bot: Mapping[str, object]) -> str:
        """The same, absolute."""
        return self._base_url + self.webhook_path(bot)

    async def bot(self) -> Document:
        """The connected bot."""
        found = await self._store.bot()
        if found is None:
            raise NotFound("no staff bot is connected")
        return found

    async def links(self) -> int:
        """How many managers are linked."""
        return await self._store.links()

    async def recent(self) -> tuple[Document | None, dict[str, str]]:
        """The bot and the linked accounts by manager, as they were a moment ago; as last seen without a database."""
        if self._known is not None and time.monotonic() - self._read_at < FRESH_SECONDS:
            return self._known
        try:
            # The driver's own limit does not cover its wait for a free thread.
            async with asyncio.timeout(GLANCE_SECONDS):
                self._known = await self._store.glance()
        except Exception as error:
            if self._known is None or not is_unavailable(error):
                raise
            return self._known
        self._read_at = time.monotonic()
        return self._known

    async def recent_bot(self, key: str) -> Document:
        """The bot whose webhook's address has this key."""
        bot, _ = await self.recent()
        if bot is None or bot["key"] != key:
            # Another process may have connected it since.
            self._read_at = float("-inf")
            bot, _ = await self.recent()
        if bot is None or bot["key"] != key:
            raise NotFound("there is no such bot")
        return bot

    async def look_again(self, key: str) -> Document:
        """The same as the database has it now: another process may have given it another secret."""
        self._read_at = float("-inf")
        return await self.recent_bot(key)

    def settings(self, bot: Document) -> TelegramSettings:
        """How the bot is reached, secrets included."""
        return TelegramSettings.model_validate({"api_base": bot["api_base"], **self._box.open(bot["sealed"])})

    async def put(self, wishes: Wishes) -> tuple[Document, bool]:
        """Connect a bot, or change the one there is; second: whether none was connected before.

        Raises `Invalid` naming the field that Telegram refuses and `ProviderUnavailable` where it does not answer; then
        nothing is changed. Another bot in the place of this one ends every link: managers have to open it first.
        """
        before = await self._store.bot()
        fields = {"shows": wishes.shows, "at_desk": wishes.at_desk}
        told = {field: value for field, value in fields.items() if value is not None}
        if before is not None and wishes.token is None and wishes.api_base is None:
            changed = await self._store.change_bot(before["key"], {**told, "changed_at": now()}) if told else before
            self._read_at = float("-inf")
            return changed or before, False
        settings = await self._wanted(before, wishes)
        bot: Document = {
            "key": new_id(),
            "shows": "name",
            "at_desk": False,
            "created_at": now(),
            **(before or {}),
            **told,
            "api_base": settings.api_base,
            "sealed": self._box.seal(_secrets(settings)),
            "state": "connected",
            "state_reason": "",
            "changed_at": now(),
        }
        line = await self._open_line(settings)
        try:
            address = await _asked(line.me())
            if before is not None and before["account"] != address.account:
                bot |= {"key": new_id(), "created_at": now()}
            bot |= {"account": address.account, "username": address.username}
            await _asked(line.register(self.webhook_url(bot)))
        finally:
            await line.close()
        if before is not None and before["key"] != bot["key"]:
            await self._leave(before)
            await self._store.unlink_all()
        stored = await self._store.put_bot(bot)
        self._read_at = float("-inf")
        await self._timers.set(CHECK, CHECK, now() + timedelta(seconds=CHECK_SECONDS), {})
        return stored, before is None

    async def _wanted(self, before: Document | None, wishes: Wishes) -> TelegramSettings:
        """The settings of a bot that is to be connected, with a secret of their own."""
        told = {"token": wishes.token, "api_base": wishes.api_base}
        raw: Document = {field: value for field, value in told.items() if value is not None}
        if before is not None:
            known = self.settings(before)
            raw = {"token": known.token.get_secret_value(), "api_base": known.api_base, **raw}
        if "token" not in raw:
            raise Invalid("token", "give the token of a bot, from @BotFather")
        settings, _ = with_secret(validated(TelegramSettings, raw))
        await self._refuse_customers_bot(settings)
        return settings

    async def _refuse_customers_bot(self, settings: TelegramSettings) -> None:
        """A bot has one webhook: that of a channel would go, and with it what customers write."""
        for channel in await self._channels.all():
            theirs = self._channels.read_settings(channel)
            if isinstance(theirs, TelegramSettings) and bot_id(theirs) == bot_id(settings):
                raise Invalid("token", f"customers write to this bot ({channel['name']}): make another one")

    async def _claimed(self, kind: str, account: str) -> str:
        """The other way round: what is said of an account that a channel is to be connected to."""
        bot = await self._store.bot() if kind == TELEGRAM else None
        if bot is None or bot_id(self.settings(bot)) != account:
            return ""
        return f"managers answer by this bot (@{bot['username']}): make another one for customers"

    async def delete(self) -> None:
        """Disconnect the bot; every link ends."""
        bot = await self.bot()
        await self._leave(bot)
        await self._store.delete_bot()
        await self._timers.clear(CHECK)
        self._read_at = float("-inf")

    async def _leave(self, bot: Document) -> None:
        line = await self._open_line(self.settings(bot))
        try:
            await line.unregister()
        except ChannelFailure as error:
            _log.warning("staff_bot_not_unregistered", reason=str(error))
        finally:
            await line.close()

    async def check(self, bot: Document) -> None:
        """See whether Telegram knows the bot, and repair its webhook. Raises `ChannelFailure` for what is wrong."""
        line = await self._open_line(self.settings(bot))
        try:
            await line.check(self.webhook_url(bot))
        finally:
            await line.close()

    async def look_after(self, data: Document) -> None:  # noqa: ARG002  # A timer is called with its data.
        """See whether the bot still stands, and note what is wrong with it (timer `staff.check`)."""
        bot = await self._store.bot()
        if bot is None:
            return
        state, reason = "connected", ""
        try:
            # One that is also a channel since before that was refused: a repaired webhook would leave its customers.
            await self._refuse_customers_bot(self.settings(bot))
            await self.check(bot)
        except Invalid as error:
            state, reason = "paused", error.remedy
        except CredentialsRejected as error:
            state, reason = "paused", str(error)
        except ChannelFailure as error:
            state, reason = "degraded", str(error)
        if (bot["state"], bot["state_reason"]) != (state, reason):
            await self._store.change_bot(bot["key"], {"state": state, "state_reason": reason})
        raise Later(CHECK_SECONDS if state == "connected" else TROUBLED_SECONDS)

    async def look_after_all(self) -> None:
        """See to it that the bot has its timer (a chore): a primary that falls over may forget one, a restore too."""
        bot, _ = await self.recent()
        if bot is not None:
            await self._timers.set_many(CHECK, {CHECK: {}})

    async def offer(self, viewer: Viewer) -> LinkOffer:
        """A new link for a manager; the one before it works no more."""
        bot, _ = await self.recent()
        if bot is None:
            raise Conflict("no staff bot is connected: an admin connects one in the settings")
        code = secrets.token_urlsafe(24)
        expires_at = now() + CODE_LASTS
        await self._store.add_code(_digest(code), viewer.id, expires_at)
        return LinkOffer(f"https://t.me/{bot['username']}?start={code}", expires_at)

    async def link(self, code: str, account: str, name: str) -> Document | None:
        """Link an account to the manager for whom a code was made; None where it is good for nothing (any more)."""
        manager_id = await self._store.use_code(_digest(code), account)
        manager = await self._managers.get(manager_id) if manager_id is not None else None
        if manager is None or not manager["active"]:
            return None
        await self._store.link(account, manager["_id"], name)
        self._read_at = float("-inf")
        return manager

    async def link_of(self, manager_id: str) -> Document | None:
        """A manager's link."""
        return await self._store.link_of(manager_id)

    async def unlink(self, manager_id: str) -> bool:
        """End a manager's link; whether there was one."""
        self._read_at = float("-inf")
        return await self._store.unlink(manager_id)

    async def manager(self, account: str) -> Document | None:
        """The active manager to whom an account is linked."""
        link = await self._store.linked(account)
        manager = await self._managers.get(link["manager_id"]) if link is not None else None
        return manager if manager is not None and manager["active"] else None


async def _asked(answer: Awaitable[_T]) -> _T:
    """What Telegram answers whoever connects a bot."""
    try:
        return await answer
    except CredentialsRejected as error:
        raise Invalid("token", "Telegram does not know this token: copy it whole from @BotFather") from error
    except Refused as error:
        raise Invalid("token", f"Telegram refused: {error}") from error
    except ChannelFailure as error:
        raise ProviderUnavailable(f"Telegram did not answer: {error}") from error


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _secrets(settings: TelegramSettings) -> dict[str, str]:
    fields = {"token": settings.token, "secret_token": settings.secret_token}
    return {name: value.get_secret_value() for name, value in fields.items() if isinstance(value, SecretStr)}
