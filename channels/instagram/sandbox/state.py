"""What Meta's side knows: accounts, customers, what they wrote to each other, and the events that wait to be delivered.

Everything is in memory and bounded. Times are Unix milliseconds, as in Meta's events.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar

from aiohttp import ClientError, ClientSession, ClientTimeout

from channels.props import Changes, File, Files, sample_photo, sample_voice

JSON = dict[str, Any]
T = TypeVar("T")

MESSAGES_MAX: Final = 2000
PENDING_MAX: Final = 10_000
BATCH_MAX: Final = 1000
"""How many events one call brings at most."""
ANSWER_SECONDS: Final = 5.0
DAY: Final = 24 * 3600.0
TOKEN_LIFE: Final = 60 * DAY
TYPING_SECONDS: Final = 20.0

_FIELDS: Final = {
    "message": "messages",
    "message_edit": "message_edit",
    "reaction": "message_reactions",
    "read": "messaging_seen",
    "postback": "messaging_postbacks",
    "referral": "messaging_referral",
}
"""Which subscribed field brings which event."""

_NAMES: Final = {"❤": "love", "😆": "smile", "😮": "wow", "😢": "sad", "😠": "angry", "👍": "like", "👎": "dislike"}


@dataclass
class Customer:
    """Somebody with Instagram on their phone. `id` is what the shop's side knows of them."""

    id: str
    name: str
    username: str
    tells_name: bool = True
    """Whether they let a shop see their profile."""
    portrait: File | None = None
    """Their picture, for those to whom it is shown."""


@dataclass
class Message:
    """One message of a chat, or a comment under a post. `content` is what is special to it, as Meta writes it."""

    id: str
    from_shop: bool
    at: int
    text: str = ""
    file: File | None = None
    content: JSON = field(default_factory=dict)
    reply_to: str = ""
    about: str = ""
    """In words for the phone: a story, a post, an advertisement."""
    buttons: list[tuple[str, str]] = field(default_factory=list)
    """(title, payload) of quick replies."""
    comment: bool = False
    edits: int = 0
    deleted: bool = False
    read: bool = False
    reactions: list[str] = field(default_factory=list)
    delivery: str = "delivered"
    """Of a customer's message: `pending` until the webhook took it, `failing` while it refuses."""


@dataclass
class _Pending:
    """One event: an item of an entry's list `under`. `at` is when it happened."""

    under: str
    item: JSON
    at: int
    message: Message | None


