"""Who is there: live connections of managers, and what follows from them on the managers' rows.

`presences` has a row for every stretch in which a process had at least one connection of a manager:
`{_id, manager_id, process, closed_at}`; `closed_at` is None while it lasts. `processes` tells whose word still counts:
`{_id, lease_until}`. A manager's row has `present`, `lost_at` (since when there has been no connection, until that is
too long), `gone` and `gone_at` (since when it has been too long).

A stretch is written before the manager's row, and who finds a manager's last stretch closed looks once more after
noting it, so whoever comes and whoever goes at the same moment end with what is true.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import pymongo

from inbox.storage.database import Database, Document

LEASE = timedelta(seconds=15)
"""How long a process may be silent before its connections count as closed."""

_SHOWN = {"password_hash": 0}
_PAGE = 200
"""How many managers are looked after at once, at most."""


class PresenceStore:
    """The `presences` and `processes` collections, and presence's fields of `managers`.

    Rows about connections are written without waiting for a majority: their process compares them with what it knows
    at every renewal.
    """

    def __init__(self, database: Database) -> None:
        self._managers = database.durable.managers
        self._presences = database.relaxed.presences
        self._processes = database.relaxed.processes

    async def renew(self, process: str, at: datetime) -> None:
        """Say that this process lives."""
        await self._processes.update_one({"_id": process}, {"$set": {"lease_until": at + LEASE}}, upsert=True)

    async def leave(self, process: str, at: datetime) -> None:
        """Close everything of a process that stops."""
        await self._presences.update_many({"process": process, "closed_at": None}, {"$set": {"closed_at": at}})
        await self._processes.delete_one({"_id": process})

    async def close_orphans(self, at: datetime) -> None:
        """Close what a process left open whose lease ran out."""
        living = [row["_id"] async for row in self._processes.find({"lease_until": {"$gt": at}}, {"_id": 1})]
        orphaned = {"closed_at": None, "process": {"$nin": living}}
        await self._presences.update_many(orphaned, {"$set": {"closed_at": at}})

    async def of(self, process: str) -> set[str]:
        """Ids of the stretches of this process that are stored as open."""
        rows = self._presences.find({"closed_at": None, "process": process}, {"_id": 1})
        return {row["_id"] async for row in rows}

    async def open(self, process: str, stretches: Mapping[str, str]) -> None:
        """Store stretches that began, or that were thought to have ended: the manager's id by the stretch's."""
        await self._presences.bulk_write(
            [
                pymongo.UpdateOne(
                    {"_id": key},
                    {"$set": {"manager_id": manager_id, "process": process, "closed_at": None}},
                    upsert=True,
                )
                for key, manager_id in stretches.items()
            ],
            ordered=False,
        )

    async def close(self, stretches: Mapping[str, datetime]) -> None:
        """Note when stretches ended, by id."""
        writes = [
            pymongo.UpdateOne({"_id": key, "closed_at": None}, {"$set": {"closed_at": at}})
            for key, at in stretches.items()
        ]
        await self._presences.bulk_write(writes, ordered=False)

    async def closed(self, before: datetime) -> list[Document]:
        """The latest stretches that ended before a time, in the order in which they did."""
        rows = self._presences.find({"closed_at": {"$lte": before}}).sort("closed_at", -1).limit(_PAGE)
        return (await rows.to_list(_PAGE))[::-1]

    async def forget(self, stretches: Sequence[Document]) -> None:
        """Forget stretches that ended, but those that were opened again meanwhile."""
        ended = [pymongo.DeleteOne({field: each[field] for field in ("_id", "closed_at")}) for each in stretches]
        await self._presences.bulk_write(ended, ordered=False)

    async def connected(self, manager_id: str) -> bool:
        """Whether any process has a connection of a manager."""
        return await self._presences.find_one({"manager_id": manager_id, "closed_at": None}, {"_id": 1}) is not None

    async def unfounded(self) -> list[str]:
        """Managers who are noted as being there, but of whom no process has a connection."""
        rows = self._managers.aggregate(
            [
                {"$match": {"present": True}},
                {
                    "$lookup": {
                        "from": "presences",
                        "localField": "_id",
                        "foreignField": "manager_id",
                        "pipeline": [{"$match": {"closed_at": None}}, {"$project": {"_id": 1}}],
                        "as": "stretches",
                    }
                },
                {"$match": {"stretches": []}},
                {"$project": {"_id": 1}},
            ]
        )
        return [row["_id"] async for row in rows]

    async def absent(self, manager_ids: Collection[str]) -> list[str]:
        """Which of these managers are not noted as being there."""
        rows = self._managers.find(
            {"_id": {"$in": list(manager_ids)}, "$or": [{"present": {"$ne": True}}, {"gone": True}]}, {"_id": 1}
        )
        return [row["_id"] async for row in rows]

    async def came(self, manager_id: str) -> Document | None:
        """Note that a manager is there; returns them where they were gone."""
        there = {"present": True, "lost_at": None, "gone": False, "gone_at": None}
        before: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id}, {"$set": there}, projection=_SHOWN
        )
        return {**before, **there} if before is not None and before.get("gone") else None

    async def went(self, manager_id: str, at: datetime) -> None:
        """Note since when a manager who was there is not any more."""
        await self._managers.update_one(
            {"_id": manager_id, "present": True}, {"$set": {"present": False, "lost_at": at}}
        )

    async def lost(self, before: datetime) -> list[str]:
        """Managers whose last connection was lost before a time, and of whom it is not noted yet that they are gone."""
        rows = self._managers.find({"lost_at": {"$lte": before}}, {"_id": 1}).limit(_PAGE)
        return [row["_id"] async for row in rows]

    async def gone(self, manager_id: str, before: datetime, at: datetime) -> Document | None:
        """Note that a manager is gone whose connection was lost before a time.

        None where they have come back, or another process noted it first.
        """
        gone: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id, "lost_at": {"$lte": before}},
            {"$set": {"gone": True, "gone_at": at, "lost_at": None}},
            projection=_SHOWN,
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return gone
