"""The sandbox's Telegram over HTTP: what the phone page does, and what a check in another process may want.

POST   bots {username?, token?}           a new bot
POST   bots/{token}/business {name}       a business account that the bot answers for; from then on it is listed as one
                                          more bot, whose token is the connection's id
POST   customers {name, username?, language?, phone?, id?}
*      bots/{token}/chats/{customer}      a chat
POST   bots/{token}/webhook?secret=...    any bytes to the bot's webhook; the right secret when left out

and what every kind has, by `channels.steering`.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, Protocol

import msgspec
from aiohttp import web

from channels.faults import Faults
from channels.props import Files
from channels.steering import JSON, Control, answer, body
from channels.telegram.sandbox.state import Bot, Business, Chat, Customer, Message


class World(Protocol):
    """What this talks about."""

    bots: dict[str, Bot]
    customers: dict[int, Customer]
    files: Files
    faults: Faults
    closing: asyncio.Event

    def create_bot(self, username: str = ..., *, token: str = ...) -> Bot: ...

    def create_customer(
        self, name: str, *, username: str = ..., language: str = ..., phone: str = ..., customer_id: int | None = ...
    ) -> Customer: ...


class _NewBot(msgspec.Struct, forbid_unknown_fields=True):
    username: str = "shop_bot"
    token: str = ""


class _NewBusiness(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1)]


class _NewCustomer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    username: str = ""
    language: str = ""
    phone: str = ""
    id: int | None = None


class _Action(msgspec.Struct, forbid_unknown_fields=True):
    """Any action's input; each takes what it needs."""

    text: str = ""
    payload: str = ""
    message_id: int = 0
    reply_to: int | None = None
    emoji: list[str] = []
    button: str = ""
    latitude: float = 50.4501
    longitude: float = 30.5234
    title: str = ""
    address: str = ""
    phone: str = ""
    name: str = ""
    own: bool = True
    count: int = 2
    files: list[tuple[str, str, bytes]] = []
    """(name, content type, content); content in base64 where JSON carries it."""


def _file(chat: Chat, action: _Action) -> int:
    """Send files as the app would: pictures as photos, the rest as what they are."""
    numbers = []
    for name, content_type, data in action.files:
        kind, _, _ = content_type.partition("/")
        if kind == "image":
            numbers.append(chat.photo(data, caption=action.text))
        elif kind == "video":
            numbers.append(chat.video(data, caption=action.text))
        else:
            numbers.append(chat.document(name, data, content_type=content_type, caption=action.text))
    if not numbers:
        reason = "files: at least one is needed"
        raise ValueError(reason)
    return numbers[-1]


def _photos(action: _Action) -> list[bytes | None]:
    given: list[bytes | None] = [data for _, _, data in action.files]
    return given or [None] * min(max(action.count, 2), 10)


_ACTIONS: Final[Mapping[str, Callable[[Chat, _Action], Any]]] = {
    "start": lambda chat, action: chat.start(action.payload),
    "text": lambda chat, action: chat.text(action.text, reply_to=action.reply_to),
    "owner": lambda chat, action: chat.owner_text(action.text, reply_to=action.reply_to),
    "edit": lambda chat, action: chat.edit(action.message_id, action.text),
    "replace": lambda chat, action: chat.replace(
        action.message_id, *(data for _, _, data in action.files[:1]), caption=action.text or None
    ),
    "delete": lambda chat, action: chat.delete(action.message_id),
    "photo": lambda chat, action: chat.photo(
        action.files[0][2] if action.files else None, caption=action.text, reply_to=action.reply_to
    ),
    "album": lambda chat, action: chat.album(_photos(action), caption=action.text),
    "document": _file,
    "voice": lambda chat, action: chat.voice(*(data for _, _, data in action.files[:1])),
    "video": lambda chat, action: chat.video(*(data for _, _, data in action.files[:1]), caption=action.text),
    "sticker": lambda chat, action: chat.sticker("".join(action.emoji[:1]) or "🎉"),
    "location": lambda chat, action: chat.location(
        action.latitude, action.longitude, title=action.title, address=action.address
    ),
    "contact": lambda chat, action: chat.contact(action.phone, action.name, own=action.own),
    "reaction": lambda chat, action: chat.react(action.message_id, *action.emoji),
    "press": lambda chat, action: chat.press(action.message_id, action.button),
    "block": lambda chat, _action: chat.block(),
    "unblock": lambda chat, _action: chat.unblock(),
}


