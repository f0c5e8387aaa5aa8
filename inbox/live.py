"""The live feed: every change, in one order for all processes, to every open page that may see it.

Frames become durable before anybody sees them. Redis only carries the hint that there is something new; without it the
feed looks once a second.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import structlog

from inbox.model.ids import now
from inbox.model.people import Viewer
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.livelog import LiveLog
from inbox.wakeups import Wakeups

KEEP = timedelta(hours=24)
POLL_SECONDS = 1.0
BACKLOG = 2000
"""Frames a slow page may lag behind before it is told to fetch everything anew."""

_log = structlog.get_logger(__name__)


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A change as it is published: `data` is a document, `audience` says whose eyes it is for.

    A frame about a conversation carries the conversation's `team_id` and `assignee_id` as its scope; `was` is the scope
    before the change, so that whoever loses sight of it is told to forget it.
    """

    type: str
    data: Document
    audience: Literal["everyone", "admins", "scope"] = "everyone"
    scope: Document | None = None
    was: Document | None = None


class LiveFrame(msgspec.Struct, frozen=True):
    """A frame on its way to one page."""

    seq: int
    type: str
    data: Document


def scope_of(conversation: Mapping[str, Any]) -> Document:
    """Whose eyes a conversation is for."""
    return {"team_id": conversation["team_id"], "assignee_id": conversation["assignee_id"]}


def about(
    type_: str, data: Document, conversation: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> Frame:
    """A frame about something in a conversation."""
    return Frame(
        type=type_,
        data=data,
        audience="scope",
        scope=scope_of(conversation),
        was=scope_of(before) if before is not None else None,
    )


def for_viewer(viewer: Viewer, seq: int, frame: Frame) -> LiveFrame | None:
    """The frame as this viewer gets it: whole, as a request to forget, or not at all."""
    if frame.audience == "everyone" or viewer.administers:
        return LiveFrame(seq, frame.type, frame.data)
    if frame.audience == "scope" and frame.scope is not None:
        if viewer.may_see(frame.scope):
            return LiveFrame(seq, frame.type, frame.data)
        if frame.was is not None and viewer.may_see(frame.was):
            return LiveFrame(seq, "conversation.removed", {"_id": frame.data["_id"]})
    return None


class _Subscription:
    """One page's queue."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[tuple[int, Frame] | None] = asyncio.Queue(BACKLOG)
        self.overflowed = False

    def offer(self, seq: int, frame: Frame) -> None:
        try:
            self.frames.put_nowait((seq, frame))
        except asyncio.QueueFull:
            self.overflowed = True

    def close(self) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self.frames.put_nowait(None)


class LiveFeed:
    """Publishes frames and hands them to subscribers, in the log's order and without gaps."""

    def __init__(self, log: LiveLog, wakeups: Wakeups) -> None:
        self._log = log
        self._wakeups = wakeups
        self._end: int | None = None
        self._order = asyncio.Lock()
        self._waiting: list[tuple[list[Frame], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._subscriptions: set[_Subscription] = set()

    async def publish(self, frames: Sequence[Frame]) -> None:
        """Make frames visible; returns when they are durable. Calls that come together share one insert."""
        if not frames:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(frames), done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            async with self._order:
                batch, self._waiting = self._waiting, []
                try:
                    await self._append([frame for frames, _ in batch for frame in frames])
                except Exception as error:
                    for _, done in batch:
                        if not done.cancelled():
                            done.set_exception(error)
                else:
                    for _, done in batch:
                        if not done.cancelled():
                            done.set_result(None)

    async def _append(self, frames: list[Frame]) -> None:
        rows = [msgspec.structs.asdict(frame) for frame in frames]
        while True:
            end = self._end if self._end is not None else await self._start()
            if await self._log.append(end, rows):
                break
            await self._catch_up()
        self._deliver(end, frames)
        self._wakeups.ring("live")

    async def _start(self) -> int:
        self._end = await self._log.end()
        return self._end

    def _deliver(self, first: int, frames: Sequence[Frame]) -> None:
        self._end = first + len(frames)
        for subscription in self._subscriptions:
            for position, frame in enumerate(frames):
                subscription.offer(first + position, frame)

    async def _catch_up(self) -> None:
        if self._end is None:
            await self._start()
            return
        rows = await self._log.since(self._end)
        for row in rows:
            self._deliver(row["_id"], [msgspec.convert(frame, Frame) for frame in row["frames"]])

    async def run(self) -> None:
        """Follow what other processes publish, until cancelled."""
        while True:
            try:
                async with self._order:
                    await self._catch_up()
            except Exception as error:
                if not is_unavailable(error):
                    _log.exception("live_feed_failed")
            await self._wakeups.wait("live", POLL_SECONDS)

    async def told(self, type_: str, ids: Sequence[str], since: datetime) -> set[str]:
        """Which of these documents a frame of this type told of since a time."""
        return await self._log.told(type_, ids, since)

    async def forget(self) -> None:
        """Drop what is older than a day."""
        await self._log.forget(now() - KEEP)

    @contextlib.asynccontextmanager
    async def subscribe(
        self, viewer: Callable[[], Viewer], since: int | None
    ) -> AsyncIterator[AsyncIterator[LiveFrame]]:
        """The feed for one page from `since` (exclusive) on, or from now.

        `viewer` is asked for every frame, so that a change of role or team counts at once.
        """
        subscription = _Subscription()
        async with self._order:
            await self._catch_up()
            end = self._end if self._end is not None else await self._start()
            self._subscriptions.add(subscription)
        try:
            yield self._frames(viewer, subscription, since, end)
        finally:
            self._subscriptions.discard(subscription)

    async def _frames(
        self, viewer: Callable[[], Viewer], subscription: _Subscription, since: int | None, end: int
    ) -> AsyncIterator[LiveFrame]:
        if since is None:
            yield LiveFrame(end - 1, "ready", {})
        else:
            async for frame in self._replay(viewer, since, end):
                yield frame
        while True:
            item = await subscription.frames.get()
            if item is None:
                return
            seq, published = item
            seen = for_viewer(viewer(), seq, published)
            if seen is not None:
                yield seen
            if subscription.overflowed and subscription.frames.empty():
                return

    async def _replay(self, viewer: Callable[[], Viewer], since: int, end: int) -> AsyncIterator[LiveFrame]:
        """What the page missed between `since` and `end` (both exclusive), or a reset where that is forgotten."""
        if since == end - 1:
            return
        row = await self._log.row_holding(since + 1) if 0 <= since < end else None
        if row is None or now() - row["at"] > KEEP:
            yield LiveFrame(end - 1, "reset", {})
            return
        position = row["_id"]
        while position < end:
            rows = await self._log.since(position)
            if not rows:
                return
            for row in rows:
                for offset, raw in enumerate(row["frames"]):
                    seq = row["_id"] + offset
                    if since < seq < end:
                        seen = for_viewer(viewer(), seq, msgspec.convert(raw, Frame))
                        if seen is not None:
                            yield seen
                position = row["next"]

    def close(self) -> None:
        """End every subscription (the server stops)."""
        for subscription in self._subscriptions:
            subscription.close()
