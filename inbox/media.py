"""Files: uploads from managers, downloads from providers, and reading them back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import structlog

from inbox import pictures
from inbox.channels import Channels
from inbox.files import Files, shown
from inbox.live import LiveFeed, about
from inbox.model.errors import Invalid, NotFound
from inbox.model.failures import ChannelFailure, CredentialsRejected, Refused, RetryLater
from inbox.model.ids import new_id, now
from inbox.storage.attachments import AttachmentStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.timers import Later

MAX_UPLOAD_BYTES = 50 * 1024 * 1024
RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 600.0
MAX_FETCHES = 13
"""Pauses between tries double from the first number to the second; so an outage, or a dead token, may last an hour."""

_REPLACED = "replaced"
"""The state of a file that an edit replaced: nothing of it is kept but its row."""

_log = structlog.get_logger(__name__)

Reader = Callable[[int, int], AsyncIterator[bytes]]


class TooLarge(Exception):
    """A stream went on past the limit."""


class Media:
    """Stores and opens files, and fetches those that still lie at a provider."""

    def __init__(
        self,
        files: Files,
        attachments: AttachmentStore,
        messages: MessageStore,
        conversations: ConversationStore,
        channels: Channels,
        feed: LiveFeed,
    ) -> None:
        self._files = files
        self._attachments = attachments
        self._messages = messages
        self._conversations = conversations
        self._channels = channels
        self._feed = feed

    async def store(self, name: str, claimed: str, chunks: AsyncIterator[bytes], uploader_id: str) -> Document:
        """Keep an upload. Raises `Invalid` for empty and too large ones.

        `claimed` is the MIME type that the browser gave.
        """
        try:
            taken = await self._files.take(name, claimed, _capped(chunks, MAX_UPLOAD_BYTES))
        except TooLarge:
            raise Invalid("file", f"is larger than {MAX_UPLOAD_BYTES // 1024 // 1024} MB") from None
        if taken["size"] == 0:
            await self._files.discard(taken)
            raise Invalid("file", "is empty")
        attachment: Document = {
            "_id": new_id(),
            "channel_id": None,
            "message_id": None,
            "conversation_id": None,
            "uploader_id": uploader_id,
            "ref": "",
            "type": "document",
            "name": name,
            "created_at": now(),
            **taken,
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
        return attachment, partial(self._attachments.read, attachment["file_id"])

    async def open_preview(self, attachment_id: str) -> tuple[Document, Reader]:
        """The same of a picture's small copy: a picture itself, under the name of the large one."""
        attachment, _ = await self.open(attachment_id)
        preview = attachment.get("preview")
        if preview is None:
            raise NotFound("this file has no small copy")
        small = {**attachment, **preview, "content_type": pictures.PREVIEW_TYPE}
        return small, partial(self._attachments.read, preview["file_id"])

    async def fetch(self, data: Document) -> None:
        """Copy a customer's file from its provider, or let it go where an edit replaced it (timer `media.fetch`)."""
        attachment = await self._attachments.get(data["attachment_id"])
        if attachment is None:
            return
        message = await self._messages.get(attachment["message_id"])
        known = {file["id"]: file["state"] for file in message["attachments"]} if message is not None else {}
        if message is not None and attachment["_id"] not in known:
            await self._let_go(attachment)
            return
        if attachment["state"] in ("stored", "failed"):
            if known.get(attachment["_id"], attachment["state"]) != attachment["state"]:
                await self._show(attachment)
            return
        try:
            opened = await self._channels.open(attachment["channel_id"])
        except NotFound:
            await self._note(attachment, state="failed", error="its channel was disconnected before it was fetched")
            return
        limit = opened.kind.capabilities.receive_max_bytes
        try:
            taken = await self._files.take(
                attachment["name"], attachment["content_type"], opened.connection.fetch(attachment["ref"], limit)
            )
        except (RetryLater, CredentialsRejected, TimeoutError, asyncio.IncompleteReadError) as error:
            tries = attachment.get("fetches", 0) + 1
            await self._attachments.change(attachment["_id"], fetches=tries)
            if tries < MAX_FETCHES:
                after = error.after if isinstance(error, RetryLater) else None
                raise Later(after or min(RETRY_SECONDS * 2.0 ** (tries - 1), LONGEST_RETRY_SECONDS)) from error
            await self._note(attachment, state="failed", error="the provider did not hand it over")
            return
        except ChannelFailure as error:
            reason = str(error) if isinstance(error, Refused) else "the provider did not hand it over"
            await self._note(attachment, state="failed", error=reason)
            return
        await self._note(attachment, **taken)

    async def _let_go(self, attachment: Document) -> None:
        """Forget the bytes of a file that its message does not show any more. Its row stays, for it may come again."""
        if attachment["file_id"] is not None:
            await self._files.discard(attachment)
        await self._attachments.change(attachment["_id"], state=_REPLACED, file_id=None, preview=None)
        _log.info("media_replaced", attachment_id=attachment["_id"])

    async def _note(self, attachment: Document, **changes: Any) -> None:
        if not await self._attachments.change(attachment["_id"], **changes):
            # Whose file it was has been erased meanwhile.
            if changes["state"] == "stored":
                await self._files.discard(changes)
            return
        _log.info("media_fetched", attachment_id=attachment["_id"], state=changes["state"])
        await self._show({**attachment, **changes})

    async def _show(self, attachment: Document) -> None:
        """Have a file's message show what became of it; one that shows it no more lets it go."""
        told = shown(attachment) if attachment["state"] == "stored" else {f: attachment[f] for f in ("state", "error")}
        message = await self._messages.set_attachment(attachment["_id"], attachment["message_id"], told)
        if message is None:
            await self._let_go(attachment)
            return
        conversation = await self._conversations.get(attachment["conversation_id"])
        if conversation is not None:
            await self._feed.publish([about("message.updated", message, conversation)])


async def _capped(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge
        yield chunk
