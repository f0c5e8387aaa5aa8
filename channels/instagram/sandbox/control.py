"""The sandbox's Instagram over HTTP: what the phone page does, and what a check in another process may want.

POST   accounts {username?, account_id?}  a new account with its app and a token
POST   customers {name, username?, tells_name?}
POST   accounts/{id}/webhook {url, verify_token}   enter the address in Meta's dashboard, which checks it
POST   accounts/{id}/change {...}         what happens to the account: see `_Change`
POST   accounts/{id}/deliver?signature=…  any bytes to the webhook; rightly signed when left out, not at all when empty
*      accounts/{id}/chats/{customer}     a chat

and what every kind has, by `channels.steering`; a fault's `description` such as 10/2534022 is that error of Meta's.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from channels.faults import Faults
from channels.instagram.sandbox.state import Account, Chat, Customer, Message
from channels.props import Files
from channels.steering import JSON, Control, answer, body

_ACCOUNT: Final = "/accounts/{account:[0-9]+}"


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


class _Control(Control[Chat, _Action]):
    def __init__(self, world: World) -> None:
        chats = f"{_ACCOUNT}/chats/{{customer:[0-9]+}}"
        super().__init__(world, shops="/accounts", chats=chats, action=_Action, actions=_ACTIONS)
        self._world = world

    def shops(self) -> Iterable[JSON]:
        return map(_account, self._world.accounts.values())

    async def new_shop(self, request: web.Request) -> JSON:
        wanted = await body(request, _NewAccount)
        return _account(self._world.create_account(wanted.username, account_id=wanted.account_id))

    def customers(self) -> Iterable[JSON]:
        return map(_customer, self._world.customers.values())

    async def new_customer(self, request: web.Request) -> JSON:
        wanted = await body(request, _NewCustomer)
        return _customer(
            self._world.create_customer(wanted.name, username=wanted.username, tells_name=wanted.tells_name)
        )

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

    def view(self, chat: Chat) -> JSON:
        return _view(chat)

    def _account(self, request: web.Request) -> Account:
        account = self._world.accounts.get(request.match_info["account"])
        if account is None:
            raise web.HTTPNotFound(text="no such account")
        return account

    def chat(self, request: web.Request) -> Chat:
        customer = self._world.customers.get(request.match_info["customer"])
        if customer is None:
            raise web.HTTPNotFound(text="no such customer")
        return self._account(request).chat(customer)


def control(world: World) -> web.Application:
    """The routes above."""
    doors = _Control(world)
    app = doors.application()
    app.router.add_post(f"{_ACCOUNT}/webhook", doors.set_webhook)
    app.router.add_post(f"{_ACCOUNT}/change", doors.change)
    app.router.add_post(f"{_ACCOUNT}/deliver", doors.deliver)
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
