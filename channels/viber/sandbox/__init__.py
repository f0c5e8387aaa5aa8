"""Viber's side, played locally: the REST Bot API for our client, callbacks for our server, a phone for a person."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from channels.faults import Fault, Faults
from channels.props import Files
from channels.viber.sandbox import api
from channels.viber.sandbox.control import control
from channels.viber.sandbox.state import Bot, Chat, Customer, Links, Message

__all__ = ["Bot", "Chat", "Customer", "Fault", "Message", "ViberSandbox"]

RETRY_DELAYS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between calls of a webhook that failed; Viber tries several times within an hour."""


class ViberSandbox:
    """Bots, customers and faults; `channels.sandbox.Sandbox` puts it on a port."""

    name: Final = "viber"

    def __init__(self, retry_delays: Sequence[float] = RETRY_DELAYS) -> None:
        self.bots: dict[str, Bot] = {}
        self.customers: dict[int, Customer] = {}
        self.files = Files()
        self.faults = Faults()
        self.closing = asyncio.Event()
        self._links = Links(self.files)
        self._retry_delays = retry_delays

    def create_bot(self, name: str = "Shop", *, token: str = "") -> Bot:
        """A bot as Viber's admin panel makes it; a token that is known gives the bot that has it."""
        token = token or "-".join(secrets.token_hex(8) for _ in range(3))
        return self.bots.setdefault(token, Bot(token, name, self.files, self._links, self._retry_delays))

    def create_customer(
        self, name: str, *, language: str = "", phone: str = "", customer_id: int | None = None
    ) -> Customer:
        """Somebody with Viber on their phone; every bot's `chat` with them starts empty."""
        if not name.strip():
            reason = "name: a customer needs one"
            raise ValueError(reason)
        made = Customer(
            id=customer_id or secrets.randbelow(10**9) + 1,
            name=name.strip(),
            language=language,
            phone=phone or f"38067{secrets.randbelow(10**7):07d}",
        )
        self.customers[made.id] = made
        return made

    def portray(self, customer: Customer, picture: bytes | None) -> None:
        """Have somebody show this PNG of themselves from now on, or none."""
        customer.portrait = self.files.add("photo", "portrait.png", "image/png", picture) if picture else None

    def fault(self, fault: Fault) -> None:
        """Let something go wrong with the calls to come: `status` up to 99 is Viber's own, above it is HTTP's."""
        self.faults.add(fault)

    def forget_media(self) -> None:
        """Let the hour be over for every file that customers have sent."""
        self._links.forget()

    def provider(self) -> web.Application:
        """What stands at chatapi.viber.com."""
        return api.provider(self.bots, self.faults)

    def control(self) -> web.Application:
        """The same bots and customers over HTTP."""
        return control(self)

    def release(self) -> None:
        """Let go of every call that hangs or waits, so that the server can stop."""
        self.closing.set()
        self.faults.close()

    async def close(self) -> None:
        """Stop calling webhooks."""
        for bot in self.bots.values():
            await bot.close()
