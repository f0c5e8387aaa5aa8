"""What Viber's side knows: bots, customers, their chats, and the callbacks that are on their way.

Everything is in memory and bounded; the oldest files are forgotten first.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar

from aiohttp import ClientError, ClientSession, ClientTimeout

from channels.props import Changes, File, Files, sample_photo

JSON = dict[str, Any]
T = TypeVar("T")

MESSAGES_MAX: Final = 2000
ANSWER_SECONDS: Final = 5.0
"""How long Viber waits for a callback's answer before it sends it again."""
MEDIA_SECONDS: Final = 3600.0
UNANSWERED_MAX: Final = 100
FIRST_TOKEN: Final = 5_900_000_000_000_000_000
"""Where message tokens are: far beyond 2^53."""

OPTIONAL_EVENTS: Final = frozenset({"delivered", "seen", "failed", "conversation_started"})
"""What a webhook may do without; messages, subscriptions and their ends always come."""


@dataclass(eq=False)
class Customer:
    """Somebody with Viber on their phone."""

    id: int
    name: str
    language: str = ""
    phone: str = ""
    portrait: File | None = None
    """Their picture, for those to whom it is shown."""


@dataclass
class Message:
    """One message of a chat, of either side. `content` is what is special to it, as the API writes it."""

    id: int
    from_shop: bool
    date: float
    type: str
    content: JSON
    file: File | None = None
    buttons: tuple[tuple[str, str], ...] = ()
    """(text, what is sent when it is pressed) pairs."""
    tracking_data: str = ""
    delivery: str = "pending"
    """Of a customer's: `pending`, `failing` while the webhook refuses, `delivered`. Of the shop's: `pending` until the
    phone has it, `delivered`, `seen`, `failed`.
    """

    @property
    def text(self) -> str:
        return str(self.content.get("text") or "")


@dataclass
class Webhook:
    """What set_webhook was told, and how callbacks went since."""

    url: str = ""
    events: frozenset[str] = frozenset()
    last_error: str = ""


