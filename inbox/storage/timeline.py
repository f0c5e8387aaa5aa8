"""What happened with a customer besides messages and notes.

`happenings` holds what a conversation itself forgets: `{_id, customer_id, conversation_id, case, team_id, kind, at,
sort, by}` with `assignee_id` and `reason` where `kind` is `assignment`, `status` and `snoozed_until` where it is
`status`; `case` is the number of the opening that it happened in. Orders keep their own history.
"""

from collections.abc import Sequence

from pymongo.errors import BulkWriteError

from inbox.model.happenings import same
from inbox.storage.database import Database, Document
from inbox.storage.errors import duplicate_positions
from inbox.storage.places import Place, standing_before


class TimelineStore:
    """The `happenings` collection, and the histories of orders."""

    def __init__(self, database: Database) -> None:
        self._happenings = database.durable.happenings
        self._orders = database.durable.orders

    async def keep(self, lines: Sequence[Document]) -> None:
        """Keep what happened; once, however often it is told."""
        try:
            if lines:
                await self._happenings.insert_many(lines, ordered=False)
        except BulkWriteError as error:
            duplicate_positions(error)

    async def not_kept(self, lines: Sequence[Document]) -> list[Document]:
        """Those of these lines that are not kept yet."""
        if not lines:
            return []
        people, places = ({line[field] for line in lines} for field in ("customer_id", "sort"))
        about = {"customer_id": {"$in": list(people)}, "sort": {"$in": list(places)}}
        kept = await self._happenings.find(about).to_list(None)
        return [line for line in lines if not any(same(line, row) for row in kept)]

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
