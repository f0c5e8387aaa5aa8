"""Step 4, route: every conversation finds a manager, or waits its turn in the queue.

`Assigner` is what the rest of the house speaks to, and hears of what happens. Who gets what is found in
`routing.finding`, the queue is given out in `routing.giving`, what people decide is in `routing.holding`, and traces of
crashes are put right in `routing.reconciling`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from inbox.channels import Channels
from inbox.events import EventBus
from inbox.live import Frame, LiveFeed
from inbox.metrics import Metrics
from inbox.model.domain_events import (
    AvailabilityChanged,
    CardsChanged,
    ConversationChanged,
    ConversationOpened,
    CustomerErased,
    ReplyPosted,
)
from inbox.model.eligibility import counts, is_available, waits
from inbox.model.errors import NotFound
from inbox.model.people import Author, Status
from inbox.settings import ShopSettings
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.queue import QueueStore
from inbox.storage.roles import Roles
from inbox.storage.timers import TimerStore
from inbox.storage.workloads import WorkloadStore
from routing.candidates import Candidates
from routing.finding import Finder
from routing.giving import Giving
from routing.holding import Holding
from routing.policies import Policies
from routing.reconciling import Reconciling


class Assigner:
    """Gives conversations to managers and takes them back."""

    def __init__(
        self,
        *,
        workloads: WorkloadStore,
        queue: QueueStore,
        roles: Roles,
        conversations: ConversationStore,
        people: PeopleStore,
        channels: Channels,
        policies: Policies,
        settings: ShopSettings,
        timers: TimerStore,
        feed: LiveFeed,
        bus: EventBus,
        metrics: Metrics,
    ) -> None:
        self._workloads = workloads
        self._feed = feed
        self._bus = bus
        finder = Finder(
            workloads=workloads,
            queue=queue,
            people=people,
            policies=policies,
            settings=settings,
            candidates=Candidates(workloads),
            timers=timers,
            feed=feed,
        )
        self._giving = Giving(
            workloads=workloads,
            queue=queue,
            conversations=conversations,
            people=people,
            policies=policies,
            finder=finder,
            feed=feed,
            bus=bus,
            metrics=metrics,
        )
        self._holding = Holding(
            workloads=workloads,
            queue=queue,
            conversations=conversations,
            people=people,
            giving=self._giving,
            feed=feed,
            bus=bus,
            metrics=metrics,
        )
        self._reconciling = Reconciling(
            workloads=workloads,
            queue=queue,
            conversations=conversations,
            channels=channels,
            policies=policies,
            roles=roles,
            feed=feed,
            give_up=self._holding.manager_left,
        )

    def subscribe(self) -> None:
        """Hear of what needs a manager, and of what frees one."""
        self._bus.subscribe(ConversationOpened, self._opened)
        self._bus.subscribe(ConversationChanged, self._changed)
        self._bus.subscribe(ReplyPosted, self._replied)
        self._bus.subscribe(CardsChanged, self._cards_changed)
        self._bus.subscribe(CustomerErased, self._cards_changed)

    async def drain(self) -> None:
        """Give out the queue as far as there is room: higher priority first, then who waits longest."""
        await self._giving.drain()

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
        return await self._holding.hand_to(
            conversation_id,
            manager_id,
            by=by,
            version=version,
            held_by=held_by,
            reason=reason,
            once=once,
            note=note,
            along=along,
        )

    async def relieve(self, conversation_id: str, *, held_by: str, reason: str) -> bool:
        """Take a conversation from a manager by itself: they are away for too long, or did not answer in time.

        Whoever else is eligible gets it, else it waits in the queue; this one again only if they become available anew
        and nobody else is. Once, however often it is asked for: True where it was done now.
        """
        return await self._holding.relieve(conversation_id, held_by=held_by, reason=reason)

    async def set_status(self, manager_id: str, status: Status) -> Document:
        """A manager says how free they are; becoming free drains the queue."""
        manager = await self._workloads.set_status(manager_id, status)
        if manager is None:
            raise NotFound("there is no such active manager")
        await self._show(manager)
        await self._bus.announce(AvailabilityChanged(manager))
        await self._giving.drain_for(manager)
        return manager

    async def availability_changed(self, manager: Document) -> None:
        """A manager is gone, is back, or their shift began or ended: show it, and see what they can take now."""
        if is_available(manager):
            manager = await self._workloads.note_available(manager["_id"]) or manager
        await self._show(manager)
        await self._bus.announce(AvailabilityChanged(manager))
        await self._giving.drain_for(manager)

    async def manager_changed(self, manager: Document) -> None:
        """A manager's capacity, teams or languages are others now: show it, and see whether the queue fits them."""
        await self._show(manager)
        await self._giving.drain_for(manager)

    async def manager_left(self, manager_id: str) -> None:
        """Put everything that a deactivated manager held back into the queue."""
        await self._holding.manager_left(manager_id)

    async def reconcile(self, *, at_rest: bool = False) -> None:
        """Put right what crashes left behind, in one process at a time; at once where nothing is under way."""
        if await self._reconciling.reconcile(at_rest=at_rest):
            await self._giving.drain()

    async def wait_is_over(self, data: Document) -> None:
        """Give what waited for its customer's last manager to anybody (timer `routing.wait`)."""
        await self._giving.wait_is_over(data)

    async def _show(self, manager: Document) -> None:
        await self._feed.publish([Frame(type="manager.updated", data=manager)])

    async def _opened(self, event: ConversationOpened) -> None:
        if event.conversation["assignee_id"] is None:
            await self._giving.at_once(event.conversation, event.card, rested=True)

    async def _changed(self, event: ConversationChanged) -> None:
        before, after = event.before, event.after
        freed = await self._holding.changed(before, after)
        if freed is not None:
            await self._giving.drain_for(freed)
        if waits(after):
            await self._giving.at_once(after, rested=not waits(before) and not counts(before))

    async def _replied(self, event: ReplyPosted) -> None:
        author, conversation = event.message["author"], event.conversation
        by_manager = author["type"] == "manager" and event.message["direction"] == "out"
        if by_manager and conversation["active"] and conversation["assignee_id"] is None:
            taker = Author(type="manager", id=author["id"], name=author["name"])
            await self.hand_to(conversation["_id"], author["id"], by=taker, reason="replied")

    async def _cards_changed(self, event: CardsChanged | CustomerErased) -> None:
        await self._holding.cards_changed(event)
        await self._giving.drain()