class Links:
    """Under which addresses customers' files lie at Viber for an hour."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._until: dict[str, float] = {}

    def add(self, file: File) -> str:
        """The path of a new address."""
        self._until[file.id] = time.time() + MEDIA_SECONDS
        return f"media/{file.id}"

    def get(self, file_id: str) -> File | None:
        return self._files.get(file_id) if self._until.get(file_id, 0) > time.time() else None

    def forget(self) -> None:
        """Let the hour be over for all of them."""
        self._until.clear()


class Chat:
    """One customer's chat with one bot: what the customer does on the phone, and what they see there."""

    def __init__(self, bot: "Bot", customer: Customer) -> None:
        self.bot = bot
        self.customer = customer
        digest = hashlib.sha256(f"{bot.token}:{customer.id}".encode()).digest()[:16]
        self.user_id = base64.b64encode(digest).decode()
        """The customer as this bot knows them."""
        self.messages: list[Message] = []
        self.subscribed = False
        self.unanswered = 0
        """Messages of the shop since the customer's last."""
        self.phone_on = True
        """Whether what the shop sends reaches the phone at once, or once it is switched on."""
        self.clock: Callable[[], float] = time.time
        """What dates the messages of both sides; set back, it lets a chat have a past."""
        self.changes = Changes()

    # What the customer does. Messages are told by their number.

    def open(self, context: str = "") -> None:
        """Open the chat, perhaps by a link with a context; the shop may greet in its answer."""
        context_told = {"context": context} if context else {}
        body = self._event("conversation_started", type="open", user=self._user(), subscribed=self.subscribed)
        self.bot.call(body | context_told, on_answer=self._greeted)

    def subscribe(self) -> None:
        self.subscribed = True
        self.changes.announce()
        self.bot.call(self._event("subscribed", user=self._user()))

    def unsubscribe(self) -> None:
        self.subscribed = False
        self.changes.announce()
        self.bot.call(self._event("unsubscribed", user_id=self.user_id))

    def text(self, text: str) -> int:
        return self._say("text", {"text": text})

    def press(self, button: str) -> int:
        """Press the button with this text on the keyboard: what stands behind it is sent as if it were typed."""
        for text, body in self.keyboard():
            if button == text:
                return self.text(body)
        reason = f"there is no button {button!r}"
        raise LookupError(reason)

    def photo(self, data: bytes | None = None, *, caption: str = "") -> int:
        file = self.bot.files.add("picture", "photo.png", "image/png", data or sample_photo())
        return self._say("picture", {"text": caption} if caption else {}, file)

    def video(self, data: bytes = b"\0\0\0\x18ftypmp42", *, duration: int = 1) -> int:
        file = self.bot.files.add("video", "video.mp4", "video/mp4", data)
        return self._say("video", {"duration": duration}, file)

    def document(self, name: str, data: bytes, *, content_type: str = "application/octet-stream") -> int:
        return self._say("file", {}, self.bot.files.add("file", name, content_type, data))

    def sticker(self, sticker_id: int = 40133) -> int:
        file = self.bot.files.add("sticker", "", "image/png", sample_photo(2, 96, 96))
        return self._say("sticker", {"sticker_id": sticker_id}, file)

    def contact(self, phone: str = "", name: str = "") -> int:
        """Share a phone; Viber does not say whose it is."""
        shared = {"name": name or self.customer.name, "phone_number": phone or self.customer.phone}
        return self._say("contact", {"contact": shared})

    def location(self, latitude: float, longitude: float) -> int:
        return self._say("location", {"location": {"lat": latitude, "lon": longitude}})

    def link(self, url: str) -> int:
        return self._say("url", {"media": url})

    def switch(self, *, on: bool) -> None:
        """Switch the phone off, or on: then all arrives that was waiting."""
        self.phone_on = on
        if on:
            for message in self.seen():
                self.arrive(message)
        self.changes.announce()

    def read(self) -> None:
        """Look at the chat: the shop hears that all of it was seen."""
        for message in self.seen():
            if message.delivery == "delivered":
                self._receipt(message, "seen")

    def fail(self, message_id: int, reason: str = "Media not found") -> None:
        """Let the customer's app refuse to show a message, as it does with what it cannot read."""
        self._receipt(self.message(message_id), "failed", desc=reason)

    # What the customer sees.

    def seen(self) -> list[Message]:
        """The shop's messages, oldest first."""
        return [message for message in self.messages if message.from_shop]

    def texts(self) -> list[str]:
        """What those say."""
        return [message.text for message in self.seen()]

    def keyboard(self) -> tuple[tuple[str, str], ...]:
        """The buttons in sight: those of the shop's last message."""
        shop = self.seen()
        return shop[-1].buttons if shop else ()

    def external_id(self, message: Message) -> str:
        """What the shop calls a message."""
        return str(message.id)

    def message(self, message_id: int) -> Message:
        for message in self.messages:
            if message.id == message_id:
                return message
        reason = f"no message {message_id} in the chat with {self.customer.name}"
        raise LookupError(reason)

    async def until(self, condition: "Callable[[Chat], T]", *, seconds: float = 10.0) -> T:
        """Wait until `condition` holds of this chat; returns what it returned."""
        async with asyncio.timeout(seconds):
            while not (found := condition(self)):
                await self.changes.after(self.changes.version)
        return found

    # What Viber's servers do.

    def add(self, message: Message) -> Message:
        self.messages.append(message)
        del self.messages[:-MESSAGES_MAX]
        self.changes.announce()
        return message

    def arrive(self, message: Message) -> None:
        """Let a message of the shop's reach the phone, if that is on and Viber has all of it."""
        fetching = message.type != "text" and message.file is None
        if self.phone_on and message.delivery == "pending" and not fetching:
            self._receipt(message, "delivered")

    def _say(self, kind: str, content: JSON, file: File | None = None) -> int:
        """Send a message; the first one subscribes, without a word about it."""
        self.subscribed = True
        self.unanswered = 0
        seen = self.seen()
        tracking = {"tracking_data": seen[-1].tracking_data} if seen and seen[-1].tracking_data else {}
        body = {"type": kind, **content, **tracking}
        if file is not None:
            body |= {"media": self.bot.base + self.bot.links.add(file)}
        if file is not None and kind in {"picture", "video", "file"}:
            body |= {"file_name": file.name, "size": len(file.data)}
        event = self._event("message", sender=self._user(), message=body, silent=False)
        message = Message(event["message_token"], False, self.clock(), kind, content, file)
        self.add(message)
        self.bot.call(event, on_state=lambda state: self._mark(message, state))
        return message.id

    def _receipt(self, message: Message, state: str, **details: str) -> None:
        """Tell the shop what became of its message: under that message's number."""
        self._mark(message, state)
        self.bot.call(self._event(state, user_id=self.user_id, **details) | {"message_token": message.id})

    def _greeted(self, answer: Mapping[str, Any]) -> None:
        """Show the welcome that came in the answer to `conversation_started`."""
        if answer.get("type") == "text" and (answer.get("sender") or {}).get("name") and not self.subscribed:
            token = self.bot.next_token()
            self.add(Message(token, True, self.clock(), "text", {"text": answer["text"]}, delivery="seen"))

    def _event(self, event: str, **fields: Any) -> JSON:
        return {
            "event": event,
            "timestamp": int(self.clock() * 1000),
            "chat_hostname": "SN-SANDBOX_",
            "message_token": self.bot.next_token(),
            **fields,
        }

    def _user(self) -> JSON:
        language = {"language": self.customer.language} if self.customer.language else {}
        portrait = self.customer.portrait
        avatar = {"avatar": self.bot.base + self.bot.links.add(portrait)} if portrait else {}
        told = {"id": self.user_id, "name": self.customer.name, "country": "UA", "api_version": 10}
        return {**told, **language, **avatar}

    def _mark(self, message: Message, state: str) -> None:
        message.delivery = state
        self.changes.announce()


