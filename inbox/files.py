"""Bytes become files: stored, recognised, measured. The one way in, for uploads, downloads and what came with mail."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from inbox import pictures
from inbox.filetypes import HEAD_BYTES, sniff
from inbox.model.ids import now
from inbox.storage.attachments import AttachmentStore
from inbox.storage.database import Document

RELEASED_FOR = timedelta(hours=1)
"""How long a file outlives its last macro."""

_SHOWN = ("state", "size", "content_type", "width", "height")


class Files:
    """Stores files beside their small copies. What it returns are fields of an attachment's row."""

    def __init__(self, attachments: AttachmentStore) -> None:
        self._attachments = attachments
        self._looking = asyncio.Semaphore(1)
        """One picture at a time: each may take a hundred megabytes for a moment."""

    async def take(self, name: str, claimed: str, chunks: AsyncIterator[bytes]) -> Document:
        """Store a stream; `claimed` is the MIME type somebody gave it. A stream that breaks leaves nothing behind."""
        seen = _Seen(chunks, claimed)
        file_id, size = await self._attachments.write(name, seen.stream())
        return {
            "state": "stored",
            "file_id": file_id,
            "size": size,
            "content_type": seen.content_type,
            **await self._look(name, seen),
        }

    async def keep(self, row: Document, content: bytes) -> Document:
        """Store what came with an event as the attachment `row`; returns what its message shows of it (`shown`).

        Repeating it changes nothing: the row that is there first stays, with its bytes.
        """
        known = await self._attachments.get(row["_id"])
        if known is None or known["state"] != "stored":
            taken = await self.take(row["name"], row["content_type"], at_once(content))
            known = await self._attachments.settle({**row, **taken})
            if known["file_id"] != taken["file_id"]:
                await self.discard(taken)
        return shown(known)

    async def discard(self, file: Document) -> None:
        """Forget the bytes of a file, its small copy's too, unless another file shares them."""
        if "_id" in file and await self._attachments.shares(file):
            return
        await self._attachments.discard(file["file_id"])
        if file["preview"] is not None:
            await self._attachments.discard(file["preview"]["file_id"])

    async def forget_released(self) -> None:
        """Forget files that macros have let go of, once no message that was being written can still want them."""
        for row in await self._attachments.released(now() - RELEASED_FOR):
            await self.discard(row)
            await self._attachments.forget(row["_id"])

    async def portrait(self, content: bytes) -> bytes | None:
        """A small copy of somebody's picture (`pictures.portrait`); None where it is no picture."""
        content_type = sniff(content[:HEAD_BYTES], "")
        if not pictures.is_picture(content_type):
            return None
        async with self._looking:
            return await asyncio.to_thread(pictures.portrait, content, content_type)

    async def _look(self, name: str, seen: "_Seen") -> dict[str, Any]:
        """Fields about a picture; none where it is no picture, or one that nobody can decode."""
        found = None
        if seen.whole is not None:
            async with self._looking:
                found = await asyncio.to_thread(pictures.look, bytes(seen.whole), seen.content_type)
        if found is None:
            return {"preview": None}
        if found.preview is None:
            return {"width": found.width, "height": found.height, "preview": None}
        file_id, size = await self._attachments.write(name, at_once(found.preview))
        preview = {
            "file_id": file_id,
            "size": size,
            "width": found.preview_width,
            "height": found.preview_height,
        }
        return {"width": found.width, "height": found.height, "preview": preview}


def shown(file: Document) -> Document:
    """What a message shows of a stored file, beside what it showed when the file was announced."""
    preview = file.get("preview")
    size = preview and {field: preview[field] for field in ("width", "height")}
    return {field: file[field] for field in _SHOWN if field in file} | {"preview": size}


async def at_once(content: bytes) -> AsyncIterator[bytes]:
    """A stream of what is there already."""
    yield content


class _Seen:
    """A stream that is recognised while it passes, and remembered whole where it is a picture of bearable size."""

    def __init__(self, chunks: AsyncIterator[bytes], claimed: str) -> None:
        self._chunks = chunks
        self._claimed = claimed
        self._head = b""
        self.whole: bytearray | None = bytearray()

    @property
    def content_type(self) -> str:
        return sniff(self._head, self._claimed)

    async def stream(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            if len(self._head) < HEAD_BYTES:
                self._head += chunk[: HEAD_BYTES - len(self._head)]
            if self.whole is not None:
                self.whole += chunk
                decided = len(self.whole) >= HEAD_BYTES and not pictures.is_picture(self.content_type)
                if decided or len(self.whole) > pictures.MAX_BYTES:
                    self.whole = None
            yield chunk
        if self.whole is not None and not pictures.is_picture(self.content_type):
            self.whole = None
