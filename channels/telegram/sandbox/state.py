"""What Telegram's side knows: bots, customers, their chats, files, and the updates that wait to be delivered.

Everything is in memory and bounded; the oldest files are forgotten first.
"""

import asyncio
import itertools
import json
import secrets
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar

from aiohttp import ClientError, ClientSession, ClientTimeout

from channels.props import Changes, File, Files, image_size, sample_photo, sample_voice

JSON = dict[str, Any]
T = TypeVar("T")

MESSAGES_MAX: Final = 2000
PENDING_MAX: Final = 10_000
ANSWER_SECONDS: Final = 60.0
DEFAULT_UPDATES: Final = frozenset(
    {
        "message",
        "edited_message",
        "callback_query",
        "my_chat_member",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
        "business_connection",
    }
)
"""What comes unless `allowed_updates` says otherwise: everything but reactions and other members' changes."""


@dataclass(eq=False)
class Customer:
    """Somebody with Telegram on their phone."""

    id: int
    name: str
    username: str = ""
    language: str = ""
    phone: str = ""
    portrait: File | None = None
    """Their picture, for those to whom it is shown."""

    def as_user(self) -> JSON:
        return _without_empty(
            {
                "id": self.id,
                "is_bot": False,
                **self._names(),
                "username": self.username,
                "language_code": self.language,
            }
        )

    def as_chat(self) -> JSON:
        return _without_empty({"id": self.id, "type": "private", **self._names(), "username": self.username})

    def _names(self) -> JSON:
        first, _, last = self.name.partition(" ")
        return {"first_name": first, "last_name": last}


@dataclass
class Business:
    """Somebody's consent that the bot may answer for their own account."""

    id: str
    owner: Customer
    enabled: bool = True
    can_reply: bool = True
    since: float = field(default_factory=time.time)


@dataclass
class Message:
    """One message of a chat. `content` is what is special to it, as the Bot API writes it."""

    id: int
    from_shop: bool
    date: int
    content: JSON
    file: File | None = None
    reply_to: int | None = None
    album: str = ""
    keyboard: list[list[JSON]] = field(default_factory=list)
    edit_date: int | None = None
    deleted: bool = False
    reactions: list[str] = field(default_factory=list)
    by_bot: bool = False
    """Of a business account's message: whether the bot sent it, not the owner."""
    delivery: str = "delivered"
    """Of a customer's message: `pending` until the webhook took it, `failing` while it refuses."""

    @property
    def text(self) -> str:
        return str(self.content.get("text") or self.content.get("caption") or "")


@dataclass
class _Pending:
    body: bytes
    message: Message | None


