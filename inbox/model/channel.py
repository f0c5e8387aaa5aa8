"""The port between the flow and a provider. `channels/` implements it; the flow knows nothing else of a channel."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import msgspec
from pydantic import BaseModel

from inbox.model.capabilities import Capabilities
from inbox.model.incoming import Incoming


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


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the provider: a text, or files with an optional caption, already within the channel's limits."""

    to: str
    text: str = ""
    files: tuple[OutgoingFile, ...] = ()
    reply_to: str = ""
    """External id of the message that is answered."""
    buttons: tuple[tuple[str, str], ...] = ()
    """(title, data) pairs."""


class Sent(msgspec.Struct, frozen=True):
    """The provider's yes: the external ids of what it made of our request (an album has several)."""

    external_ids: tuple[str, ...]


class Connection(Protocol):
    """One connected account. Every method raises `inbox.model.failures.ChannelFailure` and nothing else of its own."""

    async def register(self, webhook_url: str) -> None:
        """Check the credentials and have the provider send its events to `webhook_url`."""

    async def unregister(self) -> None:
        """Ask the provider to send no more events."""

    async def check(self, webhook_url: str) -> None:
        """Find out whether credentials and webhook still stand; repair the webhook where it does not."""

    async def send(self, message: Outgoing) -> Sent:
        """Send one request's worth of message.

        Bounds itself: 15 s without an answer after the request has left raise `Uncertain`.
        """

    async def edit(self, to: str, external_id: str, text: str) -> None:
        """Replace the text of a message of ours."""

    async def delete(self, to: str, external_id: str) -> None:
        """Take back a message of ours."""

    async def typing(self, to: str) -> None:
        """Show that somebody writes."""

    async def acknowledge(self, token: str) -> None:
        """Confirm a pressed button, where the provider waits for that."""

    def fetch(self, ref: str, max_bytes: int) -> AsyncIterator[bytes]:
        """Stream a customer's file. Raises `Refused` once it proves larger than `max_bytes`."""

    async def close(self) -> None:
        """Release sockets."""


class ChannelKind(Protocol):
    """A kind of channel: what it is, how to believe it, how to read it, how to connect. The first three are pure.

    `settings` is a pydantic model; its `SecretStr` fields are encrypted at rest and never shown.
    """

    name: str
    title: str
    capabilities: Capabilities
    settings: type[BaseModel]

    def prepare(self, settings: BaseModel) -> tuple[BaseModel, dict[str, str]]:
        """Fill in what a new channel may leave out; second: what was made up and is shown once."""

    def authenticate(self, settings: BaseModel, request: WebhookRequest) -> None:
        """Raise `Forged` unless the provider sent this. Constant time, over the raw bytes."""

    def split(self, request: WebhookRequest) -> list[RawEvent]:
        """The events of one call, each with its key. Raises `Unreadable` where there is no telling."""

    def read(self, raw: bytes) -> list[Incoming]:
        """One event in our words; empty for what does not concern a shop. Raises `Unreadable`."""

    async def connect(self, settings: BaseModel) -> Connection:
        """Make a client. Does not talk to the provider yet."""
