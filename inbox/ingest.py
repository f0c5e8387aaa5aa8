"""Step 2, ingest: the worker that takes accepted events batch by batch, whatever happens to the database meanwhile.

What a batch becomes is told in `inbox.batch`. Here is when: at once at a shop's usual pace; after standing back for
accepting in a burst; from the journal where memory was too small or another process died.
"""

import asyncio
import time
from collections.abc import Sequence

import msgspec
import structlog

from inbox.metrics import Metrics
from inbox.model.accepted import Accepted, Processor
from inbox.model.errors import Conflict
from inbox.model.failures import Unreadable
from inbox.model.ids import new_id
from inbox.storage.errors import is_unavailable
from inbox.storage.journal import LEASE, JournalStore

MAX_BATCH = 400
MAX_QUEUED = 800
"""Events kept in memory, two batches; beyond that they wait in the journal and are fetched when there is room."""

CROWD = 64
"""From so many waiting events on, accepting goes first for as long as more keep coming."""

CROWD_RATE = 1500.0
"""What counts as more keep coming, in events a second: about what can be worked off while they come."""

GIVE_WAY_STEP = 0.05
GIVE_WAY_STEPS = 50
"""How long one batch stands back for accepting: seconds a look, and how many looks at the most."""

_RETRY_SECONDS = 0.25
_MAX_RETRY_SECONDS = 2.0
_MAX_CONFLICTS = 5
_log = structlog.get_logger(__name__)


class Ingest:
    """The worker of this process. `submit` what was accepted here, `adopt` what others left behind."""

    def __init__(self, batches: Processor, journal: JournalStore, metrics: Metrics) -> None:
        self._batches = batches
        self._journal = journal
        self._quarantined = metrics.webhook_events
        self.holder = new_id()
        """Under which name this process leases events in the journal."""
        self._queue: list[Accepted] = []
        self._arrivals = 0
        self._overflowed = False
        self._arrived = asyncio.Event()
        self._held: dict[str, float] = {}
        """Events in the hands of this process, with when their lease was last renewed (monotonic seconds)."""
        self._stopping = False

    @property
    def crowded(self) -> bool:
        """Whether so much waits that whatever has time should give way."""
        return len(self._queue) >= CROWD

    def submit(self, events: Sequence[Accepted]) -> None:
        """Take events that are durable in the journal and leased to this process."""
        present = time.monotonic()
        self._arrivals += len(events)
        for event in events:
            if event.id in self._held:
                continue
            if len(self._queue) >= MAX_QUEUED:
                self._overflowed = True
                break
            self._held[event.id] = present
            self._queue.append(event)
        self._arrived.set()

    async def adopt(self) -> None:
        """Take over what somebody's expired lease left behind. The sweeper calls this."""
        room = MAX_QUEUED - len(self._queue)
        if room > 0:
            rows = await self._journal.adopt(min(room, MAX_BATCH))
            if rows:
                _log.info("journal_adopted", events=len(rows))
            self.submit([Accepted.from_row(row) for row in rows])

    async def renew_leases(self) -> None:
        """Keep the leases of what waits here longer than usual. The sweeper calls this."""
        aging = time.monotonic() - LEASE.total_seconds() / 3
        ids = [key for key, renewed in self._held.items() if renewed < aging]
        if ids:
            await self._journal.renew(ids)
            present = time.monotonic()
            self._held.update((key, present) for key in ids if key in self._held)

    async def run(self) -> None:
        """Work until `stop` was called and the queue is empty."""
        while not (self._stopping and not self._queue):
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue or await self._fetch_overflow():
                await self._give_way()
                batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
                await self._work_off(batch)

    async def _give_way(self) -> None:
        """Stand back while webhooks pour in: a provider waits for its 200, and a larger batch costs less a message."""
        if not self.crowded or self._stopping:
            return
        for _ in range(GIVE_WAY_STEPS):
            before = self._arrivals
            await asyncio.sleep(GIVE_WAY_STEP)
            if self._arrivals - before < CROWD_RATE * GIVE_WAY_STEP:
                return

    async def _fetch_overflow(self) -> bool:
        """Fetch from the journal what did not fit into memory when it was accepted; whether there was any."""
        if not self._overflowed or self._stopping:
            return False
        try:
            rows = await self._journal.held_by(self.holder, MAX_BATCH)
        except Exception as error:
            if not is_unavailable(error):
                raise
            await asyncio.sleep(_RETRY_SECONDS)
            self._arrived.set()
            return bool(self._queue)
        self._overflowed = bool(rows)
        self.submit([Accepted.from_row(row) for row in rows])
        return bool(self._queue)

    def stop(self) -> None:
        """Finish what was accepted, then end."""
        self._stopping = True
        self._arrived.set()

    async def _work_off(self, batch: list[Accepted]) -> None:
        """Process a batch whatever it takes: wait for the database, set aside what can never be processed."""
        pause = _RETRY_SECONDS
        conflicts = 0
        while True:
            try:
                await self._batches.process(batch, reopen=conflicts <= _MAX_CONFLICTS)
            except Conflict:
                # Somebody opened a conversation at the same moment; a second look finds it. Where it never does, the
                # message is already in a closed case beside an active one: it stays there.
                conflicts += 1
                batch = [msgspec.structs.replace(event, adopted=True) for event in batch]
                continue
            except Exception as error:
                if is_unavailable(error):
                    if self._stopping:
                        break
                    _log.warning("ingest_waits_for_storage", events=len(batch), error=type(error).__name__)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _MAX_RETRY_SECONDS)
                    batch = [msgspec.structs.replace(event, adopted=True) for event in batch]
                    continue
                if len(batch) > 1:
                    for event in batch:
                        await self._work_off([msgspec.structs.replace(event, adopted=True)])
                    return
                await self._set_aside(batch[0], error)
            break
        for event in batch:
            self._held.pop(event.id, None)

    async def _set_aside(self, event: Accepted, error: Exception) -> None:
        _log.error("event_quarantined", channel_id=event.channel_id, request_id=event.request_id, exc_info=error)
        self._quarantined.labels(event.kind, "quarantined").inc()
        reason = str(error) if isinstance(error, Unreadable) else f"could not be processed: {type(error).__name__}"
        try:
            await self._journal.quarantine(event.id, reason)
        except Exception as failure:
            if not is_unavailable(failure):
                raise
            _log.warning("quarantine_waits_for_lease", event_id=event.id)
