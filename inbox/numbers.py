"""Keeping the numbers: every case is read again when its conversation changed, every hour summed again when a case did.

One process at a time follows the database's own history of changes, so that nothing is missed, whoever died between a
write and its announcement, and nobody who writes pays for it. A case is read from what is stored now: doing it twice,
late or in another order ends in the same row. Where the history is lost, or there was none to begin with, every
conversation is read once, in portions whose last place is noted.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed
from inbox.model.domain_events import CustomerErased
from inbox.model.ids import new_id
from inbox.model.numbers import cases_of
from inbox.model.schedule import Schedule
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.history import HistoryLost
from inbox.storage.numbers import NumberStore
from inbox.storage.roles import LEASE

POLL_SECONDS = 4.0
"""How often to look for changes: a conversation that changed ten times meanwhile is read once."""

LEISURE = 10
"""How many times as long as it worked the worker rests, as far as it keeps its role: messages go first."""

LONG = 300
"""From so many messages on, a conversation is read again less often."""

PATIENCE_SECONDS = 30.0
"""For how long changes of long conversations are put off, to be read together."""

TAKEN_TOGETHER = 1000
CAUGHT_UP_TOGETHER = 200
READ_TOGETHER = 20
"""How many conversations' messages are in memory at once."""

SUMMED_TOGETHER = 500

ROLE = "keeper"

_log = structlog.get_logger(__name__)

Hours = Callable[[str | None], Awaitable[Schedule]]
"""When the clocks of a team's conversations run; None are those without a team."""


class _Lost(Exception):
    """Another process has the role by now."""


