"""Who looks at which conversation at this moment, and who is typing in it.

Nothing here is kept. Each process knows the connections that it holds itself and tells the others over Redis: at once
what changed, and every few seconds everything, so that whoever starts, or missed something, catches up. What a process
told is forgotten when it falls silent. Without Redis each process knows of its own connections only.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inbox.live import scope_of
from inbox.model.ids import new_id
from inbox.model.people import Viewer
from inbox.storage.database import Document
from inbox.wakeups import end_if_cancelled

TYPING_SECONDS: Final = 6.0
"""How long somebody types who does not say so again."""

RETELL_SECONDS: Final = 2.0
SILENT_SECONDS: Final = 3 * RETELL_SECONDS
"""After how long what a process told holds no more."""

_TICK_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


class Guest(msgspec.Struct, frozen=True, array_like=True):
    """A manager at a conversation."""

    id: str
    name: str
    typing: bool


class Row(msgspec.Struct, frozen=True, array_like=True):
    """Who is at one conversation, as one process knows it; `scope` says whose eyes the conversation is for."""

    scope: Document
    guests: list[Guest]


class _Told(msgspec.Struct, frozen=True):
    """What a process tells: `rows` by conversation, of those that changed or of all there are (`whole`)."""

    process: str
    rows: dict[str, Row]
    whole: bool


class _Seat(msgspec.Struct):
    """Where one connection is."""

    manager_id: str
    name: str
    conversation_id: str
    scope: Document
    typing_until: float = 0.0


class _Process(msgspec.Struct):
    """What another process told, and when it was heard last."""

    heard_at: float
    rows: dict[str, Row]


class Changes:
    """The conversations at which somebody came, went, began or ceased to type since they were asked for last."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._some = asyncio.Event()

    def add(self, conversation_ids: Sequence[str]) -> None:
        """Something changed there."""
        self._ids.update(conversation_ids)
        if self._ids:
            self._some.set()

    async def next(self) -> list[str]:
        """Wait until something changes; returns where."""
        await self._some.wait()
        self._some.clear()
        ids, self._ids = self._ids, set()
        return sorted(ids)


