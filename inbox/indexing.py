"""Keeping the index of search: it follows what is stored, whoever stored it, and costs whoever stores nothing.

One process at a time follows the database's own history of changes from where the last one noted that it was. It reads
the changed documents as they are now and adds them to the index as a small segment; small segments are united to larger
ones. Doing any of it twice adds an entry twice, which nobody sees. What the index says of a document that has changed
since is no harm either: whoever searches reads the documents themselves and shows what still fits.

Where the history is lost, or there was none to begin with, the index is built anew beside what is there.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import structlog

from inbox.model.ids import new_id
from inbox.model.postings import Entry, segment_of, united
from inbox.model.searched import Searched, marks_of, place_of, texts_of
from inbox.model.words import words_of
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.history import HistoryLost
from inbox.storage.roles import LEASE
from inbox.storage.search import Changes, SearchStore

POLL_SECONDS = 0.5
"""How often to look for changes: together they cost less, and nobody searches for what they have just read."""

TAKEN_TOGETHER = 1000
"""How many changes become one segment at most."""

BUILT_TOGETHER = 16_384
"""How many entries a segment has that is built of what was stored before."""

FAN = 16
"""How many segments of about one size are united to one of the next."""

SWEEP_SECONDS = 15.0
_READ_TOGETHER = 2000

_log = structlog.get_logger(__name__)

Progress = Callable[[Searched, int, int], None]
"""Hears how many of how many documents of a kind are done."""


class _Lost(Exception):
    """Another process has the role by now."""


class Indexing:
    """The worker of this process. While `gives_way` says so, it takes only as much at a time as keeps its role."""

    def __init__(
        self,
        store: SearchStore,
        *,
        gives_way: Callable[[], bool] = lambda: False,
        poll_seconds: float = POLL_SECONDS,
        built_together: int = BUILT_TOGETHER,
    ) -> None:
        self._store = store
        self._gives_way = gives_way
        self._poll_seconds = poll_seconds
        self._built_together = built_together
        self._holder = new_id()

    async def run(self) -> None:
        """Follow and build, whenever nobody else does, until cancelled; then let others do it at once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lasting("follower", self._follow_if_free))
            group.create_task(self._lasting("builder", self._build_if_wanted))

    async def _lasting(self, role: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            while True:
                try:
                    await work()
                except _Lost:
                    _log.info("search_role_lost", role=role)
                except Exception as error:
                    if not is_unavailable(error):
                        _log.exception("indexing_failed", role=role)
                await asyncio.sleep(self._poll_seconds)
        finally:
            await self._let_go(role)

    async def _let_go(self, role: str) -> None:
        try:
            await self._store.roles.release(role, self._holder)
        except Exception as error:
            if not is_unavailable(error):
                raise

    # Following

    async def _follow_if_free(self) -> None:
        noted = await self._store.roles.claim("follower", self._holder)
        if noted is None:
            return
        try:
            await self._follow(noted.get("token"))
        except HistoryLost:
            _log.warning("search_history_lost")
            await self._note("follower", token=None)

    async def _follow(self, token: Document | None) -> None:
        follower = await self._store.follow(token)
        try:
            if token is None:
                # From here on nothing is missed; what was stored before is for a build to read.
                await self._note("follower", token=(await follower.take(0))[1])
                await self._store.want_build()
            noted_at = swept_at = time.monotonic()
            while True:
                if self._gives_way() and time.monotonic() - noted_at < LEASE.total_seconds() / 3:
                    await asyncio.sleep(self._poll_seconds)
                    continue
                changes, token = await follower.take(TAKEN_TOGETHER)
                kinds = await self._index(Changes.of(changes))
                if changes or time.monotonic() - noted_at > LEASE.total_seconds() / 3:
                    await self._note("follower", token=token)
                    noted_at = time.monotonic()
                await self._unite(kinds)
                if time.monotonic() - swept_at > SWEEP_SECONDS:
                    await self._store.sweep((await self._store.roles.read("builder")).get("build", 0))
                    swept_at = time.monotonic()
                if len(changes) < TAKEN_TOGETHER:
                    await asyncio.sleep(self._poll_seconds)
        finally:
            await follower.close()

    async def _note(self, role: str, **fields: object) -> None:
        if not await self._store.roles.note(role, self._holder, fields):
            raise _Lost

    async def _index(self, changes: Changes) -> Iterable[Searched]:
        """Add what changed to the index, as it is now; which kinds it was."""
        ids = {kind: set(keys) for kind, keys in changes.ids.items()}
        if changes.identities:
            cards = await self._store.cards_of(list(changes.identities))
            ids.setdefault(Searched.CUSTOMERS, set()).update(cards)
        for kind, keys in ids.items():
            found = await self._store.documents(kind, list(keys))
            await self._add(kind, await self._entries(kind, list(found.values())))
        return ids

    async def _entries(self, kind: Searched, documents: Sequence[Document]) -> list[Entry]:
        identities: Mapping[str, list[Document]] = {}
        if kind is Searched.CUSTOMERS:
            identities = await self._store.identities([card["_id"] for card in documents])
        return await asyncio.to_thread(_entries_of, kind, documents, identities)

    async def _add(self, kind: Searched, entries: Sequence[Entry], *, build: int = 0) -> None:
        if entries:
            segment = await asyncio.to_thread(segment_of, entries)
            await self._store.add(kind, segment, build=build)

    async def _unite(self, kinds: Iterable[Searched]) -> None:
        """Unite small segments of what changed, unless a build is about to replace them."""
        for kind in kinds:
            if (await self._store.roles.read("builder")).get("wanted"):
                return
            sizes = await self._store.sizes(kind)
            for numbers in _of_one_size(sizes, self._store.small):
                segments = [await self._store.segment(number) for number in numbers]
                whole = await asyncio.to_thread(united, [segment for segment in segments if segment is not None])
                number = await self._store.add(kind, whole)
                if await self._store.all_live(numbers):
                    await self._store.retire(numbers)
                else:
                    # Somebody was removed from one of them meanwhile, and is still in the whole.
                    await self._store.remove([number])

    # Building

    async def _build_if_wanted(self) -> None:
        if (await self._store.roles.read("builder")).get("wanted"):
            await self.build()

    async def build(self, progress: Progress | None = None) -> bool:
        """Build the index of all that is stored; False where another process is at it. The old one serves meanwhile."""
        if await self._store.roles.claim("builder", self._holder) is None:
            return False
        holding = asyncio.create_task(self._hold("builder"))
        building = asyncio.create_task(self._build(progress))
        try:
            done, _ = await asyncio.wait({holding, building}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            holding.cancel()
            building.cancel()
            await asyncio.gather(holding, building, return_exceptions=True)
            await self._let_go("builder")
        return True

    async def _hold(self, role: str) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await self._note(role)

    async def _build(self, progress: Progress | None) -> None:
        build = await self._store.next_number()
        await self._note("builder", build=build, wanted=True)
        began = time.monotonic()
        for kind in Searched:
            total, done = await self._store.count(kind), 0
            waiting: list[Entry] = []
            async for documents in self._store.everything(kind, min(_READ_TOGETHER, self._built_together)):
                waiting += await self._entries(kind, documents)
                done += len(documents)
                if len(waiting) >= self._built_together:
                    await self._add(kind, waiting, build=build)
                    waiting = []
                    if progress is not None:
                        progress(kind, done, max(total, done))
            await self._add(kind, waiting, build=build)
            if progress is not None:
                progress(kind, done, done)
        await self._note("builder")
        await self._store.publish(build)
        await self._note("builder", wanted=False)
        _log.info("search_built", seconds=round(time.monotonic() - began, 1))

    async def forget_customer(self, customer_id: str) -> dict[Searched, int]:
        """Remove everything that the index says of a customer; how many segments of each kind had it.

        To be called while their messages and orders are still known by their card, before they are erased.
        """
        return {kind: await self.forget(kind, await self._store.ids_of(kind, customer_id)) for kind in Searched}

    async def forget(self, kind: Searched, ids: Iterable[str]) -> int:
        """Remove everything that the index says of these documents, at once and for good; how many segments had it.

        What is still stored then comes back when it changes or the index is built anew.
        """
        gone = frozenset(ids)
        removed = 0
        # What is being united meanwhile may bring them back once.
        while numbers := await self._store.holding(kind, gone):
            for number in numbers:
                segment = await self._store.segment(number)
                if segment is not None:
                    left = await asyncio.to_thread(united, [segment], gone)
                    if left.rows:
                        await self._store.add(kind, left)
                await self._store.remove([number])
            removed += len(numbers)
        return removed


def _entries_of(
    kind: Searched, documents: Sequence[Document], identities: Mapping[str, Sequence[Document]]
) -> list[Entry]:
    entries = []
    for document in documents:
        words = words_of(texts_of(kind, document, identities.get(document["_id"], ())))
        if words:
            entries.append(Entry(place_of(kind, document), document["_id"], words.union(marks_of(kind, document))))
    return entries


def _of_one_size(sizes: Mapping[int, int], small: int) -> Iterable[list[int]]:
    """Groups of small segments that are worth uniting."""
    limit = FAN
    while limit <= small:
        group = [number for number, entries in sizes.items() if limit // FAN <= entries < limit]
        if len(group) >= FAN:
            yield group[:FAN]
        limit *= FAN
