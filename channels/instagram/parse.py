"""What Meta posts to the webhook, in our words. Pure: no I/O.

A call brings entries, an entry lists of events (https://developers.facebook.com/docs/instagram-platform/webhooks).
`split` makes an entry with one event of each, so that a broken one is set aside alone; that is what the journal keeps
and `read` understands. Only what is read is declared here.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from channels.instagram.spec import InstagramSettings
from inbox.model.channel import RawEvent, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.incoming import (
    ButtonPress,
    Content,
    Echo,
    Incoming,
    Link,
    Media,
    MessageDeleted,
    MessageEdited,
    NewMessage,
    Person,
    Placeholder,
    ReactionChanged,
    Receipt,
)

SIGNATURE_HEADER: Final = "x-hub-signature-256"

COMMENT: Final = "comment:"
"""What tells a comment's external id from a message's."""

_MILLISECONDS: Final = 10**11
"""From here on a Unix time counts milliseconds; in seconds it would be the year 5138."""

Id = str | int
"""Ids are digits in a string, except in the dashboard's samples."""
Time = Annotated[int, Meta(ge=0, lt=2**43)] | Annotated[str, Meta(pattern=r"^[0-9]{1,13}$")]
Text = str | None


class _Party(msgspec.Struct):
    id: Id
    username: Text = None
    self_ig_scoped_id: Id = ""
    """Only there where the account itself wrote the comment."""


class _Payload(msgspec.Struct):
    url: Text = None
    title: Text = None


class _Attachment(msgspec.Struct):
    type: str
    payload: _Payload | None = None


class _Story(msgspec.Struct):
    url: Text = None


class _ReplyTo(msgspec.Struct):
    mid: str = ""
    story: _Story | None = None


class _AdContext(msgspec.Struct):
    ad_title: Text = None


class _Referral(msgspec.Struct):
    ref: Text = None
    ad_id: Id | None = None
    source: Text = None
    ads_context_data: _AdContext | None = None


class _QuickReply(msgspec.Struct):
    payload: str = ""


class _Message(msgspec.Struct):
    mid: Annotated[str, Meta(min_length=1)]
    text: Text = None
    attachments: list[_Attachment] | None = None
    reply_to: _ReplyTo | None = None
    quick_reply: _QuickReply | None = None
    referral: _Referral | None = None
    is_deleted: bool = False
    is_echo: bool = False
    is_unsupported: bool = False

    def key(self, _event: "_Event") -> str:
        return f"{'deleted' if self.is_deleted else 'message'}:{self.mid}"


class _Edit(msgspec.Struct):
    mid: Annotated[str, Meta(min_length=1)]
    num_edit: Time
    text: Text = None

    def key(self, event: "_Event") -> str:
        return f"edit:{self.mid}:{self.num_edit}:{event.timestamp}"


class _Reaction(msgspec.Struct):
    mid: Annotated[str, Meta(min_length=1)]
    action: str
    reaction: Text = None
    emoji: Text = None

    def key(self, event: "_Event") -> str:
        return (
            f"reaction:{event.from_id}:{self.mid}:{event.timestamp}:{self.action}:{self.emoji or self.reaction or ''}"
        )


class _Read(msgspec.Struct):
    mid: Annotated[str, Meta(min_length=1)]

    def key(self, event: "_Event") -> str:
        return f"read:{event.from_id}:{self.mid}:{event.timestamp}"


class _Postback(msgspec.Struct):
    mid: str = ""
    title: Text = None
    payload: Text = None
    referral: _Referral | None = None

    def key(self, event: "_Event") -> str:
        return f"postback:{self.mid or f'{event.from_id}:{event.timestamp}:{self.payload}'}"


class _Opened(_Referral):
    """An `ig.me` link or an advertisement that was followed into a conversation that was there already."""

    def key(self, event: "_Event") -> str:
        return f"referral:{event.from_id}:{event.timestamp}:{self.ref or self.ad_id}"


