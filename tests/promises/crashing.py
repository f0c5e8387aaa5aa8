"""A process that dies at its k-th word to the database, as often as a test likes."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from pymongo import monitoring

Meanwhile = Callable[[], Coroutine[Any, Any, Any]]


class Crash(monitoring.CommandListener):
    """Counts what is said to the database; at the armed count it does what it was armed with, once."""

    def __init__(self) -> None:
        self._left = 0
        self._then: Callable[[], None] = lambda: None

    def arm(self, commands: int, then: Callable[[], None]) -> None:
        """Do `then` when so many more commands have begun."""
        self._left, self._then = commands, then

    def disarm(self) -> None:
        """Do nothing more."""
        self._left = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:  # noqa: ARG002
        """A command is on its way."""
        if self._left > 0:
            self._left -= 1
            if self._left == 0:
                self._then()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing depends on it."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing depends on it."""


async def until_crash(crash: Crash, work: Coroutine[Any, Any, Any], commands: int) -> bool:
    """Do some work and drop it at its command number `commands`, which still reaches the database; whether it died.

    0 lets it live. What the work itself raises is raised.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)

    def die() -> None:
        loop.call_soon_threadsafe(task.cancel)

    if commands:
        crash.arm(commands, die)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        crash.disarm()
    return task.cancelled()


async def with_between(crash: Crash, work: Coroutine[Any, Any, Any], commands: int, meanwhile: Meanwhile) -> bool:
    """Do some work, and all of `meanwhile` just before its command number `commands`; whether it came to that."""
    loop = asyncio.get_running_loop()
    came: list[None] = []

    def pause() -> None:
        # The driver calls this in the thread that is about to send the command; the loop is free meanwhile.
        came.append(None)
        asyncio.run_coroutine_threadsafe(meanwhile(), loop).result(timeout=30)

    crash.arm(commands, pause)
    try:
        await work
    finally:
        crash.disarm()
    return bool(came)
