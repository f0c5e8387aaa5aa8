"""What Telegram posts to the webhook, in our words. Pure: no I/O, and none of aiogram (docs/decisions/0010).

Updates are described at https://core.telegram.org/bots/api#update. Only what is read here is declared; the rest of an
update is skipped without a look, so that new fields of Telegram's cost nothing.
"""

import hmac
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from channels.telegram.fields import ENVELOPE, SERVICE
from channels.telegram.spec import TelegramSettings
from inbox.model.channel import RawEvent, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.incoming import (
    AccountChanged,
    ButtonPress,
    Contact,
    Content,
    Echo,
    Incoming,
    Link,
    Location,
    Media,
    MessageDeleted,
    MessageEdited,
    NewMessage,
    Person,
    Placeholder,
    ReachabilityChanged,
    ReactionChanged,
)

SECRET_HEADER: Final = "x-telegram-bot-api-secret-token"  # noqa: S105  the header's name, not its value
"""Set from setWebhook's `secret_token`; a shared secret, not a signature."""

_RECEIVED: Final = "skrynka_received"
"""Telegram does not date pressed buttons, deletions and what an owner allows; `split` adds when we heard of it."""

Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Seconds = Annotated[int, Meta(ge=0, lt=2**33)]
"""Unix time. The bound keeps a broken date from being no date at all."""


Connection = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,128}$")]
"""A business account's consent that the bot may answer for it; part of addresses, so it must not look like one."""


class _User(msgspec.Struct):
    id: Id
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str = ""


class _Chat(msgspec.Struct):
    id: Id
    type: str = ""
    first_name: str = ""
    last_name: str = ""
    username: str = ""

    @property
    def private(self) -> bool:
        """Groups and channels have negative ids; a private chat's id is the user's."""
        return self.type == "private" if self.type else self.id > 0


class _Entity(msgspec.Struct):
    type: str
    offset: Count
    length: Count
    url: str = ""


class _File(msgspec.Struct):
    file_id: str
    file_unique_id: str = ""
    file_name: str = ""
    mime_type: str = ""
    file_size: Count | None = None
    width: Count | None = None
    height: Count | None = None
    length: Count | None = None
    duration: Count | None = None
    emoji: str = ""
    is_animated: bool = False
    is_video: bool = False


class _Contact(msgspec.Struct):
    phone_number: str
    first_name: str = ""
    last_name: str = ""
    user_id: Id | None = None


class _Location(msgspec.Struct):
    latitude: float
    longitude: float


class _Venue(msgspec.Struct):
    location: _Location
    title: str = ""
    address: str = ""


class _Button(msgspec.Struct):
    text: str = ""
    callback_data: str = ""


class _Keyboard(msgspec.Struct):
    inline_keyboard: list[list[_Button]] = []


class _Quoted(msgspec.Struct):
    message_id: Count


class _Story(msgspec.Struct):
    chat: _Chat
    id: Count


class _Message(msgspec.Struct, rename={"sender": "from"}):
    message_id: Count
    chat: _Chat
    business_connection_id: Connection = ""
    date: Seconds = 0
    edit_date: Seconds = 0
    sender: _User | None = None
    is_from_offline: bool = False
    media_group_id: str = ""
    reply_to_message: _Quoted | None = None
    reply_to_story: _Story | None = None
    forward_origin: Raw | UnsetType = UNSET
    forward_date: Raw | UnsetType = UNSET
    text: str = ""
    caption: str = ""
    entities: list[_Entity] = []
    caption_entities: list[_Entity] = []
    animation: _File | None = None
    audio: _File | None = None
    document: _File | None = None
    live_photo: _File | None = None
    photo: list[_File] = []
    sticker: _File | None = None
    video: _File | None = None
    video_note: _File | None = None
    voice: _File | None = None
    contact: _Contact | None = None
    location: _Location | None = None
    venue: _Venue | None = None
    story: _Story | None = None
    reply_markup: _Keyboard | None = None

    @property
    def address(self) -> str:
        """Where the customer is written to."""
        return _address(self.chat, self.business_connection_id)

    @property
    def by_owner(self) -> bool:
        """Whether a business account's owner, or a bot for them, wrote it to the customer."""
        return bool(self.business_connection_id) and self.sender is not None and self.sender.id != self.chat.id

    @property
    def person(self) -> Person:
        """The customer, whoever wrote."""
        if self.by_owner:
            return _person(self.address, self.chat, None)
        return _person(self.address, self.chat, self.sender, machine=self.is_from_offline)


class _Pressed(msgspec.Struct):
    """The message under a pressed button; of an old one only ids remain, and `date` is 0."""

    message_id: Count
    chat: _Chat
    business_connection_id: Connection = ""
    date: Seconds = 0
    reply_markup: _Keyboard | None = None