class _Event(msgspec.Struct):
    """One of `messaging` or `standby`: who, to whom, when, and one of the rest."""

    sender: _Party | None = None
    recipient: _Party | None = None
    timestamp: Time = 0
    message: _Message | None = None
    message_edit: _Edit | None = None
    reaction: _Reaction | None = None
    read: _Read | None = None
    postback: _Postback | None = None
    referral: _Opened | None = None

    @property
    def from_id(self) -> str:
        return str(self.sender.id) if self.sender else ""


class _CommentMedia(msgspec.Struct):
    id: Id = ""
    media_product_type: Text = None
    ad_id: Id | None = None
    ad_title: Text = None


class _Comment(msgspec.Struct, rename={"author": "from"}):
    id: Id
    author: _Party
    text: Text = None
    media: _CommentMedia | None = None
    parent_id: Id | None = None

    def key(self) -> str:
        return f"{COMMENT}{self.id}"


class _Change(msgspec.Struct):
    field: str
    value: Raw


class _Entry(msgspec.Struct, omit_defaults=True):
    """Everything that happened to one account; what `read` gets holds one event.

    Instagram Login's own samples have one change without a list around it: `field` and `value`.
    """

    id: Id
    time: Time = 0
    messaging: list[Raw] = []
    standby: list[Raw] = []
    changes: list[Raw] = []
    field: str | UnsetType = UNSET
    value: Raw | UnsetType = UNSET
    skrynka_stray: str = ""
    """The account that the channel is for, where the entry belongs to another one."""


class _Call(msgspec.Struct):
    object: str
    entry: list[Raw]


T = TypeVar("T")

_call = msgspec.json.Decoder(_Call)
_entry = msgspec.json.Decoder(_Entry)
_event = msgspec.json.Decoder(_Event)
_change = msgspec.json.Decoder(_Change)
_comment = msgspec.json.Decoder(_Comment)


def handshake(settings: InstagramSettings, request: WebhookRequest) -> str:
    """The challenge of Meta's GET, if it shows the verify token. Raises `Forged`.

    It is repeated only where it is plain: even who knows the token must not get a page of theirs shown by us.
    """
    shown = request.query.get("hub.verify_token")
    challenge = request.query.get("hub.challenge", "")
    if shown is None or settings.verify_token is None or request.query.get("hub.mode") != "subscribe":
        raise Forged("not a subscription with a verify token")
    expected = settings.verify_token.get_secret_value().encode()
    if not hmac.compare_digest(shown.encode(errors="backslashreplace"), expected):
        raise Forged("wrong hub.verify_token")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,256}", challenge):
        raise Forged("hub.challenge is not plain")
    return challenge


def authenticate(settings: InstagramSettings, request: WebhookRequest) -> None:
    """Raise `Forged` unless one of the app's secrets signed the body."""
    shown = request.headers.get(SIGNATURE_HEADER, "").encode(errors="backslashreplace")
    secrets = [secret for secret in (settings.app_secret, settings.meta_app_secret) if secret is not None]
    # Every secret is tried, so that the time it takes does not tell which one would have fitted.
    matches = [hmac.compare_digest(shown, signature(secret.get_secret_value(), request.body)) for secret in secrets]
    if not any(matches):
        raise Forged(f"no secret of this app made the {SIGNATURE_HEADER}")


def signature(secret: str, body: bytes) -> bytes:
    """What the header says of `body` when `secret` signed it."""
    return b"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def split(settings: InstagramSettings, request: WebhookRequest) -> list[RawEvent]:
    """The events of a batch, each in an entry of its own."""
    call = _decoded(_call, request.body)
    if call.object != "instagram":
        raise Unreadable(f"about {call.object!r}, not about Instagram")
    return [event for raw in call.entry for event in _events(bytes(raw), settings.account_id)]


def read(raw: bytes) -> list[Incoming]:
    """An event in our words; empty for what does not concern a shop."""
    entry = _decoded(_entry, raw)
    if entry.skrynka_stray:
        raise Unreadable(f"this is about the Instagram account {entry.id}; this channel is {entry.skrynka_stray}")
    found: list[Incoming] = []
    for item in entry.messaging:
        found += _happened(_decoded(_event, item), entry)
    for item in entry.standby:
        found += map(_quietly, _happened(_decoded(_event, item), entry))
    for item in entry.changes:
        change = _decoded(_change, item)
        if change.field in _MESSAGING_FIELDS:
            found += _happened(_decoded(_event, change.value), entry)
        elif change.field in _COMMENT_FIELDS:
            found += _commented(_decoded(_comment, change.value), entry)
    return found


