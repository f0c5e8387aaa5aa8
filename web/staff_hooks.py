"""Where the companion's bot posts what managers write: 200 once an update is durable, 503 for "send again"."""

from aiohttp import web

from bot.staff.accounts import StaffAccounts
from bot.staff.source import StaffSource
from inbox.journal import Journal, StorageDown
from inbox.model.channel import WebhookRequest
from inbox.model.failures import Forged
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from web.doors.gate import read_body
from web.doors.headers import REQUEST_ID
from web.doors.table import Call, Face, Route, Who
from web.webhooks import RETRY_AFTER


class StaffHooks:
    """`POST /webhooks/staff/{id}`."""

    def __init__(self, accounts: StaffAccounts, journal: Journal) -> None:
        self._accounts = accounts
        self._journal = journal
        self._source = StaffSource()

    def table(self) -> list[Route]:
        """The row of this part."""
        return [
            Route(
                method="POST",
                path="/webhooks/staff/{id}",
                handler=self.receive,
                who=Who.PUBLIC,
                summary="What managers write to the staff bot",
                face=Face.MACHINE,
            )
        ]

    async def receive(self, call: Call[None, None]) -> web.Response:
        """Take an update: 200, 401 for a forged one, 404 for no such bot, 413, or 503 to send again."""
        request = call.request
        try:
            bot = await self._accounts.recent_bot(call.path())
            body = await read_body(request, self._source.max_webhook_bytes)
            told = WebhookRequest(headers=request.headers, query=request.query, body=body)
            try:
                await self._accept(bot, told, request[REQUEST_ID])
            except Forged:
                # An admin may have given it another secret a moment ago, over another process.
                await self._accept(await self._accounts.look_again(bot["key"]), told, request[REQUEST_ID])
        except Forged:
            return web.Response(status=401)
        except StorageDown:
            return web.Response(status=503, headers=RETRY_AFTER)
        except Exception as error:
            if not is_unavailable(error):
                raise
            return web.Response(status=503, headers=RETRY_AFTER)
        return web.Response()

    async def _accept(self, bot: Document, request: WebhookRequest, request_id: str) -> None:
        await self._journal.accept(self._source, bot["key"], self._accounts.settings(bot), request, request_id)
