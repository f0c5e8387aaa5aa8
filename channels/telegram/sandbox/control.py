"""The sandbox's Telegram over HTTP: what the phone page does, and what a check in another process may want.

GET    bots, customers                    what there is
POST   bots {username?, token?}           a new bot
POST   bots/{token}/business {name}       a business account that the bot answers for; from then on it is listed as one
                                          more bot, whose token is the connection's id
POST   customers {name, username?, language?, phone?, id?}
GET    bots/{token}/chats/{customer}      what the customer sees
GET    bots/{token}/chats/{customer}/events?after=VERSION  the same, as soon as it is newer (long poll)
POST   bots/{token}/chats/{customer}/{action}  what the customer does; JSON, or a form with `file`s
POST   bots/{token}/webhook?secret=...    any bytes to the bot's webhook; the right secret when left out

and what channels.steering adds.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Protocol

import msgspec
from aiohttp import web

from channels.faults import Faults
from channels.props import Files
from channels.steering import action_of, answer, application, body, news, posted
from channels.telegram.sandbox.state import JSON, Bot, Business, Chat, Customer, Message


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


class _Control:
    def __init__(self, world: World) -> None:
        self._world = world

    async def bots(self, _request: web.Request) -> web.Response:
        bots = self._world.bots.values()
        return answer({"items": [_bot(bot, one) for bot in bots for one in (None, *bot.businesses.values())]})

    async def add_bot(self, request: web.Request) -> web.Response:
        wanted = await body(request, _NewBot)
        return answer(_bot(self._world.create_bot(wanted.username, token=wanted.token), None), status=201)

    async def add_business(self, request: web.Request) -> web.Response:
        bot, _ = self._bot(request)
        wanted = await body(request, _NewBusiness)
        owner = Customer(id=4_000_000_000 + secrets.randbelow(10**9), name=wanted.name)  # Without a phone of their own.
        return answer(_bot(bot, bot.create_business(owner)), status=201)

    async def customers(self, _request: web.Request) -> web.Response:
        return answer({"items": [_customer(one) for one in self._world.customers.values()]})

    async def add_customer(self, request: web.Request) -> web.Response:
        wanted = await body(request, _NewCustomer)
        made = self._world.create_customer(
            wanted.name,
            username=wanted.username,
            language=wanted.language,
            phone=wanted.phone,
            customer_id=wanted.id,
        )
        return answer(_customer(made), status=201)

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

    def _chat(self, request: web.Request) -> Chat:
        customer = self._world.customers.get(int(request.match_info["customer"]))
        if customer is None:
            raise web.HTTPNotFound(text="no such customer")
        bot, business = self._bot(request)
        return bot.business_chat(business, customer) if business else bot.chat(customer)


def control(world: World) -> web.Application:
    """The routes above."""
    doors = _Control(world)
    app = application(world.faults, world.files)
    chat = "/bots/{token}/chats/{customer:[0-9]{1,18}}"
    app.router.add_get("/bots", doors.bots)
    app.router.add_post("/bots", doors.add_bot)
    app.router.add_post("/bots/{token}/business", doors.add_business)
    app.router.add_post("/bots/{token}/webhook", doors.webhook)
    app.router.add_get("/customers", doors.customers)
    app.router.add_post("/customers", doors.add_customer)
    app.router.add_get(chat, doors.chat)
    app.router.add_get(chat + "/events", doors.events)
    app.router.add_post(chat + "/{action}", doors.act)
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
