"""Files: uploads from managers, downloads from providers, and reading them back.

A file's type is what its bytes say, never what its name or its sender says.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import puremagic
import structlog

from inbox.channels import Channels
from inbox.live import LiveFeed, about
from inbox.model.errors import Invalid, NotFound
from inbox.model.failures import ChannelFailure, Refused, RetryLater
from inbox.model.ids import new_id, now
from inbox.storage.attachments import AttachmentStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.timers import Later

MAX_UPLOAD_BYTES = 50 * 1024 * 1024
_SNIFF_BYTES = 4096
_RETRY_SECONDS = 5.0
_MAX_FETCHES = 6
_UNKNOWN = "application/octet-stream"

_log = structlog.get_logger(__name__)

Reader = Callable[[int, int], AsyncIterator[bytes]]


class TooLarge(Exception):
    """A stream went on past the limit."""


def sniff(head: bytes, claimed: str = "") -> str:
    """The MIME type of a file that begins with these bytes.

    A claimed text type is believed where the bytes could be text: nothing in them says more.
    """
    try:
        guesses = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        guesses = []
    for guess in guesses:
        if guess.mime_type:
            return str(guess.mime_type)
    if b"\0" not in head and claimed.startswith("text/"):
        return "text/plain"
    return _UNKNOWN


class Media:
    """Stores and opens files, and fetches those that still lie at a provider."""

    def __init__(
        self,
        attachments: AttachmentStore,
        messages: MessageStore,
        conversations: ConversationStore,
        channels: Channels,
        feed: LiveFeed,
    ) -> None:
        self._attachments = attachments
        self._messages = messages
        self._conversations = conversations
        self._channels = channels
        self._feed = feed

    async def store(self, name: str, claimed: str, chunks: AsyncIterator[bytes], uploader_id: str) -> Document:
        """Keep an upload. Raises `Invalid` for empty and too large ones.

        `claimed` is the MIME type that the browser gave.
        """
        head = _Head(_capped(chunks, MAX_UPLOAD_BYTES))
        try:
            file_id, size = await self._attachments.write(name, head.stream())
        except TooLarge:
            raise Invalid("file", f"is larger than {MAX_UPLOAD_BYTES // 1024 // 1024} MB") from None
        if size == 0:
            await self._attachments.discard(file_id)
            raise Invalid("file", "is empty")
        attachment: Document = {
            "_id": new_id(),
            "channel_id": None,
            "message_id": None,
            "conversation_id": None,
            "uploader_id": uploader_id,
            "ref": "",
            "state": "stored",
            "type": "document",
            "name": name,
            "content_type": sniff(head.bytes, claimed),
            "size": size,
            "file_id": file_id,
            "created_at": now(),
        }
        await self._attachments.insert(attachment)
        return attachment

    async def open(self, attachment_id: str) -> tuple[Document, Reader]:
        """What is known of a file and a reader of its bytes `start` to `end` (exclusive)."""
        attachment = await self._attachments.get(attachment_id)
        if attachment is None:
            raise NotFound("there is no such file")
        if attachment["file_id"] is None:
            raise NotFound("this file is not here yet" if attachment["state"] == "pending" else "this file is not here")
        file_id = attachment["file_id"]

        def read(start: int, end: int) -> AsyncIterator[bytes]:
            return self._attachments.read(file_id, start, end)

        return attachment, read

    async def fetch(self, data: Document) -> None:
        """Copy a customer's file from its provider (timer `media.fetch`)."""
        attachment = await self._attachments.get(data["attachment_id"])
        if attachment is None or attachment["state"] != "pending":
            return
        opened = await self._channels.open(attachment["channel_id"])
        limit = opened.kind.capabilities.receive_max_bytes
        head = _Head(opened.connection.fetch(attachment["ref"], limit))
        try:
            file_id, size = await self._attachments.write(attachment["name"], head.stream())
        except (RetryLater, TimeoutError, asyncio.IncompleteReadError) as error:
            tries = attachment.get("fetches", 0) + 1
            await self._attachments.change(attachment["_id"], fetches=tries)
            if tries < _MAX_FETCHES:
                after = error.after if isinstance(error, RetryLater) else None
                raise Later(after or _RETRY_SECONDS * tries) from error
            await self._note(attachment, state="failed", error="the provider did not hand it over")
            return
        except ChannelFailure as error:
            reason = str(error) if isinstance(error, Refused) else "the provider did not hand it over"
            await self._note(attachment, state="failed", error=reason)
            return
        claimed = attachment["content_type"]
        found = sniff(head.bytes, claimed)
        await self._note(
            attachment,
            state="stored",
            file_id=file_id,
            size=size,
            content_type=found if found != _UNKNOWN else _inactive(claimed),
        )

    async def _note(self, attachment: Document, **changes: object) -> None:
        await self._attachments.change(attachment["_id"], **changes)
        shown = {field: value for field, value in changes.items() if field != "file_id"}
        message = await self._messages.set_attachment(attachment["_id"], attachment["message_id"], shown)
        conversation = await self._conversations.get(attachment["conversation_id"])
        if message is not None and conversation is not None:
            await self._feed.publish([about("message.updated", message, conversation)])
        _log.info("media_fetched", attachment_id=attachment["_id"], state=changes["state"])


def _inactive(claimed: str) -> str:
    """A claimed type that cannot run in a browser, for bytes that say nothing."""
    return claimed if claimed.startswith(("audio/", "video/")) else _UNKNOWN


async def _capped(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge
        yield chunk


class _Head:
    """A stream that remembers its first bytes while it passes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.bytes = b""

    async def stream(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            if len(self.bytes) < _SNIFF_BYTES:
                self.bytes += chunk[: _SNIFF_BYTES - len(self.bytes)]
            yield chunk
