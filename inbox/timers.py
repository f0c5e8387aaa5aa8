"""Things due at a time, done once however many processes there are."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog

from inbox.model.ids import now
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.timers import FOLLOW_UP, LEASE, TimerStore
from inbox.wakeups import Wakeups

POLL_SECONDS = 1.0
WORKERS = 6
LEISURELY_WORKERS = 2
MAX_ATTEMPTS = 8
LONGEST_PAUSE = 9
"""Pauses between tries double up to two to this power, in seconds: about nine minutes."""

_PATIENT = frozenset(
    {
        "cards.settle",
        "carrier.look",
        "channel.check",
        "clock.strike",
        "contact.proven",
        "conversation.wake",
        "customer.erase",
        "import.run",
        "manager.relieve",
        "manager.shift",
        "media.fetch",
        "rating.ask",
        "rating.given",
        "routing.wait",
        "staff.check",
        "staff.tell",
        "rule.no_reply",
        "task.due",
        "team.dissolve",
        "webhook.post",
        FOLLOW_UP,
    }
)
"""Kinds that are tried for ever, or count for themselves: giving them up would leave something asleep."""

_log = structlog.get_logger(__name__)

Handler = Callable[[dict[str, Any]], Awaitable[None]]


class Later(Exception):
    """A handler's wish to be called again after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


class Timers:
    """Claims what is due and calls its handler. A handler bears repetition."""

    def __init__(self, store: TimerStore, wakeups: Wakeups) -> None:
        self._store = store
        self._wakeups = wakeups
        self._handlers: dict[str, Handler] = {}
        self._leisurely: dict[str, Handler] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    def handle(self, kind: str, handler: Handler) -> None:
        """Have timers of this kind done by `handler`, which gets the timer's data."""
        self._handlers[kind] = handler

    def handle_at_leisure(self, kind: str, handler: Handler) -> None:
        """The same, but only where nothing else is due, and few at once: nobody waits for these."""
        self._leisurely[kind] = handler

    async def run(self) -> None:
        """Work until `stop`."""
        while not self._stopping:
            try:
                timer = await self._next()
            except Exception as error:
                if not is_unavailable(error):
                    _log.exception("timers_failed")
                timer = None
            if timer is None:
                await self._wakeups.wait("timers", POLL_SECONDS)
                continue
            task = asyncio.create_task(self._do(timer))
            self._running.add(task)
            task.add_done_callback(self._finished)

    async def _next(self) -> Document | None:
        if len(self._running) >= WORKERS:
            return None
        timer = await self._store.claim(list(self._handlers))
        if timer is None and self._leisurely and len(self._running) < LEISURELY_WORKERS:
            timer = await self._store.claim(list(self._leisurely))
        return timer

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not self._stopping:
            self._wakeups.ring_here("timers")

    async def stop(self) -> None:
        """Begin nothing more and give what runs a moment; the rest is left to whoever adopts it."""
        self._stopping = True
        self._wakeups.ring_here("timers")
        if self._running:
            _, pending = await asyncio.wait(self._running, timeout=5)
            for task in pending:
                task.cancel()

    async def _do(self, timer: Document) -> None:
        renewal = asyncio.create_task(self._renew(timer))
        try:
            handler = self._handlers.get(timer["kind"]) or self._leisurely[timer["kind"]]
            await handler(timer["data"])
            await self._store.done(timer)
        except Later as later:
            await self._postpone(timer, later.seconds)
        except Exception as error:
            if not is_unavailable(error):
                _log.exception("timer_failed", kind=timer["kind"], attempts=timer["attempts"])
            await self._postpone(timer, 2.0 ** min(timer["attempts"], LONGEST_PAUSE))
        finally:
            renewal.cancel()

    async def _postpone(self, timer: Document, seconds: float) -> None:
        try:
            if timer["attempts"] >= MAX_ATTEMPTS and timer["kind"] not in _PATIENT:
                _log.error("timer_given_up", kind=timer["kind"], data=timer["data"])
                await self._store.done(timer)
            else:
                await self._store.postpone(timer, now() + timedelta(seconds=seconds))
        except Exception as error:
            if not is_unavailable(error):
                raise
            # The lease runs out and somebody adopts it.
            _log.warning("timer_left_to_its_lease", kind=timer["kind"])

    async def _renew(self, timer: Document) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                await self._store.renew(timer)
            except Exception as error:
                if not is_unavailable(error):
                    raise