class Numbers:
    """The worker of this process. While `gives_way` says so, it looks only as often as keeps its role."""

    def __init__(
        self,
        store: NumberStore,
        hours: Hours,
        feed: LiveFeed,
        *,
        gives_way: Callable[[], bool] = lambda: False,
        poll_seconds: float = POLL_SECONDS,
        long: int = LONG,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._store = store
        self._hours = hours
        self._feed = feed
        self._gives_way = gives_way
        self._poll_seconds = poll_seconds
        self._long = long
        self._patience_seconds = patience_seconds
        self._holder = new_id()
        self._term = 0

    def subscribe(self, bus: EventBus) -> None:
        """Hear of who is erased."""
        bus.subscribe(CustomerErased, self._erased)

    async def run(self) -> None:
        """Keep the numbers whenever nobody else does, until cancelled; then let others do it at once."""
        try:
            while True:
                try:
                    await self._keep_if_free()
                except _Lost:
                    _log.info("numbers_role_lost")
                except Exception as error:
                    if not is_unavailable(error):
                        _log.exception("numbers_failed")
                await asyncio.sleep(self._poll_seconds)
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        try:
            await self._store.roles.release(ROLE, self._holder)
        except Exception as error:
            if not is_unavailable(error):
                raise

    async def _keep_if_free(self) -> None:
        noted = await self._store.roles.claim(ROLE, self._holder)
        if noted is None:
            return
        self._term = noted["term"]
        try:
            await self._keep(noted.get("token"), noted.get("read_to"))
        except HistoryLost:
            _log.warning("numbers_history_lost")
            await self._note(token=None)

    async def _keep(self, token: Document | None, read_to: str | None) -> None:
        """Follow from a place on. `read_to` is how far all conversations are read; None where they are."""
        follower = await self._store.follow(token)
        try:
            if token is None:
                read_to = ""
                await self._note(token=(await follower.take(0))[1], read_to=read_to)
            noted_at = settled_at = time.monotonic()
            put_off: set[str] = set()
            while True:
                began = time.monotonic()
                if self._gives_way() and began - noted_at < LEASE.total_seconds() / 3:
                    await asyncio.sleep(self._poll_seconds)
                    continue
                changes, token = await follower.take(TAKEN_TOGETHER)
                changed = dict.fromkeys(change["documentKey"]["_id"] for change in changes)
                put_off |= await self.read(list(changed), but_long=True)
                if began - settled_at > self._patience_seconds:
                    await self.read(list(put_off))
                    put_off.clear()
                reading_on = read_to is not None
                if read_to is not None:
                    read_to = await self._read_on(read_to)
                if put_off:
                    # What is put off is known to nobody else: whoever goes on has to follow it again.
                    await self._note(read_to=read_to)
                else:
                    settled_at = began
                    if changes or reading_on or began - noted_at > LEASE.total_seconds() / 3:
                        await self._note(token=token, read_to=read_to)
                        noted_at = began
                if await self._sum_up():
                    await self._feed.publish([Frame(type="numbers.updated", data={"_id": "hours"})])
                rest = max(self._poll_seconds, LEISURE * (time.monotonic() - began))
                await asyncio.sleep(min(rest, LEASE.total_seconds() / 2))
        finally:
            await follower.close()

    async def _read_on(self, read_to: str) -> str | None:
        """Read some more of all conversations; the place reached, None where that was the last."""
        ids = await self._store.conversation_ids(read_to, CAUGHT_UP_TOGETHER)
        await self.read(ids)
        return ids[-1] if ids else None

    async def read(self, conversation_ids: Sequence[str], *, but_long: bool = False) -> set[str]:
        """Have the cases of these conversations as they are now; which were left, being long."""
        left: set[str] = set()
        for start in range(0, len(conversation_ids), READ_TOGETHER):
            await self._note()
            portion = conversation_ids[start : start + READ_TOGETHER]
            present = await self._store.conversations(portion)
            gone = {*portion} - {row["_id"] for row in present}
            # In this order: what happens in between is a change that is still to be followed.
            known = await self._store.cases(portion)
            if but_long:
                left |= {key for key, rows in known.items() if self._is_long(rows)} - gone
            await self._read([row for row in present if row["_id"] not in left], known)
            if gone:
                erased = await self._store.erased(sorted(gone))
                await self._store.leave_sums(sorted(erased))
                # These ended in another one, which has their messages by now.
                await self._store.withdraw(sorted(gone - erased), self._term)
        return left

    def _is_long(self, cases: Sequence[Document]) -> bool:
        return sum(int(case["messages"] + case["replies"]) for case in cases) >= self._long

    async def _read(self, conversations: Sequence[Document], known: Mapping[str, Sequence[Document]]) -> None:
        if not conversations:
            return
        ids = [row["_id"] for row in conversations]
        happenings = await self._store.happenings(ids)
        messages = await self._store.messages({row["_id"]: _since(row) for row in conversations})
        before = {row["_id"]: row for rows in known.values() for row in rows}
        rows = []
        for conversation in conversations:
            key = conversation["_id"]
            earlier = {row["no"]: row for row in known.get(key, ())}
            schedule = await self._hours(conversation["team_id"])
            rows += cases_of(conversation, happenings.get(key, ()), messages.get(key, ()), schedule, earlier)
        changed = [row for row in rows if not row.items() <= before.get(row["_id"], {}).items()]
        if changed:
            await self._store.put(changed, before, self._term)

    async def _sum_up(self) -> bool:
        """Sum the hours anew that cases changed; whether there were any."""
        changed = False
        while cases := await self._store.stale(SUMMED_TOGETHER):
            await self._note()
            await self._store.sum_up(cases, self._term)
            changed = True
        return changed

    async def _note(self, **fields: object) -> None:
        if not await self._store.roles.note(ROLE, self._holder, fields):
            raise _Lost

    async def _erased(self, event: CustomerErased) -> None:
        await self._store.leave_sums(event.conversation_ids)


def _since(conversation: Document) -> str:
    """From where on a conversation's messages tell of the cases that it remembers."""
    begun = conversation.get("begun")
    return str(begun[0]["sort"]) if begun and begun[0]["no"] > 1 else ""