class _Control(Control[Chat, _Action]):
    def __init__(self, world: World) -> None:
        chats = "/bots/{token}/chats/{customer:[0-9]{1,18}}"
        super().__init__(world, shops="/bots", chats=chats, action=_Action, actions=_ACTIONS)
        self._world = world

    def shops(self) -> Iterable[JSON]:
        bots = self._world.bots.values()
        return (_bot(bot, one) for bot in bots for one in (None, *bot.businesses.values()))

    async def new_shop(self, request: web.Request) -> JSON:
        wanted = await body(request, _NewBot)
        return _bot(self._world.create_bot(wanted.username, token=wanted.token), None)

    async def add_business(self, request: web.Request) -> web.Response:
        bot, _ = self._bot(request)
        wanted = await body(request, _NewBusiness)
        owner = Customer(id=4_000_000_000 + secrets.randbelow(10**9), name=wanted.name)  # Without a phone of their own.
        return answer(_bot(bot, bot.create_business(owner)), status=201)

    def customers(self) -> Iterable[JSON]:
        return map(_customer, self._world.customers.values())

    async def new_customer(self, request: web.Request) -> JSON:
        wanted = await body(request, _NewCustomer)
        made = self._world.create_customer(
            wanted.name,
            username=wanted.username,
            language=wanted.language,
            phone=wanted.phone,
            customer_id=wanted.id,
        )
        return _customer(made)

    def view(self, chat: Chat) -> JSON:
        return _view(chat)

    async def webhook(self, request: web.Request) -> web.Response:
        bot, _ = self._bot(request)
        status = await bot.post(await request.read(), secret=request.query.get("secret"))
        return answer({"status": status})

    def _bot(self, request: web.Request) -> tuple[Bot, Business | None]:
        token = request.match_info["token"]
        for bot in self._world.bots.values():
            if token == bot.token or token in bot.businesses:
                return bot, bot.businesses.get(token)
        raise web.HTTPNotFound(text="no such bot")

    def chat(self, request: web.Request) -> Chat:
        customer = self._world.customers.get(int(request.match_info["customer"]))
        if customer is None:
            raise web.HTTPNotFound(text="no such customer")
        bot, business = self._bot(request)
        return bot.business_chat(business, customer) if business else bot.chat(customer)


def control(world: World) -> web.Application:
    """The routes above."""
    doors = _Control(world)
    app = doors.application()
    app.router.add_post("/bots/{token}/business", doors.add_business)
    app.router.add_post("/bots/{token}/webhook", doors.webhook)
    return app


def _bot(bot: Bot, business: Business | None) -> JSON:
    return {
        "token": business.id if business else bot.token,
        "id": bot.id,
        "username": business.owner.name if business else bot.username,
        "business": business is not None,
        "webhook_url": bot.webhook.url,
        "pending_updates": bot.pending_updates(),
        "last_error": bot.webhook.last_error_message,
    }


def _customer(customer: Customer) -> JSON:
    return {
        "id": customer.id,
        "name": customer.name,
        "username": customer.username,
        "language": customer.language,
        "phone": customer.phone,
    }


def _view(chat: Chat) -> JSON:
    return {
        "version": chat.changes.version,
        "customer": _customer(chat.customer),
        "bot": _bot(chat.bot, chat.business),
        "blocked": chat.blocked,
        "typing": chat.typing,
        "messages": [_message(message) for message in chat.messages],
    }


def _message(message: Message) -> JSON:
    content = message.content
    file = message.file
    return {
        "id": message.id,
        "from_shop": message.from_shop,
        "date": message.date,
        "text": "" if message.deleted else message.text,
        "file": None
        if file is None or message.deleted
        else {"id": file.id, "type": file.type, "name": file.name, "size": len(file.data)},
        "emoji": content.get("sticker", {}).get("emoji", ""),
        "location": content.get("venue") or content.get("location"),
        "contact": content.get("contact"),
        "album": message.album,
        "reply_to": message.reply_to,
        "buttons": [[button.get("text", "") for button in row] for row in message.keyboard],
        "edited": message.edit_date is not None,
        "deleted": message.deleted,
        "reactions": message.reactions,
        "delivery": message.delivery,
    }
