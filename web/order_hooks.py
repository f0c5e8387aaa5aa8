"""Where shops push their orders: 200 once a push is durable, 503 for "send again"."""

from aiohttp import web

from inbox.journal import Journal, StorageDown
from inbox.model.channel import WebhookRequest
from inbox.model.failures import Forged
from inbox.order_sources import OrderSources
from inbox.storage.errors import is_unavailable
from web.doors.gate import read_body
from web.doors.headers import REQUEST_ID
from web.doors.table import Call, Face, Route, Who
from web.webhooks import RETRY_AFTER


class OrderHooks:
    """`POST /hooks/orders/{source_id}`."""

    def __init__(self, sources: OrderSources, journal: Journal) -> None:
        self._sources = sources
        self._journal = journal

    def table(self) -> list[Route]:
        """The row of this part."""
        return [
            Route(
                method="POST",
                path="/hooks/orders/{id}",
                handler=self.receive,
                who=Who.PUBLIC,
                summary="A shop's orders",
                face=Face.MACHINE,
            )
        ]

    async def receive(self, call: Call[None, None]) -> web.Response:
        """Take a push: 200, 401 for a forged one, 404 for no such source, 413, or 503 to send again."""
        request = call.request
        try:
            source = await self._sources.recent(call.path())
        except Exception as error:
            if not is_unavailable(error):
                raise
            return web.Response(status=503, headers=RETRY_AFTER)
        kind = self._sources.kind(source["kind"])
        body = await read_body(request, kind.max_webhook_bytes)
        told = WebhookRequest(headers=request.headers, query=request.query, body=body)
        try:
            await self._journal.accept(kind, source["_id"], self._sources.secrets(source), told, request[REQUEST_ID])
        except Forged:
            return web.Response(status=401)
        except StorageDown:
            return web.Response(status=503, headers=RETRY_AFTER)
        return web.Response()
