"""Meta's side, played locally: the Instagram API for our client, webhooks for our server, a phone for a person."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from channels.faults import Fault, Faults
from channels.instagram.sandbox import api
from channels.instagram.sandbox.control import control
from channels.instagram.sandbox.state import Account, Chat, Customer, Message
from channels.props import Files

__all__ = ["Account", "Chat", "Customer", "Fault", "InstagramSandbox", "Message"]

RETRY_DELAYS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between deliveries that failed; Meta's own grow over hours."""


class InstagramSandbox:
    """Accounts, customers and faults; `channels.sandbox.Sandbox` puts it on a port.

    `address` tells where that is: what customers send lies there, as at Instagram's servers.
    """

    name: Final = "instagram"

    def __init__(self, address: Callable[[], str], retry_delays: Sequence[float] = RETRY_DELAYS) -> None:
        self.accounts: dict[str, Account] = {}
        self.customers: dict[str, Customer] = {}
        self.files = Files()
        self.faults = Faults()
        self.closing = asyncio.Event()
        self._address = address
        self._retry_delays = retry_delays

    def create_account(self, username: str = "shop", *, account_id: str = "") -> Account:
        """A professional account with an app around it; an id that is known gives the account that has it."""
        account_id = account_id or f"17841{secrets.randbelow(9 * 10**11) + 10**11}"
        if not account_id.isdigit():
            reason = "account_id: digits only"
            raise ValueError(reason)
        made = Account(account_id, username, self.files, self._address, self._retry_delays)
        return self.accounts.setdefault(account_id, made)

    def create_customer(self, name: str, *, username: str = "", tells_name: bool = True) -> Customer:
        """Somebody with Instagram on their phone; every account's `chat` with them starts empty."""
        if not name.strip():
            reason = "name: a customer needs one"
            raise ValueError(reason)
        made = Customer(
            id=f"{secrets.randbelow(9 * 10**15) + 10**15}",
            name=name.strip(),
            username=username or f"customer_{len(self.customers) + 1}",
            tells_name=tells_name,
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
        """What stands at graph.instagram.com."""
        return api.provider(api.World(self.accounts, self.customers, self.files, self.faults))

    def control(self) -> web.Application:
        """The same accounts and customers over HTTP."""
        return control(self)

    def release(self) -> None:
        """Let go of every call that hangs or waits, so that the server can stop."""
        self.closing.set()
        self.faults.close()

    async def close(self) -> None:
        """Stop delivering."""
        for account in self.accounts.values():
            await account.close()