class _CallbackQuery(msgspec.Struct, rename={"sender": "from"}):
    id: str
    sender: _User
    message: _Pressed | None = None
    data: str = ""


class _Reaction(msgspec.Struct):
    type: str
    emoji: str = ""


class _MessageReaction(msgspec.Struct):
    chat: _Chat
    message_id: Count
    date: Seconds
    new_reaction: list[_Reaction] = []
    user: _User | None = None


class _Deleted(msgspec.Struct):
    business_connection_id: Connection
    chat: _Chat
    message_ids: list[Count]


class _Member(msgspec.Struct):
    status: str


class _ChatMember(msgspec.Struct, rename={"sender": "from"}):
    chat: _Chat
    sender: _User
    date: Seconds
    new_chat_member: _Member


class _Rights(msgspec.Struct):
    can_reply: bool = False


class _BusinessConnection(msgspec.Struct):
    id: Connection
    user: _User
    is_enabled: bool = False
    rights: _Rights | None = None
    can_reply: bool = False
    """What older Bot API servers say instead of `rights`."""


class _Update(msgspec.Struct, rename={"received": _RECEIVED}):
    update_id: Count = 0
    received: Seconds = 0
    message: _Message | None = None
    edited_message: _Message | None = None
    callback_query: _CallbackQuery | None = None
    message_reaction: _MessageReaction | None = None
    my_chat_member: _ChatMember | None = None
    business_message: _Message | None = None
    edited_business_message: _Message | None = None
    deleted_business_messages: _Deleted | None = None
    business_connection: _BusinessConnection | None = None


class _Envelope(msgspec.Struct):
    update_id: Count
    callback_query: Raw | UnsetType = UNSET
    deleted_business_messages: Raw | UnsetType = UNSET
    business_connection: Raw | UnsetType = UNSET

    @property
    def undated(self) -> bool:
        """Whether Telegram does not say when it happened. A business connection bears the date when it was made."""
        undated = (self.callback_query, self.deleted_business_messages, self.business_connection)
        return any(event is not UNSET for event in undated)


class _Keys(msgspec.Struct):
    message: dict[str, Raw] = {}
    business_message: dict[str, Raw] = {}


T = TypeVar("T")

_update = msgspec.json.Decoder(_Update)
_envelope = msgspec.json.Decoder(_Envelope)
_fields = msgspec.json.Decoder(dict[str, Raw])
_message_keys = msgspec.json.Decoder(_Keys)


def authenticate(settings: TelegramSettings, request: WebhookRequest) -> None:
    """Raise `Forged` unless the call shows the secret that setWebhook was given."""
    shown = request.headers.get(SECRET_HEADER)
    if shown is None or settings.secret_token is None:
        message = f"no {SECRET_HEADER}"
        raise Forged(message)
    # compare_digest refuses str beyond ASCII, and a header may hold any byte.
    expected = settings.secret_token.get_secret_value().encode()
    if not hmac.compare_digest(shown.encode(errors="backslashreplace"), expected):
        message = f"wrong {SECRET_HEADER}"
        raise Forged(message)


def split(request: WebhookRequest) -> list[RawEvent]:
    """The one update of a call; its key is `update_id`."""
    envelope = _decoded(_envelope, request.body)
    raw = request.body
    if envelope.undated:
        raw = msgspec.json.encode(_decoded(_fields, raw) | {_RECEIVED: int(time.time())})
    return [RawEvent(key=str(envelope.update_id), raw=raw)]


def read(raw: bytes) -> list[Incoming]:
    """An update in our words; empty where it concerns a group, a service or what was never asked for."""
    update = _decoded(_update, raw)
    for name, reader in _READERS.items():
        event = getattr(update, name)
        if event is not None:
            return list(reader(event, raw, update))
    return []


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"not an update as Telegram documents it: {error}"
        raise Unreadable(message) from None


def _new_message(message: _Message, raw: bytes, _update: _Update) -> Iterator[Incoming]:
    # Telegram numbers a message that is not sent yet 0: it will come again under its own number.
    if not message.chat.private or not message.message_id:
        return
    text, entities = _text(message)
    media = tuple(_media(message))
    content = _content(message)
    if not (text or media or content):
        unknown = _unknown_content(raw)
        if not unknown:
            return
        content = Placeholder(what=unknown)
    common: dict[str, Any] = {
        "person": message.person,
        "external_id": f"{message.address}:{message.message_id}",
        "sent_at": _moment("message.date", message.date),
        "sequence": message.message_id,
        "media": media,
        "reply_to": f"{message.address}:{message.reply_to_message.message_id}" if message.reply_to_message else "",
    }
    if message.by_owner:
        yield Echo(**common, text=text or _in_words(content), entities=entities)
        return
    yield NewMessage(
        **common,
        text=text,
        entities=entities,
        content=content,
        group=f"{message.address}:album:{message.media_group_id}" if message.media_group_id else "",
        forwarded=message.forward_origin is not UNSET or message.forward_date is not UNSET,
        source=_deep_link(text),
    )


