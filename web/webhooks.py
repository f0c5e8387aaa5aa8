"""Where providers post: 200 once the events are durable, 503 for "send again"."""

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
        try:
            channel = await self._channel(call)
            kind = self._channels.kind(channel["kind"])
            body = await read_body(request, kind.max_webhook_bytes)
            answer = await self._journal.accept(
                kind,
                channel["_id"],
                self._channels.read_settings(channel),
                WebhookRequest(headers=request.headers, query=request.query, body=body),
                request[REQUEST_ID],
            )
        except Forged:
            return web.Response(status=401)
        except StorageDown:
            return web.Response(status=503, headers=RETRY_AFTER)
        return web.Response(body=answer, content_type="application/json") if answer else web.Response()

    async def shake(self, call: Call[None, None]) -> web.Response:
        """Answer a provider that checks the address before it uses it."""
        try:
            channel = await self._channel(call)
            kind, settings = self._channels.kind(channel["kind"]), self._channels.read_settings(channel)
            answer = kind.handshake(
                settings, WebhookRequest(headers=call.request.headers, query=call.request.query, body=b"")
            )
        except Forged:
            return web.Response(status=403)
        except StorageDown:
            return web.Response(status=503, headers=RETRY_AFTER)
        return web.Response(text=answer)

    async def _channel(self, call: Call[None, None]) -> Document:
        """The channel that the address names. Raises `NotFound` and `StorageDown`."""
        try:
            channel = await self._channels.get(call.path())
        except Exception as error:
            if is_unavailable(error):
                raise StorageDown from error
            raise
        if channel["kind"] != call.path("kind"):
            raise NotFound("there is no such channel")
        return channel
