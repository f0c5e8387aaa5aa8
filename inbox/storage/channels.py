"""Connected accounts. Secrets are encrypted before they come here (`inbox.channels`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pymongo

from inbox.model.ids import derived_id
from inbox.model.incoming import AccountChanged
from inbox.storage.database import Database, Document


class ChannelStore:
    """The `channels` collection.

    A row is `{_id, kind, name, settings, sealed, state, state_reason, state_since, held, checked_at, last_message_at,
    accounts?, created_at, changed_at}`. `held` says that a person paused it; `changed_at` is the time of its settings;
    `accounts` are the provider's last words on the accounts behind it, `{at, sequence, trouble}` by a name of ours.
    """

    def __init__(self, database: Database) -> None:
        self._channels = database.durable.channels
        self._relaxed = database.relaxed.channels

    async def all(self) -> list[Document]:
        """Every channel, oldest first."""
        return await self._channels.find({}).sort("created_at", 1).to_list(None)

    async def get(self, channel_id: str) -> Document | None:
        """One channel."""
        return await self._channels.find_one({"_id": channel_id})

    async def insert(self, channel: Document) -> None:
        """Store a new channel."""
        await self._channels.insert_one(channel)

    async def change(self, channel_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Set fields; returns the channel as it is now."""
        changed: Document | None = await self._channels.find_one_and_update(
            {"_id": channel_id}, {"$set": dict(changes)}, return_document=pymongo.ReturnDocument.AFTER
        )
        return changed

    async def renew(self, channel: Mapping[str, Any], changes: Mapping[str, Any]) -> Document | None:
        """Set fields, unless somebody gave the channel other settings than `channel` has; then None."""
        renewed: Document | None = await self._channels.find_one_and_update(
            {"_id": channel["_id"], "changed_at": channel["changed_at"]},
            {"$set": dict(changes)},
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return renewed

    async def set_state(
        self, channel_id: str, state: str, reason: str, *, needs_person: bool
    ) -> tuple[Document, Document] | None:
        """Note what became of a channel; returns it as it was and as it is.

        None where it was that already, and where a person holds it.
        """
        new = {"state": state, "state_reason": reason, "state_needs_person": needs_person}
        differs = [{field: {"$ne": value}} for field, value in new.items()]
        # In a pipeline a text that begins with $ would name a field.
        told = {field: {"$literal": value} for field, value in new.items()}
        since = {"$cond": [{"$eq": ["$state", told["state"]]}, "$state_since", "$$NOW"]}
        before: Document | None = await self._channels.find_one_and_update(
            {"_id": channel_id, "held": {"$ne": True}, "$or": differs}, [{"$set": {**told, "state_since": since}}]
        )
        after = before and await self.get(channel_id)
        return (before, after) if before and after else None

    async def note_account(self, channel_id: str, event: AccountChanged) -> tuple[Document, Document] | None:
        """Note what became of an account; returns the channel as it was and as it is. None where that was known."""
        field = f"accounts.{derived_id('account', event.account)}"
        news = {"at": event.at, "sequence": event.sequence, "trouble": event.trouble}
        older = [
            {field: {"$exists": False}},
            {f"{field}.at": {"$lt": event.at}},
            {f"{field}.at": event.at, f"{field}.sequence": {"$lt": event.sequence}},
        ]
        before: Document | None = await self._channels.find_one_and_update(
            {"_id": channel_id, "$or": older}, {"$set": {field: news}}
        )
        after = before and await self.get(channel_id)
        return (before, after) if before and after else None

    async def forget_accounts(self, channel_id: str) -> None:
        """Forget what was said of the accounts behind a channel."""
        await self._channels.update_one({"_id": channel_id}, {"$unset": {"accounts": ""}})

    async def note(self, channel_id: str, field: str, at: datetime) -> None:
        """Move one of a channel's times forward; durable with the next durable write."""
        await self._relaxed.update_one({"_id": channel_id}, {"$max": {field: at}})

    async def delete(self, channel_id: str) -> bool:
        """Forget a channel; its conversations stay."""
        return bool((await self._channels.delete_one({"_id": channel_id})).deleted_count)
