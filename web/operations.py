"""What whoever runs the server looks at: is the process alive, can it work, what does it do."""

import asyncio

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis.asyncio import Redis

from inbox.channels import STATES, Channels
from inbox.metrics import Metrics
from inbox.storage.database import Database, Document
from inbox.storage.errors import is_unavailable
from inbox.storage.journal import JournalStore
from inbox.storage.outbox import OutboxStore
from web.doors.answers import json_answer
from web.doors.table import Call, Face, Route, Who

PATIENCE_SECONDS = 2.0


class Operations:
    """`/healthz`, `/readyz` and `/metrics`."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        journal: JournalStore,
        outbox: OutboxStore,
        channels: Channels,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._redis = redis
        self._journal = journal
        self._outbox = outbox
        self._channels = channels
        self._metrics = metrics

    def table(self) -> list[Route]:
        """The rows of this part."""
        rows = (
            ("/healthz", self.alive, "The process answers", "application/json"),
            ("/readyz", self.ready, "MongoDB answers; says whether Redis does", "application/json"),
            ("/metrics", self.measure, "Numbers for Prometheus", "text/plain"),
        )
        return [
            Route(
                method="GET",
                path=path,
                handler=handler,
                who=Who.PUBLIC,
                summary=summary,
                face=Face.MACHINE,
                media_type=media_type,
            )
            for path, handler, summary, media_type in rows
        ]

    async def alive(self, _call: Call[None, None]) -> web.Response:
        """200 as long as the event loop turns."""
        return json_answer({"status": "ok"})

    async def ready(self, _call: Call[None, None]) -> web.Response:
        """200 with both states, 503 without MongoDB; Redis only carries what may be lost."""
        mongodb, redis = await asyncio.gather(self._mongodb_answers(), self._redis_answers())
        states = {"mongodb": "up" if mongodb else "down", "redis": "up" if redis else "down"}
        return json_answer(states, status=200 if mongodb else 503)

    async def _mongodb_answers(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._database.ping()
        except Exception as error:
            if is_unavailable(error):
                return False
            raise
        return True

    async def _redis_answers(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._redis.ping()
        except Exception:  # noqa: BLE001  # Whatever it is, Redis does not answer.
            return False
        return True

    async def measure(self, _call: Call[None, None]) -> web.Response:
        """The counters of this process, and the work lists of all of them."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                self._metrics.journal_pending.set(await self._journal.pending())
                channels = await self._channels.all()
                self._tell_states(channels)
                await self._count_outbox(channels)
        except Exception as error:
            # The work lists cannot be counted now; the counters of this process are all the more wanted.
            if not is_unavailable(error):
                raise
        return web.Response(body=generate_latest(self._metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _tell_states(self, channels: list[Document]) -> None:
        self._metrics.channel_state.clear()  # A channel that was removed is in no state.
        for channel in channels:
            for state in STATES:
                here = self._metrics.channel_state.labels(channel["_id"], channel["kind"], state)
                here.set(channel["state"] == state)

    async def _count_outbox(self, channels: list[Document]) -> None:
        kinds = {row["_id"]: row["kind"] for row in channels}
        waiting = dict.fromkeys(kinds.values(), 0)
        for channel_id, count in (await self._outbox.pending()).items():
            kind = kinds.get(channel_id, "disconnected")
            waiting[kind] = waiting.get(kind, 0) + count
        for kind, count in waiting.items():
            self._metrics.outbox_pending.labels(kind).set(count)