def _edited_message(message: _Message, _raw: bytes, update: _Update) -> Iterator[Incoming]:
    text, entities = _text(message)
    media = tuple(_media(message))
    # A live location comes as an edit every few seconds and has no text to change.
    if not message.chat.private or not (text or media):
        return
    yield MessageEdited(
        person=message.person,
        external_id=f"{message.address}:{message.message_id}",
        at=_moment("edited_message.edit_date", message.edit_date or message.date),
        # Dates are whole seconds; updates of one bot are numbered in their order.
        sequence=update.update_id,
        text=text,
        entities=entities,
        media=media,
    )


def _deleted_messages(deleted: _Deleted, _raw: bytes, update: _Update) -> Iterator[Incoming]:
    if not deleted.chat.private:
        return
    address = _address(deleted.chat, deleted.business_connection_id)
    at = _moment("the time of the deletion", update.received)
    for number in deleted.message_ids:
        yield MessageDeleted(person=_person(address, deleted.chat, None), external_id=f"{address}:{number}", at=at)


def _callback_query(query: _CallbackQuery, _raw: bytes, update: _Update) -> Iterator[Incoming]:
    pressed = query.message
    if pressed is None or not pressed.chat.private:
        return
    rows = pressed.reply_markup.inline_keyboard if pressed.reply_markup else []
    address = _address(pressed.chat, pressed.business_connection_id)
    titles = [button.text for row in rows for button in row if button.callback_data == query.data]
    yield NewMessage(
        person=_person(address, pressed.chat, query.sender),
        external_id=f"{address}:cb:{query.id}",
        sent_at=_moment("callback_query.message.date", update.received or pressed.date),
        sequence=pressed.message_id,
        text=titles[0] if titles else query.data,
        content=ButtonPress(data=query.data, acknowledge=query.id),
        reply_to=f"{address}:{pressed.message_id}",
    )


def _message_reaction(reaction: _MessageReaction, _raw: bytes, update: _Update) -> Iterator[Incoming]:
    if not reaction.chat.private:
        return
    yield ReactionChanged(
        person=_person(_address(reaction.chat), reaction.chat, reaction.user),
        external_id=f"{_address(reaction.chat)}:{reaction.message_id}",
        at=_moment("message_reaction.date", reaction.date),
        sequence=update.update_id,
        emoji=tuple(one.emoji or _NAMELESS_REACTIONS.get(one.type, "❔") for one in reaction.new_reaction),
    )


def _my_chat_member(change: _ChatMember, _raw: bytes, _update: _Update) -> Iterator[Incoming]:
    reachable = _MEMBERSHIP.get(change.new_chat_member.status)
    if not change.chat.private or reachable is None:
        return
    yield ReachabilityChanged(
        person=_person(_address(change.chat), change.chat, change.sender),
        at=_moment("my_chat_member.date", change.date),
        reachable=reachable,
        reason="" if reachable else "blocked the bot",
    )


def _business_connection(connection: _BusinessConnection, _raw: bytes, update: _Update) -> Iterator[Incoming]:
    rights = connection.rights
    owner = f"{connection.user.first_name} {connection.user.last_name}".strip() or connection.user.username
    trouble = ""
    if not connection.is_enabled:
        trouble = f"{owner} took the bot away from their Telegram Business account: what is written there stays there"
    elif not (rights.can_reply if rights else connection.can_reply):
        trouble = f"{owner} does not allow the bot to reply for their Telegram Business account"
    yield AccountChanged(
        account=connection.id,
        at=_moment("the time of the change", update.received),
        sequence=update.update_id,
        trouble=trouble,
    )


_READERS: Final[Mapping[str, Callable[[Any, bytes, _Update], Iterator[Incoming]]]] = {
    "message": _new_message,
    "edited_message": _edited_message,
    "callback_query": _callback_query,
    "message_reaction": _message_reaction,
    "my_chat_member": _my_chat_member,
    "business_message": _new_message,
    "edited_business_message": _edited_message,
    "deleted_business_messages": _deleted_messages,
    "business_connection": _business_connection,
}

ALLOWED_UPDATES: Final = tuple(_READERS)
"""What setWebhook asks for: exactly what can be read."""

_MEMBERSHIP: Final[Mapping[str, bool]] = {"kicked": False, "member": True}
_NAMELESS_REACTIONS: Final[Mapping[str, str]] = {"paid": "⭐"}


def _address(chat: _Chat, connection: str = "") -> str:
    """Where a customer is written to. Over a business account that is another chat than the bot's own with them.

    Telegram numbers messages by chat, so this is also the first half of their external ids.
    """
    return f"{chat.id}@{connection}" if connection else str(chat.id)


