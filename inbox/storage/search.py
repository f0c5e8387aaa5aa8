"""The index of search, and the changes that it follows.

A segment (see `inbox.model.postings`) is a row of `search_segments`, `{_id: number, kind, entries, newest, oldest,
apart, live, build, written_at, retired_at, names}`. The words of a small one are in the row itself as `blocks`; those
of a large one lie `apart` as rows of `search_blocks`, `{_id: "kind:block:number", rests, postings}`, so that a query
reads the block that it asks about, of all segments at once and nothing else. Which entry has which number is in
`search_pages`, `{_id: "number:page", places, ids}`.

A segment's row is written before its words and goes live after them; it is retired before they are removed, long
enough for whoever still reads them. So nobody sees half of one, and what a crash left behind is known by its row.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any

import msgspec
import pymongo

from inbox.model.ids import now
from inbox.model.postings import Row, Segment
from inbox.model.searched import IDENTITY_TOLD_BY, TOLD_BY, Searched, place_of
from inbox.storage.database import Database, Document
from inbox.storage.history import Follower
from inbox.storage.roles import Roles

READ_ON = timedelta(seconds=30)
"""How long a segment is kept for those who still read it."""

ABANDONED = timedelta(minutes=10)
"""After how long a segment that never went live is somebody's who died."""

SMALL = 4096
"""Segments of fewer entries keep their words in their own row."""

PAGE_ROWS = 32
"""How many entries' names are read together: what fits to a word lies scattered."""

_WRITE_TOGETHER = 1000
_IDENTITIES = "identities"


