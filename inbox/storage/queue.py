"""Conversations that nobody holds yet, and giving them out.

Routing's own fields of a conversation, all of them gone once somebody holds it: `wants` (`{language, last_manager_id}`,
what it goes by of the customer's card, once nobody was found at first), `given_up_by` (who does not get it back),
`relieved_at` (when it was taken from them by itself: who became available after that may have it back after all) and
`waiting_for` (`{manager_id, until, opening}`: until then it is kept for the customer's last manager).

The queue is read team by team in one index: customers who wait, higher priority first, then who waits longest; after
them in the same order what nobody waits for, such as what was answered by somebody who has left.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pymongo

from inbox.model.conversation import ConversationStatus
from inbox.model.eligibility import Wanted
from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.workloads import Tally, checksum

_COUNTED = [ConversationStatus.OPEN.value, ConversationStatus.PENDING.value]
_WAITING: Document = {"active": True, "assignee_id": None, "status": {"$in": _COUNTED}}
_ORDER = [("priority", pymongo.DESCENDING), ("waiting_since", pymongo.ASCENDING), ("_id", pymongo.ASCENDING)]
_SOMEBODY_WAITS: Document = {"waiting_since": {"$gte": datetime(1970, 1, 1, tzinfo=UTC)}}
_NOBODY_WAITS: Document = {"waiting_since": None}
_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the queue some managers together could take."""

    teams: tuple[str | None, ...]
    """Of these teams only; None stands for conversations without one."""
    unserved: tuple[str, ...] = ()
    """Languages that none of them speaks."""
    channels: tuple[str, ...] | None = None
    manager_ids: tuple[str, ...] = ()

    def condition(self, at: datetime) -> Document:
        """The filter for it, at a moment."""
        kept_for_others = [
            {"waiting_for": None},
            {"waiting_for.until": {"$lte": at}},
            {"waiting_for.manager_id": {"$in": list(self.manager_ids)}},
        ]
        condition: Document = {**_WAITING, "team_id": {"$in": list(self.teams)}, "$and": [{"$or": kept_for_others}]}
        if self.unserved:
            condition["wants.language"] = {"$nin": list(self.unserved)}
        if self.channels is not None:
            condition["channel_id"] = {"$in": list(self.channels)}
        return condition


class Gift(msgspec.Struct, frozen=True):
    """A conversation of the queue, the manager who has a place for it, and what changes in it."""

    conversation: Document
    manager: Document
    changes: Document
    reason: str


