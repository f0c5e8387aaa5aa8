"""Who holds a conversation because somebody decided so, or loses it; and that what counts for managers follows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import structlog

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed, about
from inbox.metrics import Metrics
from inbox.model.conversation import marked
from inbox.model.domain_events import CardsChanged, ConversationAssigned, ConversationChanged, CustomerErased
from inbox.model.eligibility import counts
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.happenings import let_go
from inbox.model.ids import now
from inbox.model.people import SYSTEM, Author
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.queue import QueueStore
from inbox.storage.workloads import WorkloadStore
from routing.finding import HELD, wants_from
from routing.giving import Giving

_log = structlog.get_logger(__name__)


class Holding:
    """Gives conversations to managers by name, and takes them away."""

    def __init__(
        self,
        *,
        workloads: WorkloadStore,
        queue: QueueStore,
        conversations: ConversationStore,
        people: PeopleStore,
        giving: Giving,
        feed: LiveFeed,
        bus: EventBus,
        metrics: Metrics,
    ) -> None:
        self._workloads = workloads
        self._queue = queue
        self._conversations = conversations
        self._people = people
        self._giving = giving
        self._feed = feed
        self._bus = bus
        self._assigned = metrics.assigned

    async def hand_to(
        self,
        conversation_id: str,
        manager_id: str | None,
        *,
        by: Author,
        version: int | None = None,
        held_by: str | None = None,
        reason: str = "manual",
        once: str | None = None,
        note: str = "",
        along: Mapping[str, Any] = MappingProxyType({}),
    ) -> Document:
        """See `routing.assignment.Assigner.hand_to`."""
        for _ in range(5):
            before = await self._conversations.get(conversation_id)
            if before is None:
                raise NotFound("there is no such conversation")
            if once is not None and once in before.get("done_once", ()):
                return before
            if version is not None and before["version"] != version:
                raise Conflict("somebody changed this conversation meanwhile: look again", current=before["version"])
            if (before["assignee_id"] == manager_id and not along) or held_by not in {None, before["assignee_id"]}:
                return before
            fields: dict[str, Any] = {**HELD, "assignee_id": manager_id, "assignment": None, "handed_over": None}
            manager = None
            if manager_id is not None:
                manager = await self._take(manager_id, before)
                fields["assignment"] = _decided(manager, reason, by, note)
            else:
                fields["let_go"] = let_go(before, reason, by, team_id=along.get("team_id"))
            if manager_id is None and by.type == "manager":
                fields["given_up_by"] = before["assignee_id"] or by.id
            after = await self._conversations.revise(before, {**fields, **along, **marked(before, once)})
            if after is not None:
                await self._tell(before, after, manager, reason, by)
                return after
            if manager_id is not None:
                await self._giving.give_back(manager_id, before["_id"])
        raise Conflict("this conversation changes too fast: look again")

    async def relieve(self, conversation_id: str, *, held_by: str, reason: str) -> bool:
        """See `routing.assignment.Assigner.relieve`."""
        before = await self._conversations.get(conversation_id)
        if before is None or before["assignee_id"] != held_by or not counts(before):
            return False
        after = await self._queue.relieve(before["_id"], held_by, told=let_go(before, reason, SYSTEM))
        if after is None:
            return False
        await self._tell(before, after, None, reason, SYSTEM)
        return True

    async def manager_left(self, manager_id: str) -> None:
        """Put everything that a deactivated manager held back into the queue."""
        for conversation_id in await self._conversations.held_by(manager_id):
            await self.hand_to(conversation_id, None, by=SYSTEM, held_by=manager_id, reason="manager_left")

    async def changed(self, before: Document, after: Document) -> Document | None:
        """Let what counts follow a change; returns the manager who has a place more than before, as they are now.

        None also where the next of the queue has that place already.
        """
        if not counts(before) and counts(after):
            await self._workloads.take(after["assignee_id"], after["_id"])
        if not counts(before) or (counts(after) and after["assignee_id"] == before["assignee_id"]):
            return None
        exchanged = await self._giving.exchange(before)
        manager = None if exchanged else await self._workloads.release(before["assignee_id"], [before["_id"]])
        present = (await self._conversations.many([before["_id"]])).get(before["_id"])
        if present is not None and counts(present) and present["assignee_id"] == before["assignee_id"]:
            # It was opened and given back to the same manager meanwhile: the place that we freed was the new one.
            manager = await self._workloads.take(before["assignee_id"], before["_id"])
        if manager is not None:
            await self._feed.publish([Frame(type="manager.updated", data=manager)])
        return manager

    async def cards_changed(self, event: CardsChanged | CustomerErased) -> None:
        """Have every manager hold what is theirs by now, and nothing that ended."""
        present = await self._conversations.many(event.conversation_ids)
        known = [row for row in present.values() if row.get("wants")]
        cards = await self._people.customers([row["customer_id"] for row in known])
        await self._queue.remember({row["_id"]: wants_from(cards.get(row["customer_id"], {})) for row in known})
        changed: dict[str, Document] = {}
        uncounted: dict[str, str] = {}
        for key in event.conversation_ids:
            conversation = present.get(key)
            holder = conversation["assignee_id"] if conversation is not None and counts(conversation) else None
            counted = await self._workloads.holders(key)
            uncounted |= {key: holder} if holder is not None and holder not in counted else {}
            for manager_id in counted - {holder}:
                released = await self._workloads.release(manager_id, [key])
                changed |= {manager_id: released} if released is not None else {}
        crowded: dict[str, str] = {}
        for key, holder in uncounted.items():
            taken = await self._workloads.take(holder, key, if_room=True)
            changed |= {holder: taken} if taken is not None else {}
            crowded |= {key: holder} if taken is None else {}
        await self._feed.publish([Frame(type="manager.updated", data=manager) for manager in changed.values()])
        # What rested and was woken by being joined counts again, as if it had woken by itself.
        for key, holder in crowded.items():
            await self.hand_to(key, None, by=SYSTEM, held_by=holder, reason="no_room")

    async def _take(self, manager_id: str, conversation: Document) -> Document:
        if counts({**conversation, "assignee_id": manager_id}):
            manager = await self._workloads.take(manager_id, conversation["_id"])
        else:
            manager = await self._workloads.active(manager_id)
        if manager is None:
            raise Invalid("assignee_id", "there is no such active manager")
        return manager

    async def _tell(
        self, before: Mapping[str, Any], after: Document, manager: Document | None, reason: str, by: Author
    ) -> None:
        frames = [about("conversation.updated", after, after, before)]
        if manager is not None:
            self._assigned.labels(reason).inc()
            frames.append(Frame(type="manager.updated", data=manager))
        await self._feed.publish(frames)
        _log.info("assigned", conversation_id=after["_id"], manager_id=after["assignee_id"], reason=reason)
        await self._bus.announce(ConversationAssigned(dict(before), after, by))
        await self._bus.announce(ConversationChanged(dict(before), after, by))


def _decided(manager: Mapping[str, Any], reason: str, by: Author, note: str) -> Document:
    """What a conversation remembers of having been given to somebody by name: nobody else was considered."""
    return {
        "reason": reason,
        "at": now(),
        "by": by.name or by.type,
        "load": len(manager["holding"]),
        "capacity": manager["capacity"],
        "strategy": None,
        "candidates": [],
        "considered": 0,
        "note": note,
    }