def _person(address: str, chat: _Chat, user: _User | None, *, machine: bool = False) -> Person:
    known = user or chat
    return Person(
        external_id=address,
        name=f"{known.first_name} {known.last_name}".strip(),
        username=known.username,
        language=user.language_code if user else "",
        machine=machine or (user is not None and user.is_bot),
    )


def _moment(field: str, seconds: int) -> datetime:
    if not seconds:
        message = f"not an update as Telegram documents it: {field} is missing"
        raise Unreadable(message)
    return datetime.fromtimestamp(seconds, UTC)


def _text(message: _Message) -> tuple[str, tuple[dict[str, str | int], ...]]:
    entities = message.entities if message.text else message.caption_entities
    return message.text or message.caption, tuple(_mark(entity) for entity in entities)


def _mark(entity: _Entity) -> dict[str, str | int]:
    mark: dict[str, str | int] = {"type": entity.type, "offset": entity.offset, "length": entity.length}
    return mark | {"url": entity.url} if entity.url else mark


def _deep_link(text: str) -> str:
    """The payload of https://core.telegram.org/bots/features#deep-linking."""
    found = re.fullmatch(r"/start(?:@\w+)? ([A-Za-z0-9_-]{1,64})", text)
    return found[1] if found else ""


def _media(message: _Message) -> Iterator[Media]:
    """A message carries one file. The specific key goes first: an animation fills `document` as well."""
    part = f"{message.message_id:020d}"
    if message.animation:
        yield _file(message.animation, part, "video", "video/mp4")
    elif message.live_photo:
        yield _file(message.live_photo, part, "video", "video/mp4")
    elif message.video:
        yield _file(message.video, part, "video", "video/mp4")
    elif message.video_note:
        yield _file(message.video_note, part, "video", "video/mp4", side=message.video_note.length)
    elif message.voice:
        yield _file(message.voice, part, "voice", "audio/ogg")
    elif message.audio:
        yield _file(message.audio, part, "audio", "audio/mpeg")
    elif message.sticker:
        yield _file(message.sticker, part, "sticker", _sticker_type(message.sticker))
    elif message.photo:
        yield _file(max(message.photo, key=_area), part, "photo", "image/jpeg")
    elif message.document:
        yield _file(message.document, part, "document", "application/octet-stream")


def _file(file: _File, part: str, kind: Any, content_type: str, side: int | None = None) -> Media:
    return Media(
        type=kind,
        ref=file.file_id,
        part=part,
        same=file.file_unique_id,
        name=file.file_name or file.emoji,
        content_type=file.mime_type or content_type,
        size=file.file_size,
        width=file.width if side is None else side,
        height=file.height if side is None else side,
        duration=file.duration,
    )


def _area(photo: _File) -> int:
    return (photo.width or 0) * (photo.height or 0)


def _sticker_type(sticker: _File) -> str:
    """https://core.telegram.org/stickers: TGS is gzipped Lottie, video stickers are WebM."""
    if sticker.is_animated:
        return "application/x-tgsticker"
    return "video/webm" if sticker.is_video else "image/webp"


def _content(message: _Message) -> Content | None:
    """A venue fills `location` as well, so it goes first; a story that is answered has a text besides."""
    if message.venue:
        place = message.venue.location
        return Location(
            latitude=place.latitude,
            longitude=place.longitude,
            title=message.venue.title,
            address=message.venue.address,
        )
    if message.location:
        return Location(latitude=message.location.latitude, longitude=message.location.longitude)
    if message.contact:
        shared = message.contact
        return Contact(
            phone=shared.phone_number,
            name=f"{shared.first_name} {shared.last_name}".strip(),
            own=shared.user_id is not None and message.sender is not None and shared.user_id == message.sender.id,
        )
    story = message.story or message.reply_to_story
    if story and story.chat.username:
        return Link(url=f"https://t.me/{story.chat.username}/s/{story.id}", title="story")
    return None


def _in_words(content: Content | None) -> str:
    """What the shop's owner sent besides texts and files, for an echo has only those."""
    match content:
        case Location(latitude=latitude, longitude=longitude, title=title, address=address):
            return ", ".join(filter(None, (title, address, f"{latitude}, {longitude}")))
        case Contact(phone=phone, name=name):
            return f"{name} {phone}".strip()
        case Link(url=url):
            return url
        case Placeholder(what=what):
            return what
    return ""


def _unknown_content(raw: bytes) -> str:
    """The name of what a message holds and we cannot show: whatever is neither its envelope nor a service notice."""
    keys = _decoded(_message_keys, raw)
    names = keys.message or keys.business_message
    return next((name for name in names if name not in ENVELOPE and name not in SERVICE), "")
