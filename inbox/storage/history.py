"""MongoDB's own history of what changed, for whoever follows it: nothing is missed, whoever wrote and died of it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pymongo.change_stream import ChangeStream
from pymongo.errors import OperationFailure

from inbox.storage.database import Document

_HISTORY_LOST = frozenset({136, 222, 260, 280, 286})
"""Codes by which MongoDB says that it no longer knows what happened since then."""

_AWAIT_MS = 1
_READ_TOGETHER = 1000


class HistoryLost(Exception):
    """Changes that nobody followed are forgotten: what is made of them is to be made anew."""


class Follower:
    """A stream of changes, open at one place of the history."""

    def __init__(self, stream: ChangeStream[Document]) -> None:
        self._stream = stream

    @classmethod
    async def open(cls, watched: Any, pipeline: Sequence[Document], token: Document | None) -> "Follower":
        """What `watched`, a relaxed database or collection, tells since a place, or from now on. Raises `HistoryLost`.

        Told are changes that a majority has; the driver must not ask for others.
        """
        try:
            stream: ChangeStream[Document] = await asyncio.to_thread(
                watched.delegate.watch,
                pipeline,
                resume_after=token,
                max_await_time_ms=_AWAIT_MS,
                batch_size=_READ_TOGETHER,
            )
        except OperationFailure as error:
            raise _told(error) from error
        return cls(stream)

    async def take(self, limit: int) -> tuple[list[Document], Document | None]:
        """What changed since, at most so much of it, and the place to go on from. Raises `HistoryLost`."""
        # The driver hands out changes one by one; in a thread of their own a thousand cost one hop.
        return await asyncio.to_thread(self._take, limit)

    def _take(self, limit: int) -> tuple[list[Document], Document | None]:
        changes: list[Document] = []
        try:
            while len(changes) < limit and (change := self._stream.try_next()) is not None:
                changes.append(change)
        except OperationFailure as error:
            raise _told(error) from error
        if not self._stream.alive:
            raise HistoryLost
        token = self._stream.resume_token
        return changes, None if token is None else dict(token)

    async def close(self) -> None:
        """Stop following."""
        await asyncio.to_thread(self._stream.close)


def _told(error: OperationFailure) -> Exception:
    return HistoryLost() if error.code in _HISTORY_LOST else error
