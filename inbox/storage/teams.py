"""Teams: `{_id, name, policy, created_at}`. Who is in one is written on the managers.

`policy` is a `routing.policy.Policy`; None, or absent, is the shop's.
"""

from collections.abc import Sequence

import pymongo

from inbox.model.errors import Taken
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate


class TeamStore:
    """The `teams` collection."""

    def __init__(self, database: Database) -> None:
        self._teams = database.durable.teams
        self._managers = database.durable.managers

    async def insert(self, team: Document) -> Document:
        """Store a new team. Raises `Taken` where the name is taken."""
        try:
            await self._teams.insert_one(team)
        except Duplicate as error:
            raise Taken("name", "another team has this name") from error
        return team

    async def get(self, team_id: str) -> Document | None:
        """One team."""
        return await self._teams.find_one({"_id": team_id})

    async def change(self, team_id: str, changes: Document) -> Document | None:
        """Set fields; returns the team as it is now. Raises `Taken` where the name is taken."""
        try:
            changed: Document | None = await self._teams.find_one_and_update(
                {"_id": team_id}, {"$set": changes}, return_document=pymongo.ReturnDocument.AFTER
            )
        except Duplicate as error:
            raise Taken("name", "another team has this name") from error
        return changed

    async def delete(self, team_id: str) -> bool:
        """Forget a team; whether there was one."""
        deleted = await self._teams.delete_one({"_id": team_id})
        return bool(deleted.deleted_count)

    async def policies(self) -> dict[str, Document]:
        """The policies of the teams that have one of their own, by team id."""
        rows = self._teams.find({"policy": {"$ne": None}}, {"policy": 1})
        return {row["_id"]: row["policy"] async for row in rows}

    async def page(self, after: str | None, limit: int) -> list[Document]:
        """Teams in the order they were created, those after the id `after`."""
        condition: Document = {} if after is None else {"_id": {"$gt": after}}
        return await self._teams.find(condition).sort("_id", 1).limit(limit).to_list(limit)

    async def missing(self, team_ids: Sequence[str]) -> list[str]:
        """Which of these ids are no team's."""
        known = {row["_id"] async for row in self._teams.find({"_id": {"$in": list(team_ids)}}, {"_id": 1})}
        return [team_id for team_id in team_ids if team_id not in known]

    async def members(self, team_ids: Sequence[str]) -> dict[str, list[str]]:
        """Ids of the active managers of each team."""
        found: dict[str, list[str]] = {team_id: [] for team_id in team_ids}
        rows = self._managers.find({"teams": {"$in": list(team_ids)}, "active": True}, {"teams": 1}).sort("_id", 1)
        async for row in rows:
            for team_id in row["teams"]:
                if team_id in found:
                    found[team_id].append(row["_id"])
        return found
