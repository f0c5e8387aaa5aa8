"""What Viber posts to the webhook, in our words. Pure: no I/O.

Callbacks are described at https://developers.viber.com/docs/api/rest-bot-api/#callbacks. Only what is read here is
declared. A field that Viber has no value for may be left out or be null.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Raw

from channels.viber import tracking
from channels.viber.spec import ViberSettings
from inbox.model.channel import RawEvent, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.incoming import (
    ButtonPress,
    Contact,
    Content,
    Incoming,
    Location,
    Media,
    NewMessage,
    Person,
    Placeholder,
    ReachabilityChanged,
    Receipt,
)

SIGNATURE_HEADER: Final = "x-viber-content-signature"
SIGNATURE_QUERY: Final = "sig"
"""Viber repeats the signature here, and its own library for Node looks nowhere else."""

_RECEIVED: Final = "skrynka_received"
"""Where a callback says no time, `split` adds when it came, in milliseconds."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final = Raw(b"null")

Token = Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[str, Meta(pattern="^[0-9]{1,19}$")]
"""A message's number: beyond what a floating point number holds, so it is text from here on."""
UserId = Annotated[str, Meta(min_length=1, max_length=256)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Milliseconds = Annotated[int, Meta(ge=0, lt=2**33 * 1000)]
"""Unix time. The bound keeps a broken date from being no date at all."""


class _User(msgspec.Struct):
    id: UserId
    name: str | None = None
    avatar: str | None = None
    language: str | None = None


class _Contact(msgspec.Struct):
    phone_number: str
    name: str | None = None


class _Location(msgspec.Struct):
    lat: float
    lon: float


class _Message(msgspec.Struct):
    type: str
    text: str | None = None
    media: str | None = None
    file_name: str | None = None
    file_size: Count | None = None
    size: Count | None = None
    duration: Count | None = None
    contact: _Contact | None = None
    location: _Location | None = None
    tracking_data: str | None = None


class _Callback(msgspec.Struct, kw_only=True, rename={"received": _RECEIVED}):
    """What all callbacks share."""

    message_token: Token
    timestamp: Milliseconds | None = None
    received: Milliseconds = 0

    @property
    def token(self) -> str:
        return str(self.message_token)

    @property
    def at(self) -> datetime:
        milliseconds = self.timestamp or self.received
        if not milliseconds:
            message = "not a callback as Viber documents it: timestamp is missing"
            raise Unreadable(message)
        return _EPOCH + timedelta(milliseconds=milliseconds)


class _MessageCallback(_Callback, kw_only=True):
    sender: _User
    message: _Message


class _UserCallback(_Callback, kw_only=True):
    user: _User
    context: str | None = None


class _UserIdCallback(_Callback, kw_only=True):
    user_id: UserId
    desc: str | None = None


class _Id(msgspec.Struct):
    id: str = ""


class _Envelope(msgspec.Struct):
    """Enough to tell callbacks apart. In that of the event `webhook` time and token look swapped: neither is read."""

    event: str
    message_token: Token
    timestamp: Raw = _NOTHING
    sender: Raw = _NOTHING
    user: Raw = _NOTHING
    user_id: Raw = _NOTHING

    @property
    def timed(self) -> bool:
        """Whether Viber says when it happened."""
        return bytes(self.timestamp) not in {b"null", b"0"}

    @property
    def key(self) -> str:
        """The token alone is not enough: a receipt has that of the message that it is about."""
        people = (_named(_user_id, self.user_id), _named(_id, self.sender), _named(_id, self.user))
        person = next((found if isinstance(found, str) else found.id for found in people if found), "")
        return f"{self.event}:{self.message_token}:{person}"


class _Opening(msgspec.Struct):
    event: str
    subscribed: bool | None = None


class _Name(msgspec.Struct):
    event: str


_T = TypeVar("_T")

_name = msgspec.json.Decoder(_Name)
_envelope = msgspec.json.Decoder(_Envelope)
_fields = msgspec.json.Decoder(dict[str, Raw])
_opening = msgspec.json.Decoder(_Opening)
_user_id = msgspec.json.Decoder(str)
_id = msgspec.json.Decoder(_Id)


def authenticate(settings: ViberSettings, request: WebhookRequest) -> None:
    """Raise `Forged` unless the body is signed with the bot's token."""
    shown = request.headers.get(SIGNATURE_HEADER) or request.query.get(SIGNATURE_QUERY)
    if not shown:
        message = f"no {SIGNATURE_HEADER}"
        raise Forged(message)
    # compare_digest refuses str beyond ASCII, and a header may hold any byte.
    if not hmac.compare_digest(shown.encode(errors="backslashreplace"), signature(settings, request.body).encode()):
        message = f"wrong {SIGNATURE_HEADER}"
        raise Forged(message)


def signature(settings: ViberSettings, body: bytes) -> str:
    """What Viber shows for a body."""
    return hmac.new(settings.token.get_secret_value().encode(), body, hashlib.sha256).hexdigest()


def opens_unsubscribed(request: WebhookRequest) -> bool:
    """Whether somebody opens the chat who cannot be written to yet but in the answer to this call."""
    try:
        opening = _decoded(_opening, request.body)
    except Unreadable:
        return False
    return opening.event == "conversation_started" and not opening.subscribed


def split(request: WebhookRequest) -> list[RawEvent]:
    """The one callback of a call."""
    envelope = _decoded(_envelope, request.body)
    raw = request.body
    if not envelope.timed:
        raw = msgspec.json.encode(_decoded(_fields, raw) | {_RECEIVED: time.time_ns() // 1_000_000})
    return [RawEvent(key=envelope.key, raw=raw)]


def read(raw: bytes) -> list[Incoming]:
    """A callback in our words; empty for what says nothing of a customer."""
    known = _READERS.get(_decoded(_name, raw).event)
    if known is None:
        return []
    decoder, reader = known
    return list(reader(_decoded(decoder, raw)))


def _decoded(decoder: msgspec.json.Decoder[_T], raw: bytes) -> _T:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"not a callback as Viber documents it: {error}"
        raise Unreadable(message) from None


def _named(decoder: msgspec.json.Decoder[_T], raw: Raw) -> _T | None:
    """Who is named, where it is somebody; what events to come will have there is not known."""
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError:
        return None


def _new_message(callback: _MessageCallback) -> Iterator[Incoming]:
    message = callback.message
    media, content = tuple(_media(message)), _content(message)
    text, person = _text(message), _person(callback.sender)
    if not (text or media or content):
        content = Placeholder(what=message.type)
    # Who writes subscribes by that, and no other event says so.
    yield ReachabilityChanged(person=person, at=callback.at, reachable=True)
    yield NewMessage(
        person=person,
        external_id=callback.token,
        sent_at=callback.at,
        sequence=int(callback.token),
        text=text,
        media=media,
        content=content,
    )


def _started(callback: _UserCallback) -> Iterator[Incoming]:
    """Nothing is said yet; only a link's context is worth keeping, as where the customer came from."""
    if callback.context:
        yield NewMessage(
            person=_person(callback.user),
            external_id=f"started:{callback.token}",
            sent_at=callback.at,
            content=Placeholder(what=f"opened the chat by {callback.context}"),
            source=callback.context,
            quiet=True,
        )


def _subscribed(callback: _UserCallback) -> Iterator[Incoming]:
    yield ReachabilityChanged(person=_person(callback.user), at=callback.at, reachable=True)


def _unsubscribed(callback: _UserIdCallback) -> Iterator[Incoming]:
    person = Person(external_id=callback.user_id)
    yield ReachabilityChanged(person=person, at=callback.at, reachable=False, reason="unsubscribed")


def _receipt(state: Any) -> Callable[[_UserIdCallback], Iterator[Incoming]]:
    def read_receipt(callback: _UserIdCallback) -> Iterator[Incoming]:
        yield Receipt(
            person=Person(external_id=callback.user_id),
            external_id=callback.token,
            at=callback.at,
            state=state,
            error=callback.desc or "",
        )

    return read_receipt


_READERS: Final[Mapping[str, tuple[msgspec.json.Decoder[Any], Callable[[Any], Iterator[Incoming]]]]] = {
    "message": (msgspec.json.Decoder(_MessageCallback), _new_message),
    "conversation_started": (msgspec.json.Decoder(_UserCallback), _started),
    "subscribed": (msgspec.json.Decoder(_UserCallback), _subscribed),
    "unsubscribed": (msgspec.json.Decoder(_UserIdCallback), _unsubscribed),
    "delivered": (msgspec.json.Decoder(_UserIdCallback), _receipt("delivered")),
    "seen": (msgspec.json.Decoder(_UserIdCallback), _receipt("read")),
    "failed": (msgspec.json.Decoder(_UserIdCallback), _receipt("failed")),
}

EVENT_TYPES: Final = tuple(sorted(_READERS.keys() - {"message"}))
"""What set_webhook is asked for; messages come in any case."""


def _person(user: _User) -> Person:
    return Person(external_id=user.id, name=user.name or "", avatar=user.avatar or "", language=user.language or "")


def _text(message: _Message) -> str:
    """A link counts as text, together with what was written beside it."""
    text = message.text or ""
    link = (message.media or "") if message.type == "url" else ""
    return text if link in text else f"{text}\n{link}".strip()


_TYPES: Final[Mapping[str, tuple[Any, str]]] = {
    "picture": ("photo", "image/jpeg"),
    "video": ("video", "video/mp4"),
    "file": ("document", "application/octet-stream"),
    "sticker": ("sticker", "image/png"),
}


def _media(message: _Message) -> Iterator[Media]:
    """The one file of a message; its address is good for an hour."""
    if message.media and message.type in _TYPES:
        kind, content_type = _TYPES[message.type]
        yield Media(
            type=kind,
            ref=message.media,
            name=message.file_name or "",
            content_type=content_type,
            size=message.file_size if message.size is None else message.size,
            duration=message.duration,
        )


def _content(message: _Message) -> Content | None:
    """A contact says whose phone it is by name only, so it proves nothing. A pressed button is the text on it."""
    if message.contact:
        return Contact(phone=message.contact.phone_number, name=message.contact.name or "")
    if message.location:
        return Location(latitude=message.location.lat, longitude=message.location.lon)
    if message.text and message.tracking_data:
        data = tracking.read(message.tracking_data).buttons.get(message.text)
        return None if data is None else ButtonPress(data=data)
    return None