def _events(raw: bytes, account_id: str) -> Iterator[RawEvent]:
    try:
        entry = _decoded(_entry, raw)
    except Unreadable:
        yield RawEvent(_digest(raw), raw)
        return
    if entry.field is not UNSET and entry.value is not UNSET:
        entry.changes = [*entry.changes, Raw(msgspec.json.encode(_Change(entry.field, entry.value)))]
    entry.skrynka_stray = "" if str(entry.id) == account_id else account_id
    kept = [
        RawEvent(key(bytes(item), entry), msgspec.json.encode(_single(entry, name, item)))
        for name, key in _KEYS.items()
        for item in getattr(entry, name)
    ]
    yield from kept or [RawEvent(_digest(raw), raw)]


def _single(entry: _Entry, name: str, item: Raw) -> _Entry:
    single = _Entry(id=entry.id, time=entry.time, skrynka_stray=entry.skrynka_stray)
    setattr(single, name, [item])
    return single


def _event_key(item: bytes, entry: _Entry) -> str:
    """The provider's name for it, or the item's own digest where it has none or is broken."""
    try:
        event = _decoded(_event, item)
    except Unreadable:
        return _digest(item)
    for name in _HAPPENINGS:
        what = getattr(event, name)
        if what is not None:
            return f"{entry.id}:{what.key(event)}"
    return _digest(item)


def _change_key(item: bytes, entry: _Entry) -> str:
    try:
        change = _decoded(_change, item)
        if change.field in _MESSAGING_FIELDS:
            return _event_key(bytes(change.value), entry)
        if change.field in _COMMENT_FIELDS:
            return f"{entry.id}:{_decoded(_comment, change.value).key()}"
    except Unreadable:
        pass
    return _digest(item + str(entry.time).encode())


_KEYS: Final[Mapping[str, Callable[[bytes, _Entry], str]]] = {
    "messaging": _event_key,
    "standby": _event_key,
    "changes": _change_key,
}


def _digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes | Raw) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"not an event as Meta documents it: {error}") from None


class _Scene(msgspec.Struct):
    """What every event has: the customer, the time, and whether the shop did it."""

    person: Person
    at: datetime
    outward: bool


def _happened(event: _Event, entry: _Entry) -> Iterator[Incoming]:
    for name, reader in _HAPPENINGS.items():
        what = getattr(event, name)
        if what is None:
            continue
        if name == "message_edit" and not int(what.num_edit):
            return  # Meta announces new messages like this as well, without text and often without a sender.
        scene = _scene(event, entry)
        if scene is not None:
            yield from reader(what, scene)
        return


def _scene(event: _Event, entry: _Entry) -> _Scene | None:
    """None where the account talks to itself. A person is the customer, whoever spoke."""
    if event.sender is None or event.recipient is None:
        raise Unreadable("not an event as Meta documents it: sender or recipient is missing")
    account = str(entry.id)
    outward = str(event.sender.id) == account or (event.message is not None and event.message.is_echo)
    other = event.recipient if outward else event.sender
    if str(other.id) == account:
        return None
    person = Person(external_id=_filled("sender.id", other.id), username=other.username or "")
    return _Scene(person, _moment("timestamp", event.timestamp or entry.time), outward)


def _message(message: _Message, scene: _Scene) -> Iterator[Incoming]:
    if message.is_deleted:
        yield MessageDeleted(person=scene.person, external_id=message.mid, at=scene.at)
        return
    seen = _Shown(message)
    quoted = message.reply_to.mid if message.reply_to else ""
    if scene.outward:
        yield Echo(
            person=scene.person,
            external_id=message.mid,
            sent_at=scene.at,
            text=message.text or seen.words(),
            media=tuple(seen.media),
            reply_to=quoted,
        )
        return
    content = ButtonPress(data=message.quick_reply.payload) if message.quick_reply else seen.content
    yield NewMessage(
        person=scene.person,
        external_id=message.mid,
        sent_at=scene.at,
        text=message.text or "",
        media=tuple(seen.media),
        content=content,
        reply_to=quoted,
        source=_source(message.referral),
    )


