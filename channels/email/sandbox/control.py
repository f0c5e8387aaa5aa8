"""The sandbox's mail over HTTP: what the mailbox page does, and what a check in another process may want.

GET    mailboxes, customers                       what there is
POST   mailboxes {address?, password?}            a mailbox of the shop's; answers with its `smtp_url`
POST   mailboxes/{address}/webhook {url, secret}  where its letters are posted
POST   customers {name, address}                  a customer
GET    mailboxes/{address}/letters/{customer}     what the customer sees
GET    mailboxes/{address}/letters/{customer}/events?after=VERSION  the same, as soon as it is newer (long poll)
POST   mailboxes/{address}/letters/{customer}/{action}  what the customer does; JSON, or a form with `file`s
       write {text, subject?, answers?}, read {letter_id}, away, close, reopen
and what `channels.steering` has for every kind
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from channels.email.sandbox.state import Correspondence, Customer, Letter, Mailbox
from channels.faults import Faults
from channels.props import Files
from channels.steering import action_of, answer, application, body, news, posted_files


class World(Protocol):
    """What this talks about."""

    mailboxes: dict[str, Mailbox]
    customers: dict[str, Customer]
    files: Files
    faults: Faults
    closing: asyncio.Event

    def create_mailbox(self, address: str = ..., *, password: str = ...) -> Mailbox: ...

    def create_customer(self, name: str, address: str) -> Customer: ...

    def smtp_url(self, mailbox: Mailbox) -> str: ...

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
    "read": lambda letters, action: letters.read(action.letter_id),
    "away": lambda letters, _action: letters.be_away(),
    "close": lambda letters, _action: _set_gone(letters, gone=True),
    "reopen": lambda letters, _action: _set_gone(letters, gone=False),
}


class _Control:
    def __init__(self, world: World) -> None:
        self._world = world

    async def mailboxes(self, _request: web.Request) -> web.Response:
        return answer({"items": [self._mailbox_view(one) for one in self._world.mailboxes.values()]})

    async def add_mailbox(self, request: web.Request) -> web.Response:
        wanted = await body(request, _NewMailbox)
        made = self._world.create_mailbox(wanted.address, password=wanted.password)
        return answer(self._mailbox_view(made), status=201)

    async def connect(self, request: web.Request) -> web.Response:
        wanted = await body(request, _Webhook)
        mailbox = self._mailbox(request)
        self._world.deliver_to(mailbox, wanted.url, wanted.secret)
        return answer(self._mailbox_view(mailbox))

    async def customers(self, _request: web.Request) -> web.Response:
        return answer({"items": [_customer_view(one) for one in self._world.customers.values()]})

    async def add_customer(self, request: web.Request) -> web.Response:
        wanted = await body(request, _NewCustomer)
        return answer(_customer_view(self._world.create_customer(wanted.name, wanted.address)), status=201)

    async def letters(self, request: web.Request) -> web.Response:
        return answer(self._view(self._letters(request)))

    async def events(self, request: web.Request) -> web.Response:
        letters = self._letters(request)
        await news(request, letters.changes, self._world.closing)
        return answer(self._view(letters))

    async def act(self, request: web.Request) -> web.Response:
        letters = self._letters(request)
        action = action_of(request, _ACTIONS)
        if request.content_type == "multipart/form-data":
            text, files = await posted_files(request)
            form = await request.post()
            answers = str(form.get("answers", ""))
            wanted = _Action(
                text=text,
                files=files,
                subject=str(form.get("subject", "")),
                answers=int(answers) if answers else None,
            )
        else:
            wanted = await body(request, _Action)
        return answer({"result": action(letters, wanted), "letters": self._view(letters)})

    def _mailbox(self, request: web.Request) -> Mailbox:
        mailbox = self._world.mailboxes.get(request.match_info["address"].lower())
        if mailbox is None:
            raise web.HTTPNotFound(text="no such mailbox")
        return mailbox

    def _letters(self, request: web.Request) -> Correspondence:
        customer = self._world.customers.get(request.match_info["customer"].lower())
        if customer is None:
            raise web.HTTPNotFound(text="no such customer")
        return self._world.letters(self._mailbox(request), customer)

    def _mailbox_view(self, mailbox: Mailbox) -> dict[str, Any]:
        return {
            "address": mailbox.address,
            "smtp_url": self._world.smtp_url(mailbox),
            "webhook_url": mailbox.webhook_url,
            "last_error": mailbox.last_error,
        }

    def _view(self, letters: Correspondence) -> dict[str, Any]:
        return {
            "version": letters.changes.version,
            "customer": _customer_view(letters.customer),
            "mailbox": self._mailbox_view(letters.mailbox),
            "gone": letters.gone,
            "letters": [_letter_view(letter) for letter in letters.letters],
        }


def control(world: World) -> web.Application:
    """The routes above."""
    doors = _Control(world)
    app = application(world.faults, world.files)
    letters = "/mailboxes/{address}/letters/{customer}"
    app.router.add_get("/mailboxes", doors.mailboxes)
    app.router.add_post("/mailboxes", doors.add_mailbox)
    app.router.add_post("/mailboxes/{address}/webhook", doors.connect)
    app.router.add_get("/customers", doors.customers)
    app.router.add_post("/customers", doors.add_customer)
    app.router.add_get(letters, doors.letters)
    app.router.add_get(letters + "/events", doors.events)
    app.router.add_post(letters + "/{action}", doors.act)
    return app


def _customer_view(customer: Customer) -> dict[str, Any]:
    return {"name": customer.name, "address": customer.address}


def _letter_view(letter: Letter) -> dict[str, Any]:
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