class Chat:
    """One customer's private chat with one bot: what the customer does on the phone, and what they see there.

    With a `business` it is the customer's chat with that account's owner, which the bot reads and answers.
    """

    def __init__(self, bot: "Bot", customer: Customer, business: Business | None = None) -> None:
        self.bot = bot
        self.customer = customer
        self.business = business
        self.messages: list[Message] = []
        self.blocked = False
        self.typing_until = 0.0
        self.clock: Callable[[], float] = time.time
        """What dates the messages of both sides; set back, it lets a chat have a past."""
        self.changes = Changes()
        self.pending: deque[_Pending] = deque(maxlen=PENDING_MAX)
        self._ids = itertools.count(1)
        self._courier: asyncio.Task[None] | None = None

    # What the customer does. Each returns the message's number in this chat.

    def start(self, payload: str = "") -> int:
        """Open the bot by its link, as `t.me/bot?start=payload` does."""
        return self.text(f"/start {payload}".strip())

    def text(self, text: str, *, reply_to: int | None = None) -> int:
        return self._say({"text": text}, reply_to=reply_to)

    def edit(self, message_id: int, text: str) -> None:
        """Change a text or a caption of the customer's own."""
        message = self.message(message_id)
        message.content["text" if "text" in message.content else "caption"] = text
        message.edit_date = int(self.clock())
        self._update(f"edited_{self._kind}", self.as_json(message), None)

    def replace(self, message_id: int, data: bytes | None = None, *, caption: str | None = None) -> None:
        """Put another photo in place of a message's, under another caption where one is given."""
        message = self.message(message_id)
        if "photo" not in message.content:
            reason = f"message {message_id} has no photo"
            raise LookupError(reason)
        words = message.text if caption is None else caption
        message.file = self.bot.files.add("photo", "", "image/png", data or sample_photo(message_id))
        message.content = file_content(message.file) | ({"caption": words} if words else {})
        message.edit_date = int(self.clock())
        self._update(f"edited_{self._kind}", self.as_json(message), None)

    def delete(self, *message_ids: int) -> None:
        """Delete messages for both sides; Telegram tells only a business account's bot."""
        for message_id in message_ids:
            self.message(message_id).deleted = True
        if self.business is not None:
            deleted = {"business_connection_id": self.business.id, "chat": self.customer.as_chat()}
            self._update("deleted_business_messages", deleted | {"message_ids": list(message_ids)}, None)
        self.changes.announce()

    def photo(self, data: bytes | None = None, *, caption: str = "", reply_to: int | None = None) -> int:
        return self._send_file("photo", "", "image/png", data or sample_photo(), caption, reply_to=reply_to)

    def album(self, photos: Sequence[bytes | None], *, caption: str = "") -> list[int]:
        """Several photos under one caption; Telegram makes an update of each."""
        album = secrets.token_hex(8)
        return [
            self._send_file(
                "photo", "", "image/png", data or sample_photo(number), caption if number == 0 else "", album=album
            )
            for number, data in enumerate(photos)
        ]

    def document(
        self, name: str, data: bytes, *, content_type: str = "application/octet-stream", caption: str = ""
    ) -> int:
        return self._send_file("document", name, content_type, data, caption)

    def voice(self, data: bytes | None = None, *, duration: int = 3) -> int:
        return self._send_file("voice", "", "audio/ogg", data or sample_voice(duration), duration=duration)

    def video(self, data: bytes = b"\0\0\0\x18ftypmp42", *, caption: str = "", duration: int = 1) -> int:
        return self._send_file("video", "video.mp4", "video/mp4", data, caption, duration=duration)

    def sticker(self, emoji: str = "🎉", data: bytes = b"RIFF") -> int:
        return self._send_file("sticker", "", "image/webp", data, emoji=emoji)

    def location(self, latitude: float, longitude: float, *, title: str = "", address: str = "") -> int:
        """A place; with a title it is a venue."""
        spot = {"latitude": latitude, "longitude": longitude}
        venue = {"venue": {"location": spot, "title": title, "address": address}} if title else {}
        return self._say({"location": spot, **venue})

    def contact(self, phone: str = "", name: str = "", *, own: bool = True) -> int:
        """Share a phone: the customer's own, or somebody's from the address book."""
        first, _, last = (self.customer.name if own else name).partition(" ")
        shared: JSON = {"phone_number": phone or self.customer.phone, "first_name": first, "last_name": last}
        return self._say({"contact": _without_empty(shared | ({"user_id": self.customer.id} if own else {}))})

    def react(self, message_id: int, *emoji: str) -> None:
        """Put exactly these reactions under a message; none takes them back."""
        message = self.message(message_id)
        old, message.reactions = message.reactions, list(emoji)
        if self.business is not None:
            self.changes.announce()
            return  # Updates of reactions do not say over which account, and none come for those.
        self._update(
            "message_reaction",
            {
                "chat": self.customer.as_chat(),
                "message_id": message_id,
                "user": self.customer.as_user(),
                "date": int(self.clock()),
                "old_reaction": [{"type": "emoji", "emoji": one} for one in old],
                "new_reaction": [{"type": "emoji", "emoji": one} for one in message.reactions],
            },
            None,
        )

    def press(self, message_id: int, button: str) -> str:
        """Press the button with this title or data under a message; returns the query's id."""
        message = self.message(message_id)
        found = [
            one for row in message.keyboard for one in row if button in {one.get("text"), one.get("callback_data")}
        ]
        if not found:
            reason = f"message {message_id} has no button {button!r}"
            raise LookupError(reason)
        query = str(secrets.randbits(62))
        self.bot.queries[query] = self
        self._update(
            "callback_query",
            {
                "id": query,
                "from": self.customer.as_user(),
                "message": self.as_json(message),
                "chat_instance": str(self.customer.id),
                "data": found[0].get("callback_data", ""),
            },
            None,
        )
        return query

    def block(self) -> None:
        self._membership("member", "kicked")

    def unblock(self) -> None:
        self._membership("kicked", "member")

    # What the owner of a business account does.

    def owner_text(self, text: str, *, reply_to: int | None = None) -> int:
        """Write to the customer from the owner's own phone."""
        if self.business is None:
            reason = "only a business account has an owner"
            raise ValueError(reason)
        return self._say({"text": text}, reply_to=reply_to, from_shop=True)

    # What the customer sees.

    def seen(self) -> list[Message]:
        """The shop's messages that are still there, oldest first."""
        return [message for message in self.messages if message.from_shop and not message.deleted]

    def texts(self) -> list[str]:
        """What those say."""
        return [message.text for message in self.seen()]

    @property
    def typing(self) -> bool:
        return self.typing_until > time.monotonic()

    @property
    def user_id(self) -> str:
        """The customer as the bot knows them."""
        return str(self.customer.id)

    def external_id(self, message: Message) -> str:
        """What the shop calls a message: Telegram numbers them by chat."""
        return f"{self.customer.id}:{message.id}"

    def message(self, message_id: int) -> Message:
        for message in self.messages:
            if message.id == message_id and not message.deleted:
                return message
        reason = f"no message {message_id} in the chat with {self.customer.name}"
        raise LookupError(reason)

    async def until(self, condition: "Callable[[Chat], T]", *, seconds: float = 10.0) -> T:
        """Wait until `condition` holds of this chat; returns what it returned."""
        async with asyncio.timeout(seconds):
            while not (found := condition(self)):
                await self.changes.after(self.changes.version)
        return found

    # What Telegram's servers do.

    def as_json(self, message: Message) -> JSON:
        """A Message object of the Bot API."""
        result: JSON = {
            "message_id": message.id,
            "from": self._sender(message),
            "chat": self.customer.as_chat(),
            "date": message.date,
            **message.content,
        }
        if self.business is not None:
            result["business_connection_id"] = self.business.id
            if message.by_bot:
                result["sender_business_bot"] = self.bot.as_user()
        if message.edit_date:
            result["edit_date"] = message.edit_date
        if message.album:
            result["media_group_id"] = message.album
        if message.keyboard:
            result["reply_markup"] = {"inline_keyboard": message.keyboard}
        if message.reply_to is not None:
            quoted = next((one for one in self.messages if one.id == message.reply_to), None)
            if quoted is not None:
                result["reply_to_message"] = {
                    key: value for key, value in self.as_json(quoted).items() if key != "reply_to_message"
                }
        return result

    def add(self, message: Message) -> Message:
        """Show a message; a business account's bot is told of what it sent, as of what the owner writes."""
        self.messages.append(message)
        del self.messages[:-MESSAGES_MAX]
        if message.by_bot:
            self._update(self._kind, self.as_json(message), None)
        self.changes.announce()
        return message

    def next_id(self) -> int:
        return next(self._ids)

    def resume(self) -> None:
        """Deliver what waits, unless somebody already does."""
        if self.pending and self.bot.webhook.url and (self._courier is None or self._courier.done()):
            self._courier = asyncio.create_task(self._deliver())

    async def stop(self) -> None:
        if self._courier is not None:
            self._courier.cancel()
            await asyncio.wait([self._courier])

    @property
    def _kind(self) -> str:
        return "message" if self.business is None else "business_message"

    def _sender(self, message: Message) -> JSON:
        if not message.from_shop:
            return self.customer.as_user()
        return self.bot.as_user() if self.business is None else self.business.owner.as_user()

    def _say(
        self,
        content: JSON,
        *,
        file: File | None = None,
        reply_to: int | None = None,
        album: str = "",
        from_shop: bool = False,
    ) -> int:
        if self.blocked:
            self.unblock()
        message = Message(
            id=self.next_id(),
            from_shop=from_shop,
            date=int(self.clock()),
            content=content,
            file=file,
            reply_to=reply_to,
            album=album,
            delivery="pending",
        )
        self.add(message)
        self._update(self._kind, self.as_json(message), message)
        return message.id

    def _send_file(
        self,
        kind: str,
        name: str,
        content_type: str,
        data: bytes,
        caption: str = "",
        *,
        reply_to: int | None = None,
        album: str = "",
        **details: Any,
    ) -> int:
        file = self.bot.files.add(kind, name, content_type, data)
        content = file_content(file, **details) | ({"caption": caption} if caption else {})
        return self._say(content, file=file, reply_to=reply_to, album=album)

    def _membership(self, old: str, new: str) -> None:
        self.blocked = new == "kicked"
        bot = self.bot.as_user()
        member: JSON = {
            "member": {"user": bot, "status": "member"},
            "kicked": {"user": bot, "status": "kicked", "until_date": 0},
        }
        self._update(
            "my_chat_member",
            {
                "chat": self.customer.as_chat(),
                "from": self.customer.as_user(),
                "date": int(self.clock()),
                "old_chat_member": member[old],
                "new_chat_member": member[new],
            },
            None,
        )

    def update(self, kind: str, content: JSON) -> None:
        """Tell the bot something that is no message."""
        self._update(kind, content, None)

    def _update(self, kind: str, content: JSON, message: Message | None) -> None:
        update = {"update_id": self.bot.next_update_id(), kind: content}
        if kind in self.bot.webhook.updates:
            # Telegram escapes what is not ASCII, and the signature-minded should meet that.
            self.pending.append(_Pending(json.dumps(update).encode(), message))
        elif message is not None:
            message.delivery = "delivered"
        self.changes.announce()
        self.resume()

    async def _deliver(self) -> None:
        """One update after the other: the next one of a chat waits until the last one was taken."""
        failures = 0
        while self.pending and self.bot.webhook.url:
            pending = self.pending[0]
            problem = await self.bot.deliver(pending.body)
            if problem:
                self._mark(pending, "failing")
                delays = self.bot.retry_delays
                await asyncio.sleep(delays[min(failures, len(delays) - 1)])
                failures += 1
            else:
                failures = 0
                if self.pending and self.pending[0] is pending:  # A dropped queue may have been filled anew.
                    self.pending.popleft()
                self._mark(pending, "delivered")

    def _mark(self, pending: _Pending, state: str) -> None:
        if pending.message is not None:
            pending.message.delivery = state
        self.changes.announce()


