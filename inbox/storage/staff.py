"""The staff companion: its bot, the managers' accounts that are linked to it, and what they were told.

`staff_bots` has one row at most: `{_id: "staff", key, account, username, api_base, sealed, shows, at_desk, state,
state_reason, created_at, changed_at}`. `key` stands in the webhook's address and `account` is the bot's own id.
`staff_links` are `{_id: the account's id, manager_id, name, linked_at}`, `staff_codes` `{_id: the code's hash,
manager_id, expires_at, used_by}`. `staff_tellings` remember what was told: `{_id, manager_id, conversation_id, state,
at}` with the states `sending`, `put_off`, `told`, `refused` and `uncertain`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pymongo

from inbox.model.ids import now
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

_BOT = "staff"
_REACH_SECONDS = 1.2


class StaffStore:
    """The four collections of the companion."""

    def __init__(self, database: Database) -> None:
        self._bots = database.durable.staff_bots
        self._links = database.durable.staff_links
        self._codes = database.durable.staff_codes
        self._tellings = database.durable.staff_tellings

    async def bot(self) -> Document | None:
        """The connected bot."""
        return await self._bots.find_one({"_id": _BOT})

    async def glance(self) -> tuple[Document | None, dict[str, str]]:
        """The bot and the accounts that are linked to it, by manager: within a second, or not at all."""
        with pymongo.timeout(_REACH_SECONDS):
            bot = await self.bot()
            rows = self._links.find({}, {"manager_id": 1}) if bot is not None else None
            return bot, {} if rows is None else {row["manager_id"]: row["_id"] async for row in rows}

    async def put_bot(self, bot: Mapping[str, Any]) -> Document:
        """Store the bot in the place of any other."""
        stored = {**bot, "_id": _BOT}
        await self._bots.replace_one({"_id": _BOT}, stored, upsert=True)
        return stored

    async def change_bot(self, key: str, changes: Mapping[str, Any]) -> Document | None:
        """Set fields of the bot with this key; None where it is not connected any more."""
        changed: Document | None = await self._bots.find_one_and_update(
            {"_id": _BOT, "key": key}, {"$set": dict(changes)}, return_document=pymongo.ReturnDocument.AFTER
        )
        return changed

    async def delete_bot(self) -> None:
        """Forget the bot, and whoever is linked to it."""
        await self._bots.delete_one({"_id": _BOT})
        await self.unlink_all()

    async def unlink_all(self) -> None:
        """Forget every link, and every code that could become one."""
        await self._codes.delete_many({})
        await self._links.delete_many({})

    async def add_code(self, digest: str, manager_id: str, expires_at: datetime) -> None:
        """Remember a code of a manager's; those before it are good for nothing any more."""
        await self._codes.delete_many({"manager_id": manager_id})
        await self._codes.insert_one(
            {"_id": digest, "manager_id": manager_id, "expires_at": expires_at, "used_by": None}
        )

    async def use_code(self, digest: str, account: str) -> str | None:
        """Whose code this is, used up by an account; None for an unknown, used or expired one.

        The account that used it may use it again: that is the same update once more.
        """
        used: Document | None = await self._codes.find_one_and_update(
            {"_id": digest, "used_by": {"$in": [None, account]}, "expires_at": {"$gt": now()}},
            {"$set": {"used_by": account}},
        )
        return None if used is None else str(used["manager_id"])

    async def link(self, account: str, manager_id: str, name: str) -> None:
        """Link an account to a manager: either had no other, or has it no more."""
        row = {"manager_id": manager_id, "name": name, "linked_at": now()}
        while True:
            await self._links.delete_many({"manager_id": manager_id, "_id": {"$ne": account}})
            try:
                await self._links.replace_one({"_id": account}, row, upsert=True)
            except Duplicate:
                # Another account was linked to the same manager at the same moment.
                continue
            return

    async def linked(self, account: str) -> Document | None:
        """The link of an account."""
        return await self._links.find_one({"_id": account})

    async def link_of(self, manager_id: str) -> Document | None:
        """The link of a manager."""
        return await self._links.find_one({"manager_id": manager_id})

    async def links(self) -> int:
        """How many managers are linked."""
        return await self._links.count_documents({})

    async def unlink(self, manager_id: str) -> bool:
        """End a manager's link and forget their codes; whether there was one."""
        await self._codes.delete_many({"manager_id": manager_id})
        return bool((await self._links.delete_many({"manager_id": manager_id})).deleted_count)

    async def begin_telling(self, telling_id: str, manager_id: str, conversation_id: str) -> bool:
        """Mark that something is about to be told; False where it was told, or may have been."""
        mark = {"manager_id": manager_id, "conversation_id": conversation_id, "state": "sending", "at": now()}
        try:
            await self._tellings.update_one({"_id": telling_id, "state": "put_off"}, {"$set": mark}, upsert=True)
        except Duplicate:
            return False
        return True

    async def end_telling(self, telling_id: str, state: str) -> None:
        """Note what became of it; what is `put_off` was certainly not told and may be begun again."""
        await self._tellings.update_one({"_id": telling_id}, {"$set": {"state": state, "at": now()}})
