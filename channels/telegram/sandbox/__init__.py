"""Telegram's side, played locally: the Bot API for our client, webhooks for our server, a phone for a person."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from channels.faults import Fault, Faults
from channels.props import Files, sample_photo, sample_voice
from channels.telegram.sandbox import api
from channels.telegram.sandbox.control import control
from channels.telegram.sandbox.state import Bot, Business, Chat, Customer, Message

__all__ = ["Bot", "Business", "Chat", "Customer", "Fault", "Message", "TelegramSandbox", "sample_photo", "sample_voice"]

RETRY_DELAYS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between deliveries that failed; Telegram does not publish its own, which are longer."""


class TelegramSandbox:
    """Bots, customers and faults; `channels.sandbox.Sandbox` puts it on a port."""

    name: Final = "telegram"

    def __init__(self, retry_delays: Sequence[float] = RETRY_DELAYS) -> None:
        self.bots: dict[str, Bot] = {}
        self.customers: dict[int, Customer] = {}
        self.files = Files()
        self.faults = Faults()
        self.closing = asyncio.Event()
        self._retry_delays = retry_delays

    def create_bot(self, username: str = "shop_bot", *, token: str = "") -> Bot:
        """A bot as @BotFather makes it; a token that is known gives the bot that has it."""
        token = token or f"{secrets.randbelow(9 * 10**8) + 10**8}:AA{secrets.token_urlsafe(25)[:33]}"
        if not token.partition(":")[0].isdigit():
            reason = "token: digits, a colon, letters"
            raise ValueError(reason)
        return self.bots.setdefault(token, Bot(token, username, self.files, self._retry_delays))

    def create_customer(
        self, name: str, *, username: str = "", language: str = "", phone: str = "", customer_id: int | None = None
    ) -> Customer:
        """Somebody with Telegram on their phone; every bot's `chat` with them starts empty."""
        if not name.strip():
            reason = "name: a customer needs one"
            raise ValueError(reason)
        made = Customer(
            id=customer_id or 5_000_000_000 + secrets.randbelow(10**9),
            name=name.strip(),
            username=username,
            language=language,
            phone=phone or f"38067{secrets.randbelow(10**7):07d}",
        )
        self.customers[made.id] = made
        return made

    def portray(self, customer: Customer, picture: bytes | None) -> None:
        """Have somebody show this PNG of themselves from now on, or none."""
        customer.portrait = self.files.add("photo", "portrait.png", "image/png", picture) if picture else None

    def fault(self, fault: Fault) -> None:
        """Let something go wrong with the calls to come."""
        self.faults.add(fault)

    def provider(self) -> web.Application:
        """What stands at api.telegram.org."""
        return api.provider(self.bots, self.files, self.faults)

    def control(self) -> web.Application:
        """The same bots and customers over HTTP."""
        return control(self)

    def release(self) -> None:
        """Let go of every call that hangs or waits, so that the server can stop."""
        self.closing.set()
        self.faults.close()

    async def close(self) -> None:
        """Stop delivering."""
        for bot in self.bots.values():
            await bot.close()
