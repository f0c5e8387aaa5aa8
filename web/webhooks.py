"""Where providers post: 200 once the events are durable, 503 for "send again"."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from inbox.channels import Channels
from inbox.journal import Journal, StorageDown
from inbox.model.channel import WebhookRequest
from inbox.model.errors import NotFound
from inbox.model.failures import Forged
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from web.doors.gate import read_body
from web.doors.headers import REQUEST_ID
from web.doors.table import Call, Face, Route, Who

RETRY_AFTER = {"Retry-After": "2"}
_JSON = {"Content-Type": "application/json"}


class Delivery(msgspec.Struct, frozen=True):
    """What a provider is told."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Webhooks:
    """`/webhooks/{kind}/{channel_id}`: POST for events, GET for a provider's check of the address."""

    def __init__(self, channels: Channels, journal: Journal) -> None:
        self._channels = channels
        self._journal = journal

    def table(self) -> list[Route]:
        """The rows of this part."""
        return [
            Route(
                method="POST",
                path="/webhooks/{kind}/{id}",
                handler=self.receive,
                who=Who.PUBLIC,
                summary="A provider's events",
                face=Face.MACHINE,
            ),
            Route(
                method="GET",
                path="/webhooks/{kind}/{id}",
                handler=self.shake,
                who=Who.PUBLIC,
                summary="A provider's check of the address",
                face=Face.MACHINE,
            ),
        ]

    async def receive(self, call: Call[None, None]) -> web.Response:
        """Take a provider's call: 200, 401 for a forged one, 404 for no such channel, 413, or 503 to send again."""
        request = call.request
        kind_name, channel_id = call.path("kind"), call.path()
        try:
            channel = await self._channel(kind_name, channel_id)
        except StorageDown:
            return web.Response(status=503, headers=RETRY_AFTER)
        body = await read_body(request, self._channels.kind(channel["kind"]).max_webhook_bytes)
        told = WebhookRequest(headers=request.headers, query=request.query, body=body)
        delivery = await self.deliver(kind_name, channel_id, told, request[REQUEST_ID])
        return web.Response(status=delivery.status, body=delivery.body, headers=delivery.headers)

    async def deliver(self, kind_name: str, channel_id: str, request: WebhookRequest, request_id: str) -> Delivery:
        """Take a call whose body is whole. Raises `NotFound` where there is no such channel."""
        try:
            channel = await self._channel(kind_name, channel_id)
            try:
                answer = await self._accept(channel, request, request_id)
            except Forged:
                answer = await self._accept(await self._other_settings(channel), request, request_id)
        except Forged:
            return Delivery(401)
        except StorageDown:
            return Delivery(503, headers=RETRY_AFTER)
        return Delivery(200, answer, _JSON) if answer else Delivery(200)

    async def shake(self, call: Call[None, None]) -> web.Response:
        """Answer a provider that checks the address before it uses it."""
        try:
            channel = await self._channel(call.path("kind"), call.path())
            told = WebhookRequest(headers=call.request.headers, query=call.request.query, body=b"")
            try:
                answer = self._greet(channel, told)
            except Forged:
                answer = self._greet(await self._other_settings(channel), told)
        except Forged:
            return web.Response(status=403)
        except StorageDown:
            return web.Response(status=503, headers=RETRY_AFTER)
        return web.Response(text=answer)

    async def _accept(self, channel: Document, request: WebhookRequest, request_id: str) -> bytes:
        kind, settings = self._channels.kind(channel["kind"]), self._channels.read_settings(channel)
        return await self._journal.accept(kind, channel["_id"], settings, request, request_id)

    def _greet(self, channel: Document, request: WebhookRequest) -> str:
        return self._channels.kind(channel["kind"]).handshake(self._channels.read_settings(channel), request)

    async def _other_settings(self, channel: Document) -> Document:
        """The channel where an admin gave it others a moment ago over another process. Raises `Forged` where not.

        A provider proves itself by the new ones as soon as it has them, and calls while it is being told.
        """
        present = await self._channels.look_again(channel["_id"])
        if present is None or present["changed_at"] == channel["changed_at"]:
            raise Forged("not by any settings of this channel")
        return present

    async def _channel(self, kind_name: str, channel_id: str) -> Document:
        """The channel that the address names. Raises `NotFound` and `StorageDown`."""
        try:
            channel = await self._channels.get(channel_id)
        except Exception as error:
            if is_unavailable(error):
                raise StorageDown from error
            raise
        if channel["kind"] != kind_name:
            raise NotFound("there is no such channel")
        return channel
