"""What happened with a customer besides messages and notes.

`happenings` holds what a conversation itself forgets: `{_id, customer_id, conversation_id, case, team_id, kind, at,
sort, by}` with `assignee_id` and `reason` where `kind` is `assignment`, `status` and `snoozed_until` where it is
`status`; `case` is the number of the opening that it happened in. Orders keep their own history.
"""

from collections.abc import Sequence

from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate
from inbox.storage.places import Place, standing_before


class TimelineStore:
    """The `happenings` collection, and the histories of orders."""

    def __init__(self, database: Database) -> None:
        self._happenings = database.durable.happenings
        self._orders = database.durable.orders

    async def insert(self, happening: Document) -> None:
        """Keep what happened; once, however often it is told."""
        try:
            await self._happenings.insert_one(happening)
        except Duplicate:
            return

    async def happenings(
        self,
        customer_id: str,
        conversation_ids: Sequence[str],
        kinds: Sequence[str],
        before: Place | None,
        limit: int,
    ) -> list[Document]:
        """A page of what happened in these conversations of a customer, newest first."""
        wanted = {
            "customer_id": customer_id,
            "conversation_id": {"$in": list(conversation_ids)},
            "kind": {"$in": list(kinds)},
            **standing_before(before),
        }
        found = self._happenings.find(wanted).sort([("sort", -1), ("_id", -1)])
        return await found.limit(limit).to_list(limit)

    async def histories(self, customer_id: str) -> list[Document]:
        """A customer's orders with what became of them: `{_id, number, source, history}`."""
        told = {"number": 1, "source": 1, "history": 1}
        return await self._orders.find({"customer_id": customer_id}, told).to_list(None)