class Gathering:
    """Everybody at every conversation."""

    def __init__(self, redis: Redis, namespace: str, *, typing_seconds: float = TYPING_SECONDS) -> None:
        self._redis = redis
        self._topic = f"skrynka:gathering:{namespace}"
        self._process = new_id()
        self._typing_seconds = typing_seconds
        self._seats: dict[str, _Seat] = {}
        self._here: dict[str, dict[str, _Seat]] = {}
        self._elsewhere: dict[str, _Process] = {}
        self._followers: set[Changes] = set()
        self._untold: set[str] = set()
        self._retell = False
        self._toll = asyncio.Event()
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(_Told)

    def enter(self, connection_id: str, viewer: Viewer, conversation: Mapping[str, Any], *, typing: bool) -> None:
        """A connection is at a conversation from now on, and at no other one."""
        self.leave(connection_id)
        seat = _Seat(viewer.id, viewer.name, conversation["_id"], scope_of(conversation))
        seat.typing_until = time.monotonic() + self._typing_seconds if typing else 0.0
        self._seats[connection_id] = seat
        self._here.setdefault(seat.conversation_id, {})[connection_id] = seat
        self._changed({seat.conversation_id})

    def at(self, connection_id: str) -> str | None:
        """At which conversation a connection is."""
        seat = self._seats.get(connection_id)
        return seat.conversation_id if seat is not None else None

    def type(self, connection_id: str, *, typing: bool) -> None:
        """Whoever is there types, or does not any more."""
        seat = self._seats[connection_id]
        was = seat.typing_until > 0
        seat.typing_until = time.monotonic() + self._typing_seconds if typing else 0.0
        if was != typing:
            self._changed({seat.conversation_id})

    def rescope(self, connection_id: str, conversation: Mapping[str, Any]) -> None:
        """The conversation is for other eyes now."""
        seat = self._seats[connection_id]
        if seat.scope != scope_of(conversation):
            seat.scope = scope_of(conversation)
            self._changed({seat.conversation_id})

    def leave(self, connection_id: str) -> None:
        """A connection is nowhere any more."""
        seat = self._seats.pop(connection_id, None)
        if seat is None:
            return
        del self._here[seat.conversation_id][connection_id]
        if not self._here[seat.conversation_id]:
            del self._here[seat.conversation_id]
        self._changed({seat.conversation_id})

    def guests(self, conversation_id: str, viewer: Viewer) -> list[Guest]:
        """Who is there, in any process, besides this viewer; nobody, where they may not see the conversation."""
        rows = [self._row(conversation_id)]
        rows += [process.rows.get(conversation_id) for process in self._elsewhere.values()]
        found: dict[str, Guest] = {}
        for row in rows:
            if row is None:
                continue
            if not viewer.may_see(row.scope):
                return []
            for guest in row.guests:
                if guest.id != viewer.id and not (guest.id in found and found[guest.id].typing):
                    found[guest.id] = guest
        return sorted(found.values(), key=lambda guest: guest.id)

    @contextlib.contextmanager
    def follow(self) -> Iterator[Changes]:
        """What changes, beginning with every conversation at which somebody is."""
        changes = Changes()
        changes.add(list(self._here))
        for process in self._elsewhere.values():
            changes.add(list(process.rows))
        self._followers.add(changes)
        try:
            yield changes
        finally:
            self._followers.discard(changes)

    async def run(self) -> None:
        """Tell other processes and hear from them, until cancelled; while Redis is away, keep trying quietly."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            group.create_task(self._tell())
            group.create_task(self._hear())

    def _row(self, conversation_id: str) -> Row | None:
        """Who of this process's connections is at a conversation."""
        seats = list(self._here.get(conversation_id, {}).values())
        if not seats:
            return None
        typing = {seat.manager_id for seat in seats if seat.typing_until > 0}
        names = {seat.manager_id: seat.name for seat in seats}
        guests = [Guest(manager_id, name, manager_id in typing) for manager_id, name in names.items()]
        return Row(seats[-1].scope, guests)

    def _changed(self, conversation_ids: set[str]) -> None:
        self._untold |= conversation_ids
        self._toll.set()
        self._show(conversation_ids)

    def _show(self, conversation_ids: set[str]) -> None:
        for changes in self._followers:
            changes.add(list(conversation_ids))

    async def _tick(self) -> None:
        retold = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            present = time.monotonic()
            for connection_id, seat in self._seats.items():
                if 0 < seat.typing_until <= present:
                    self.type(connection_id, typing=False)
            for process_id, process in list(self._elsewhere.items()):
                if present - process.heard_at > SILENT_SECONDS:
                    del self._elsewhere[process_id]
                    self._show(set(process.rows))
            if self._seats and present - retold >= RETELL_SECONDS:
                retold = present
                self._retell = True
                self._toll.set()

    async def _tell(self) -> None:
        while True:
            await self._toll.wait()
            self._toll.clear()
            whole, self._retell = self._retell, False
            untold, self._untold = self._untold, set()
            ids = set(self._here) if whole else untold
            rows = {key: self._row(key) or Row({}, []) for key in ids}
            told = _Told(self._process, rows, whole)
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._redis.publish(self._topic, self._encoder.encode(told))
            end_if_cancelled()

    async def _hear(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as listener:
                    await listener.subscribe(self._topic)
                    end_if_cancelled()
                    async for message in listener.listen():
                        if message["type"] == "message":
                            self._heard(message["data"])
            except (RedisError, OSError, TimeoutError) as error:
                _log.debug("redis_away", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)

    def _heard(self, raw: bytes) -> None:
        try:
            told = self._decoder.decode(raw)
        except msgspec.DecodeError as error:
            # Another version of the server may speak otherwise while one replaces the other.
            _log.debug("gathering_not_understood", error=str(error))
            return
        if told.process == self._process:
            return
        before = self._elsewhere.get(told.process)
        known = before.rows if before is not None else {}
        rows = {**({} if told.whole else known), **told.rows}
        changed = {key for key in known.keys() | rows.keys() if known.get(key) != rows.get(key)}
        present = {key: row for key, row in rows.items() if row.guests}
        self._elsewhere[told.process] = _Process(time.monotonic(), present)
        self._show(changed)
