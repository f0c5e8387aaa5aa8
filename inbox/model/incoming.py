"""What a provider told us, in our own words. Channels make these; `inbox.ingest` turns them into conversations."""

from datetime import datetime
from typing import Literal

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """The customer's side of an event, as the channel knows them."""

    external_id: str
    name: str = ""
    username: str = ""
    language: str = ""
    avatar: str = ""
    """Their picture: what the channel's own `fetch` understands, perhaps only for days."""
    machine: bool = False
    """A bot or an automatic sender: stored, never answered by our bot."""
    everywhere: bool = False
    """Whether `external_id` is the same person on every channel of the kind, as an address is: they share a card."""


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """A file that came with a message and still lies at the provider.

    `ref` is what the channel's own `fetch` understands; `size` in bytes where the provider says so.
    """

    type: Literal["photo", "video", "audio", "voice", "document", "sticker"]
    ref: str = ""
    content: bytes | None = None
    """The file itself, where it came with the event; then there is nothing to fetch and no `ref`."""
    part: str = ""
    """Which provider message of an album it came with; sorts the album's files."""
    same: str = ""
    """Names its content, where the provider does: a message's file that comes again under it is not fetched anew."""
    name: str = ""
    content_type: str = ""
    size: int | None = None
    width: int | None = None
    height: int | None = None
    duration: int | None = None


class Location(msgspec.Struct, frozen=True, kw_only=True, tag="location"):
    """A place on the map."""

    latitude: float
    longitude: float
    title: str = ""
    address: str = ""


class Contact(msgspec.Struct, frozen=True, kw_only=True, tag="contact"):
    """A shared phone. `own` only where the provider proves that it is the sender's."""

    phone: str
    name: str = ""
    own: bool = False


class ButtonPress(msgspec.Struct, frozen=True, kw_only=True, tag="button"):
    """A pressed button. `data` is what we attached to it; `acknowledge` is what the provider wants answered."""

    data: str
    acknowledge: str = ""


class Link(msgspec.Struct, frozen=True, kw_only=True, tag="link"):
    """Something on the provider's side that the customer points at: a story, a post. `url` may be gone tomorrow."""

    url: str
    title: str


class Placeholder(msgspec.Struct, frozen=True, kw_only=True, tag="placeholder"):
    """Something the channel can carry and we cannot show yet (a poll, a dice): its name is kept, nothing is lost."""

    what: str


Content = Location | Contact | ButtonPress | Link | Placeholder


class NewMessage(msgspec.Struct, frozen=True, kw_only=True, tag="message"):
    """A customer wrote.

    `external_id` is unique within the channel. Parts of an album share `group`; they become one message.
    `entities` are formatting marks `{type, offset, length, url?}` with offsets in UTF-16 units.
    """

    person: Person
    external_id: str
    sent_at: datetime
    sequence: int = 0
    text: str = ""
    entities: tuple[dict[str, str | int], ...] = ()
    media: tuple[Media, ...] = ()
    content: Content | None = None
    group: str = ""
    reply_to: str = ""
    forwarded: bool = False
    source: str = ""
    """How the customer came: a deep link's payload, an advertisement."""
    subject: str = ""
    """The subject line, where the channel has one."""
    html: str = ""
    """The message as HTML, as it came: cleaned when it is shown, never before it is stored."""
    original: str = ""
    """The whole text where `text` leaves out what it quotes; empty where both are the same."""
    answers: tuple[str, ...] = ()
    """External ids of messages of ours that this is an answer to, likeliest first.

    A stranger who answers what we wrote to a customer joins that customer's card.
    """
    public: bool = False
    """Whether everybody can read it (a comment under a post)."""
    everywhere: bool = False
    """Whether `external_id` is the same message on every channel of the kind: a letter to two mailboxes is one."""
    proven_email: str = ""
    """An e-mail address that the provider's own verdict says is the sender's; what the sender claims proves nothing."""
    unconfirmed: bool = False
    """Whether the provider could have vouched for who sent it, and did not: it may be forged."""
    quiet: bool = False
    """Stored without opening or reopening anything: automatic mail, a rating."""


class Echo(msgspec.Struct, frozen=True, kw_only=True, tag="echo"):
    """The shop wrote to `person` by another way than through us: the provider's app, its own inbox, a sent folder.

    What we sent ourselves comes back like this too: it is known by its external id, or by `key`, which is
    `Outgoing.key` where the provider tells it back.
    """

    person: Person
    external_id: str
    sent_at: datetime
    sequence: int = 0
    key: str = ""
    text: str = ""
    entities: tuple[dict[str, str | int], ...] = ()
    media: tuple[Media, ...] = ()
    reply_to: str = ""
    subject: str = ""
    html: str = ""


class MessageEdited(msgspec.Struct, frozen=True, kw_only=True, tag="edited"):
    """The text (or caption) of an earlier message, or its file, changed at `at`."""

    person: Person
    external_id: str
    at: datetime
    sequence: int = 0
    """Tells apart changes of the same `at`, where the provider counts them."""
    text: str
    entities: tuple[dict[str, str | int], ...] = ()
    media: tuple[Media, ...] = ()
    """Its files as they are now, all of one `part` and each with `same`; empty where the edit says nothing of files."""


class MessageDeleted(msgspec.Struct, frozen=True, kw_only=True, tag="deleted"):
    """An earlier message was taken back at `at`."""

    person: Person
    external_id: str
    at: datetime


class ReactionChanged(msgspec.Struct, frozen=True, kw_only=True, tag="reaction"):
    """The customer's reactions to a message are now exactly `emoji`; empty when taken back."""

    person: Person
    external_id: str
    at: datetime
    sequence: int = 0
    """Tells apart changes of the same `at`, where the provider counts them."""
    emoji: tuple[str, ...]


class Receipt(msgspec.Struct, frozen=True, kw_only=True, tag="receipt"):
    """What became of a message of ours at the customer's end."""

    person: Person
    external_id: str
    at: datetime
    state: Literal["delivered", "read", "failed"]
    error: str = ""
    all_before: bool = False
    """Whether it holds for everything that went to this person before that message, too."""


class ReachabilityChanged(msgspec.Struct, frozen=True, kw_only=True, tag="reachability"):
    """The customer blocked us, or let us in again."""

    person: Person
    at: datetime
    reachable: bool
    reason: str = ""


class AccountChanged(msgspec.Struct, frozen=True, kw_only=True, tag="account"):
    """What the shop may do with its own account changed, and no customer did anything.

    `account` tells apart the accounts behind one channel, where there are several. `trouble` is what does not work
    there from now on, in words for an admin; empty where all is well.
    """

    account: str
    at: datetime
    sequence: int = 0
    """Tells apart changes of the same `at`, where the provider counts them."""
    trouble: str = ""


CustomerEvent = NewMessage | Echo | MessageEdited | MessageDeleted | ReactionChanged | Receipt | ReachabilityChanged
Incoming = CustomerEvent | AccountChanged
MessageChange = MessageEdited | MessageDeleted | ReactionChanged | Receipt
