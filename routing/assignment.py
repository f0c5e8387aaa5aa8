"""Step 4, route: every conversation finds a manager, or waits its turn in the queue.

A claim on the manager's row comes first and the conversation's own row second. A crash between the two leaves a place
counted for nothing, which `reconcile` notices and frees.
"""

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import structlog

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed, about
from inbox.metrics import Metrics
from inbox.model.conversation import ConversationStatus, marked
from inbox.model.domain_events import (
    CardsChanged,
    ConversationAssigned,
    ConversationChanged,
    ConversationOpened,
    CustomerErased,
    ReplyPosted,
)
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import now
from inbox.model.people import SYSTEM, Author, Status
from inbox.settings import ShopSettings
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.workloads import WorkloadStore

QUEUE_PAGE = 200
SUSPECT_SECONDS = 5.0
"""How long a place must stay unexplained before it is put right: longer than an assignment takes."""

_COUNTED = frozenset({ConversationStatus.OPEN, ConversationStatus.PENDING})
_log = structlog.get_logger(__name__)


def counts(conversation: Mapping[str, Any]) -> bool:
    """Whether a conversation is part of its assignee's load."""
    return conversation["assignee_id"] is not None and conversation["status"] in _COUNTED


class Assigner:
    """Gives conversations to managers and takes them back."""

    def __init__(
        self,
        *,
        workloads: WorkloadStore,
        conversations: ConversationStore,
        people: PeopleStore,
        settings: ShopSettings,
        feed: LiveFeed,
        bus: EventBus,
        metrics: Metrics,
    ) -> None:
        self._workloads = workloads
        self._conversations = conversations
        self._people = people
        self._settings = settings
        self._feed = feed
        self._bus = bus
        self._assigned = metrics.assigned
        self._draining = asyncio.Lock()
        self._wanted = False
        self._suspects: dict[tuple[str, str, bool], float] = {}

    def subscribe(self) -> None:
        """Hear of what needs a manager, and of what frees one."""
        self._bus.subscribe(ConversationOpened, self._opened)
        self._bus.subscribe(ConversationChanged, self._changed)
        self._bus.subscribe(ReplyPosted, self._replied)
        self._bus.subscribe(CardsChanged, self._cards_changed)
        self._bus.subscribe(CustomerErased, self._cards_changed)

    async def drain(self) -> None:
        """Give out the queue as far as there is room: higher priority first, then who waits longest.

        Calls that come while one runs make it look once more instead of running beside it.
        """
        self._wanted = True
        async with self._draining:
            while self._wanted:
                self._wanted = False
                await self._drain()

    async def _drain(self) -> None:
        settings = await self._settings.get()
        hopeless: set[tuple[str | None, str, str | None]] = set()
        passed: list[str] = []
        while await self._workloads.anybody_free():
            queue = await self._conversations.queue(QUEUE_PAGE, but=passed)
            customers = await self._people.customers([row["customer_id"] for row in queue]) if queue else {}
            for conversation in queue:
                customer = customers.get(conversation["customer_id"], {})
                language = customer.get("language", "")
                language = language if language in settings["languages"] else ""
                wanted = (conversation["team_id"], language, conversation.get("given_up_by"))
                if wanted in hopeless or not await self._assign(conversation, customer, language):
                    hopeless.add(wanted)
                    passed.append(conversation["_id"])
            if len(queue) < QUEUE_PAGE:
                return

    async def _assign(self, conversation: Document, customer: Mapping[str, Any], language: str) -> bool:
        """Find a manager for a conversation of the queue. False where nobody is eligible."""
        wanted = {
            "team_id": conversation["team_id"],
            "language": language,
            # Who gave it up, or was relieved of it, does not get it back by itself.
            "but": conversation.get("given_up_by"),
        }
        known = [
            manager_id
            for manager_id in (conversation["last_assignee_id"], customer.get("last_manager_id"))
            if manager_id is not None
        ]
        reason = "last_manager"
        manager = await self._workloads.claim(conversation["_id"], among=known, **wanted) if known else None
        if manager is None:
            reason = "least_loaded"
            manager = await self._workloads.claim(conversation["_id"], **wanted)
        if manager is None:
            return False
        assigned = await self._conversations.change(
            conversation["_id"],
            {
                "assignee_id": manager["_id"],
                "given_up_by": None,
                "assignment": {
                    "reason": reason,
                    "at": now(),
                    "by": None,
                    "load": len(manager["holding"]),
                    "capacity": manager["capacity"],
                    "note": (conversation.get("handed_over") or {}).get("note", ""),
                },
            },
            expected={
                "assignee_id": None,
                "active": True,
                **{field: conversation.get(field) for field in ("status", "team_id", "given_up_by")},
            },
        )
        if assigned is None:
            # Somebody closed, snoozed, took it or gave it to a team between our look and our claim. Whoever met the
            # place as taken meanwhile may have been turned away for it: look again.
            await self._give_back(manager["_id"], conversation["_id"])
            self._wanted = True
            return True
        await self._tell(conversation, assigned, manager, reason, SYSTEM)
        return True

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
        """Give a conversation to a manager, beyond their capacity if need be, or back to the queue (None).

        With `held_by`, only if that manager still holds it. What a person puts back into the queue goes to anybody but
        whoever held it (or, where nobody did, put it there), unless that one takes it. What names itself by `once` is
        done once, however often it is asked for. `note` says why to whoever gets it, and `along` holds fields that
        change in the same write. Raises `Conflict` where `version` is not the present one.
        """
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
            manager = None
            if manager_id is not None:
                manager = await self._take(manager_id, before)
            assignment = {"reason": reason, "at": now(), "by": by.name or by.type, "load": None, "capacity": None}
            given_up_by = before["assignee_id"] or by.id
            after = await self._conversations.change(
                before["_id"],
                {
                    "assignee_id": manager_id,
                    "assignment": {**assignment, "note": note} if manager_id is not None else None,
                    "given_up_by": given_up_by if manager_id is None and by.type == "manager" else None,
                    "handed_over": None,
                    **along,
                    **marked(before, once),
                },
                expected={"version": before["version"]},
            )
            if after is not None:
                await self._tell(before, after, manager, reason, by)
                await self._bus.announce(ConversationChanged(before, after, by))
                return after
            if manager_id is not None:
                await self._give_back(manager_id, before["_id"])
        raise Conflict("this conversation changes too fast: look again")

    async def _give_back(self, manager_id: str, conversation_id: str) -> None:
        """Free a place that was taken in vain, unless another process gave the conversation to the same manager."""
        present = (await self._conversations.many([conversation_id])).get(conversation_id)
        if present is None or present["assignee_id"] != manager_id or not counts(present):
            await self._workloads.release(manager_id, [conversation_id])

    async def _take(self, manager_id: str, conversation: Document) -> Document:
        if conversation["status"] not in _COUNTED:
            known = {row["_id"]: row for row in await self._workloads.all()}
            if not known.get(manager_id, {}).get("active"):
                raise Invalid("assignee_id", "there is no such active manager")
            return known[manager_id]
        manager = await self._workloads.take(manager_id, conversation["_id"])
        if manager is None:
            raise Invalid("assignee_id", "there is no such active manager")
        return manager

    async def set_status(self, manager_id: str, status: Status) -> Document:
        """A manager says how free they are; becoming free drains the queue."""
        manager = await self._workloads.set_status(manager_id, status)
        if manager is None:
            raise NotFound("there is no such active manager")
        await self._feed.publish([Frame(type="manager.updated", data=manager)])
        if status is Status.ONLINE:
            await self.drain()
        return manager

    async def manager_changed(self, manager: Document) -> None:
        """A manager's capacity, teams or languages are others now: show it, and see whether the queue fits them."""
        await self._feed.publish([Frame(type="manager.updated", data=manager)])
        await self.drain()

    async def manager_left(self, manager_id: str) -> None:
        """Put everything that a deactivated manager held back into the queue."""
        for conversation_id in await self._conversations.held_by(manager_id):
            await self.hand_to(
                conversation_id, None, by=Author(type="system"), held_by=manager_id, reason="manager_left"
            )
        await self.drain()

    async def reconcile(self) -> None:
        """Free places that belong to nothing, count what was missed, and give back what somebody who left still holds.

        All three are traces of a crash.
        """
        present = time.monotonic()
        suspects: dict[tuple[str, str, bool], float] = {}
        for manager in await self._workloads.all():
            counted = set(manager["holding"])
            held = set(await self._conversations.held_by(manager["_id"]))
            if held and not manager["active"]:
                await self.manager_left(manager["_id"])
                continue
            for conversation_id in counted ^ held:
                key = (manager["_id"], conversation_id, conversation_id in counted)
                suspects[key] = self._suspects.get(key, present)
        self._suspects = suspects
        proven = [key for key, since in suspects.items() if present - since >= SUSPECT_SECONDS]
        for manager_id, conversation_id, superfluous in proven:
            _log.warning("load_reconciled", manager_id=manager_id, conversation_id=conversation_id)
            if superfluous:
                await self._workloads.release(manager_id, [conversation_id])
            else:
                await self._workloads.take(manager_id, conversation_id)
        await self.drain()

    async def _opened(self, event: ConversationOpened) -> None:
        if event.conversation["assignee_id"] is None:
            await self.drain()

    async def _changed(self, event: ConversationChanged) -> None:
        before, after = event.before, event.after
        freed = counts(before) and (not counts(after) or after["assignee_id"] != before["assignee_id"])
        if freed:
            manager = await self._workloads.release(before["assignee_id"], [before["_id"]])
            present = (await self._conversations.many([before["_id"]])).get(before["_id"])
            if present is not None and counts(present) and present["assignee_id"] == before["assignee_id"]:
                # It was opened and given back to the same manager meanwhile: the place that we freed was the new one.
                manager = await self._workloads.take(before["assignee_id"], before["_id"])
            if manager is not None:
                await self._feed.publish([Frame(type="manager.updated", data=manager)])
        waits = after["active"] and after["assignee_id"] is None
        if not counts(before) and counts(after) and after["assignee_id"] is not None:
            await self._workloads.take(after["assignee_id"], after["_id"])
        if freed or waits:
            await self.drain()

    async def _replied(self, event: ReplyPosted) -> None:
        author, conversation = event.message["author"], event.conversation
        by_manager = author["type"] == "manager" and event.message["direction"] == "out"
        if by_manager and conversation["active"] and conversation["assignee_id"] is None:
            taker = Author(type="manager", id=author["id"], name=author["name"])
            await self.hand_to(conversation["_id"], author["id"], by=taker, reason="replied")

    async def _cards_changed(self, event: CardsChanged | CustomerErased) -> None:
        """Have every manager hold what is theirs by now, and nothing that ended."""
        present = await self._conversations.many(event.conversation_ids)
        changed: dict[str, Document] = {}
        for key in event.conversation_ids:
            conversation = present.get(key)
            holder = conversation["assignee_id"] if conversation is not None and counts(conversation) else None
            counted = await self._workloads.holders(key)
            if holder is not None and holder not in counted:
                taken = await self._workloads.take(holder, key)
                changed |= {holder: taken} if taken is not None else {}
            for manager_id in counted - {holder}:
                released = await self._workloads.release(manager_id, [key])
                changed |= {manager_id: released} if released is not None else {}
        await self._feed.publish([Frame(type="manager.updated", data=manager) for manager in changed.values()])
        await self.drain()

    async def _tell(
        self, before: Mapping[str, Any], after: Document, manager: Document | None, reason: str, by: Author
    ) -> None:
        if manager is not None:
            self._assigned.labels(reason).inc()
        frames = [about("conversation.updated", after, after, before)]
        if manager is not None and "email" in manager:
            frames.append(Frame(type="manager.updated", data=manager))
        await self._feed.publish(frames)
        await self._bus.announce(ConversationAssigned(dict(before), after, by))
        _log.info("assigned", conversation_id=after["_id"], manager_id=after["assignee_id"], reason=reason)