@dataclass
class Bot:
    """A bot and everything that happens around it. `base` is the address of the API as its shop calls it."""

    token: str
    name: str
    files: Files
    links: Links
    retry_delays: Sequence[float]
    base: str = ""
    webhook: Webhook = field(default_factory=Webhook)
    chats: dict[int, Chat] = field(default_factory=dict)
    http: ClientSession | None = None
    _tokens: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_TOKEN + secrets.randbelow(10**15)))
    _calls: set[asyncio.Task[None]] = field(default_factory=set)
    _settled: Changes = field(default_factory=Changes)

    def chat(self, customer: Customer) -> Chat:
        """The customer's chat with this bot; the bot cannot write there before the customer did."""
        return self.chats.setdefault(customer.id, Chat(self, customer))

    def chat_of(self, user_id: str) -> Chat | None:
        return next((chat for chat in self.chats.values() if chat.user_id == user_id), None)

    def next_token(self) -> int:
        return next(self._tokens)

    def pending(self) -> int:
        """How many callbacks are under way."""
        return len(self._calls)

    async def drained(self, *, seconds: float = 10.0) -> None:
        """Wait until the webhook has taken everything."""
        async with asyncio.timeout(seconds):
            while self._calls:
                await self._settled.after(self._settled.version)

    def call(
        self,
        event: JSON,
        *,
        on_state: Callable[[str], None] | None = None,
        on_answer: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """Call the webhook until it takes an event. Each event goes alone: none waits for another."""
        kind = event["event"]
        if not self.webhook.url or (kind in OPTIONAL_EVENTS and kind not in self.webhook.events):
            return
        self.begin(self._call(event, on_state or (lambda _state: None), on_answer))

    async def post(self, body: bytes, *, signature: str | None = None) -> tuple[int, bytes]:
        """Post any bytes to the webhook, truly signed unless told otherwise; returns the HTTP status and the answer."""
        shown = self.sign(body) if signature is None else signature
        async with self._open_http().post(
            self.webhook.url,
            data=body,
            params={"sig": shown},
            headers={"Content-Type": "application/json", "X-Viber-Content-Signature": shown},
            allow_redirects=False,
            timeout=ClientTimeout(total=ANSWER_SECONDS),
        ) as answer:
            return answer.status, await answer.read()

    def sign(self, body: bytes) -> str:
        return hmac.new(self.token.encode(), body, hashlib.sha256).hexdigest()

    async def shake(self) -> str:
        """Call the webhook as set_webhook does; the problem where it does not answer 200."""
        now = int(time.time() * 1000)
        problem, _ = await self._post({"event": "webhook", "timestamp": now, "message_token": self.next_token()})
        return problem

    async def download(self, url: str, max_bytes: int) -> bytes:
        """What the shop offers under `url`, as Viber fetches it; nothing where that fails or is too much."""
        data = b""
        try:
            async with self._open_http().get(url, timeout=ClientTimeout(total=ANSWER_SECONDS)) as answer:
                if answer.status != HTTPStatus.OK:
                    return b""
                async for chunk in answer.content.iter_any():
                    data += chunk
                    if len(data) > max_bytes:
                        return b""
        except (ClientError, OSError, TimeoutError):
            return b""
        return data

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something while a call is answered already, such as fetching a file."""
        task = asyncio.create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._called)

    async def close(self) -> None:
        for task in tuple(self._calls):
            task.cancel()
        if self._calls:
            await asyncio.wait(self._calls)
        if self.http is not None:
            await self.http.close()

    def _called(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._settled.announce()

    async def _call(
        self, event: JSON, on_state: Callable[[str], None], on_answer: Callable[[Mapping[str, Any]], None] | None
    ) -> None:
        problem, answer = await self._post(event)
        for delay in itertools.chain(self.retry_delays, itertools.repeat(self.retry_delays[-1])):
            if not problem:
                break
            on_state("failing")
            await asyncio.sleep(delay)
            problem, answer = await self._post(event)
        on_state("delivered")
        if on_answer is not None and answer:
            on_answer(answer)

    async def _post(self, event: JSON) -> tuple[str, Mapping[str, Any]]:
        try:
            # Viber's own JSON has spaces and escapes, and the signature-minded should meet that.
            status, answer = await self.post(json.dumps(event).encode())
        except (ClientError, OSError, TimeoutError) as error:
            self.webhook.last_error = "no answer in time" if isinstance(error, TimeoutError) else "connection refused"
            return self.webhook.last_error, {}
        if status != HTTPStatus.OK:
            self.webhook.last_error = f"HTTP {status}"
            return self.webhook.last_error, {}
        try:
            said = json.loads(answer)
        except ValueError:
            said = None
        return "", said if isinstance(said, dict) else {}

    def _open_http(self) -> ClientSession:
        if self.http is None or self.http.closed:
            self.http = ClientSession()
        return self.http
