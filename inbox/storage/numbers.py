"""The numbers: `cases` and `hours`, whose rows `inbox.model.numbers` describes, and what they are read from.

A case whose shares changed is `stale` by the keys of the hours whose sums it changes, until they are summed anew. Each
row carries the `term` of the process that wrote it: one that was held up and has lost the role since writes over
nothing. Of an erased customer's cases only the shares stay, for good.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pymongo
from pymongo.errors import BulkWriteError

from inbox.model.numbers import changed_keys, summed
from inbox.model.reports import By, Group, Period, Report
from inbox.model.schedule import DAYS
from inbox.storage.database import Collection, Database, Document
from inbox.storage.errors import duplicate_positions
from inbox.storage.history import Follower
from inbox.storage.roles import Roles

_FOR_GOOD = 2**62
"""A term above all others."""

_SUMMED_TOGETHER = 50


class NumberStore:
    """The `cases` and `hours` collections, and the role of who keeps them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stored = database.durable
        self._conversations = database.relaxed.conversations
        self._cases = database.durable.cases
        self._hours = database.durable.hours
        self.roles = Roles(database.durable.number_roles)

    # What cases are read from.

    async def follow(self, token: Document | None) -> Follower:
        """Which conversations changed since a place, or from now on. Raises `HistoryLost`."""
        told: list[Document] = [{"$project": {"documentKey": 1, "operationType": 1}}]
        return await Follower.open(self._database.relaxed.conversations, told, token)

    async def conversation_ids(self, after: str, limit: int) -> list[str]:
        """Ids of conversations in their order."""
        found = self._stored.conversations.find({"_id": {"$gt": after}}, {"_id": 1}).sort("_id", 1).limit(limit)
        return [row["_id"] async for row in found]

    async def conversations(self, conversation_ids: Sequence[str]) -> list[Document]:
        """These conversations, where they are still there."""
        return await self._stored.conversations.find({"_id": {"$in": list(conversation_ids)}}).to_list(None)

    async def happenings(self, conversation_ids: Sequence[str]) -> dict[str, list[Document]]:
        """What happened in conversations besides messages, in its order."""
        found = self._stored.happenings.find({"conversation_id": {"$in": list(conversation_ids)}})
        return _by_conversation(await found.sort([("sort", 1), ("_id", 1)]).to_list(None))

    async def messages(self, since: Mapping[str, str]) -> dict[str, list[Document]]:
        """What was said in conversations from a place on, as far as cases are told by it, in its order."""
        within = [{"conversation_id": key, "sort": {"$gte": sort}} for key, sort in since.items()]
        who = ("direction", "author.type", "author.id", "channel_id")
        fields = ("conversation_id", *who, "sort", "created_at", "answers")
        found = self._stored.messages.find({"$or": within}, dict.fromkeys(fields, 1))
        return _by_conversation(await found.sort([("sort", 1), ("_id", 1)]).to_list(None))

    # Cases.

    async def cases(self, conversation_ids: Sequence[str]) -> dict[str, list[Document]]:
        """The cases of conversations as they were read last."""
        found = self._cases.find({"conversation_id": {"$in": list(conversation_ids)}})
        return _by_conversation(await found.sort("no", 1).to_list(None))

    async def put(self, rows: Sequence[Document], before: Mapping[str, Document], term: int) -> None:
        """Write cases, and mark the hours that they change; `before` are those that were there, by id."""
        writes = []
        for row in rows:
            known = before.get(row["_id"], {})
            stale = sorted({*known.get("stale", ()), *changed_keys(known.get("shares", ()), row["shares"])})
            fields = {**row, "term": term, **({"stale": stale} if stale else {})}
            writes.append(pymongo.UpdateOne(_ours(row, term), {"$set": fields}, upsert=True))
        await _written(self._cases, writes)

    async def erased(self, conversation_ids: Sequence[str]) -> set[str]:
        """Which of these conversations went with somebody who was erased of late."""
        gone = set(conversation_ids)
        erasures = self._stored.erasures.find({"scope.conversation_ids": {"$in": list(gone)}}, {"scope": 1})
        return {key async for erasure in erasures for key in erasure["scope"]["conversation_ids"]} & gone

    async def leave_sums(self, conversation_ids: Sequence[str]) -> None:
        """Keep of the cases of these conversations nothing but what they added to hours."""
        await self._cases.update_many(
            {"conversation_id": {"$in": list(conversation_ids)}},
            [{"$project": {"shares": 1, "stale": 1}}, {"$set": {"term": _FOR_GOOD}}],
        )

    async def withdraw(self, conversation_ids: Sequence[str], term: int) -> None:
        """Take back what these conversations added to hours: their messages belong to others by now, or to nobody."""
        await self._cases.update_many(
            {"conversation_id": {"$in": list(conversation_ids)}, "shares": {"$ne": []}, "term": {"$lte": term}},
            [
                {
                    "$set": {
                        "stale": {"$setUnion": [{"$ifNull": ["$stale", []]}, "$shares.key"]},
                        "shares": [],
                        "term": term,
                    }
                }
            ],
        )

    # Hours.

    async def stale(self, limit: int) -> list[Document]:
        """Cases whose hours are to be summed anew: `{_id, stale}`."""
        return await self._cases.find({"stale": {"$exists": True}}, {"stale": 1}).limit(limit).to_list(limit)

    async def sum_up(self, cases: Sequence[Document], term: int) -> None:
        """Sum the hours anew that these cases changed, then take their marks off."""
        keys = sorted({key for case in cases for key in case["stale"]})
        for start in range(0, len(keys), _SUMMED_TOGETHER):
            portion = keys[start : start + _SUMMED_TOGETHER]
            found = self._cases.find({"shares.key": {"$in": portion}}, {"shares": 1})
            wanted = frozenset(portion)
            shares = [share async for case in found for share in case["shares"] if share["key"] in wanted]
            hours = summed(shares)
            empty = [pymongo.DeleteOne(_ours({"_id": key}, term)) for key in portion if key not in hours]
            full = [pymongo.ReplaceOne(_ours(row, term), {**row, "term": term}, upsert=True) for row in hours.values()]
            await _written(self._hours, [*empty, *full])
        await _written(
            self._cases,
            [pymongo.UpdateOne({"_id": row["_id"], "stale": row["stale"]}, {"$unset": {"stale": ""}}) for row in cases],
        )

    async def report(
        self, report: Report, period: Period, *, by: By | None, group: Group | None, only: Document
    ) -> dict[tuple[str, str | None], Document]:
        """A report's sums over the hours of a period, by (time, id of the group); `only` limits which hours."""
        since, until = period.span
        within = {"hour": {"$gte": since, "$lt": until}, **only}
        place = {"time": _time(by, period), "group": None if group is None else f"${group}_id"}
        sums: Document = {name: {"$sum": f"${name}"} for name in report.counts}
        for name in report.spans:
            sums |= {f"{name}_{part}": {"$sum": f"${name}.{part}"} for part in ("count", "seconds")}
        rows: dict[tuple[str, str | None], Document] = {}
        async for row in self._hours.aggregate([{"$match": within}, {"$group": {"_id": place, **sums}}]):
            rows[_place(row)] = {name: row[name] for name in report.counts} | {
                name: {"count": row[f"{name}_count"], "seconds": row[f"{name}_seconds"], "buckets": {}}
                for name in report.spans
            }
        for name in report.spans:
            told: list[Document] = [
                {"$match": {**within, name: {"$exists": True}}},
                {"$set": {"bucket": {"$objectToArray": f"${name}.buckets"}}},
                {"$unwind": "$bucket"},
                {"$group": {"_id": {**place, "bucket": "$bucket.k"}, "count": {"$sum": "$bucket.v"}}},
            ]
            async for row in self._hours.aggregate(told):
                rows[_place(row)][name]["buckets"][row["_id"]["bucket"]] = row["count"]
        return rows

    # The present.

    async def queue(self, only: Document, limit: int) -> tuple[list[Document], list[Document]]:
        """Who waits for a manager: `{team_id, count, since}` by team, and the conversations that wait longest."""
        waiting = {"active": True, "assignee_id": None, "status": {"$in": ["open", "pending"]}}
        within = {"$and": [waiting, only]}
        count = {"_id": "$team_id", "count": {"$sum": 1}, "since": {"$min": "$waiting_since"}}
        told = self._conversations.aggregate([{"$match": within}, {"$group": count}])
        teams = [{"team_id": row["_id"], "count": row["count"], "since": row["since"]} async for row in told]
        return teams, await self._first(within, "waiting_since", limit)

    async def at_risk(self, only: Document, present: datetime, limit: int) -> tuple[int, int, list[Document]]:
        """How many conversations are at risk of a late answer, how many are late, and those that are due first."""
        # Of the clocks that run, which are as many as customers who wait, those whose warning has passed.
        running = {"clock.due_at": {"$type": "date"}, "clock.warn_at": {"$lte": present}}
        within = {"$and": [running, only]}
        late = {"$sum": {"$cond": [{"$lte": ["$clock.due_at", present]}, 1, 0]}}
        told = self._conversations.aggregate(
            [{"$match": within}, {"$group": {"_id": None, "count": {"$sum": 1}, "late": late}}]
        )
        counted = next(iter(await told.to_list(1)), {"count": 0, "late": 0})
        return counted["count"] - counted["late"], counted["late"], await self._first(within, "clock.due_at", limit)

    async def _first(self, within: Document, field: str, limit: int) -> list[Document]:
        told = {"$and": [within, {field: {"$ne": None}}]}
        return await self._conversations.find(told).sort([(field, 1), ("_id", 1)]).limit(limit).to_list(limit)


