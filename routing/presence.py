"""Whether a manager is there at all, kept apart from the status that they chose.

A connection that breaks off and comes back within moments is one stretch and is never written down. One that stays away
for the grace makes its manager `gone`: routing treats them as away until they are back. Nothing here touches what a
manager holds, or what they said of themselves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import msgspec
import structlog

from inbox.model.ids import new_id, now
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.presence import PresenceStore
from routing.policies import Policies

SETTLED = timedelta(seconds=5)
"""How long a connection has to stay away before that is written down: longer than a page takes to load anew."""

LEAVE_SECONDS = 2.0
"""How long a process that stops tries to say so."""

_log = structlog.get_logger(__name__)


class _Stretch(msgspec.Struct):
    """A time in which this process has, or had a moment ago, connections of a manager."""

    manager_id: str
    key: str = msgspec.field(default_factory=new_id)
    connections: set[str] = msgspec.field(default_factory=set)
    lost_at: datetime | None = None
    stored: bool = False


class Presence:
    """What this process knows of connections, and what all of them together make of it.

    `on_changed` gets a manager who is gone by now, or back again. `clock` tells what time it is.
    """

    def __init__(
        self,
        store: PresenceStore,
        policies: Policies,
        *,
        on_changed: Callable[[Document], Awaitable[None]],
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._store = store
        self._policies = policies
        self._on_changed = on_changed
        self._clock = clock
        self._process = new_id()
        self._here: dict[str, _Stretch] = {}
        self._writing = asyncio.Lock()
        self._news = asyncio.Event()

    def connected(self, manager_id: str, connection_id: str) -> None:
        """A manager opened a connection. It is noted at once, without anybody waiting for it."""
        stretch = self._here.setdefault(manager_id, _Stretch(manager_id))
        stretch.connections.add(connection_id)
        stretch.lost_at = None
        if not stretch.stored:
            self._news.set()

    def disconnected(self, manager_id: str, connection_id: str) -> None:
        """A connection of a manager ended."""
        stretch = self._here.get(manager_id)
        if stretch is not None:
            stretch.connections.discard(connection_id)
            if not stretch.connections:
                stretch.lost_at = self._clock()

    async def run(self) -> None:
        """Note who comes as they come, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.note()
            except Exception as error:
                if not is_unavailable(error):
                    raise
                # The next look notes whoever was not noted now.

    async def note(self) -> None:
        """Write down who came, and who has been away for more than a moment."""
        async with self._writing:
            settled = self._clock() - SETTLED
            ended = [each for each in self._here.values() if each.lost_at is not None and each.lost_at <= settled]
            for each in ended:
                del self._here[each.manager_id]
            closing = {each.key: each.lost_at for each in ended if each.stored and each.lost_at is not None}
            if closing:
                await self._store.close(closing)
            await self._store_new(each for each in self._here.values() if each.connections and not each.stored)

    async def _store_new(self, stretches: Iterable[_Stretch]) -> None:
        coming = list(stretches)
        if not coming:
            return
        await self._store.renew(self._process, self._clock())
        await self._store.open(self._process, {each.key: each.manager_id for each in coming})
        absent = await self._store.absent([each.manager_id for each in coming])
        await asyncio.gather(*map(self._came, absent))
        for each in coming:
            each.stored = True

    async def _came(self, manager_id: str) -> None:
        came = await self._store.came(manager_id)
        if came is not None:
            await self._on_changed(came)

    async def renew(self) -> None:
        """Say that this process lives, and put right what is stored of it: after a silence, or an election."""
        async with self._writing:
            await self._store.renew(self._process, self._clock())
            stored = await self._store.of(self._process)
            known = {each.key: each for each in self._here.values() if each.stored}
            superfluous = stored - known.keys()
            if superfluous:
                await self._store.close(dict.fromkeys(superfluous, self._clock()))
            await self._store_new(each for key, each in known.items() if key not in stored)

    async def look(self) -> None:
        """See who has left, whichever process they were connected to, and for whom that has been too long."""
        await self.note()
        present = self._clock()
        await self._store.close_orphans(present)
        closed = await self._store.closed(present - SETTLED)
        if closed:
            lost_at = {stretch["manager_id"]: stretch["closed_at"] for stretch in closed}
            await asyncio.gather(*(self._left(manager_id, at) for manager_id, at in lost_at.items()))
            await self._store.forget(closed)
        too_long = present - (await self._policies.shop()).grace_period
        lost = await self._store.lost(too_long)
        await asyncio.gather(*(self._gone(manager_id, too_long, present) for manager_id in lost))

    async def look_after_all(self) -> None:
        """Find out who is taken to be there although nobody knows of a connection: the trace of a restored backup."""
        for manager_id in await self._store.unfounded():
            await self._left(manager_id, self._clock())

    async def _left(self, manager_id: str, at: datetime) -> None:
        if await self._store.connected(manager_id):
            return
        await self._store.went(manager_id, at)
        if await self._store.connected(manager_id):
            await self._came(manager_id)

    async def _gone(self, manager_id: str, before: datetime, at: datetime) -> None:
        gone = await self._store.gone(manager_id, before, at)
        if gone is not None:
            _log.info("manager_gone", manager_id=manager_id)
            await self._on_changed(gone)

    async def leave(self) -> None:
        """This process stops: its connections end now, or without a database to note it in when its lease runs out."""
        try:
            async with asyncio.timeout(LEAVE_SECONDS), self._writing:
                self._here.clear()
                await self._store.leave(self._process, self._clock())
        except Exception as error:
            if not is_unavailable(error):
                raise
