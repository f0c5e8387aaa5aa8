"""The sandbox's Instagram over HTTP: what the phone page does, and what a check in another process may want.

GET    accounts, customers                what there is
POST   accounts {username?, account_id?}  a new account with its app and a token
POST   customers {name, username?, tells_name?}
POST   accounts/{id}/webhook {url, verify_token}   enter the address in Meta's dashboard, which checks it
POST   accounts/{id}/change {...}         what happens to the account: see `_Change`
POST   accounts/{id}/deliver?signature=…  any bytes to the webhook; rightly signed when left out, not at all when empty
GET    accounts/{id}/chats/{customer}     what the customer sees
GET    accounts/{id}/chats/{customer}/events?after=VERSION  the same, as soon as it is newer (long poll)
POST   accounts/{id}/chats/{customer}/{action}  what the customer does; JSON, or a form with `file`s

and what channels.steering adds; a fault's `description` such as 10/2534022 is that error of Meta's.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from channels.faults import Faults
from channels.instagram.sandbox.state import JSON, Account, Chat, Customer, Message
from channels.props import Files
from channels.steering import action_of, answer, application, body, news, posted


class World(Protocol):
    """What this talks about."""

    accounts: dict[str, Account]
    customers: dict[str, Customer]
    files: Files
    faults: Faults
    closing: asyncio.Event

    def create_account(self, username: str = ..., *, account_id: str = ...) -> Account: ...

    def create_customer(self, name: str, *, username: str = ..., tells_name: bool = ...) -> Customer: ...


class _NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    username: str = "shop"
    account_id: str = ""


class _NewCustomer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    username: str = ""
    tells_name: bool = True


class _Webhook(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    verify_token: str


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    """What the account's owner or Meta does behind the shop's back; what is left out stays."""

    message_access: bool | None = None
    another_app_answers: bool | None = None
    unsubscribe: bool = False
    """Meta does that after an hour of failed deliveries."""
    revoke: bool = False
    """No token lives any longer."""
    grant: float | None = None
    """A new token, so many seconds old; `access_token` in the answer."""


class _Action(msgspec.Struct, forbid_unknown_fields=True):
    """Any action's input; each takes what it needs."""

    text: str = ""
    message_id: str = ""
    reply_to: str | None = None
    emoji: list[str] = []
    button: str = ""
    payload: str = ""
    title: str = ""
    files: list[tuple[str, str, bytes]] = []
    """(name, content type, content); content in base64 where JSON carries it."""


def _file(chat: Chat, action: _Action) -> str:
    """Send files as the app would: each by itself, what is written with them below."""
    made = ""
    for name, content_type, data in action.files:
        match content_type.partition("/")[0]:
            case "image":
                made = chat.photo(data)
            case "video":
                made = chat.video(data)
            case "audio":
                made = chat.voice(data)
            case _:
                made = chat.document(name, data, content_type=content_type)
    if not made:
        reason = "files: at least one is needed"
        raise ValueError(reason)
    return chat.text(action.text) if action.text else made


_ACTIONS: Final[Mapping[str, Callable[[Chat, _Action], Any]]] = {
    "text": lambda chat, action: chat.text(action.text, reply_to=action.reply_to or ""),
    "photo": lambda chat, action: chat.photo(
        action.files[0][2] if action.files else None, caption=action.text, reply_to=action.reply_to or ""
    ),
    "file": _file,
    "voice": lambda chat, action: chat.voice(*(data for _, _, data in action.files[:1])),
    "edit": lambda chat, action: chat.edit(action.message_id, action.text),
    "unsend": lambda chat, action: chat.unsend(action.message_id),
    "reaction": lambda chat, action: chat.react(action.message_id, *action.emoji),
    "see": lambda chat, _action: chat.see(),
    "press": lambda chat, action: chat.press(action.message_id, action.button),
    "postback": lambda chat, action: chat.postback(action.title or "Ціни", action.payload or "PRICES"),
    "story_reply": lambda chat, action: chat.story_reply(action.text or "Скільки коштує?"),
    "story_mention": lambda chat, _action: chat.story_mention(),
    "share_post": lambda chat, _action: chat.share_post(),
    "share_reel": lambda chat, _action: chat.share_reel(),
    "view_once": lambda chat, _action: chat.view_once(),
    "unsupported": lambda chat, _action: chat.unsupported(),
    "open_link": lambda chat, action: chat.open_link(action.payload or "spring_sale"),
    "from_ad": lambda chat, action: chat.from_ad(action.text or "Ще діє знижка?"),
    "comment": lambda chat, action: chat.comment(action.text, reply_to=action.reply_to or ""),
    "shop_writes": lambda chat, action: chat.shop_writes(action.text),
    "shop_unsends": lambda chat, action: chat.shop_unsends(action.message_id),
    "block": lambda chat, _action: chat.block(),
    "unblock": lambda chat, _action: chat.unblock(),
}