def _message_edit(edit: _Edit, scene: _Scene) -> Iterator[Incoming]:
    yield MessageEdited(
        person=scene.person, external_id=edit.mid, at=scene.at, sequence=int(edit.num_edit), text=edit.text or ""
    )


def _reaction(reaction: _Reaction, scene: _Scene) -> Iterator[Incoming]:
    """Only the customer's own: what the shop puts under a message is not theirs."""
    if scene.outward:
        return
    emoji = reaction.emoji or _NAMED_REACTIONS.get(reaction.reaction or "", "❔")
    yield ReactionChanged(
        person=scene.person,
        external_id=reaction.mid,
        at=scene.at,
        emoji=(emoji,) if reaction.action == "react" else (),
    )


def _read(read: _Read, scene: _Scene) -> Iterator[Incoming]:
    if not scene.outward:
        # Meta names the last message only that was read.
        yield Receipt(person=scene.person, external_id=read.mid, at=scene.at, state="read", all_before=True)


def _postback(postback: _Postback, scene: _Scene) -> Iterator[Incoming]:
    if scene.outward:
        return
    yield NewMessage(
        person=scene.person,
        external_id=postback.mid or f"postback:{scene.person.external_id}:{int(scene.at.timestamp() * 1000)}",
        sent_at=scene.at,
        text=postback.title or postback.payload or "",
        content=ButtonPress(data=postback.payload or ""),
        source=_source(postback.referral),
    )


def _referral(referral: _Opened, scene: _Scene) -> Iterator[Incoming]:
    """Nothing was written yet: it is kept for whoever reads the thread, and wakes nobody."""
    if scene.outward:
        return
    source = _source(referral)
    yield NewMessage(
        person=scene.person,
        external_id=f"referral:{scene.person.external_id}:{int(scene.at.timestamp() * 1000)}",
        sent_at=scene.at,
        content=Placeholder(what=f"opened the chat by {source}" if source else "opened the chat by a link"),
        source=source,
        quiet=True,
    )


_HAPPENINGS: Final[Mapping[str, Callable[[Any, _Scene], Iterator[Incoming]]]] = {
    "message": _message,
    "message_edit": _message_edit,
    "reaction": _reaction,
    "read": _read,
    "postback": _postback,
    "referral": _referral,
}

_MESSAGING_FIELDS: Final = frozenset(
    {
        "messages",
        "message_edit",
        "message_reactions",
        "messaging_seen",
        "messaging_postbacks",
        "messaging_referral",
    }
)
"""Webhook fields whose events Meta's dashboard posts as changes when it tries an address."""

_COMMENT_FIELDS: Final = frozenset({"comments", "live_comments"})

SUBSCRIBED_FIELDS: Final = (*sorted(_MESSAGING_FIELDS), "comments")
"""What `subscribed_apps` asks for. Comments under live video are read where somebody subscribes to them as well."""

_NAMED_REACTIONS: Final[Mapping[str, str]] = {
    "love": "❤",
    "smile": "😆",
    "wow": "😮",
    "sad": "😢",
    "angry": "😠",
    "like": "👍",
    "dislike": "👎",
}


def _quietly(event: Incoming) -> Incoming:
    """Another app holds this conversation (https://developers.facebook.com/docs/messenger-platform/handover-protocol)."""
    return msgspec.structs.replace(event, quiet=True) if isinstance(event, NewMessage) else event


def _commented(comment: _Comment, entry: _Entry) -> Iterator[Incoming]:
    """A comment of somebody else's; Meta tells about the account's own as well."""
    author = str(comment.author.id)
    if author == str(entry.id) or comment.author.self_ig_scoped_id:
        return
    text = comment.text or ""
    yield NewMessage(
        person=Person(external_id=_filled("from.id", author), username=comment.author.username or ""),
        external_id=comment.key(),
        sent_at=_moment("time", entry.time),
        text=text,
        content=None if text else Placeholder(what="a comment without text"),
        reply_to=f"{COMMENT}{comment.parent_id}" if comment.parent_id else "",
        source=_commented_on(comment.media),
        public=True,
    )


