"""Step 3, adopt: what a dead process left behind is taken over, and what must not grow is trimmed.

Every process sweeps; leases keep two of them from taking the same thing. Outbox lanes and timers are claimed straight
from their collections, so their expired leases need no sweeping of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from inbox.storage.errors import is_unavailable

_log = structlog.get_logger(__name__)


class Chore(msgspec.Struct, frozen=True):
    """Something done every so many seconds."""

    name: str
    every: float
    do: Callable[[], Awaitable[None]]


class Sweeper:
    """Runs chores. One that fails is tried again at its next time; the others go on."""

    def __init__(self, chores: list[Chore]) -> None:
        self._chores = chores

    async def run(self) -> None:
        """Sweep until cancelled."""
        async with asyncio.TaskGroup() as group:
            for chore in self._chores:
                group.create_task(self._repeat(chore))

    async def _repeat(self, chore: Chore) -> None:
        while True:
            try:
                await chore.do()
            except Exception as error:
                if is_unavailable(error):
                    _log.debug("chore_waits_for_storage", chore=chore.name)
                else:
                    _log.exception("chore_failed", chore=chore.name)
            await asyncio.sleep(chore.every)
