"""Searching: customers, messages and orders by whatever they say, newest first, within what the viewer may see.

The index (`inbox.indexing`) says which documents may be meant. Each is read as it is now, and shown where it still says
what was typed and this viewer may see it: so what was edited, deleted, merged or given to another team is never shown
wrongly, however old the index. A page ends early where too much had to be looked at; its cursor goes on from there.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import msgspec

from inbox.model.people import Viewer
from inbox.model.postings import Row, block_of, having, members_of
from inbox.model.searched import Searched, channel_mark, place_of, texts_of
from inbox.model.words import Query, read_query
from inbox.paging import decode_cursor, encode_cursor
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.search import SearchStore, Shelf

MOST_READ = 1200
"""How many documents are read for one page at most."""

_FIRST_SEGMENTS = 4
"""How many large segments are looked into at first; then four times as many each time."""

_MOST_TOGETHER = 200
"""How many documents are read at once at most."""

Parts = list[tuple[str, bool]]


class Hit(msgspec.Struct, frozen=True):
    """Something found: the document, and a piece of its text with what was meant marked."""

    document: Document
    snippet: Parts


class Found(msgspec.Struct, frozen=True):
    """A page of what was found, newest first."""

    hits: list[Hit]
    next_cursor: str | None = None


class Narrowed(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look: in a conversation, in all that is a customer's, on a channel."""

    conversation_id: str | None = None
    customer_id: str | None = None
    channel_id: str | None = None

    def owner(self, kind: Searched) -> dict[str, str] | None:
        """The fields by which all that is looked through is read at once; None for everything of the kind."""
        if kind is Searched.CUSTOMERS:
            return None if self.customer_id is None else {"_id": self.customer_id}
        if self.conversation_id is not None and kind is Searched.MESSAGES:
            return {"conversation_id": self.conversation_id}
        return None if self.customer_id is None else {"customer_id": self.customer_id}

    def holds(self, kind: Searched, document: Mapping[str, Any]) -> bool:
        """Whether a document is there. What has no conversation or channel is in none."""
        customer_id = document["_id"] if kind is Searched.CUSTOMERS else document["customer_id"]
        places = (
            (self.customer_id, customer_id),
            (self.conversation_id, document.get("conversation_id")),
            (self.channel_id, document.get("channel_id")),
        )
        return all(wanted is None or wanted == there for wanted, there in places)


ANYWHERE = Narrowed()


class Search:
    """Answers what is typed into search fields."""

    def __init__(self, store: SearchStore, conversations: ConversationStore) -> None:
        self._store = store
        self._conversations = conversations

    async def find(
        self,
        viewer: Viewer,
        kind: Searched,
        q: str,
        *,
        where: Narrowed = ANYWHERE,
        limit: int,
        cursor: str | None = None,
    ) -> Found:
        """A page of documents of a kind that have a word for each word of `q`.

        It may hold fewer than `limit` and still have a cursor, where few of those that fit are for this viewer.
        """
        query = read_query(q)
        before = Row(*decode_cursor(cursor, str, str)) if cursor else None
        called = await self._called(viewer, kind, query, where, q)
        hits = [] if cursor else list(called.values())[:limit]
        examined = 0
        async for rows in self._rows(kind, query, where, before, limit + 1):
            confirmed = await self._confirmed(viewer, kind, query, where, rows)
            for row in rows:
                hit = confirmed.get(row)
                if hit is not None and row not in called:
                    if before is not None and len(hits) == limit:
                        return Found(hits, encode_cursor(*before))
                    hits.append(hit)
                before = row
            examined += len(rows)
            if examined >= MOST_READ:
                return Found(hits, encode_cursor(*rows[-1]))
        return Found(hits)

    async def cases(self, viewer: Viewer, customer_ids: Sequence[str]) -> dict[str, Document]:
        """The conversation to open for each of these customers: the active one, else the last that was closed."""
        return await self._conversations.latest(customer_ids, viewer.visibility())

    async def customer_ids(self, viewer: Viewer, q: str, limit: int) -> list[str]:
        """The newest cards that `q` means."""
        found = await self.find(viewer, Searched.CUSTOMERS, q, limit=limit)
        return [hit.document["_id"] for hit in found.hits]

    async def conversation_ids(self, viewer: Viewer, q: str, limit: int) -> list[str]:
        """The conversations of the newest messages that `q` means."""
        found = await self.find(viewer, Searched.MESSAGES, q, limit=limit)
        return list(dict.fromkeys(hit.document["conversation_id"] for hit in found.hits))

    async def _called(self, viewer: Viewer, kind: Searched, query: Query, where: Narrowed, q: str) -> dict[Row, Hit]:
        """Orders whose number is exactly what was typed: they stand before newer ones whose number begins with it."""
        if kind is not Searched.ORDERS:
            return {}
        rows = await self._store.orders_called(q.strip().lstrip("#№").strip())
        return await self._confirmed(viewer, kind, query, where, rows)

    async def _rows(
        self, kind: Searched, query: Query, where: Narrowed, before: Row | None, size: int
    ) -> AsyncIterator[list[Row]]:
        """What may be meant, newest first, behind `before`."""
        if not query.terms:
            return
        owner = where.owner(kind)
        if owner is not None:
            while rows := await self._store.belonging(kind, owner, before, size):
                yield rows
                before, size = rows[-1], min(2 * size, _MOST_TOGETHER)
            return
        # A single letter begins too many words: it is looked up where there is nothing else, and then as a word.
        lookups = [term.beginnings for term in query.terms if not term.short]
        lookups = lookups or [term.beginnings for term in query.terms]
        if where.channel_id is not None:
            lookups.append((channel_mark(where.channel_id),))
        candidates = _Candidates(self._store, kind, lookups, before)
        while rows := await candidates.take(size):
            yield rows
            size = min(2 * size, _MOST_TOGETHER)

    async def _confirmed(
        self, viewer: Viewer, kind: Searched, query: Query, where: Narrowed, rows: Sequence[Row]
    ) -> dict[Row, Hit]:
        """Those of these that are meant as they are now, and that this viewer may see."""
        ids = [row.id for row in rows]
        documents = await self._store.documents(kind, ids)
        conversations: Mapping[str, Document] = {}
        identities: Mapping[str, Sequence[Document]] = {}
        if kind is Searched.MESSAGES:
            conversations = await self._conversations.many(
                list({message["conversation_id"] for message in documents.values()})
            )
        elif kind is Searched.CUSTOMERS:
            identities = await self._store.identities(ids)
        hits: dict[Row, Hit] = {}
        for row in rows:
            document = documents.get(row.id)
            if document is None or place_of(kind, document) != row.place or not where.holds(kind, document):
                continue
            conversation = conversations.get(document.get("conversation_id", ""))
            if kind is Searched.MESSAGES and (conversation is None or not viewer.may_see(conversation)):
                continue
            texts = texts_of(kind, document, identities.get(row.id, ()))
            if query.matches(texts):
                hits[row] = Hit(document, query.snippet(texts))
        return hits