def _time(by: By | None, period: Period) -> Any:
    """Which time of a report an hour belongs to, as an expression.

    The zone's offsets are told, because MongoDB brings time zones of its own, and older ones.
    """
    if by is None:
        return ""
    offsets = period.offsets()
    stretches = [
        {"case": {"$lt": ["$hour", until]}, "then": int(offset.total_seconds() * 1000)} for until, offset in offsets
    ]
    local = {"$add": ["$hour", {"$switch": {"branches": stretches}}]}
    if by == "weekday":
        return {"$arrayElemAt": [list(DAYS), {"$subtract": [{"$isoDayOfWeek": local}, 1]}]}
    return {"$dateToString": {"date": local, "format": "%Y-%m-%d" if by == "day" else "%H:00"}}


def _place(row: Document) -> tuple[str, str | None]:
    return row["_id"]["time"], row["_id"].get("group")


def _ours(row: Mapping[str, Any], term: int) -> Document:
    """A row as far as this term may write it; with `upsert` one of a later term is a duplicate."""
    return {"_id": row["_id"], "term": {"$lte": term}}


def _by_conversation(rows: Sequence[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for row in rows:
        found.setdefault(row["conversation_id"], []).append(row)
    return found


async def _written(collection: Collection[Document], writes: Sequence[Any]) -> None:
    """Write what nobody of a later term has written over."""
    if not writes:
        return
    try:
        await collection.bulk_write(list(writes), ordered=False)
    except BulkWriteError as error:
        if not duplicate_positions(error):
            raise
