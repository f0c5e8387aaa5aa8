"""The express lane: a webhook call that comes whole and in the plainest form is answered without a framework around it.

A provider under load posts small bodies over connections that it keeps. Making a request, a route and a response of
such a call costs more than to believe it, read it and make it durable. This lane understands a strict subset of
HTTP/1.1 (RFC 9112), in which nothing can be meant in two ways; whatever else comes, even one odd header, goes unread
to aiohttp, and so does all that follows on that connection.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl

import msgspec
import structlog

from inbox.model.channel import WebhookRequest
from web.doors.headers import REQUEST_ID_HEADER, request_id_of
from web.webhooks import Delivery, Webhooks

_REQUEST_LINE = re.compile(rb"POST /webhooks/([a-z]{1,32})/([0-9a-z]{1,64})(?:\?([!-~]{0,512}))? HTTP/1\.1")
_ODD = re.compile(rb"[^\t\r\n -~]|[^\r]\n|\r[^\n]|\n[ \t]")
"""What an ordinary head has not: bytes that are not printable, bare line ends, folded lines."""

_FOR_AIOHTTP = frozenset({"connection", "content-encoding", "expect", "te", "trailer", "transfer-encoding", "upgrade"})
"""Headers that change how a message is read."""


class Plain(msgspec.Struct, frozen=True):
    """A webhook call, read."""

    kind: str
    channel_id: str
    request: WebhookRequest


def read_plain(data: bytes) -> Plain | None:
    """The one whole call that these bytes are; None where they are anything else."""
    head, complete, body = data.partition(b"\r\n\r\n")
    if not complete or _ODD.search(head):
        return None
    first, *lines = head.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        return None
    headers: dict[str, str] = {}
    for field in lines:
        name, colon, value = field.decode("ascii").partition(":")
        name, value = name.lower(), value.strip(" \t")
        if not colon or name in headers or not name.replace("-", "").isalnum():
            return None
        if name in _FOR_AIOHTTP and (name, value) != ("connection", "keep-alive"):
            return None
        headers[name] = value
    if "host" not in headers or headers.get("content-length") != str(len(body)):
        return None
    kind, channel_id, query = line.groups(b"")
    request = WebhookRequest(headers=headers, query=dict(parse_qsl(query.decode())) if query else {}, body=body)
    return Plain(kind.decode(), channel_id.decode(), request)


class ExpressLane:
    """Stands before aiohttp on every connection. `headers` are those that every answer carries."""

    def __init__(self, webhooks: Webhooks, headers: Mapping[str, str]) -> None:
        self.webhooks = webhooks
        self.answering: set[asyncio.Task[None]] = set()
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._date = (0, "")

    def before(self, behind: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """A factory of connections that give to `behind` what is not for this lane."""
        return lambda: _Connection(self, behind())

    async def drained(self) -> None:
        """Wait until every call under way is answered."""
        while self.answering:
            await asyncio.wait(self.answering)

    def response(self, delivery: Delivery, request_id: str) -> bytes:
        """The answer as it goes over the wire."""
        second = int(time.time())
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True))
        own = "".join(f"{name}: {value}\r\n" for name, value in delivery.headers.items())
        return (
            f"HTTP/1.1 {delivery.status} {HTTPStatus(delivery.status).phrase}\r\n"
            f"{self._headers}{own}{REQUEST_ID_HEADER}: {request_id}\r\n"
            f"Date: {self._date[1]}\r\nContent-Length: {len(delivery.body)}\r\n\r\n"
        ).encode("ascii") + delivery.body


class _Connection(asyncio.Protocol):
    """One connection: on the lane until something comes that is not for it, then aiohttp's."""

    def __init__(self, lane: ExpressLane, behind: asyncio.Protocol) -> None:
        self._lane = lane
        self._behind = behind
        self._transport: asyncio.Transport | None = None
        self._answering = False
        self._handed_over = False
        self._early = b""
        """What came before the answer to the call in front of it was written."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._behind.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._handed_over:
            self._behind.data_received(data)
        elif self._answering:
            if not self._early and self._transport is not None:
                self._transport.pause_reading()
            self._early += data
        else:
            self._begin(data)

    def _begin(self, data: bytes) -> None:
        call = read_plain(data)
        if call is None:
            self._hand_over(data)
            return
        self._answering = True
        task = asyncio.create_task(self._answer(call, data))
        self._lane.answering.add(task)
        task.add_done_callback(self._lane.answering.discard)

    async def _answer(self, call: Plain, data: bytes) -> None:
        request_id = request_id_of(call.request.headers)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            delivery = await self._lane.webhooks.deliver(call.kind, call.channel_id, call.request, request_id)
        except Exception:  # noqa: BLE001  # No such channel, or a fault of ours: aiohttp's side has the words for it.
            self._hand_over(data + self._go_on())
            return
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._lane.response(delivery, request_id))
        early = self._go_on()
        if early:
            self.data_received(early)

    def _go_on(self) -> bytes:
        """Take calls again; returns what has come meanwhile."""
        self._answering = False
        early, self._early = self._early, b""
        if early and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        return early

    def _hand_over(self, data: bytes) -> None:
        self._handed_over = True
        self._behind.data_received(data)

    def eof_received(self) -> bool | None:
        return self._behind.eof_received()

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._behind.connection_lost(exc)