@dataclass
class Webhook:
    """What setWebhook was told, and how deliveries went since."""

    url: str = ""
    secret: str = ""
    updates: frozenset[str] = DEFAULT_UPDATES
    last_error_date: int | None = None
    last_error_message: str = ""


class Bot:
    """A bot and everything that happens around it."""

    def __init__(self, token: str, username: str, files: Files, retry_delays: Sequence[float]) -> None:
        self.token = token
        self.username = username
        self.files = files
        self.retry_delays = retry_delays
        self.webhook = Webhook()
        self.chats: dict[int, Chat] = {}
        self.businesses: dict[str, Business] = {}
        self.business_chats: dict[tuple[str, int], Chat] = {}
        self._owners: dict[str, Chat] = {}
        """What Telegram tells of business accounts, each as it would come in its owner's chat with the bot."""
        self.queries: dict[str, Chat] = {}
        self.answered: list[str] = []
        self.alerts: list[str] = []
        """What was shown over the screen of whoever pressed a button, oldest first."""
        self.http: ClientSession | None = None
        self._update_ids = itertools.count(secrets.randbelow(10**9) + 1)

    @property
    def id(self) -> int:
        return int(self.token.partition(":")[0])

    def all_chats(self) -> Iterator[Chat]:
        """The bot's own, and those that it reads for business accounts."""
        yield from self.chats.values()
        yield from self.business_chats.values()

    def chat(self, customer: Customer) -> Chat:
        """The customer's chat with this bot; the bot cannot write there before the customer did."""
        return self.chats.setdefault(customer.id, Chat(self, customer))

    def create_business(self, owner: Customer) -> Business:
        """What the owner of a business account does in Settings, Business, Chatbots."""
        made = Business(f"BQ{secrets.token_urlsafe(16)}", owner)
        self.businesses[made.id] = made
        self.allow(made)
        return made

    def allow(self, business: Business, *, enabled: bool = True, can_reply: bool = True) -> None:
        """The owner connects the bot or takes it away, and says what it may do."""
        business.enabled, business.can_reply = enabled, can_reply
        owner = business.owner.as_user()
        connection = {"id": business.id, "user": owner, "user_chat_id": business.owner.id, "date": int(business.since)}
        rights = {"rights": {"can_read_messages": True, "can_reply": True} if can_reply else {}}
        talk = self._owners.setdefault(business.id, Chat(self, business.owner))
        talk.update("business_connection", connection | {"is_enabled": enabled} | (rights if enabled else {}))

    def business_chat(self, business: Business, customer: Customer) -> Chat:
        """The customer's chat with a business account that this bot answers for."""
        key = (business.id, customer.id)
        return self.business_chats.setdefault(key, Chat(self, customer, business))

    def as_user(self) -> JSON:
        return {"id": self.id, "is_bot": True, "first_name": self.username, "username": self.username}

    def next_update_id(self) -> int:
        return next(self._update_ids)

    def pending_updates(self) -> int:
        return sum(len(chat.pending) for chat in self._chats())

    async def drained(self, *, seconds: float = 10.0) -> None:
        """Wait until the webhook has taken everything."""
        async with asyncio.timeout(seconds):
            for chat in self._chats():
                await chat.until(lambda chat: not chat.pending, seconds=seconds)

    async def post(self, body: bytes, *, secret: str | None = None) -> int:
        """Post any bytes to the webhook, with the right secret unless another is given; returns the HTTP status."""
        shown = self.webhook.secret if secret is None else secret
        async with self._open_http().post(
            self.webhook.url,
            data=body,
            headers={"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": shown},
            allow_redirects=False,
            timeout=ClientTimeout(total=ANSWER_SECONDS),
        ) as answer:
            await answer.read()
            return answer.status

    async def deliver(self, body: bytes) -> str:
        """Post an update; the problem in Telegram's words where it was not taken."""
        try:
            status = await self.post(body)
        except (ClientError, OSError, TimeoutError) as error:
            problem = "Connection timed out" if isinstance(error, TimeoutError) else "Connection refused"
        else:
            if status < HTTPStatus.MULTIPLE_CHOICES:
                return ""
            problem = f"Wrong response from the webhook: {status} {_phrase(status)}"
        self.webhook.last_error_date = int(time.time())
        self.webhook.last_error_message = problem
        return problem

    def resume(self) -> None:
        for chat in self._chats():
            chat.resume()

    def drop_pending(self) -> None:
        for chat in self._chats():
            chat.pending.clear()

    async def close(self) -> None:
        for chat in self._chats():
            await chat.stop()
        if self.http is not None:
            await self.http.close()

    def _chats(self) -> Iterator[Chat]:
        yield from (*self.chats.values(), *self.business_chats.values(), *self._owners.values())

    def _open_http(self) -> ClientSession:
        if self.http is None or self.http.closed:
            self.http = ClientSession()
        return self.http


def file_content(file: File, **details: Any) -> JSON:
    """The field of a Message that names `file`; `details` are fields of it (`duration`, `emoji`)."""
    described: JSON = {
        "file_id": file.id,
        "file_unique_id": f"U{zlib.crc32(file.data):08x}",
        "file_size": len(file.data),
        **details,
    }
    if file.type in {"photo", "video", "sticker", "animation"}:
        described |= dict(zip(("width", "height"), image_size(file.data) or (640, 480), strict=True))
    if file.type == "photo":
        small = described | {"file_id": file.id, "width": 90, "height": 67, "file_size": len(file.data)}
        return {"photo": [small, described]}
    if file.type == "sticker":
        return {"sticker": described | {"type": "regular", "is_animated": False, "is_video": False}}
    described["mime_type"] = file.content_type
    if file.type in {"video", "audio", "voice"}:
        described.setdefault("duration", 1)
    if file.name and file.type != "voice":
        described["file_name"] = file.name
    return {file.type: described}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _without_empty(fields: JSON) -> JSON:
    return {key: value for key, value in fields.items() if value != ""}
