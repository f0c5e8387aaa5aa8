"""The port between the flow and a provider. `channels/` implements it; the flow knows nothing else of a channel.

Kinds and connections inherit from these protocols: what has a body here is what most providers do not need.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec
from pydantic import BaseModel

from inbox.model.capabilities import Capabilities
from inbox.model.failures import Forged, Refused
from inbox.model.incoming import Incoming, Person
from inbox.model.look import Look


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook call as it came: headers are looked up by name in lower case, the body is byte for byte."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


class RawEvent(msgspec.Struct, frozen=True):
    """One event of a webhook call. `key` is the provider's own name for it: the same event always has the same key.

    `raw` is what the journal keeps and `ChannelKind.read` understands.
    """

    key: str
    raw: bytes


class OutgoingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be sent: `size` in bytes, `open` streams its content from the start each time it is called."""

    type: str
    name: str
    content_type: str
    size: int
    open: Callable[[], AsyncIterator[bytes]]
    url: str = ""
    """Where a provider that takes no uploads may fetch it: absolute, signed, expiring.

    Its path ends with the file's extension, by which some tell the type. It begins with the shop's address as it is
    set: whether the provider can reach that, is for the channel to say.
    """


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the provider: a text, or files with an optional caption, already within the channel's limits."""

    to: str
    text: str = ""
    files: tuple[OutgoingFile, ...] = ()
    reply_to: str = ""
    """External id of the message that is answered."""
    buttons: tuple[tuple[str, str], ...] = ()
    """(title, data) pairs."""
    key: str = ""
    """Our own name for this request, the same each time it is tried: for providers that take one and tell it back."""
    by_person: bool = False
    """Whether a manager wrote this: what some providers allow to people is forbidden to machines."""
    late: bool = False
    """Whether the reply window is over and only the longer one for a person's own reply is open."""
    private: bool = False
    """Whether a public comment is answered in private."""
    subject: str = ""
    """What the exchange is about, where the channel has such a line: the last message's with one, else its own."""
    references: tuple[str, ...] = ()
    """External ids of the exchange so far, oldest first, where the channel shows threads by them."""


class Sent(msgspec.Struct, frozen=True):
    """The provider's yes: the external ids of what it made of our request (an album has several)."""

    external_ids: tuple[str, ...]


Accept = Callable[[Sequence[RawEvent]], Awaitable[None]]
"""Takes events that a connection fetched by itself; returns once they are durable, raises where they are not."""


class Cursor(Protocol):
    """How far a listening connection has read. Survives restarts; belongs to one process at a time."""

    @property
    def value(self) -> Mapping[str, str]:
        """What was noted last; empty at first."""

    async def note(self, value: Mapping[str, str]) -> None:
        """Remember how far was read. To be called after `Accept` returned."""


class Connection(Protocol):
    """One connected account. Every method raises `inbox.model.failures.ChannelFailure` and nothing else of its own."""

    async def register(self, webhook_url: str) -> None:
        """Check the credentials and have the provider send its events to `webhook_url`."""

    async def unregister(self) -> None:
        """Ask the provider to send no more events."""

    async def check(self, webhook_url: str) -> None:
        """Find out whether credentials and webhook still stand; repair the webhook where it does not.

        What works but not as it should (undelivered events pile up at the provider) is `RetryLater` with the reason:
        the channel then shows as degraded.
        """

    async def renew(self) -> BaseModel | None:
        """Settings with fresh credentials where those in use are about to expire; None where nothing is to be done."""
        return None

    async def listen(self, cursor: Cursor, accept: Accept) -> None:
        """Fetch events until cancelled, where the provider does not bring them. One process at a time calls this.

        Called where the kind's `listens` says yes. Raises `ChannelFailure` where it cannot go on by itself.
        """
        message = "this kind does not listen"
        raise RuntimeError(message)

    def names(self, message: Outgoing) -> tuple[str, ...]:
        """The external ids that a request will have, where they are known before it leaves.

        By them it is known to have arrived although its answer was lost, once the provider tells of it.
        """
        return ()

    async def send(self, message: Outgoing) -> Sent:
        """Send one request's worth of message.

        Bounds itself: 15 s without an answer after the request has left raise `Uncertain`.
        """

    async def edit(self, to: str, external_id: str, text: str) -> None:
        """Replace the text of a message of ours."""
        message = "this channel cannot change what was sent"
        raise Refused(message, code="edit")

    async def delete(self, to: str, external_id: str) -> None:
        """Take back a message of ours."""
        message = "this channel cannot take back what was sent"
        raise Refused(message, code="delete")

    async def typing(self, to: str) -> None:
        """Show that somebody writes."""
        return

    async def acknowledge(self, token: str) -> None:
        """Confirm a pressed button, where the provider waits for that."""
        return

    async def profile(self, external_id: str) -> Person | None:
        """Who this is, where the provider's events bring only an id; None where nothing (more) is to be learned.

        Worth asking once somebody wrote and their name is not known, and for their picture where the kind has
        `avatars`: a person without `avatar` shows none. May be slow: never while a webhook waits.
        """
        return None

    def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:
        """Stream a customer's file. Raises `Refused` once it proves larger than `max_bytes`."""

    async def close(self) -> None:
        """Release sockets."""


