"""Files: streamed in under a limit, streamed out to those who may see the conversation, never as active content."""

import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote, unquote

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from inbox.conversations import Conversations
from inbox.macros import Macros
from inbox.media import MAX_UPLOAD_BYTES, Media, Reader
from inbox.model.errors import Invalid, NotFound
from inbox.model.people import Viewer
from inbox.pictures import PREVIEW_TYPE
from inbox.storage.database import Document
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AttachmentShape
from web.api.views import attachment_view
from web.doors.answers import json_answer
from web.doors.problems import FieldError, Problem
from web.doors.table import Call, Route, Who

# What a browser may show in place: pictures made of pixels, sound and film. SVG, PDF and HTML can carry scripts.
INLINE_TYPES = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "audio/mpeg",
        "audio/ogg",
        "audio/mp4",
        "audio/aac",
        "audio/wav",
        "audio/x-wav",
        "audio/webm",
        "video/mp4",
        "video/webm",
        "video/ogg",
        "video/quicktime",
    }
)

_BROKEN = (ValueError, AssertionError, HttpProcessingError)
"""What reading a multipart body raises where it is none."""

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_FRAME_BYTES = 1 << 20
"""What the multipart frame around a file may add to it."""

_NAME_LIMIT = 120
_ENOUGH_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentHandlers:
    """`/attachments`."""

    media: Media
    conversations: Conversations
    macros: Macros

    async def upload(self, call: Call[None, None]) -> web.Response:
        """Keep the part called `file`."""
        request = call.request
        if request.content_type != "multipart/form-data":
            raise Problem(415, "send the file as multipart/form-data, in a part called file")
        if (request.content_length or 0) > MAX_UPLOAD_BYTES + _FRAME_BYTES:
            limit = f"is larger than {MAX_UPLOAD_BYTES >> 20} MB"
            raise Problem(413, f"file: {limit}", errors=[FieldError("file", limit)])
        part = await file_part(request)
        claimed = part.headers.get("Content-Type", "application/octet-stream").partition(";")[0].strip().lower()
        stored = await self.media.store(file_name(part.filename), claimed, file_chunks(part), call.viewer.id)
        call.note.object_id = stored["_id"]
        return json_answer(attachment_view(stored), status=201)

    async def download(self, call: Call[None, None]) -> web.StreamResponse:
        """Send a file, or the part of it that was asked for."""
        attachment, read = await self.media.open(call.path())
        await self._refuse_strangers(attachment, call.viewer)
        return await send_file(call.request, attachment, read, f'"{attachment["_id"]}"')

    async def preview(self, call: Call[None, None]) -> web.StreamResponse:
        """Send a picture's small copy."""
        attachment, read = await self.media.open_preview(call.path())
        await self._refuse_strangers(attachment, call.viewer)
        return await send_file(call.request, attachment, read, f'"{attachment["_id"]}.preview"')

    async def _refuse_strangers(self, attachment: Document, viewer: Viewer) -> None:
        """A file is for those who may see its conversation; else for who brought it, and who may use its macro."""
        if attachment["conversation_id"] is not None:
            await self.conversations.get(viewer, attachment["conversation_id"])
        elif attachment["uploader_id"] != viewer.id and not await self.macros.may_read(viewer, attachment):
            raise NotFound("there is no such file")


async def send_file(
    request: web.Request, attachment: Document, read: Reader, tag: str, *, unchanging: bool = False
) -> web.StreamResponse:
    """Answer with a file, or the part of it that was asked for; `tag` names this version of it.

    `unchanging` where the address will never stand for another: then the browser need not ask again.
    """
    size = attachment["size"]
    headers = _headers(attachment, tag)
    if unchanging:
        headers["Cache-Control"] = "private, max-age=31536000, immutable"
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    asked = request.headers.get("Range") if request.headers.get("If-Range", tag) == tag else None
    start, end = _span(asked, size)
    response = web.StreamResponse(status=206 if (start, end) != (0, size) else 200, headers=headers)
    response.content_type = attachment["content_type"]
    response.content_length = end - start
    if response.status == web.HTTPPartialContent.status_code:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    chunks = read(start, end)
    # What cannot be read at all is said by the status, and that is sent first.
    first = b"" if request.method == "HEAD" else await anext(chunks, b"")
    await response.prepare(request)
    if first:
        await response.write(first)
        async for chunk in chunks:
            await response.write(chunk)
    await response.write_eof()
    return response


async def file_part(request: web.Request) -> BodyPartReader:
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader):
                break
            if part.name == "file":
                return part
            if part.name != "csrf_token":
                raise Invalid(part.name or "body", "there is no such field; send one part called file")
            await part.release()
    except _BROKEN as error:
        raise _broken_frame() from error
    raise Invalid("file", "send the file in a part called file")


async def file_chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    try:
        while chunk := await part.read_chunk(1 << 16):
            yield bytes(chunk)
    except _BROKEN as error:
        raise _broken_frame() from error


def _broken_frame() -> Problem:
    return Problem(
        400, "the body is not multipart/form-data", errors=[FieldError("body", "is broken off or wrongly framed")]
    )


def file_name(claimed: str | None) -> str:
    """A name without folders and without what cannot be seen. Some clients send what is not ASCII percent-encoded."""
    name = claimed or ""
    name = unquote(name) if name.isascii() else name
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(letter for letter in name if unicodedata.category(letter)[0] != "C").strip()
    return name[-_NAME_LIMIT:] or "file"


def _headers(attachment: Document, tag: str) -> dict[str, str]:
    disposition = "inline" if attachment["content_type"] in INLINE_TYPES else "attachment"
    return {
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(attachment['name'] or 'file', safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Cache-Control": "private, no-cache",
    }


def _span(asked: str | None, size: int) -> tuple[int, int]:
    """Which bytes to send: start, and end (exclusive). Several ranges, or what is no range, mean the whole file."""
    match = _RANGE.fullmatch(asked.replace(" ", "")) if asked else None
    if match is None or not any(match.groups()) or max(map(len, match.groups())) > _ENOUGH_DIGITS:
        return 0, size
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return 0, size
    else:
        start, end = max(size - int(last), 0), size
    if start >= end:
        raise Problem(416, f"the file has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
    return start, end


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of files."""
    attachments = AttachmentHandlers(media=services.media, conversations=services.conversations, macros=services.macros)
    return [
        row("POST", "/attachments", Who.SIGNED_IN)(
            handler=attachments.upload,
            summary="Upload a file for a message",
            uploads=True,
            answer=AttachmentShape,
            statuses=(201,),
            audit="attachment.upload",
        ),
        row("GET", "/attachments/{id}", Who.SIGNED_IN)(
            handler=attachments.download,
            summary="A file, whole or in ranges",
            statuses=(200, 206, 304),
            media_type="application/octet-stream",
        ),
        row("GET", "/attachments/{id}/preview", Who.SIGNED_IN)(
            handler=attachments.preview,
            summary="A picture's small copy",
            statuses=(200, 206, 304),
            media_type=PREVIEW_TYPE,
        ),
    ]
