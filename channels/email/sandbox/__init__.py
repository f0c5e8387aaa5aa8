"""Mail played locally: SMTP and IMAP servers with the shop's mailboxes, and customers who have theirs.

What a customer writes lies in the shop's mailbox, where IMAP shows it at once. Where a mailbox has a webhook, its
letters are also posted as Postmark posts them, raw letter included.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import quote

from aiohttp import web

from channels.email.sandbox.control import control
from channels.email.sandbox.imap import ImapServer
from channels.email.sandbox.smtp import MailServer
from channels.email.sandbox.state import Correspondence, Customer, Letter, Mailbox
from channels.faults import Fault, Faults
from channels.props import Files

__all__ = ["Correspondence", "Customer", "EmailSandbox", "Fault", "Letter", "Mailbox"]

RETRY_DELAYS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between deliveries that failed; Postmark's own are minutes to hours."""

HOST: Final = "127.0.0.1"


class EmailSandbox:
    """Mailboxes, customers and faults; `channels.sandbox.Sandbox` opens it with its port."""

    name: Final = "email"

    def __init__(self, retry_delays: Sequence[float] = RETRY_DELAYS) -> None:
        self.mailboxes: dict[str, Mailbox] = {}
        self.customers: dict[str, Customer] = {}
        self.files = Files()
        self.faults = Faults()
        self.closing = asyncio.Event()
        self._correspondences: dict[tuple[str, str], Correspondence] = {}
        self._retry_delays = retry_delays
        self._smtp = MailServer(self.mailboxes, self.faults, self._take)
        self.imap = ImapServer(self.mailboxes, self.faults, self._tell)

    def create_mailbox(self, address: str = "shop@skrynka.example", *, password: str = "") -> Mailbox:
        """A mailbox of the shop's; one that is known is given as it is."""
        address = address.strip().lower()
        if "@" not in address.strip("@"):
            reason = "address: such as shop@skrynka.example"
            raise ValueError(reason)
        return self.mailboxes.setdefault(address, Mailbox(address, password or secrets.token_urlsafe(12)))

    def create_customer(self, name: str, address: str, *, language: str = "") -> Customer:
        """Somebody with a mailbox of their own."""
        if not name.strip() or "@" not in address.strip("@"):
            reason = "name and address: a customer needs both"
            raise ValueError(reason)
        made = Customer(name.strip(), address.strip().lower(), language)
        return self.customers.setdefault(made.address, made)

    def smtp_url(self, mailbox: Mailbox) -> str:
        """The `smtp_url` of a channel with this mailbox."""
        return _url("smtp", mailbox, self._smtp.port)

    def imap_url(self, mailbox: Mailbox) -> str:
        """The `imap_url` of a channel with this mailbox."""
        return _url("imap", mailbox, self.imap.port)

    async def change_password(self, mailbox: Mailbox) -> None:
        """Let the password that the shop knows be wrong at both servers; whoever is signed in has to go."""
        mailbox.change_password()
        await self.imap.send_away(mailbox)

    async def take_password_back(self, mailbox: Mailbox) -> None:
        """Let the password from before hold again."""
        mailbox.take_password_back()
        self._tell(mailbox)

    def deliver_to(self, mailbox: Mailbox, url: str, secret: str) -> None:
        """What an admin does at Postmark: name the address that letters are posted to, with its password."""
        mailbox.webhook_url, mailbox.webhook_secret = url, secret
        for letters in self._of(mailbox):
            letters.connected()

    def letters(self, mailbox: Mailbox, customer: Customer) -> Correspondence:
        """A customer's letters with a mailbox of the shop's."""
        key = (mailbox.address, customer.address)
        if key not in self._correspondences:
            self._correspondences[key] = Correspondence(mailbox, customer, self.files, self._retry_delays)
        return self._correspondences[key]

    def wrote_to(self, customer: Customer) -> str:
        """The address of the mailbox that has the youngest letter of a customer's; empty where there is none."""
        theirs = [one for one in self._correspondences.values() if one.customer is customer and one.letters]
        return max(theirs, key=lambda one: one.letters[-1].date).mailbox.address if theirs else ""

    def fault(self, fault: Fault) -> None:
        """Let something go wrong with the commands to come.

        `method` is EHLO, AUTH, MAIL, RCPT or DATA of SMTP, or one of IMAP's: see `channels.email.sandbox.imap`.
        """
        self.faults.add(fault)

    def provider(self) -> web.Application:
        """The SMTP and the IMAP server; their application only opens and closes them."""
        app = web.Application()

        async def listening(_app: web.Application) -> AsyncIterator[None]:
            await self._smtp.open(HOST)
            await self.imap.open(HOST)
            yield
            await self.imap.stop()
            await self._smtp.close()

        app.cleanup_ctx.append(listening)
        return app

    def control(self) -> web.Application:
        """The same mailboxes and customers over HTTP."""
        return control(self)

    def release(self) -> None:
        """Let go of every call that hangs or waits."""
        self.closing.set()
        self.faults.close()
        self._smtp.release()

    async def close(self) -> None:
        """Stop delivering."""
        for letters in self._correspondences.values():
            await letters.close()

    def _take(self, mailbox: Mailbox, addresses: Sequence[str], content: bytes) -> None:
        """Hand out a letter of the shop's, and keep a copy of it as Gmail does."""
        mailbox.folders["Sent"].add(content, flags={"\\Seen"})
        for address in addresses:
            customer = self.customers.get(address) or self.create_customer(address.partition("@")[0], address)
            self.letters(mailbox, customer).receive(content)

    def _of(self, mailbox: Mailbox) -> list[Correspondence]:
        return [letters for letters in self._correspondences.values() if letters.mailbox is mailbox]

    def _tell(self, mailbox: Mailbox) -> None:
        """Let the pages that show a mailbox's letters know that something about it has changed."""
        for letters in self._of(mailbox):
            letters.changes.announce()


def _url(scheme: str, mailbox: Mailbox, port: int) -> str:
    return f"{scheme}://{quote(mailbox.address, safe='')}:{quote(mailbox.password, safe='')}@{HOST}:{port}"