class _Control:
    def __init__(self, world: World) -> None:
        self._world = world

    async def accounts(self, _request: web.Request) -> web.Response:
        return answer({"items": [_account(one) for one in self._world.accounts.values()]})

    async def add_account(self, request: web.Request) -> web.Response:
        wanted = await body(request, _NewAccount)
        made = self._world.create_account(wanted.username, account_id=wanted.account_id)
        return answer(_account(made), status=201)

    async def customers(self, _request: web.Request) -> web.Response:
        return answer({"items": [_customer(one) for one in self._world.customers.values()]})

    async def add_customer(self, request: web.Request) -> web.Response:
        wanted = await body(request, _NewCustomer)
        made = self._world.create_customer(wanted.name, username=wanted.username, tells_name=wanted.tells_name)
        return answer(_customer(made), status=201)

    async def set_webhook(self, request: web.Request) -> web.Response:
        wanted = await body(request, _Webhook)
        account = self._account(request)
        verified = await account.set_webhook(wanted.url, wanted.verify_token)
        return answer({"verified": verified, "error": account.last_error}, status=200 if verified else 422)

    async def change(self, request: web.Request) -> web.Response:
        wanted, account = await body(request, _Change), self._account(request)
        if wanted.message_access is not None:
            account.message_access = wanted.message_access
        if wanted.another_app_answers is not None:
            account.another_app_answers = wanted.another_app_answers
        if wanted.unsubscribe:
            account.fields = set()
        if wanted.revoke:
            account.revoke()
        if wanted.grant is not None:
            account.grant(age=wanted.grant)
        return answer(_account(account))

    async def deliver(self, request: web.Request) -> web.Response:
        status = await self._account(request).post(await request.read(), signature=request.query.get("signature"))
        return answer({"status": status})

    async def chat(self, request: web.Request) -> web.Response:
        return answer(_view(self._chat(request)))

    async def events(self, request: web.Request) -> web.Response:
        chat = self._chat(request)
        await news(request, chat.changes, self._world.closing)
        return answer(_view(chat))

    async def act(self, request: web.Request) -> web.Response:
        chat = self._chat(request)
        action = action_of(request, _ACTIONS)
        wanted = await posted(request, _Action)
        return answer({"result": action(chat, wanted), "chat": _view(chat)})

    def _account(self, request: web.Request) -> Account:
        account = self._world.accounts.get(request.match_info["account"])
        if account is None:
            raise web.HTTPNotFound(text="no such account")
        return account

    def _chat(self, request: web.Request) -> Chat:
        customer = self._world.customers.get(request.match_info["customer"])
        if customer is None:
            raise web.HTTPNotFound(text="no such customer")
        return self._account(request).chat(customer)


def control(world: World) -> web.Application:
    """The routes above."""
    doors = _Control(world)
    app = application(world.faults, world.files)
    account = "/accounts/{account:[0-9]+}"
    chat = account + "/chats/{customer:[0-9]+}"
    app.router.add_get("/accounts", doors.accounts)
    app.router.add_post("/accounts", doors.add_account)
    app.router.add_post(account + "/webhook", doors.set_webhook)
    app.router.add_post(account + "/change", doors.change)
    app.router.add_post(account + "/deliver", doors.deliver)
    app.router.add_get("/customers", doors.customers)
    app.router.add_post("/customers", doors.add_customer)
    app.router.add_get(chat, doors.chat)
    app.router.add_get(chat + "/events", doors.events)
    app.router.add_post(chat + "/{action}", doors.act)
    return app


def _account(account: Account) -> JSON:
    return {
        "id": account.id,
        "username": account.username,
        "access_token": account.access_token,
        "app_secret": account.app_secret,
        "meta_app_secret": account.meta_app_secret,
        "webhook_url": account.webhook_url,
        "subscribed_fields": sorted(account.fields),
        "pending": len(account.pending),
        "last_error": account.last_error,
        "message_access": account.message_access,
        "another_app_answers": account.another_app_answers,
    }


def _customer(customer: Customer) -> JSON:
    return {"id": customer.id, "name": customer.name, "username": customer.username}


def _view(chat: Chat) -> JSON:
    return {
        "version": chat.changes.version,
        "customer": _customer(chat.customer),
        "account": _account(chat.account),
        "blocked": chat.blocked,
        "typing": chat.typing,
        "messages": [_message(message) for message in chat.messages],
    }


def _message(message: Message) -> JSON:
    file = message.file
    return {
        "id": message.id,
        "from_shop": message.from_shop,
        "date": message.at / 1000,
        "text": "" if message.deleted else message.text,
        "file": None
        if file is None or message.deleted
        else {
            "id": file.id,
            "type": "photo" if file.type == "image" else file.type,
            "name": file.name,
            "size": len(file.data),
        },
        "about": message.about,
        "reply_to": message.reply_to,
        "buttons": [[title] for title, _ in message.buttons],
        "comment": message.comment,
        "edited": message.edits > 0,
        "deleted": message.deleted,
        "read": message.read,
        "reactions": message.reactions,
        "delivery": message.delivery,
    }