class _Open(msgspec.Struct):
    """A segment that is being read: the numbers of what was found in it, and what was read of them so far."""

    number: int
    found: Iterator[int]
    rows: deque[Row]
    ended: bool = False


class _Candidates:
    """What the index says of some words, merged over all segments, newest first."""

    def __init__(
        self, store: SearchStore, kind: Searched, lookups: Sequence[tuple[str, ...]], before: Row | None
    ) -> None:
        self._store = store
        self._kind = kind
        self._lookups = lookups
        self._before = before
        self._names = sorted({block_of(beginning) for beginnings in lookups for beginning in beginnings})
        self._waiting: deque[Shelf] | None = None
        self._next: deque[tuple[str, _Open]] = deque()
        self._open: list[_Open] = []
        self._wave = _FIRST_SEGMENTS
        self._last: Row | None = None

    async def take(self, size: int) -> list[Row]:
        """The next rows, at most so many; none at the end."""
        if self._waiting is None:
            shelves = await self._store.shelves(self._kind, self._names)
            behind = [shelf for shelf in shelves if self._before is None or shelf.oldest <= self._before.place]
            self._waiting = deque(sorted(behind, key=lambda shelf: shelf.newest, reverse=True))
        while self._waiting or self._next or self._open:
            await self._read(size)
            ready = self._ready(size)
            if ready:
                return ready
            if not self._next and self._waiting:
                await self._look_into_more(self._waiting)
            if self._next:
                self._open.append(self._next.popleft()[1])
        return []

    def _ready(self, size: int) -> list[Row]:
        """What was read and nothing unread can stand before."""
        merged = sorted(chain.from_iterable(segment.rows for segment in self._open), reverse=True)
        bounds = [segment.rows[-1] for segment in self._open if segment.rows and not segment.ended]
        bound = max(bounds, default=None)
        unread = [self._next[0][0]] if self._next else [shelf.newest for shelf in islice(self._waiting or (), 1)]
        horizon = max(unread, default="")
        ready: list[Row] = []
        passed = 0
        for row in merged:
            if len(ready) == size or (bound is not None and row < bound) or row.place <= horizon:
                break
            passed += 1
            if row != self._last:
                ready.append(row)
                self._last = row
        if passed:
            behind = merged[passed - 1]
            for segment in self._open:
                while segment.rows and segment.rows[0] >= behind:
                    segment.rows.popleft()
        self._open = [segment for segment in self._open if segment.rows or not segment.ended]
        return ready

    async def _read(self, size: int) -> None:
        """Have the next rows of every open segment at hand."""
        wanted: dict[int, list[int]] = {}
        for segment in self._open:
            if not segment.ended and len(segment.rows) < size:
                wanted[segment.number] = list(islice(segment.found, size))
                segment.ended = len(wanted[segment.number]) < size
        if wanted:
            read = await self._store.rows(wanted)
            for segment in self._open:
                segment.rows.extend(read.get(segment.number, ()))

    async def _look_into_more(self, waiting: deque[Shelf]) -> None:
        """Find what the next segments have. Small ones brought their words along."""
        shelves: list[Shelf] = []
        large: list[int] = []
        while waiting and len(large) < self._wave:
            shelf = waiting.popleft()
            shelves.append(shelf)
            if shelf.blocks is None:
                large.append(shelf.number)
        self._wave *= 4
        read = await asyncio.gather(*(self._store.block(self._kind, name, large) for name in self._names))
        blocks = dict(zip(self._names, read, strict=True))
        for shelf in shelves:
            own = (
                shelf.blocks
                if shelf.blocks is not None
                else {name: found[shelf.number] for name, found in blocks.items() if shelf.number in found}
            )
            found = _meeting(self._lookups, own, shelf.entries)
            if found and self._before is not None and shelf.newest >= self._before.place:
                first = await self._store.first_before(shelf, self._before)
                found &= -1 << first
            if found:
                self._next.append((shelf.newest, _Open(shelf.number, members_of(found), deque())))


def _meeting(lookups: Sequence[tuple[str, ...]], blocks: Mapping[str, Mapping[str, bytes]], entries: int) -> int:
    """The set of a segment's entries that have a word for each lookup."""
    found = (1 << entries) - 1
    for beginnings in lookups:
        some = 0
        for beginning in beginnings:
            words = blocks.get(block_of(beginning))
            if words is not None:
                some |= having(beginning, words, entries)
        found &= some
        if not found:
            break
    return found
