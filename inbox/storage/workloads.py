"""Who holds what: routing's fields of a manager's row.

`holding` is the set of conversations that count towards a manager's load, `ratio` is its size over the capacity.
Choosing the best manager and taking a place with them is one conditional update, so parallel processes cannot overfill
anyone. `available_at` is when they last became free to take something; `pressure` decides between equal ratios.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pymongo

from inbox.model.eligibility import Wanted
from inbox.model.ids import now
from inbox.model.people import Status
from inbox.storage.database import Database, Document

_CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}
_SHOWN = {"password_hash": 0}

# The equalities are those of the partial indexes that the claim goes by.
_AVAILABLE: Document = {
    "active": True,
    "status": Status.ONLINE.value,
    "gone": {"$ne": True},
    "off_shift": {"$ne": True},
    "ratio": {"$lt": 1},
}

_CHECKSUM_RANGE = 1_000_003


class Serving(msgspec.Struct, frozen=True):
    """Available managers who serve the same: who they are, and how many conversations they may still take."""

    teams: tuple[str, ...]
    languages: tuple[str, ...]
    """None stands for all, as with channels."""
    channels: tuple[str, ...]
    manager_ids: frozenset[str]
    places: int

    @classmethod
    def of(cls, manager: Mapping[str, Any]) -> "Serving":
        """One manager by themselves."""
        return cls.known({**manager, "load": len(manager["holding"])})

    @classmethod
    def known(cls, manager: Mapping[str, Any]) -> "Serving":
        """One manager by themselves, of a row that tells the `load` and not what is held."""
        return cls(
            teams=tuple(manager["teams"]),
            languages=tuple(manager["languages"]),
            channels=tuple(manager.get("channels") or ()),
            manager_ids=frozenset({manager["_id"]}),
            places=max(manager["capacity"] - manager["load"], 0),
        )


class Tally(msgspec.Struct, frozen=True):
    """How many conversations somebody has, and a sum over their ids that is the same in any order."""

    count: int = 0
    checksum: int = 0


def checksum(conversation_id: str) -> Document:
    """The expression for one conversation's part in a `Tally`."""
    return {"$mod": [{"$toHashedIndexKey": conversation_id}, _CHECKSUM_RANGE]}


def _holding(expression: Document, **also: Any) -> list[Document]:
    """An update that sets what is held and lets the ratio follow."""
    load = {"$size": "$holding"}
    full = {"$cond": [{"$gt": ["$capacity", 0]}, {"$divide": [load, {"$max": ["$capacity", 1]}]}, 1.0]}
    return [{"$set": {"holding": expression, **also}}, {"$set": {"ratio": full}}]


def _serves(wanted: Wanted) -> Document:
    """Managers whom nothing but their presence and their load can hinder."""
    serves: Document = {"channels": {"$in": [None, [], wanted.channel_id]}}
    if wanted.team_id is not None:
        serves["teams"] = wanted.team_id
    if wanted.language:
        serves["languages"] = {"$in": [[], wanted.language]}
    return serves