class Chat:
    """One customer and one account: what the customer does on the phone, and what they see there."""

    def __init__(self, account: "Account", customer: Customer) -> None:
        self.account = account
        self.customer = customer
        self.messages: list[Message] = []
        self.blocked = False
        self.typing_until = 0.0
        self.clock: Callable[[], float] = time.time
        """What dates what both sides do; set back, it lets a chat have a past."""
        self.changes = Changes()

    # What the customer does. Those that write return the message's id.

    def text(self, text: str, *, reply_to: str = "") -> str:
        return self._write(text=text, reply_to=reply_to)

    def photo(self, data: bytes | None = None, *, caption: str = "", reply_to: str = "") -> str:
        """A photo; what is written with it is a message of its own, as in the app."""
        return self._attach("image", "photo.png", "image/png", data or sample_photo(), caption, reply_to)

    def video(self, data: bytes = b"\0\0\0\x18ftypmp42", *, caption: str = "") -> str:
        return self._attach("video", "video.mp4", "video/mp4", data, caption)

    def voice(self, data: bytes | None = None) -> str:
        return self._attach("audio", "voice.wav", "audio/wav", data or sample_voice())

    def document(self, name: str, data: bytes, *, content_type: str, caption: str = "") -> str:
        return self._attach("file", name, content_type, data, caption)

    def edit(self, message_id: str, text: str) -> None:
        message = self.message(message_id)
        message.text, message.edits = text, message.edits + 1
        self._happen("message_edit", {"mid": message.id, "text": text, "num_edit": message.edits})

    def unsend(self, message_id: str) -> None:
        message = self.message(message_id)
        message.deleted = True
        self._happen("message", {"mid": message.id, "is_deleted": True})

    def react(self, message_id: str, *emoji: str) -> None:
        """Put this reaction under a message; none takes it back."""
        message = self.message(message_id)
        message.reactions = list(emoji[:1])
        told: JSON = {"mid": message.id, "action": "unreact"}
        if emoji:
            told |= {"action": "react", "reaction": _NAMES.get(emoji[0], "other"), "emoji": emoji[0]}
        self._happen("reaction", told)

    def see(self) -> None:
        """Open the chat: the shop's last message counts as read, and with it all before."""
        unread = [one for one in self.messages if one.from_shop and not one.comment and not one.read]
        for one in unread:
            one.read = True
        if unread:
            self._happen("read", {"mid": unread[-1].id})

    def press(self, message_id: str, button: str) -> str:
        """Tap the quick reply with this title or payload."""
        for title, payload in self.message(message_id).buttons:
            if button in {title, payload}:
                return self._write(text=title, content={"quick_reply": {"payload": payload}})
        reason = f"message {message_id} has no button {button!r}"
        raise LookupError(reason)

    def postback(self, title: str, payload: str) -> str:
        """Tap an ice breaker or an entry of the menu."""
        message = self._add(Message(_mid(), from_shop=False, at=self.now(), text=title))
        self._happen("postback", {"mid": message.id, "title": title, "payload": payload}, message)
        return message.id

    def story_reply(self, text: str) -> str:
        """Answer a story of the shop's."""
        url = self.account.link(self.account.files.add("photo", "story.png", "image/png", sample_photo(2)))
        content = {"reply_to": {"story": {"id": _digits(17), "url": url}}}
        return self._write(text=text, content=content, about="your answer to their story")

    def story_mention(self) -> str:
        file = self.account.files.add("photo", "story.png", "image/png", sample_photo(1))
        return self._share("story_mention", {"url": self.account.link(file)}, "you mentioned them in your story")

    def share_post(self, title: str = "Дубова скринька") -> str:
        file = self.account.files.add("photo", "post.png", "image/png", sample_photo(3))
        payload = {"ig_post_media_id": _digits(17), "title": title, "url": self.account.link(file)}
        return self._share("ig_post", payload, f"a post: {title}", file)

    def share_reel(self, title: str = "Як ми шліфуємо") -> str:
        file = self.account.files.add("video", "reel.mp4", "video/mp4", b"\0\0\0\x18ftypmp42")
        payload = {"reel_video_id": _digits(17), "title": title, "url": self.account.link(file)}
        return self._share("ig_reel", payload, f"a reel: {title}")

    def view_once(self) -> str:
        return self._write(content={"attachments": [{"type": "ephemeral"}]}, about="a photo to be seen once")

    def unsupported(self) -> str:
        return self._write(content={"is_unsupported": True}, about="something the API cannot show")

    def open_link(self, ref: str) -> None:
        """Follow an `ig.me` link into the chat."""
        self._happen("referral", {"ref": ref, "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"})

    def from_ad(self, text: str, *, ad_id: str = "120000000000000", title: str = "Осіння знижка") -> str:
        """Write by the button of an advertisement."""
        referral = {
            "ad_id": ad_id,
            "source": "ADS",
            "type": "OPEN_THREAD",
            "ads_context_data": {"ad_title": title},
        }
        return self._write(text=text, content={"referral": referral}, about=f"from the advertisement {title}")

    def comment(self, text: str, *, reply_to: str = "") -> str:
        """Write under a post, where everybody reads it."""
        message = self._add(
            Message(_digits(17), from_shop=False, at=self.now(), text=text, comment=True, reply_to=reply_to)
        )
        self._comment(message, {"id": self.customer.id, "username": self.customer.username})
        return message.id

    def block(self) -> None:
        self.blocked = True
        self.changes.announce()

    def unblock(self) -> None:
        self.blocked = False
        self.changes.announce()

    # What the shop does on its own phone.

    def shop_writes(self, text: str) -> str:
        """Answer in Instagram's app."""
        return self.made(Message(_mid(), from_shop=True, at=self.now(), text=text)).id

    def shop_unsends(self, message_id: str) -> None:
        message = self.message(message_id)
        message.deleted = True
        self._happen("message", {"mid": message.id, "is_deleted": True, "is_echo": True}, outward=True)

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

    def message(self, message_id: str) -> Message:
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

    # What Instagram does.

    def now(self) -> int:
        return int(self.clock() * 1000)

    def silent_for(self) -> float | None:
        """Seconds since the customer last wrote in private; None where they never did."""
        times = [one.at for one in self.messages if not one.from_shop and not one.comment]
        return (self.now() - max(times)) / 1000 if times else None

    def made(self, message: Message) -> Message:
        """Put a private message of the shop's there, and tell the shop of it: all it sends comes back as an echo."""
        self.typing_until = 0
        self._add(message)
        told: JSON = {"mid": message.id, "is_echo": True, **message.content}
        if message.text:
            told["text"] = message.text
        self._happen("message", told, outward=True)
        return message

    def replied(self, message: Message) -> Message:
        """Put a public reply of the shop's there; Meta tells of the account's own comments as well."""
        self._add(message)
        author = {"id": self.account.id, "username": self.account.username, "self_ig_scoped_id": _digits(16)}
        self._comment(message, author)
        return message

    def _add(self, message: Message) -> Message:
        self.messages.append(message)
        del self.messages[:-MESSAGES_MAX]
        self.changes.announce()
        return message

    def _write(
        self,
        *,
        text: str = "",
        content: JSON | None = None,
        file: File | None = None,
        reply_to: str = "",
        about: str = "",
    ) -> str:
        content = dict(content or {})
        if reply_to:
            content["reply_to"] = {"mid": reply_to}
        message = Message(_mid(), from_shop=False, at=self.now(), text=text, content=content, file=file, about=about)
        message.reply_to = reply_to
        self._add(message)
        told = {"mid": message.id, **({"text": text} if text else {}), **content}
        self._happen("message", told, message)
        return message.id

    def _attach(
        self, kind: str, name: str, content_type: str, data: bytes, caption: str = "", reply_to: str = ""
    ) -> str:
        file = self.account.files.add(kind, name, content_type, data)
        attachment = {"type": kind, "payload": {"url": self.account.link(file)}}
        message_id = self._write(content={"attachments": [attachment]}, file=file, reply_to=reply_to)
        if caption:
            self.text(caption)
        return message_id

    def _share(self, kind: str, payload: JSON, about: str, file: File | None = None) -> str:
        return self._write(content={"attachments": [{"type": kind, "payload": payload}]}, file=file, about=about)

    def _comment(self, message: Message, author: JSON) -> None:
        value: JSON = {
            "id": message.id,
            "text": message.text,
            "from": author,
            "media": {"id": self.account.post_id, "media_product_type": "FEED"},
        }
        if message.reply_to:
            value["parent_id"] = message.reply_to
        self.account.tell("comments", "changes", {"field": "comments", "value": value}, message, self)

    def _happen(self, name: str, what: JSON, message: Message | None = None, *, outward: bool = False) -> None:
        ends = [{"id": self.customer.id}, {"id": self.account.id}]
        sender, recipient = reversed(ends) if outward else ends
        item: JSON = {"sender": sender, "recipient": recipient, "timestamp": self.now(), name: what}
        self.account.tell(_FIELDS[name], "messaging", item, message, self)


