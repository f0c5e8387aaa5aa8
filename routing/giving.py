"""Conversations of the queue go to managers: who waits for nobody else at once, the others in the queue's order.

A claim on the manager's row comes first and the conversation's own row second. A crash between the two leaves a place
counted for nothing, which `routing.reconciling` notices and frees.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import structlog

from inbox.events import EventBus
from inbox.live import Frame, LiveFeed, about
from inbox.metrics import Metrics
from inbox.model.domain_events import ConversationAssigned
from inbox.model.eligibility import Wanted, counts, is_available
from inbox.model.ids import now
from inbox.model.people import SYSTEM
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.queue import Gift, QueueStore
from inbox.storage.workloads import Serving, WorkloadStore
from inbox.timers import Later
from routing.finding import Finder, wanted_by, wants_from
from routing.policies import Policies
from routing.policy import Policy
from routing.strategies import gives_out, order

PAGE = 200
"""How much of the queue is read at once, at most."""

TOGETHER = 32
"""How many conversations are given out in one write, at most."""

HOPELESS = 100
"""Past how many kinds of wishes that nobody can meet one round looks."""

_LATELY = 1000
_inside: ContextVar[bool] = ContextVar("inside", default=False)
"""Whether this is done by somebody who heard of an assignment while a round is under way."""

_log = structlog.get_logger(__name__)


class Giving:
    """Gives out the queue."""

    def __init__(
        self,
        *,
        workloads: WorkloadStore,
        queue: QueueStore,
        conversations: ConversationStore,
        people: PeopleStore,
        policies: Policies,
        finder: Finder,
        feed: LiveFeed,
        bus: EventBus,
        metrics: Metrics,
    ) -> None:
        self._workloads = workloads
        self._queue = queue
        self._conversations = conversations
        self._people = people
        self._policies = policies
        self._finder = finder
        self._feed = feed
        self._bus = bus
        self._assigned = metrics.assigned
        self._round = asyncio.Lock()
        self._everybody = False
        self._freed: dict[str, Document] = {}
        self._lately: dict[str, int] = {}
        self._idle: set[str] = set()
        """For whom nothing was left in the queue when it was last looked at, unless something came there since."""

    async def drain(self) -> None:
        """Give out the queue as far as there is room: higher priority first, then who waits longest."""
        self._everybody = True
        await self._drain()

    async def drain_for(self, manager: Document) -> None:
        """The same where only this manager (a row as it is now) may take what they could not take before."""
        if is_available(manager):
            self._freed[manager["_id"]] = manager
            await self._drain()

    async def _drain(self) -> None:
        """Do what is asked for. Calls that come while a round runs make it look again instead of running beside it."""
        if _inside.get() and self._round.locked():
            return
        async with self._round:
            token = _inside.set(True)
            try:
                while self._everybody or self._freed:
                    named, everybody = list(self._freed.values()), self._everybody
                    self._freed, self._everybody = {}, False
                    await self._go_round(
                        await self._workloads.free() if everybody else [Serving.of(manager) for manager in named]
                    )
            finally:
                _inside.reset(token)

    async def at_once(
        self, conversation: Document, card: Mapping[str, Any] | None = None, *, rested: bool = False
    ) -> None:
        """Give a conversation to a manager, if it is the first of all that this manager could take; else drain.

        `card` is the customer's, where somebody has just read it; `rested` says that the conversation counted for
        nobody until now.
        """
        if self._round.locked():
            await self.drain()
            return
        if self._lately.get(conversation["_id"], 0) > conversation["version"]:
            # It was given out since it was read.
            return
        policy = await self._policies.of(conversation["team_id"])
        if not gives_out(policy.strategy):
            if rested:
                await self._return_to_last(conversation, policy)
            return
        wants = conversation.get("wants") or await self._finder.wants_of(conversation, card)
        found = await self._finder.find(conversation, wants, policy)
        if not isinstance(found, Gift):
            self._idle.clear()
            if found is None and not conversation.get("wants"):
                await self._queue.remember({conversation["_id"]: wants})
            return
        given = await self._queue.give_first(found, await self._finder.reach([Serving.of(found.manager)]))
        if given is not None and given["_id"] == conversation["_id"]:
            await self._tell([(found, given)])
            return
        # Another one goes before it, or somebody took it meanwhile. Whoever met the place as taken may have been turned
        # away for it.
        await self.give_back(found.manager["_id"], conversation["_id"])
        await self.drain()

    async def exchange(self, ended: Mapping[str, Any]) -> bool:
        """Give the place of what counts no more for its holder straight to the first of the queue: one write for both.

        False where that is not as plain as it mostly is: the place has to be freed and the queue given out then.
        """
        holder_id = ended["assignee_id"]
        if self._round.locked() or holder_id in self._idle:
            return False
        serving = await self._finder.serving(holder_id)
        reach = await self._finder.reach([serving]) if serving is not None else None
        if reach is None or not reach.teams:
            return False
        first = await self._queue.page(reach, 1) or await self._queue.page(reach, 1, somebody_waits=False)
        if not first:
            self._idle.add(holder_id)
            return False
        gift = await self._finder.exchange(
            holder_id, ended["_id"], first[0], await self._policies.of(first[0]["team_id"])
        )
        if gift is None:
            return False
        if not await self._give([gift]):
            await self.drain()
        return True

    async def _return_to_last(self, conversation: Document, policy: Policy) -> None:
        """Give a conversation that rested back to whoever held it, if eligible: also where people give and take."""
        last, wanted = conversation["last_assignee_id"], wanted_by(conversation, "")
        if last is None:
            return
        manager = await self._workloads.claim(conversation["_id"], wanted, order(policy.strategy), among=[last])
        if manager is not None:
            gift = await self._finder.gift(conversation, manager, wanted, policy, "last_manager")
            if not await self._give([gift]):
                await self.drain()

    async def wait_is_over(self, data: Document) -> None:
        """Give what waited for its last manager to anybody (timer `routing.wait`)."""
        conversation = await self._conversations.get(data["conversation_id"])
        waiting_for = (conversation or {}).get("waiting_for")
        if conversation is None or waiting_for is None or conversation["assignee_id"] is not None:
            return
        left = (waiting_for["until"] - now()).total_seconds()
        if left > 0:
            raise Later(left)
        await self.drain()

    async def give_back(self, manager_id: str, conversation_id: str) -> None:
        """Free a place that was taken in vain, unless another process gave the conversation to the same manager."""
        present = (await self._conversations.many([conversation_id])).get(conversation_id)
        if present is None or present["assignee_id"] != manager_id or not counts(present):
            await self._workloads.release(manager_id, [conversation_id])

    async def _go_round(self, servings: Sequence[Serving]) -> None:
        """Read the queue in its order and give out what these managers, or others meanwhile, can take."""
        places = sum(serving.places for serving in servings)
        reach = await self._finder.reach(servings)
        hopeless: set[Wanted] = set()
        passed: list[str] = []
        for somebody_waits in (True, False):
            limit = 0
            while places > 0 and reach.teams and len(hopeless) <= HOPELESS and len(passed) <= PAGE:
                limit = min(PAGE, max(places, 2 * limit))
                page = await self._queue.page(
                    reach, limit, somebody_waits=somebody_waits, hopeless=hopeless, passed=passed
                )
                places -= await self._deal(page, places, reach.manager_ids, hopeless, passed)
                if len(page) < limit:
                    break
        if places > 0:
            self._idle.update(reach.manager_ids)
        else:
            self._idle.difference_update(reach.manager_ids)

    async def _deal(
        self,
        page: Sequence[Document],
        places: int,
        manager_ids: Collection[str],
        hopeless: set[Wanted],
        passed: list[str],
    ) -> int:
        """Give out a page, until it has taken so many places of these managers; returns how many it took.

        Adds to `hopeless` the wishes that nobody can meet, to `passed` what has reasons of its own to wait.
        """
        unknown = [row for row in page if not row.get("wants")]
        cards = await self._people.customers([row["customer_id"] for row in unknown]) if unknown else {}
        learned = {row["_id"]: wants_from(cards.get(row["customer_id"], {})) for row in unknown}
        left: dict[str, Document] = {}
        gifts: list[Gift] = []
        taken, together = 0, 1
        for row in page:
            if taken >= places:
                break
            wants = row.get("wants") or learned[row["_id"]]
            # By what the card says, whether the shop serves it or not: so it stands in the row.
            wish = wanted_by(row, wants["language"])
            policy = await self._policies.of(row["team_id"])
            # Whoever lost it may get it back, but not everything that they lost.
            alone = row.get("relieved_at") is not None and wish.but in manager_ids
            found = None if wish in hopeless and not alone else await self._finder.find(row, wants, policy)
            if isinstance(found, Gift):
                gifts.append(found)
                taken += found.manager["_id"] in manager_ids
            elif found == "kept" or alone:
                passed.append(row["_id"])
            else:
                hopeless.add(wish)
                left |= {row["_id"]: wants} if row["_id"] in learned else {}
            if len(gifts) >= together:
                # What two processes give out at the same moment goes one by one, else many together.
                together = min(2 * together, TOGETHER) if await self._give(gifts) else 1
                gifts = []
        if gifts:
            await self._give(gifts)
        await self._queue.remember(left)
        return taken

    async def _give(self, gifts: Sequence[Gift]) -> bool:
        """Write and tell what was found; False where some of it was changed by others meanwhile."""
        given = await self._queue.give(gifts)
        vain = [gift for gift in gifts if gift.conversation["_id"] not in given]
        for gift in vain:
            await self.give_back(gift.manager["_id"], gift.conversation["_id"])
        # Whoever met those places as taken meanwhile may have been turned away for it: look again.
        self._everybody = self._everybody or bool(vain)
        told = [(gift, given[gift.conversation["_id"]]) for gift in gifts if gift not in vain]
        await self._tell(told)
        return not vain

    async def _tell(self, given: Sequence[tuple[Gift, Document]]) -> None:
        frames: list[Frame] = []
        for gift, after in given:
            self._assigned.labels(gift.reason).inc()
            self._lately[after["_id"]] = after["version"]
            frames.append(about("conversation.updated", after, after, gift.conversation))
            _log.info("assigned", conversation_id=after["_id"], manager_id=after["assignee_id"], reason=gift.reason)
        while len(self._lately) > _LATELY:
            del self._lately[next(iter(self._lately))]
        managers = {gift.manager["_id"]: gift.manager for gift, _ in given}
        frames += [Frame(type="manager.updated", data=manager) for manager in managers.values()]
        await self._feed.publish(frames)
        for gift, after in given:
            await self._bus.announce(ConversationAssigned(gift.conversation, after, SYSTEM))
