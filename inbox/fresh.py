"""What many ask for and few change, kept in memory: on the way of every message nobody asks the database for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

FRESH_SECONDS = 1.0
"""How long a process trusts what it read: so late it hears of what was changed in another process."""

Value = TypeVar("Value")


class Fresh(Generic[Value]):
    """Something that is read at most once in `FRESH_SECONDS` however many ask."""

    def __init__(self, read: Callable[[], Awaitable[Value]]) -> None:
        self._read = read
        self._current: tuple[Value, float] | None = None
        self._edition = 0
        self._reading = asyncio.Lock()

    async def current(self) -> Value:
        """What it is, or was a moment ago."""
        known = self._known()
        if known is not None:
            return known[0]
        async with self._reading:
            known = self._known()
            while known is None:
                edition, read_at = self._edition, time.monotonic()
                value = await self._read()
                if edition == self._edition:
                    # Nobody changed it while it was read.
                    self._current = known = (value, read_at)
            return known[0]

    def forget(self) -> None:
        """It was changed in this process: whoever asks next gets it new."""
        self._edition += 1
        self._current = None

    def _known(self) -> tuple[Value, float] | None:
        current = self._current
        return current if current is not None and time.monotonic() - current[1] <= FRESH_SECONDS else None
