"""The sandbox's Viber over HTTP: what the phone page does, and what a check in another process may want.

POST   bots {name?, token?}               a new bot
POST   customers {name, language?, phone?, id?}
*      bots/{token}/chats/{customer}      a chat
POST   bots/{token}/webhook?signature=... any bytes to the bot's webhook; truly signed when left out

and what every kind has, by `channels.steering`. Message numbers are text here: a browser cannot count that far.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from channels.faults import Faults
from channels.props import Files
from channels.steering import JSON, Control, answer, body
from channels.viber.sandbox.state import Bot, Chat, Customer, Message


class World(Protocol):
    """What this talks about."""

    bots: dict[str, Bot]
    customers: dict[int, Customer]
    files: Files
    faults: Faults
    closing: asyncio.Event

    def create_bot(self, name: str = ..., *, token: str = ...) -> Bot: ...

    def create_customer(
        self, name: str, *, language: str = ..., phone: str = ..., customer_id: int | None = ...
    ) -> Customer: ...


class _NewBot(msgspec.Struct, forbid_unknown_fields=True):
    name: str = "Shop"
    token: str = ""


class _NewCustomer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    language: str = ""
    phone: str = ""
    id: int | None = None


class _Action(msgspec.Struct, forbid_unknown_fields=True):
    """Any action's input; each takes what it needs."""

    text: str = ""
    context: str = ""
    message_id: str = ""
    button: str = ""
    latitude: float = 50.4501
    longitude: float = 30.5234
    url: str = "https://skrynka.example/oak"
    phone: str = ""
    name: str = ""
    on: bool = True
    reason: str = "Media not found"
    files: list[tuple[str, str, bytes]] = []
    """(name, content type, content); content in base64 where JSON carries it."""


def _send_files(chat: Chat, action: _Action) -> str:
    """Send files as the app would: each alone, pictures as pictures, the rest as what they are."""
    numbers = []
    for name, content_type, data in action.files:
        kind, _, _ = content_type.partition("/")
        if kind == "image":
            numbers.append(chat.photo(data, caption=action.text))
        elif kind == "video":
            numbers.append(chat.video(data))
        else:
            numbers.append(chat.document(name, data, content_type=content_type))
    if not numbers:
        reason = "files: at least one is needed"
        raise ValueError(reason)
    return str(numbers[-1])


def _photo(chat: Chat, action: _Action) -> str:
    return str(chat.photo(action.files[0][2] if action.files else None, caption=action.text))


_ACTIONS: Final[Mapping[str, Callable[[Chat, _Action], Any]]] = {
    "open": lambda chat, action: chat.open(action.context),
    "subscribe": lambda chat, _action: chat.subscribe(),
    "unsubscribe": lambda chat, _action: chat.unsubscribe(),
    "text": lambda chat, action: str(chat.text(action.text)),
    "press": lambda chat, action: str(chat.press(action.button)),
    "photo": _photo,
    "files": _send_files,
    "sticker": lambda chat, _action: str(chat.sticker()),
    "contact": lambda chat, action: str(chat.contact(action.phone, action.name)),
    "location": lambda chat, action: str(chat.location(action.latitude, action.longitude)),
    "link": lambda chat, action: str(chat.link(action.url)),
    "switch": lambda chat, action: chat.switch(on=action.on),
    "read": lambda chat, _action: chat.read(),
    "fail": lambda chat, action: chat.fail(int(action.message_id), action.reason),
}


class _Control(Control[Chat, _Action]):
    def __init__(self, world: World) -> None:
        chats = "/bots/{token}/chats/{customer:[0-9]{1,18}}"
        super().__init__(world, shops="/bots", chats=chats, action=_Action, actions=_ACTIONS)
        self._world = world

    def shops(self) -> Iterable[JSON]:
        return map(_bot, self._world.bots.values())

    async def new_shop(self, request: web.Request) -> JSON:
        wanted = await body(request, _NewBot)
        return _bot(self._world.create_bot(wanted.name, token=wanted.token))

    def customers(self) -> Iterable[JSON]:
        return map(_customer, self._world.customers.values())

    async def new_customer(self, request: web.Request) -> JSON:
        wanted = await body(request, _NewCustomer)
        made = self._world.create_customer(
            wanted.name, language=wanted.language, phone=wanted.phone, customer_id=wanted.id
        )
        return _customer(made)

    def view(self, chat: Chat) -> JSON:
        return _view(chat)

    async def webhook(self, request: web.Request) -> web.Response:
        status, said = await self._bot(request).post(await request.read(), signature=request.query.get("signature"))
        return answer({"status": status, "body": said.decode(errors="replace")})

    def _bot(self, request: web.Request) -> Bot:
        bot = self._world.bots.get(request.match_info["token"])
        if bot is None:
            raise web.HTTPNotFound(text="no such bot")
        return bot

    def chat(self, request: web.Request) -> Chat:
        customer = self._world.customers.get(int(request.match_info["customer"]))
        if customer is None:
            raise web.HTTPNotFound(text="no such customer")
        return self._bot(request).chat(customer)


def control(world: World) -> web.Application:
    """The routes above."""
    doors = _Control(world)
    app = doors.application()
    app.router.add_post("/bots/{token}/webhook", doors.webhook)
    return app


def _bot(bot: Bot) -> JSON:
    return {
        "token": bot.token,
        "name": bot.name,
        "webhook_url": bot.webhook.url,
        "event_types": sorted(bot.webhook.events),
        "pending": bot.pending(),
        "last_error": bot.webhook.last_error,
    }


def _customer(customer: Customer) -> JSON:
    return {
        "id": customer.id,
        "name": customer.name,
        "language": customer.language,
        "phone": customer.phone,
    }


def _view(chat: Chat) -> JSON:
    return {
        "version": chat.changes.version,
        "customer": _customer(chat.customer),
        "bot": _bot(chat.bot),
        "user_id": chat.user_id,
        "subscribed": chat.subscribed,
        "phone_on": chat.phone_on,
        "keyboard": [text for text, _ in chat.keyboard()],
        "messages": [_message(message) for message in chat.messages],
    }


def _message(message: Message) -> JSON:
    content, file = message.content, message.file
    return {
        "id": str(message.id),
        "from_shop": message.from_shop,
        "date": message.date,
        "type": message.type,
        "text": message.text,
        "link": content.get("media", "") if message.type == "url" else "",
        "file": None if file is None else {"id": file.id, "type": file.type, "name": file.name, "size": len(file.data)},
        "location": content.get("location"),
        "contact": content.get("contact"),
        "delivery": message.delivery,
    }
