"""The people who answer.

`{_id, email, name, password_hash, role, status, capacity, teams, languages, channels, schedule, days_off, holding,
ratio, last_assigned_at, active, created_at}`. `channels` are ids, none stands for all. `schedule` is an
`inbox.model.schedule.Schedule`, None for always; `days_off` are its `DaysOff`. `holding`, `ratio` and
`last_assigned_at` belong to routing: they are created here, and `ratio` follows `capacity` in the same update, so that
a claim never sees one without the other.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from inbox.model.errors import Conflict, Taken
from inbox.model.people import Role
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class ManagerStore:
    """The `managers` collection."""

    def __init__(self, database: Database) -> None:
        self._client = database.client
        self._managers = database.durable.managers
        self._meta = database.durable.meta

    async def insert(self, manager: Document) -> Document:
        """Store a new manager, holding nothing. Raises `Taken` where the address is taken."""
        # A capacity of nothing is full whatever is held.
        ratio = 0.0 if manager["capacity"] > 0 else 1.0
        row = {**manager, "holding": [], "ratio": ratio, "pressure": 0.0, "last_assigned_at": _NEVER}
        try:
            await self._managers.insert_one(row)
        except Duplicate as error:
            raise Taken("email", "another manager has this address") from error
        return row

    async def get(self, manager_id: str) -> Document | None:
        """One manager."""
        return await self._managers.find_one({"_id": manager_id})

    async def by_email(self, email: str) -> Document | None:
        """The manager with this (normalised) address."""
        return await self._managers.find_one({"email": email})

    async def named(self, manager_ids: Sequence[str]) -> dict[str, str]:
        """Names by id."""
        rows = self._managers.find({"_id": {"$in": list(manager_ids)}}, {"name": 1})
        return {row["_id"]: row["name"] async for row in rows}

    async def active(self, manager_ids: Sequence[str]) -> set[str]:
        """Which of these ids are active managers'."""
        rows = self._managers.find({"_id": {"$in": list(manager_ids)}, "active": True}, {"_id": 1})
        return {row["_id"] async for row in rows}

    async def of_team(self, team_id: str) -> list[str]:
        """Ids of everybody in a team, active or not."""
        return [row["_id"] async for row in self._managers.find({"teams": team_id}, {"_id": 1}).sort("_id", 1)]

    async def regroup(self, manager_id: str, team_id: str, *, joins: bool) -> Document | None:
        """Put a manager into a team, or take them out of it; returns them as they are now."""
        changed: Document | None = await self._managers.find_one_and_update(
            {"_id": manager_id},
            {"$addToSet" if joins else "$pull": {"teams": team_id}},
            {"password_hash": 0},
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return changed

    async def page(self, after: str | None, limit: int) -> list[Document]:
        """Managers in the order they were created, those after the id `after`."""
        condition: Document = {} if after is None else {"_id": {"$gt": after}}
        return await self._managers.find(condition).sort("_id", 1).limit(limit).to_list(limit)

    async def exists(self) -> bool:
        """Whether there is anybody at all."""
        return await self._managers.find_one({}, {"_id": 1}) is not None

    async def change(self, manager_id: str, changes: Document) -> Document | None:
        """Set fields of a manager; returns them as they are now. Raises `Taken` where the address is taken."""
        return await self._change(manager_id, changes, None)

    async def change_unless_last_owner(self, manager_id: str, changes: Document) -> Document | None:
        """The same for a change that takes away an owner. Raises `Conflict` where no active owner would be left.

        Two owners may try to remove each other at the same moment: every such change writes one common document, so the
        second transaction meets the first and is run again with its result in sight.
        """

        async def attempt(session: AsyncIOMotorClientSession) -> Document | None:
            await self._meta.update_one({"_id": "owners"}, {"$inc": {"changes": 1}}, upsert=True, session=session)
            changed = await self._change(manager_id, changes, session)
            left = {"role": Role.OWNER, "active": True}
            if await self._managers.find_one(left, {"_id": 1}, session=session) is None:
                raise Conflict("the last active owner must stay: make somebody else an owner first")
            return changed

        async with await self._client.start_session() as session:
            outcome: Document | None = await session.with_transaction(
                attempt,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern(w="majority", j=True),
                read_preference=ReadPreference.PRIMARY,
            )
        return outcome

    async def _change(
        self, manager_id: str, changes: Document, session: AsyncIOMotorClientSession | None
    ) -> Document | None:
        literal = {field: {"$literal": value} for field, value in changes.items()}
        update: list[Document] = [{"$set": literal}]
        if "capacity" in changes:
            # A capacity of nothing is full whatever is held.
            load = {"$size": "$holding"}
            full = {"$cond": [{"$gt": ["$capacity", 0]}, {"$divide": [load, {"$max": ["$capacity", 1]}]}, 1.0]}
            update.append({"$set": {"ratio": full}})
        try:
            changed: Document | None = await self._managers.find_one_and_update(
                {"_id": manager_id}, update, return_document=pymongo.ReturnDocument.AFTER, session=session
            )
        except Duplicate as error:
            raise Taken("email", "another manager has this address") from error
        return changed