def _commented_on(media: _CommentMedia | None) -> str:
    if media is None:
        return ""
    if media.ad_id:
        return _advertisement(media.ad_id, media.ad_title)
    return " ".join(filter(None, ("comment", (media.media_product_type or "").lower(), str(media.id))))


def _source(referral: _Referral | None) -> str:
    """A link's own word for itself; the advertisement; or at least the kind of place."""
    if referral is None:
        return ""
    if referral.ref:
        return referral.ref
    if referral.ad_id:
        context = referral.ads_context_data
        return _advertisement(referral.ad_id, context.ad_title if context else None)
    return (referral.source or "").lower()


def _advertisement(ad_id: Id, title: Text) -> str:
    return f"ad {ad_id}: {title}" if title else f"ad {ad_id}"


class _Shown:
    """What a message carries besides its text: files to copy at once, and one thing that is no file."""

    def __init__(self, message: _Message) -> None:
        self.media: list[Media] = []
        self.content: Content | None = None
        story = message.reply_to.story if message.reply_to else None
        if story is not None:
            self._take("story", story.url or "", "Your story")
        for attachment in message.attachments or ():
            payload = attachment.payload or _Payload()
            self._take(attachment.type, payload.url or "", payload.title or "")
        if message.is_unsupported:
            self._note(Placeholder(what="something that Instagram shows only in its app"))
        if not (message.text or self.media or message.quick_reply):
            self._note(Placeholder(what="an empty message"))

    def words(self) -> str:
        """The content for who can show only text."""
        match self.content:
            case Link(url=url, title=title):
                return f"{title}: {url}" if url else title
            case Placeholder(what=what):
                return what
        return ""

    def _take(self, kind: str, url: str, title: str) -> None:
        media_type = _MEDIA.get(kind)
        if media_type and url:
            part = f"{len(self.media):04d}"
            self.media.append(Media(type=media_type, ref=url, part=part))  # type: ignore[arg-type]
        if kind in _LINKS:
            self._note(Link(url=url, title=title or _LINKS[kind]))
        elif not (media_type and url):
            self._note(_absent(kind, url))

    def _note(self, content: Content) -> None:
        """A message shows one; the first says most."""
        if self.content is None:
            self.content = content


_MEDIA: Final[Mapping[str, str]] = {
    "image": "photo",
    "video": "video",
    "audio": "audio",
    "file": "document",
    "story": "photo",
    "ig_story": "photo",
    "share": "photo",
    "ig_post": "photo",
    "reel": "video",
    "ig_reel": "video",
}
"""What is copied. A story that mentions the shop is not: Meta's policy allows only its address to be kept."""

_LINKS: Final[Mapping[str, str]] = {
    "story_mention": "A story that mentions you",
    "story": "A story",
    "ig_story": "A story",
    "share": "A post",
    "ig_post": "A post",
    "reel": "A reel",
    "ig_reel": "A reel",
}
"""What is something on Instagram that the customer points at, with a title where it has none."""


def _absent(kind: str, url: str) -> Content:
    """A file without an address, or a kind of attachment that Meta has invented since."""
    if kind == "ephemeral":
        return Placeholder(what="a photo or video to be seen once")
    return Link(url=url, title=kind) if url else Placeholder(what=kind)


def _filled(field: str, value: Id) -> str:
    if not str(value):
        raise Unreadable(f"not an event as Meta documents it: {field} is empty")
    return str(value)


def _moment(field: str, value: Time) -> datetime:
    """Events count milliseconds; the dashboard's samples and some comments seconds."""
    number = int(value)
    if not number:
        raise Unreadable(f"not an event as Meta documents it: {field} is missing")
    seconds, milliseconds = divmod(number, 1000) if number >= _MILLISECONDS else (number, 0)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=milliseconds)