class WorkloadStore:
    """Routing's view of the `managers` collection."""

    def __init__(self, database: Database) -> None:
        self._managers = database.durable.managers
        self._relaxed = database.relaxed.managers

    async def claim(
        self,
        conversation_id: str,
        wanted: Wanted,
        order: Sequence[tuple[str, int]],
        *,
        among: Sequence[str] | None = None,
        available_since: datetime | None = None,
    ) -> Document | None:
        """Take a place for a conversation with the first eligible manager in this order; None where nobody is.

        `among` narrows the choice, as does the wish that they became available after a time.
        """
        eligible = {**_AVAILABLE, **_serves(wanted)}
        if among is not None or wanted.but is not None:
            eligible["_id"] = {
                **({} if among is None else {"$in": list(among)}),
                **({} if wanted.but is None else {"$ne": wanted.but}),
            }
        if available_since is not None:
            eligible["available_at"] = {"$gt": available_since}
        claimed: Document | None = await self._managers.find_one_and_update(
            eligible,
            _holding({"$setUnion": ["$holding", [conversation_id]]}, last_assigned_at=now()),
            projection=_SHOWN,
            sort=list(order),
            **_CURRENT,
        )
        return claimed

    async def exchange(self, manager_id: str, ended_id: str, conversation_id: str, wanted: Wanted) -> Document | None:
        """Have a manager hold one conversation instead of another that counts no more.

        None where they do not hold that one, or are not eligible for what is `wanted`.
        """
        room = {"$expr": {"$lte": [{"$size": "$holding"}, "$capacity"]}}
        there = {field: value for field, value in _AVAILABLE.items() if field != "ratio"}
        exchanged: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, "holding": ended_id, **there, **_serves(wanted), **room},
            _holding(
                {"$setUnion": [{"$setDifference": ["$holding", [ended_id]]}, [conversation_id]]},
                last_assigned_at=now(),
            ),
            projection=_SHOWN,
            **_CURRENT,
        )
        return exchanged

    async def free(self) -> list[Serving]:
        """Everybody who could take something, those together who serve the same."""
        rows = self._managers.aggregate(
            [
                {"$match": _AVAILABLE},
                {
                    "$group": {
                        "_id": {
                            "teams": "$teams",
                            "languages": "$languages",
                            "channels": {"$ifNull": ["$channels", []]},
                        },
                        "manager_ids": {"$push": "$_id"},
                        "places": {"$sum": {"$subtract": ["$capacity", {"$size": "$holding"}]}},
                    }
                },
            ]
        )
        return [
            msgspec.convert({**row["_id"], "manager_ids": row["manager_ids"], "places": row["places"]}, Serving)
            async for row in rows
        ]

    async def serving(self, wanted: Wanted, among: Sequence[str]) -> str | None:
        """Who of these would come into question if they were there and had room: the first of them."""
        condition = {"_id": {"$in": list(among), "$ne": wanted.but}, "active": True, **_serves(wanted)}
        found = {row["_id"] async for row in self._managers.find(condition, {"_id": 1})}
        return next((manager_id for manager_id in among if manager_id in found), None)

    async def take(self, manager_id: str, conversation_id: str, *, if_room: bool = False) -> Document | None:
        """Count a conversation for a manager, whatever their capacity (a person decided so) or only `if_room`."""
        taken: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, "active": True, **({"ratio": {"$lt": 1}} if if_room else {})},
            _holding({"$setUnion": ["$holding", [conversation_id]]}, last_assigned_at=now()),
            projection=_SHOWN,
            **_CURRENT,
        )
        return taken

    async def release(self, manager_id: str, conversation_ids: Sequence[str]) -> Document | None:
        """Count these conversations for this manager no more."""
        released: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, "holding": {"$in": list(conversation_ids)}},
            _holding({"$setDifference": ["$holding", list(conversation_ids)]}),
            projection=_SHOWN,
            **_CURRENT,
        )
        return released

    async def holders(self, conversation_id: str) -> set[str]:
        """Ids of the managers for whom a conversation counts: one, but for what a crash or a merge left behind."""
        return {row["_id"] async for row in self._managers.find({"holding": conversation_id}, {"_id": 1})}

    async def held(self, manager_id: str) -> set[str]:
        """What counts for a manager."""
        row = await self._managers.find_one({"_id": manager_id}, {"holding": 1})
        return set() if row is None else set(row["holding"])

    async def active(self, manager_id: str) -> Document | None:
        """One active manager."""
        return await self._managers.find_one({"_id": manager_id, "active": True}, _SHOWN)

    async def set_status(self, manager_id: str, status: Status) -> Document | None:
        """Note what a manager says about themselves."""
        present = now()
        became = {"$and": [{"$eq": [status.value, Status.ONLINE.value]}, {"$ne": ["$status", Status.ONLINE.value]}]}
        available_at = {"$cond": [became, present, {"$ifNull": ["$available_at", None]}]}
        same = {"$and": [{"$eq": ["$status", status.value]}, {"$gt": ["$status_at", None]}]}
        status_at = {"$cond": [same, "$status_at", present]}
        # Whoever says how free they are is there, whatever became of their connection.
        there = {"lost_at": None, "gone": False, "gone_at": None}
        changed: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, "active": True},
            [{"$set": {"status": status.value, "status_at": status_at, "available_at": available_at, **there}}],
            projection=_SHOWN,
            **_CURRENT,
        )
        return changed

    async def note_available(self, manager_id: str) -> Document | None:
        """A manager can take something again: since now. None where they cannot after all."""
        noted: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, **_AVAILABLE}, {"$set": {"available_at": now()}}, projection=_SHOWN, **_CURRENT
        )
        return noted

    async def active_managers(self) -> list[Document]:
        """Every active manager as a choice is explained by, with `load`."""
        told = ("name", "status", "gone", "off_shift", "teams", "languages", "channels")
        ranked = ("capacity", "ratio", "pressure", "last_assigned_at")
        fields: Document = {**dict.fromkeys((*told, *ranked), 1), "load": {"$size": "$holding"}}
        return await self._relaxed.aggregate([{"$match": {"active": True}}, {"$project": fields}]).to_list(None)

    async def tally(self) -> list[Document]:
        """Every manager as `{_id, active, capacity, pressure, tally}`."""
        ids = {"$sum": {"$map": {"input": "$holding", "in": checksum("$$this")}}}
        told = {"active": 1, "capacity": 1, "pressure": 1, "count": {"$size": "$holding"}, "checksum": ids}
        rows = self._managers.aggregate([{"$project": told}])
        return [{**row, "tally": Tally(row.pop("count"), int(row.pop("checksum")))} async for row in rows]

    async def set_pressures(self, pressures: Iterable[tuple[str, float]]) -> None:
        """Set what decides between equals."""
        writes = [pymongo.UpdateOne({"_id": key}, {"$set": {"pressure": value}}) for key, value in pressures]
        if writes:
            await self._relaxed.bulk_write(writes, ordered=False)