@dataclass
class Token:
    """An access token; times are Unix seconds."""

    value: str
    issued_at: float
    ends_at: float


class Account:
    """A professional account, the app that it is connected to, and everything that happens around it."""

    def __init__(
        self, account_id: str, username: str, files: Files, address: Callable[[], str], retry_delays: Sequence[float]
    ) -> None:
        self.id = account_id
        self.app_scoped_id = _digits(17)
        """What `/me` calls `id`: not what webhooks call the account."""
        self.username = username
        self.app_secret = secrets.token_hex(16)
        self.meta_app_secret = secrets.token_hex(16)
        self.signs_with = "app_secret"
        self.tokens: list[Token] = []
        self.grant()
        self.message_access = True
        """Whether the owner lets connected tools at the messages."""
        self.another_app_answers = False
        """Whether another app holds the conversations; ours is then told `standby`."""
        self.webhook_url = ""
        self.fields: set[str] = set()
        """What `subscribed_apps` was told."""
        self.last_error = ""
        self.files = files
        self.chats: dict[str, Chat] = {}
        self.post_id = _digits(17)
        self.clock: Callable[[], float] = time.time
        self.sent: dict[str, deque[float]] = {"text": deque(maxlen=101), "media": deque(maxlen=11)}
        """When the last requests of each class came, for the limits a second."""
        self.pending: deque[_Pending] = deque(maxlen=PENDING_MAX)
        self._address = address
        self._retry_delays = retry_delays
        self._courier: asyncio.Task[None] | None = None
        self._http: ClientSession | None = None

    def chat(self, customer: Customer) -> Chat:
        return self.chats.setdefault(customer.id, Chat(self, customer))

    def link(self, file: File) -> str:
        """Where a file lies at Instagram's servers."""
        return f"{self._address()}/media/{file.id}/{file.name}"

    # Tokens.

    @property
    def access_token(self) -> str:
        """The youngest one."""
        return self.tokens[-1].value

    def grant(self, *, age: float = 2 * DAY) -> str:
        """A long-lived token, as the dashboard makes it, `age` seconds ago."""
        issued_at = time.time() - age
        self.tokens.append(Token(f"IGAA{secrets.token_urlsafe(36)}", issued_at, issued_at + TOKEN_LIFE))
        return self.access_token

    def revoke(self) -> None:
        """End every token at once, as a changed password does."""
        for token in self.tokens:
            token.ends_at = 0.0

    def live_token(self, value: str) -> Token | None:
        now = self.clock()
        return next((one for one in self.tokens if one.value == value and one.ends_at > now), None)

    # The webhook.

    async def set_webhook(self, url: str, verify_token: str) -> bool:
        """Enter an address in the dashboard: Meta takes it only if its challenge comes back from there."""
        challenge = _digits(10)
        query = {"hub.mode": "subscribe", "hub.verify_token": verify_token, "hub.challenge": challenge}
        try:
            async with self._open_http().get(url, params=query, timeout=ClientTimeout(total=ANSWER_SECONDS)) as answer:
                verified = answer.status == HTTPStatus.OK and await answer.text() == challenge
        except (ClientError, OSError, TimeoutError):
            verified = False
        self.last_error = "" if verified else "The callback URL or verify token couldn't be validated."
        if verified:
            self.webhook_url = url
            self._resume()
        return verified

    def tell(self, field_name: str, under: str, item: JSON, message: Message | None, chat: Chat) -> None:
        """Have the webhook told, where the account subscribed to it."""
        if field_name in self.fields:
            if message is not None and not message.from_shop:
                message.delivery = "pending"
            held = self.another_app_answers and under == "messaging"
            self.pending.append(_Pending("standby" if held else under, item, chat.now(), message))
        chat.changes.announce()
        self._resume()

    def sign(self, body: bytes, secret: str = "") -> str:
        """The header for `body`."""
        key = secret or getattr(self, self.signs_with)
        return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()

    async def post(self, body: bytes, *, signature: str | None = None) -> int:
        """Post any bytes to the webhook, rightly signed unless told otherwise; returns the HTTP status."""
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature or self.sign(body)}
        if signature == "":
            del headers["X-Hub-Signature-256"]
        async with self._open_http().post(
            self.webhook_url,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=ClientTimeout(total=ANSWER_SECONDS),
        ) as answer:
            await answer.read()
            return answer.status

    async def drained(self, *, seconds: float = 10.0) -> None:
        """Wait until the webhook has taken everything."""
        async with asyncio.timeout(seconds):
            while self.pending and self._courier is not None:
                await asyncio.wait([self._courier])

    async def close(self) -> None:
        if self._courier is not None:
            self._courier.cancel()
            await asyncio.wait([self._courier])
        if self._http is not None:
            await self._http.close()

    def _resume(self) -> None:
        """Deliver what waits, unless somebody already does."""
        if self.pending and self.webhook_url and (self._courier is None or self._courier.done()):
            self._courier = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        """One batch after the other; a refused one comes again as it was."""
        while self.pending:
            batch = list(itertools.islice(self.pending, BATCH_MAX))
            body = self._body(batch)
            for attempt in itertools.count():
                self.last_error = await self._attempt(body)
                if not self.last_error:
                    break
                self._mark(batch, "failing")
                await asyncio.sleep(self._retry_delays[min(attempt, len(self._retry_delays) - 1)])
            for _ in batch:
                self.pending.popleft()
            self._mark(batch, "delivered")

    def _body(self, batch: Sequence[_Pending]) -> bytes:
        entries: list[JSON] = []
        for one in batch:
            # A comment has no time of its own but its entry's.
            if one.under != "changes" and entries and one.under in entries[-1]:
                entries[-1][one.under].append(one.item)
            else:
                entries.append({"id": self.id, "time": one.at, one.under: [one.item]})
        # Meta escapes what is not ASCII, and the signature-minded should meet that.
        return json.dumps({"object": "instagram", "entry": entries}).encode()

    async def _attempt(self, body: bytes) -> str:
        """The problem in words, where the webhook did not take it."""
        try:
            status = await self.post(body)
        except (ClientError, OSError, TimeoutError) as error:
            return "timed out" if isinstance(error, TimeoutError) else "connection refused"
        return "" if status < HTTPStatus.MULTIPLE_CHOICES else f"answered {status}"

    def _mark(self, batch: Sequence[_Pending], state: str) -> None:
        for one in batch:
            if one.message is not None and not one.message.from_shop:
                one.message.delivery = state
        for chat in self._chats():
            chat.changes.announce()

    def _chats(self) -> Iterator[Chat]:
        yield from tuple(self.chats.values())

    def _open_http(self) -> ClientSession:
        if self._http is None or self._http.closed:
            self._http = ClientSession()
        return self._http


def _mid() -> str:
    return f"aWdf{secrets.token_urlsafe(24)}"


def _digits(count: int) -> str:
    return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))
