"""Step 1, accept: authenticated webhook events become durable before anybody is told 200.

Requests that arrive together share one insert (group commit): while one insert waits for the disk, the next gathers. A
database that is down, full or hanging turns into `StorageDown` within two `INSERT_SECONDS`, and into an immediate one
while the breaker is open, so that the provider sends again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog
from prometheus_client import Counter
from pydantic import BaseModel

from inbox.ingest import Ingest
from inbox.metrics import Metrics
from inbox.model.accepted import Accepted
from inbox.model.channel import EventSource, RawEvent, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.ids import derived_id, event_id, now
from inbox.storage.database import Document
from inbox.storage.journal import LARGE_BYTES, LEASE, JournalStore

INSERT_SECONDS = 1.2
"""How long one insert may take. A request waits for two at most: the one under way and its own."""

COOLING_SECONDS = 1.0
"""How long the breaker stays open after a failed insert; then one insert probes."""

LARGE_SECONDS = 20.0
"""How long it may take to put a large event down beside its row; who posts such ones waits for minutes."""

MAX_BATCH = 500
MAX_WAITING_BYTES = 48 * 1024 * 1024

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class StorageDown(Exception):
    """The event could not be made durable in time. It is stored whole or not at all; its repetition is deduplicated."""


class _Request(msgspec.Struct, eq=False):
    """A webhook call that waits for the disk: its rows, and which of them were known once that is certain."""

    rows: list[Document]
    size: int
    known: asyncio.Future[list[bool]]


class Journal:
    """The door of the flow. What became durable goes to ingest in this process."""

    def __init__(self, store: JournalStore, ingest: Ingest, metrics: Metrics) -> None:
        self._store = store
        self._ingest = ingest
        self._counters = metrics.webhook_events
        self._counted: dict[tuple[str, str], Counter] = {}
        self._waiting: list[_Request] = []
        self._waiting_bytes = 0
        self._committer: asyncio.Task[None] | None = None
        self._committing = False
        self._closed_until = 0.0

    async def accept(
        self, kind: EventSource, channel_id: str, settings: BaseModel, request: WebhookRequest, request_id: str
    ) -> bytes:
        """Take one webhook call. Returns, once all its events are durable, what the provider wants to read.

        Raises `Forged` where the provider did not send it and `StorageDown` where it must be sent again.
        """
        large = len(request.body) > LARGE_BYTES
        try:
            await _aside(kind.authenticate, settings, request) if large else kind.authenticate(settings, request)
        except Forged:
            self._count(kind.name, "rejected")
            raise
        try:
            raw_events = await _aside(kind.split, settings, request) if large else kind.split(settings, request)
        except Unreadable as error:
            raw_events = [RawEvent(derived_id("body", request.body.hex()), request.body)]
            _log.warning("webhook_unreadable", kind=kind.name, channel_id=channel_id, reason=str(error))
        await self.take(kind, channel_id, raw_events, request_id)
        return kind.answer(settings, request)

    async def take(self, kind: EventSource, channel_id: str, raw_events: Sequence[RawEvent], request_id: str) -> None:
        """Take events as `EventSource.split` makes them. Returns once they are durable, or raises `StorageDown`."""
        present = now()
        if any(len(raw.raw) > LARGE_BYTES for raw in raw_events):
            read = [await _aside(self._read, kind, channel_id, raw, present, request_id) for raw in raw_events]
            await self._set_down([row for row, _ in read if len(row["raw"]) > LARGE_BYTES])
        else:
            read = [self._read(kind, channel_id, raw, present, request_id) for raw in raw_events]
        if not read:
            return
        known = await self._commit([row for row, _ in read])
        for (_, accepted), duplicate in zip(read, known, strict=True):
            if duplicate:
                outcome = "duplicate"
            elif accepted is None:
                outcome = "quarantined"
            else:
                outcome = "accepted"
                accepted.accepted_at = time.monotonic()
                self._ingest.submit([accepted])
            self._count(kind.name, outcome)

    def _count(self, kind: str, outcome: str) -> None:
        counter = self._counted.get((kind, outcome))
        if counter is None:
            counter = self._counted[kind, outcome] = self._counters.labels(kind, outcome)
        counter.inc()

    def _read(
        self, kind: EventSource, channel_id: str, raw: RawEvent, present: datetime, request_id: str
    ) -> tuple[Document, Accepted | None]:
        """An event's row, and the event for ingest where it can be read."""
        row: Document = {
            "_id": event_id(channel_id, raw.key),
            "channel_id": channel_id,
            "kind": kind.name,
            "key": raw.key,
            "raw": raw.raw,
            "state": "pending",
            "received_at": present,
            "lease_until": present + LEASE,
            "holder": self._ingest.holder,
            "request_id": request_id,
        }
        try:
            events = kind.read(raw.raw)
        except Exception as error:
            if not isinstance(error, Unreadable):
                # A fault of ours: the provider would send it for ever, and somebody has to see it.
                _log.exception("event_not_read", kind=kind.name, channel_id=channel_id)
            reason = str(error) if isinstance(error, Unreadable) else f"could not be read: {type(error).__name__}"
            row.update(state="quarantined", reason=reason)
            del row["lease_until"]
            return row, None
        return row, Accepted(
            id=row["_id"],
            channel_id=channel_id,
            kind=kind.name,
            raw=raw.raw,
            events=events,
            received_at=present,
            request_id=request_id,
        )

    async def _set_down(self, rows: list[Document]) -> None:
        """Make the bodies of large events durable ahead of their rows."""
        try:
            for row in rows:
                await self._store.set_down(row, within=LARGE_SECONDS)
        except Exception as error:
            _log.warning("journal_unavailable", error=type(error).__name__, requests=1)
            raise StorageDown from error

    async def _commit(self, rows: list[Document]) -> list[bool]:
        """Make rows durable together with whoever else waits; says of each whether it was known."""
        size = sum(len(row["raw"]) for row in rows)
        if time.monotonic() < self._closed_until or self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise StorageDown
        request = _Request(rows, size, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._waiting_bytes += size
        if not self._committing:
            self._committing = True
            self._committer = asyncio.create_task(self._commit_waiting())
        return await request.known

    async def _commit_waiting(self) -> None:
        """Commit until nobody waits.

        It says that it ends in the step that finds nobody, so that no call falls between.
        """
        try:
            await self._commit_batches()
        finally:
            self._committing = False

    async def _commit_batches(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            self._waiting_bytes -= sum(request.size for request in batch)
            rows = [row for request in batch for row in request.rows]
            try:
                # The driver's own limit does not cover its wait for a free thread.
                async with asyncio.timeout(INSERT_SECONDS + 0.2):
                    duplicates = await self._store.insert(rows, within=INSERT_SECONDS)
            except Exception as error:
                self._fail(batch, error)
                return
            position = 0
            for request in batch:
                known = [position + offset in duplicates for offset in range(len(request.rows))]
                position += len(request.rows)
                if not request.known.done():
                    request.known.set_result(known)

    def _fail(self, batch: list[_Request], error: Exception) -> None:
        """Send everybody away who waits, and open the breaker."""
        self._closed_until = time.monotonic() + COOLING_SECONDS
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        _log.warning("journal_unavailable", error=type(error).__name__, requests=len(batch) + len(waiting))
        for request in batch + waiting:
            if not request.known.done():
                request.known.set_exception(StorageDown())


async def _aside(work: Callable[..., _T], *arguments: object) -> _T:
    """Take a large event apart in a thread: it may take a second, in which others want to be answered."""
    return await asyncio.to_thread(work, *arguments)
