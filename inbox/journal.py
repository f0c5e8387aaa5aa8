"""Step 1, accept: authenticated webhook events become durable before anybody is told 200.

Requests that arrive together share one insert (group commit): while one insert waits for the disk, the next gathers. A
database that is down, full or hanging turns into `StorageDown` within `ANSWER_SECONDS`, and into an immediate one while
the breaker is open, so that the provider sends again.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime

import structlog
from pydantic import BaseModel

from inbox.ingest import Accepted, Ingest
from inbox.metrics import Metrics
from inbox.model.channel import ChannelKind, RawEvent, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.ids import derived_id, event_id, now
from inbox.model.incoming import Incoming
from inbox.storage.database import Document
from inbox.storage.journal import LEASE, JournalStore

ANSWER_SECONDS = 2.4
INSERT_SECONDS = 2.0
COOLING_SECONDS = 1.0
"""How long the breaker stays open after a failed insert; then one insert probes."""

MAX_BATCH = 500
MAX_WAITING_BYTES = 48 * 1024 * 1024

_log = structlog.get_logger(__name__)


class StorageDown(Exception):
    """The event could not be made durable in time. It is stored whole or not at all; its repetition is deduplicated."""


class Journal:
    """The door of the flow. `submit` hands over what became durable to ingest in this process."""

    def __init__(self, store: JournalStore, ingest: Ingest, metrics: Metrics) -> None:
        self._store = store
        self._ingest = ingest
        self._events = metrics.webhook_events
        self._waiting: list[tuple[Document, asyncio.Future[bool]]] = []
        self._waiting_bytes = 0
        self._committer: asyncio.Task[None] | None = None
        self._closed_until = 0.0

    async def accept(
        self, kind: ChannelKind, channel_id: str, settings: BaseModel, request: WebhookRequest, request_id: str
    ) -> None:
        """Take one webhook call. Returns once all its events are durable.

        Raises `Forged` where the provider did not send it and `StorageDown` where it must be sent again.
        """
        try:
            kind.authenticate(settings, request)
        except Forged:
            self._events.labels(kind.name, "rejected").inc()
            raise
        present = now()
        try:
            raw_events = kind.split(request)
        except Unreadable as error:
            raw_events = [RawEvent(derived_id("body", request.body.hex()), request.body)]
            _log.warning("webhook_unreadable", kind=kind.name, channel_id=channel_id, reason=str(error))
        read = [self._read(kind, channel_id, raw, present, request_id) for raw in raw_events]
        if not read:
            return
        known = await self._commit([row for row, _ in read])
        fresh: list[Accepted] = []
        for (row, events), duplicate in zip(read, known, strict=True):
            if duplicate:
                outcome = "duplicate"
            elif events is None:
                outcome = "quarantined"
            else:
                outcome = "accepted"
                fresh.append(
                    Accepted(
                        id=row["_id"],
                        channel_id=channel_id,
                        kind=kind.name,
                        raw=row["raw"],
                        events=events,
                        received_at=present,
                        accepted_at=time.monotonic(),
                        request_id=request_id,
                    )
                )
            self._events.labels(kind.name, outcome).inc()
        self._ingest.submit(fresh)

    def _read(
        self, kind: ChannelKind, channel_id: str, raw: RawEvent, present: datetime, request_id: str
    ) -> tuple[Document, list[Incoming] | None]:
        row: Document = {
            "_id": event_id(channel_id, raw.key),
            "channel_id": channel_id,
            "kind": kind.name,
            "key": raw.key,
            "raw": raw.raw,
            "state": "pending",
            "received_at": present,
            "lease_until": present + LEASE,
            "request_id": request_id,
        }
        try:
            return row, kind.read(raw.raw)
        except Unreadable as error:
            row.update(state="quarantined", reason=str(error))
            del row["lease_until"]
            return row, None

    async def _commit(self, rows: Sequence[Document]) -> list[bool]:
        """Make rows durable together with whoever else waits; says of each whether it was known."""
        size = sum(len(row["raw"]) for row in rows)
        if time.monotonic() < self._closed_until or self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise StorageDown
        loop = asyncio.get_running_loop()
        outcomes = [loop.create_future() for _ in rows]
        self._waiting.extend(zip(rows, outcomes, strict=True))
        self._waiting_bytes += size
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_waiting())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return list(await asyncio.gather(*outcomes))
        except TimeoutError:
            raise StorageDown from None

    async def _commit_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            self._waiting_bytes -= sum(len(row["raw"]) for row, _ in batch)
            # Someone who gave up waiting will send again; storing their rows now would only make work for the sweeper.
            batch = [(row, outcome) for row, outcome in batch if not outcome.done()]
            if not batch:
                continue
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    known = await self._store.insert([row for row, _ in batch], timeout=INSERT_SECONDS)
            except Exception as error:
                self._fail(batch, error)
                return
            for position, (_, outcome) in enumerate(batch):
                if not outcome.done():
                    outcome.set_result(position in known)

    def _fail(self, batch: list[tuple[Document, asyncio.Future[bool]]], error: Exception) -> None:
        self._closed_until = time.monotonic() + COOLING_SECONDS
        _log.warning("journal_unavailable", error=type(error).__name__, events=len(batch) + len(self._waiting))
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for _, outcome in batch + waiting:
            if not outcome.done():
                outcome.set_exception(StorageDown())
                # Whoever timed out meanwhile is not there to hear it.
                outcome.exception()