class QueueStore:
    """Routing's view of the `conversations` collection."""

    def __init__(self, database: Database) -> None:
        self._durable = database.durable.conversations
        self._relaxed = database.relaxed.conversations

    async def page(
        self,
        reach: Reach,
        limit: int,
        *,
        somebody_waits: bool = True,
        hopeless: Iterable[Wanted] = (),
        passed: Sequence[str] = (),
    ) -> list[Document]:
        """The next conversations of this part of the queue whose customer waits, or of those whose customer does not.

        Without those that want what is `hopeless`, or were `passed`.
        """
        condition = {**reach.condition(now()), **(_SOMEBODY_WAITS if somebody_waits else _NOBODY_WAITS)}
        left_out: list[Document] = [
            {
                "team_id": wanted.team_id,
                "wants.language": wanted.language,
                "channel_id": wanted.channel_id,
                "given_up_by": wanted.but,
                # Whoever lost it by itself may get it back, though not what they gave up.
                **({"relieved_at": None} if wanted.but in reach.manager_ids else {}),
            }
            for wanted in hopeless
        ]
        if left_out or passed:
            condition["$nor"] = [*left_out, {"_id": {"$in": list(passed)}}]
        return await self._durable.find(condition).sort(_ORDER).limit(limit).to_list(limit)

    async def give_first(self, gift: Gift, reach: Reach) -> Document | None:
        """Give a conversation to a manager if it is the first of all that they could take.

        Returns whichever is first, which is the given one as it is now or another that goes before it; None where
        nothing waits for this manager any more. What is first is decided in the same write.
        """
        manager = gift.manager
        may_have = [
            {"given_up_by": {"$ne": manager["_id"]}},
            {"relieved_at": {"$lt": manager.get("available_at")}},
        ]
        condition = reach.condition(now())
        condition["$and"].append({"$or": may_have})
        counted_up = {field: {"$add": [f"${field}", 1]} for field in ("version", "revision")}
        given = {"$mergeObjects": ["$$ROOT", {"$literal": gift.changes}, counted_up]}
        mine = {"$eq": ["$_id", gift.conversation["_id"]]}
        written = [{"$replaceWith": {"$cond": [mine, given, "$$ROOT"]}}]
        before = (_SOMEBODY_WAITS,) if gift.conversation["waiting_since"] else (_SOMEBODY_WAITS, _NOBODY_WAITS)
        first: Document | None = None
        for part in before:
            first = first or await self._durable.find_one_and_update(
                {**condition, **part}, written, sort=_ORDER, **_CURRENT
            )
        return first

    async def give(self, gifts: Sequence[Gift]) -> dict[str, Document]:
        """Give out conversations that nobody has changed since they were read; those that were given, as they are."""
        if len(gifts) == 1:
            condition, update = _gift(gifts[0])
            given: Document | None = await self._durable.find_one_and_update(condition, update, **_CURRENT)
            return {} if given is None else {given["_id"]: given}
        result = await self._durable.bulk_write([pymongo.UpdateOne(*_gift(gift)) for gift in gifts], ordered=False)
        there = {
            gift.conversation["_id"]: {
                **gift.conversation,
                **gift.changes,
                "version": gift.conversation["version"] + 1,
                "revision": gift.conversation["revision"] + 1,
            }
            for gift in gifts
        }
        if result.matched_count == len(gifts):
            return there
        present = self._durable.find({"_id": {"$in": list(there)}}, {"assignee_id": 1, "assignment.at": 1})
        return {row["_id"]: there[row["_id"]] async for row in present if _is_that(row, there[row["_id"]])}

    async def remember(self, wants: Mapping[str, Document]) -> None:
        """Keep with conversations what they want, for as long as they wait."""
        writes = [
            pymongo.UpdateOne({"_id": key, "assignee_id": None}, {"$set": {"wants": value}})
            for key, value in wants.items()
        ]
        if writes:
            await self._relaxed.bulk_write(writes, ordered=False)

    async def look_anew(self, customer_id: str) -> None:
        """What routing goes by changed on a card: have it read again."""
        await self._relaxed.update_many({"customer_id": customer_id, "wants": {"$ne": None}}, {"$set": {"wants": None}})

    async def keep_for(
        self, conversation: Mapping[str, Any], waiting_for: Document, wants: Document
    ) -> Document | None:
        """Have a conversation wait for a manager; None where it has somebody, or rests, by now."""
        kept: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation["_id"], **_WAITING, "team_id": conversation["team_id"]},
            {"$set": {"waiting_for": waiting_for, "wants": wants}, "$inc": {"revision": 1}},
            **_CURRENT,
        )
        return kept

    async def relieve(self, conversation_id: str, held_by: str, *, told: Document) -> Document | None:
        """Put a conversation back that counts for this manager; None where it does not.

        `told` is what it remembers of it (`inbox.model.happenings.let_go`).
        """
        freed = {
            "assignee_id": None,
            "assignment": None,
            "given_up_by": held_by,
            "relieved_at": now(),
            "let_go": told,
        }
        relieved: Document | None = await self._durable.find_one_and_update(
            {"_id": conversation_id, "assignee_id": held_by, "active": True, "status": {"$in": _COUNTED}},
            {"$set": freed, "$inc": {"version": 1, "revision": 1}},
            **_CURRENT,
        )
        return relieved

    async def tally(self) -> list[Document]:
        """What counts for whom, by manager and channel: `{manager_id, channel_id, tally}`. Reads one index only."""
        rows = self._relaxed.aggregate(
            [
                {"$match": {"active": True, "assignee_id": {"$gt": ""}, "status": {"$in": _COUNTED}}},
                {
                    "$group": {
                        "_id": {"manager_id": "$assignee_id", "channel_id": "$channel_id"},
                        "count": {"$sum": 1},
                        "checksum": {"$sum": checksum("$_id")},
                    }
                },
            ],
            hint="held",
        )
        return [{**row["_id"], "tally": Tally(row["count"], int(row["checksum"]))} async for row in rows]

    async def waiters(self) -> dict[str, int]:
        """How many conversations are kept for each manager."""
        rows = self._relaxed.aggregate(
            [
                {"$match": {"waiting_for.until": {"$gt": now()}, **_WAITING}},
                {"$group": {"_id": "$waiting_for.manager_id", "count": {"$sum": 1}}},
            ]
        )
        return {row["_id"]: row["count"] async for row in rows}


def _gift(gift: Gift) -> tuple[Document, Document]:
    condition = {"_id": gift.conversation["_id"], "revision": gift.conversation["revision"], **_WAITING}
    return condition, {"$set": gift.changes, "$inc": {"version": 1, "revision": 1}}


def _is_that(row: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether a conversation was given as it was meant to be, and not by another process at the same moment."""
    told = row.get("assignment") or {}
    return bool(row["assignee_id"] == given["assignee_id"] and told.get("at") == given["assignment"]["at"])
