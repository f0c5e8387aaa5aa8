"""The sandbox's mail over HTTP: what the mailbox page does, and what a check in another process may want.

POST   mailboxes {address?, password?}            a mailbox of the shop's; answers with its `smtp_url` and `imap_url`
POST   mailboxes/{address}/webhook {url, secret}  where its letters are posted
POST   mailboxes/{address}/server/{action}        what happens to it at the mail server: cut (its IMAP connections),
       renumber (UIDVALIDITY), change_password, take_password_back; stop, start (IMAP of every mailbox)
POST   customers {name, address}                  a customer
*      mailboxes/{address}/letters/{customer}     a chat, whose actions are
       write {text, subject?, answers?}, read {letter_id}, away, close, reopen,
       shop_writes {text, subject?, answers?} (from a mail program, past the inbox)

and what every kind has, by `channels.steering`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from channels.email.sandbox.imap import ImapServer
from channels.email.sandbox.state import Correspondence, Customer, Letter, Mailbox
from channels.faults import Faults
from channels.props import Files
from channels.steering import JSON, Control, answer, body


class World(Protocol):
    """What this talks about."""

    mailboxes: dict[str, Mailbox]
    customers: dict[str, Customer]
    files: Files
    faults: Faults
    closing: asyncio.Event
    imap: ImapServer

    def create_mailbox(self, address: str = ..., *, password: str = ...) -> Mailbox: ...

    def create_customer(self, name: str, address: str) -> Customer: ...

    def smtp_url(self, mailbox: Mailbox) -> str: ...

    def imap_url(self, mailbox: Mailbox) -> str: ...

    async def change_password(self, mailbox: Mailbox) -> None: ...

    async def take_password_back(self, mailbox: Mailbox) -> None: ...

    def wrote_to(self, customer: Customer) -> str: ...

    def deliver_to(self, mailbox: Mailbox, url: str, secret: str) -> None: ...

    def letters(self, mailbox: Mailbox, customer: Customer) -> Correspondence: ...


class _NewMailbox(msgspec.Struct, forbid_unknown_fields=True):
    address: str = "shop@skrynka.example"
    password: str = ""


class _Webhook(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    secret: str


class _NewCustomer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    address: str


class _Action(msgspec.Struct, forbid_unknown_fields=True):
    text: str = ""
    subject: str = ""
    answers: int | None = None
    letter_id: int = 0
    files: list[tuple[str, str, bytes]] = []
    """(name, content type, content); content in base64 where JSON carries it."""


def _set_gone(letters: Correspondence, *, gone: bool) -> None:
    letters.gone = gone
    letters.changes.announce()


_ACTIONS: Final[Mapping[str, Callable[[Correspondence, _Action], Any]]] = {
    "write": lambda letters, action: letters.write(
        action.text, subject=action.subject, files=action.files, answers=action.answers
    ),
    "shop_writes": lambda letters, action: letters.shop_writes(
        action.text, subject=action.subject, answers=action.answers
    ),
    "read": lambda letters, action: letters.read(action.letter_id),
    "away": lambda letters, _action: letters.be_away(),
    "close": lambda letters, _action: _set_gone(letters, gone=True),
    "reopen": lambda letters, _action: _set_gone(letters, gone=False),
}


_AT_THE_SERVER: Final[Mapping[str, Callable[[World, Mailbox], Awaitable[None]]]] = {
    "cut": lambda world, mailbox: world.imap.cut(mailbox),
    "renumber": lambda world, mailbox: world.imap.renumber(mailbox),
    "change_password": lambda world, mailbox: world.change_password(mailbox),
    "take_password_back": lambda world, mailbox: world.take_password_back(mailbox),
    "stop": lambda world, _mailbox: world.imap.stop(),
    "start": lambda world, _mailbox: world.imap.start(),
}


class _Control(Control[Correspondence, _Action]):
    def __init__(self, world: World) -> None:
        chats = "/mailboxes/{address}/letters/{customer}"
        super().__init__(world, shops="/mailboxes", chats=chats, action=_Action, actions=_ACTIONS)
        self._world = world

    def shops(self) -> Iterable[JSON]:
        return map(self._mailbox_view, self._world.mailboxes.values())

    async def new_shop(self, request: web.Request) -> JSON:
        wanted = await body(request, _NewMailbox)
        return self._mailbox_view(self._world.create_mailbox(wanted.address, password=wanted.password))

    async def connect(self, request: web.Request) -> web.Response:
        wanted = await body(request, _Webhook)
        mailbox = self._mailbox(request)
        self._world.deliver_to(mailbox, wanted.url, wanted.secret)
        return answer(self._mailbox_view(mailbox))

    async def at_the_server(self, request: web.Request) -> web.Response:
        mailbox = self._mailbox(request)
        action = _AT_THE_SERVER.get(request.match_info["action"])
        if action is None:
            raise web.HTTPNotFound(text=f"actions: {', '.join(_AT_THE_SERVER)}")
        await action(self._world, mailbox)
        return answer(self._mailbox_view(mailbox))

    def customers(self) -> Iterable[JSON]:
        return map(self._customer_view, self._world.customers.values())

    async def new_customer(self, request: web.Request) -> JSON:
        wanted = await body(request, _NewCustomer)
        return self._customer_view(self._world.create_customer(wanted.name, wanted.address))

    def _mailbox(self, request: web.Request) -> Mailbox:
        mailbox = self._world.mailboxes.get(request.match_info["address"].lower())
        if mailbox is None:
            raise web.HTTPNotFound(text="no such mailbox")
        return mailbox

    def chat(self, request: web.Request) -> Correspondence:
        customer = self._world.customers.get(request.match_info["customer"].lower())
        if customer is None:
            raise web.HTTPNotFound(text="no such customer")
        return self._world.letters(self._mailbox(request), customer)

    def _customer_view(self, customer: Customer) -> JSON:
        return {"name": customer.name, "address": customer.address, "wrote_to": self._world.wrote_to(customer)}

    def _mailbox_view(self, mailbox: Mailbox) -> JSON:
        return {
            "address": mailbox.address,
            "smtp_url": self._world.smtp_url(mailbox),
            "imap_url": self._world.imap_url(mailbox),
            "imap_running": self._world.imap.running,
            "readers": self._world.imap.connections(mailbox),
            "password_changed": bool(mailbox.former_password),
            "webhook_url": mailbox.webhook_url,
            "last_error": mailbox.last_error,
        }

    def view(self, chat: Correspondence) -> JSON:
        return {
            "version": chat.changes.version,
            "customer": self._customer_view(chat.customer),
            "mailbox": self._mailbox_view(chat.mailbox),
            "gone": chat.gone,
            "letters": [_letter_view(letter) for letter in chat.letters],
        }


def control(world: World) -> web.Application:
    """The routes above."""
    doors = _Control(world)
    app = doors.application()
    app.router.add_post("/mailboxes/{address}/webhook", doors.connect)
    app.router.add_post("/mailboxes/{address}/server/{action}", doors.at_the_server)
    return app


def _letter_view(letter: Letter) -> JSON:
    return {
        "id": letter.id,
        "message_id": letter.message_id,
        "from_shop": letter.from_shop,
        "date": letter.date,
        "subject": letter.subject,
        "text": letter.text,
        "files": [
            {"id": file.id, "name": file.name, "content_type": file.content_type, "size": len(file.data)}
            for file in letter.files
        ],
        "answers": letter.answers,
        "automatic": letter.automatic,
        "delivery": letter.delivery,
    }