class Changes(msgspec.Struct, frozen=True):
    """Ids of what changed."""

    ids: Mapping[Searched, set[str]]
    identities: set[str]

    @classmethod
    def of(cls, changes: Sequence[Document]) -> "Changes":
        """What a follower took."""
        ids: dict[Searched, set[str]] = {}
        identities: set[str] = set()
        for change in changes:
            key, collection = change["documentKey"]["_id"], change["ns"]["coll"]
            if collection == _IDENTITIES:
                identities.add(key)
            else:
                ids.setdefault(Searched(collection), set()).add(key)
        return cls(ids, identities)


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as a query meets it. `blocks` are those asked for, None where they lie apart."""

    number: int
    entries: int
    newest: str
    oldest: str
    blocks: dict[str, dict[str, bytes]] | None


class SearchStore:
    """The collections of search, and what they are made of."""

    def __init__(self, database: Database, *, small: int = SMALL) -> None:
        self.small = small
        self._database = database
        self._segments = database.durable.search_segments
        self._blocks = database.durable.search_blocks
        self._pages = database.durable.search_pages
        self._notes = database.durable.search_roles
        self.roles = Roles(self._notes)
        """Who keeps the index: one process is its `follower`, one its `builder`."""

    async def want_build(self) -> None:
        """Have the index built anew by whoever sees this first."""
        await self._notes.update_one(
            {"_id": "builder"}, {"$set": {"wanted": True}, "$setOnInsert": {"lease_until": None}}, upsert=True
        )

    # What the index is made of.

    async def follow(self, token: Document | None) -> Follower:
        """The changes since a place, or from now on. Raises `HistoryLost`."""
        fields = sorted({*IDENTITY_TOLD_BY, *(field for told_by in TOLD_BY.values() for field in told_by)})
        changed = {"$objectToArray": {"$ifNull": ["$updateDescription.updatedFields", {}]}}
        field = {"$arrayElemAt": [{"$split": ["$$this.k", "."]}, 0]}
        told = {"$anyElementTrue": [{"$map": {"input": changed, "in": {"$in": [field, fields]}}}]}
        said = [{"operationType": {"$in": ["insert", "replace"]}}, {"operationType": "update", "$expr": told}]
        pipeline: list[Document] = [
            {"$match": {"ns.coll": {"$in": [*Searched, _IDENTITIES]}, "$or": said}},
            {"$project": {"documentKey": 1, "ns": 1, "operationType": 1}},
        ]
        return await Follower.open(self._database.relaxed, pipeline, token)

    async def documents(self, kind: Searched, ids: Sequence[str]) -> dict[str, Document]:
        """What there is to find, by id."""
        found = self._database.durable[kind].find({"_id": {"$in": list(ids)}})
        return {document["_id"]: document async for document in found}

    async def identities(self, customer_ids: Sequence[str]) -> dict[str, list[Document]]:
        """The identities of cards."""
        found = self._database.durable.identities.find({"customer_id": {"$in": list(customer_ids)}})
        by_card: dict[str, list[Document]] = {}
        async for identity in found:
            by_card.setdefault(identity["customer_id"], []).append(identity)
        return by_card

    async def cards_of(self, identity_ids: Sequence[str]) -> set[str]:
        """The cards that identities belong to."""
        found = self._database.durable.identities.find({"_id": {"$in": list(identity_ids)}}, {"customer_id": 1})
        return {identity["customer_id"] async for identity in found}

    async def belonging(self, kind: Searched, owner: Mapping[str, str], before: Row | None, limit: int) -> list[Row]:
        """What belongs to a conversation or a customer (`owner`, field by field), newest first."""
        place = "sort" if kind is Searched.MESSAGES else "created_at"
        condition: Document = dict(owner)
        if before is not None and kind is Searched.MESSAGES:
            earlier = {"sort": before.place, "_id": {"$lt": before.id}}
            condition["$or"] = [{"sort": {"$lt": before.place}}, earlier]
        found = self._database.durable[kind].find(condition, {place: 1}).sort([(place, -1), ("_id", -1)]).limit(limit)
        rows = [Row(place_of(kind, document), document["_id"]) async for document in found]
        return [row for row in rows if before is None or row < before]

    async def orders_called(self, number: str) -> list[Row]:
        """The orders of exactly this number."""
        found = self._database.durable.orders.find({"number": number}, {"created_at": 1}).sort("created_at", -1)
        return [Row(place_of(Searched.ORDERS, order), order["_id"]) async for order in found]

    async def everything(self, kind: Searched, together: int) -> AsyncIterator[list[Document]]:
        """All documents of a kind, so many at a time, roughly in the order in which they were stored."""
        found = self._database.durable[kind].find({}, hint=[("$natural", 1)], batch_size=together)
        documents: list[Document] = []
        async for document in found:
            documents.append(document)
            if len(documents) == together:
                yield documents
                documents = []
        if documents:
            yield documents

    async def ids_of(self, kind: Searched, customer_id: str) -> list[str]:
        """What there is to find of a customer; the card itself among cards."""
        if kind is Searched.CUSTOMERS:
            return [customer_id]
        found = self._database.durable[kind].find({"customer_id": customer_id}, {"_id": 1})
        return [document["_id"] async for document in found]

    async def count(self, kind: Searched) -> int:
        """Roughly how many documents of a kind there are."""
        return await self._database.durable[kind].estimated_document_count()

    # The index itself.

    async def next_number(self) -> int:
        """A number that no segment has."""
        row = await self._notes.find_one_and_update(
            {"_id": "numbers"}, {"$inc": {"next": 1}}, upsert=True, return_document=pymongo.ReturnDocument.AFTER
        )
        return int(row["next"])

    async def add(self, kind: Searched, segment: Segment, *, build: int = 0) -> int:
        """Store a segment and return its number; with a `build` it goes live with all of that build."""
        number = await self.next_number()
        rows = segment.rows
        row: Document = {
            "_id": number,
            "kind": kind.value,
            "entries": len(rows),
            "newest": rows[0].place,
            "oldest": rows[-1].place,
            "apart": len(rows) >= self.small,
            "live": False,
            "build": build,
            "written_at": now(),
        }
        small = not row["apart"]
        if small:
            row["blocks"] = {_field(name): _stored(words) for name, words in segment.blocks.items()}
        else:
            row["names"] = list(segment.blocks)
        pages = [
            {
                "_id": _page_id(number, page),
                "places": "\n".join(row.place for row in rows[start : start + PAGE_ROWS]),
                "ids": "\n".join(row.id for row in rows[start : start + PAGE_ROWS]),
            }
            for page, start in enumerate(range(0, len(rows), PAGE_ROWS))
        ]
        if small and not build:
            # Nothing points to a page whose segment is not there, so a small one takes two writes.
            await self._pages.insert_many(pages)
            await self._segments.insert_one({**row, "live": True})
            return number
        await self._segments.insert_one(row)
        await self._pages.insert_many(pages)
        if not small:
            blocks = [{"_id": _block_id(kind, name, number), **_stored(segment.blocks[name])} for name in row["names"]]
            for start in range(0, len(blocks), _WRITE_TOGETHER):
                await self._blocks.insert_many(blocks[start : start + _WRITE_TOGETHER], ordered=False)
        if not build:
            await self._segments.update_one({"_id": number}, {"$set": {"live": True}})
        return number

    async def sizes(self, kind: Searched) -> dict[int, int]:
        """How many entries each live segment has, by number, oldest first."""
        found = self._segments.find({"kind": kind, "live": True}, {"entries": 1}).sort("_id", 1)
        return {row["_id"]: row["entries"] async for row in found}

    async def shelves(self, kind: Searched, blocks: Sequence[str]) -> list[Shelf]:
        """Every live segment of a kind, with these blocks where it keeps them itself."""
        # Forwards by number: what replaces a segment is live before that one is retired, and has a higher number.
        fields = ["entries", "newest", "oldest", "apart", *(f"blocks.{_field(name)}" for name in blocks)]
        found = self._segments.find({"kind": kind, "live": True}, dict.fromkeys(fields, 1)).sort("_id", 1)
        return [
            Shelf(
                number=row["_id"],
                entries=row["entries"],
                newest=row["newest"],
                oldest=row["oldest"],
                blocks=None if row["apart"] else _read_blocks(row["blocks"]),
            )
            async for row in found
        ]

    async def block(self, kind: Searched, name: str, numbers: Sequence[int]) -> dict[int, dict[str, bytes]]:
        """One block of large segments, by segment."""
        if not numbers:
            return {}
        span = {"$gte": _block_id(kind, name, min(numbers)), "$lte": _block_id(kind, name, max(numbers))}
        return {int(row["_id"][-_DIGITS:]): _read(row) async for row in self._blocks.find({"_id": span})}

    async def rows(self, wanted: Mapping[int, Sequence[int]]) -> dict[int, list[Row]]:
        """What the entries with these numbers are, by segment."""
        ids = [
            _page_id(number, page)
            for number, entries in wanted.items()
            for page in {entry // PAGE_ROWS for entry in entries}
        ]
        pages = {row["_id"]: _read_page(row) async for row in self._pages.find({"_id": {"$in": ids}})}
        found: dict[int, list[Row]] = {}
        for number, entries in wanted.items():
            of_page = {entry: pages.get(_page_id(number, entry // PAGE_ROWS)) for entry in entries}
            found[number] = [rows[entry % PAGE_ROWS] for entry, rows in of_page.items() if rows is not None]
        return found

    async def first_before(self, shelf: Shelf, before: Row) -> int:
        """The number of the first entry of a segment that stands behind a place."""
        low, high = 0, shelf.entries
        while low < high:
            middle = (low + high) // 2
            page = middle // PAGE_ROWS
            rows = await self._page(shelf.number, page)
            if not rows or rows[-1] >= before:
                low = (page + 1) * PAGE_ROWS
            elif rows[0] < before:
                high = page * PAGE_ROWS
            else:
                return page * PAGE_ROWS + sum(row >= before for row in rows)
        return low

    async def _page(self, number: int, page: int) -> list[Row]:
        row = await self._pages.find_one({"_id": _page_id(number, page)})
        return [] if row is None else _read_page(row)

    async def segment(self, number: int) -> Segment | None:
        """A whole segment; None where it was removed."""
        row = await self._segments.find_one({"_id": number})
        if row is None:
            return None
        pages = self._pages.find({"_id": _span(number)}).sort("_id", 1)
        rows = [entry async for page in pages for entry in _read_page(page)]
        if not row["apart"]:
            return Segment(rows, _read_blocks(row["blocks"]))
        blocks: dict[str, dict[str, bytes]] = {}
        for name in row["names"]:
            # A clustered collection finds one key at once, and several only by reading all between them.
            block = await self._blocks.find_one({"_id": _block_id(row["kind"], name, number)})
            if block is not None:
                blocks[name] = _read(block)
        return Segment(rows, blocks)

    async def holding(self, kind: Searched, ids: AbstractSet[str]) -> list[int]:
        """The live segments that have one of these entries."""
        numbers = []
        for number in await self.sizes(kind):
            pages = self._pages.find({"_id": _span(number)}, {"ids": 1})
            if any([not ids.isdisjoint(page["ids"].split("\n")) async for page in pages]):
                numbers.append(number)
        return numbers

    async def all_live(self, numbers: Sequence[int]) -> bool:
        """Whether all of these segments are looked into."""
        return await self._segments.count_documents({"_id": {"$in": list(numbers)}, "live": True}) == len(numbers)

    async def retire(self, numbers: Sequence[int]) -> None:
        """Have nobody look into these segments any more."""
        await self._segments.update_many(
            {"_id": {"$in": list(numbers)}}, {"$set": {"live": False, "retired_at": now()}}
        )

    async def publish(self, build: int) -> None:
        """Have a build go live in the place of everything older."""
        await self._segments.update_many({"build": build}, {"$set": {"live": True}})
        await self._segments.update_many(
            {"live": True, "_id": {"$lt": build}}, {"$set": {"live": False, "retired_at": now()}}
        )

    async def sweep(self, build: int) -> None:
        """Remove segments that were retired, and those left by who died while writing, but for the present build's."""
        present = now()
        abandoned = {"retired_at": None, "build": {"$ne": build}, "written_at": {"$lte": present - ABANDONED}}
        await self._remove({"live": False, "$or": [{"retired_at": {"$lte": present - READ_ON}}, abandoned]})

    async def remove(self, numbers: Sequence[int]) -> None:
        """Remove segments at once, whoever reads them."""
        await self.retire(numbers)
        await self._remove({"_id": {"$in": list(numbers)}})

    async def _remove(self, gone: Document) -> None:
        async for row in self._segments.find(gone, {"kind": 1, "names": 1}):
            number = row["_id"]
            names = row.get("names", ())
            for start in range(0, len(names), _WRITE_TOGETHER):
                await self._blocks.bulk_write(
                    [
                        pymongo.DeleteOne({"_id": _block_id(row["kind"], name, number)})
                        for name in names[start : start + _WRITE_TOGETHER]
                    ],
                    ordered=False,
                )
            await self._pages.delete_many({"_id": _span(number)})
            await self._segments.delete_one({"_id": number})


_DIGITS = 12


def _page_id(number: int, page: int) -> str:
    return f"{number:0{_DIGITS}}:{page:05}"


def _span(number: int) -> Document:
    return {"$gte": f"{number:0{_DIGITS}}:", "$lt": f"{number:0{_DIGITS}};"}


def _block_id(kind: str, name: str, number: int) -> str:
    return f"{kind}:{name}:{number:0{_DIGITS}}"


def _field(name: str) -> str:
    """A block's name as a field's: no word has a full-width full stop, which is folded into a plain one."""
    return name.replace(".", "．")


def _stored(words: Mapping[str, bytes]) -> Document:
    return {"rests": list(words), "postings": list(words.values())}


def _read(row: Mapping[str, Any]) -> dict[str, bytes]:
    return dict(zip(row["rests"], row["postings"], strict=True))


def _read_blocks(blocks: Mapping[str, Document]) -> dict[str, dict[str, bytes]]:
    return {name.replace("．", "."): _read(words) for name, words in blocks.items()}


def _read_page(row: Mapping[str, str]) -> list[Row]:
    return [Row(place, key) for place, key in zip(row["places"].split("\n"), row["ids"].split("\n"), strict=True)]