class EventSource(Protocol):
    """Whoever posts events here: how to believe and how to read them. All of it is pure."""

    name: str
    max_webhook_bytes: int = 4 << 20
    """How large a call of its provider may be."""

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        """Raise `Forged` unless the provider sent this. Constant time, over the raw bytes."""

    def answer(self, settings: BaseModel, request: WebhookRequest) -> bytes:
        """The body of the 200 for a call whose events are durable: JSON, or nothing. Called for true calls only."""
        return b""

    def split(self, settings: BaseModel, request: WebhookRequest) -> list[RawEvent]:
        """The events of one call, each with its key. Raises `Unreadable` where there is no telling."""

    def read(self, raw: bytes) -> list[Incoming]:
        """One event in our words; empty for what brings no message. Raises `Unreadable`."""


class ChannelKind(EventSource, Protocol):
    """A kind of channel: what it is, how to believe it, how to read it, how to connect. Only `connect` is not pure.

    `settings` is a pydantic model; its `SecretStr` fields are encrypted at rest and never shown. It is also the form in
    which an admin fills it: a field's `title` is its label, `description` the help below; what is optional is folded
    away unless its `json_schema_extra` says `{"prominent": True}`, and what `renew` keeps there itself is not asked for
    where that says `{"kept": True}`.
    """

    title: str
    capabilities: Capabilities
    settings: type[BaseModel]
    look: Look = Look()
    """Its sign beside conversations: a speech bubble where it has none of its own."""
    setup: Sequence[str] = ()
    """What an admin does at the provider before connecting, a plain sentence a step."""

    def webhook_steps(self, settings: BaseModel) -> Sequence[str]:
        """What an admin does at the provider with the webhook's address; empty where `register` tells it by itself."""
        return ()

    def prepare(self, settings: BaseModel) -> tuple[BaseModel, dict[str, str]]:
        """Fill in what a new channel may leave out; second: what was made up and is shown once."""

    def account(self, settings: BaseModel) -> str:
        """What tells the account from others of its kind: two channels never have the same. May be a secret.

        Empty where settings do not tell; then nothing keeps an admin from connecting an account twice, whose customers
        would each be two.
        """
        return ""

    def listens(self, settings: BaseModel) -> bool:
        """Whether a connection with these settings fetches events itself (`Connection.listen`)."""
        return False

    def can_open(self, settings: BaseModel, url: str) -> bool:
        """Whether the account's customers can open an address of ours that they read in a text."""
        return True

    def handshake(self, settings: BaseModel, request: WebhookRequest) -> str:
        """The answer to a GET of the webhook, by which some providers check an address. Raises `Forged`."""
        raise Forged(f"{self.title} does not ask")

    async def connect(self, settings: BaseModel) -> Connection:
        """Make a client. Does not talk to the provider yet."""
