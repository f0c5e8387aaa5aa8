"""Whoever writes is answered in time, or somebody hears of it.

A conversation's clock (`routing.clockwork`) is written together with what it follows from, so no crash parts the two
and no message costs a command more. One timer a conversation wakes whoever looks after it: it is set before the clock
is written, never moves to later while somebody waits, and whoever it wakes finds out whether there is anything to do.
Answering touches no timer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from inbox.events import EventBus
from inbox.live import LiveFeed, about
from inbox.model.domain_events import AnswerDue, CardsChanged, ConversationChanged
from inbox.model.errors import Invalid
from inbox.model.ids import now
from inbox.model.people import SYSTEM
from inbox.replies import Draft, Replies
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from inbox.storage.people import PeopleStore
from inbox.storage.timers import TimerStore
from inbox.storage.waiting import WaitingStore
from inbox.tasks import NewTask, Tasks
from inbox.timers import Later
from routing.clockwork import Terms, follows, mended, next_look, relieved_at, struck, wound
from routing.policies import Policies

STRIKE = "clock.strike"
"""The timer that looks after a customer's wait."""

OVERLOOKED = timedelta(minutes=1)
"""How late it may be noticed that somebody is late before their timer counts as lost."""

_AT_ONCE = 1000
_SHORTEST_SECONDS = 0.05
_TRIES = 20

_log = structlog.get_logger(__name__)


class Relieve(Protocol):
    """Takes a conversation from a manager by itself."""

    async def __call__(self, conversation_id: str, *, held_by: str, reason: str) -> bool:
        """Whether it did: once, however often it is asked to."""


class Winder:
    """Winds the clocks of conversations that change, and sets their timers."""

    def __init__(self, policies: Policies, timers: TimerStore) -> None:
        self._policies = policies
        self._timers = timers

    async def __call__(self, changes: Mapping[str, tuple[Document, Document]]) -> Mapping[str, Document]:
        """See `inbox.storage.conversations.Consequences`."""
        present = now()
        along: dict[str, Document] = {}
        looks: dict[str, datetime] = {}
        for key, (before, after) in changes.items():
            if not follows(before, after):
                continue
            terms = await self.terms(after["team_id"])
            clock = wound(before, after, terms, present)
            if clock != before.get("clock"):
                along[key] = {"clock": clock}
            look = next_look({**after, "clock": clock}, terms, present)
            if look is not None:
                looks[key] = look
        await self.look(looks)
        return along

    async def terms(self, team_id: str | None) -> Terms:
        """What the conversations of a team go by."""
        return Terms(await self._policies.of(team_id), await self._policies.hours(team_id))

    async def look(self, looks: Mapping[str, datetime]) -> None:
        """Have conversations looked after at these moments, or before. Durable with the next durable write."""
        if looks:
            timers = {f"{STRIKE}:{key}": (at, {"conversation_id": key}) for key, at in looks.items()}
            await self._timers.bring_forward(STRIKE, timers)


class Clocks:
    """Does what is due: warns, raises, tells the leads, and takes a conversation from who does not answer."""

    def __init__(
        self,
        *,
        winder: Winder,
        conversations: ConversationStore,
        waiting: WaitingStore,
        people: PeopleStore,
        managers: ManagerStore,
        tasks: Tasks,
        replies: Replies,
        relieve: Relieve,
        feed: LiveFeed,
        bus: EventBus,
    ) -> None:
        self._winder = winder
        self._conversations = conversations
        self._waiting = waiting
        self._people = people
        self._managers = managers
        self._tasks = tasks
        self._replies = replies
        self._relieve = relieve
        self._feed = feed
        self._bus = bus

    def subscribe(self) -> None:
        """Hear of conversations that became one, or two."""
        self._bus.subscribe(CardsChanged, self._cards_changed)

    async def strike(self, data: Document) -> None:
        """Do what is due about a customer's wait (timer `clock.strike`)."""
        conversation = await self._conversations.get(data["conversation_id"])
        if conversation is None:
            return
        if conversation["_id"] != data["conversation_id"]:
            # It ended in another one, which has a timer of its own.
            await self._winder.look({conversation["_id"]: now()})
            return
        conversation = await self._mark(conversation)
        terms = await self._winder.terms(conversation["team_id"])
        await self._escalate(conversation, terms)
        conversation = await self._take_away(conversation, terms)
        present = now()
        look = next_look(conversation, terms, present)
        if look is not None:
            raise Later(max(_SHORTEST_SECONDS, (look - present).total_seconds()))

    async def look_after_all(self) -> None:
        """Have those looked after whose timer was lost (a chore): a primary that falls over may forget one."""
        present = now()
        overlooked = await self._waiting.overlooked(present - OVERLOOKED, _AT_ONCE)
        await self._winder.look(dict.fromkeys(overlooked, present))

    async def _mark(self, before: Document) -> Document:
        """Note what the clock has passed, and show it."""
        key, present = before["_id"], now()
        decided = await self._conversations.decide({key: before}, {key: partial(struck, at=present)}, durable=True)
        after = decided[key]
        clock = after.get("clock") or {}
        if present not in (clock.get("warned_at"), clock.get("breached_at")):
            return after
        await self._feed.publish([about("conversation.updated", after, after, before)])
        late = clock["breached_at"] == present
        await self._bus.announce(AnswerDue(after, late))
        if late:
            _log.info("answer_late", conversation_id=key, kind=clock["kind"], due_at=clock["due_at"].isoformat())
            # Its place in the queue is another one now.
            await self._bus.announce(ConversationChanged(before, after, SYSTEM))
        return after

    async def _escalate(self, conversation: Document, terms: Terms) -> None:
        """Tell the leads of what was not answered in time, once."""
        clock = conversation.get("clock") or {}
        breached_at = clock.get("breached_at")
        told_at = conversation.get("escalated_at")
        if breached_at is None or not terms.policy.leads or (told_at is not None and told_at >= breached_at):
            return
        customer = await self._people.customer(conversation["customer_id"]) or {}
        # The clock may have been stopped by a snooze since it was noticed.
        due = (clock["due_at"] or breached_at).astimezone(ZoneInfo(terms.hours.timezone))
        reply = "first reply" if clock["kind"] == "first" else "next reply"
        for lead in terms.policy.leads:
            wanted = NewTask(
                title=f"Not answered in time: {customer.get('name') or 'a customer without a name'}",
                details=f"The {reply} was due on {due:%d.%m.%Y at %H:%M}.",
                due_at=breached_at,
                conversation_id=conversation["_id"],
                assignee_id=lead,
                client_token=f"late:{conversation['_id']}:{breached_at.isoformat()}:{lead}",
            )
            try:
                await self._tasks.create(wanted, author=SYSTEM)
            except Invalid as error:
                _log.warning("lead_not_told", manager_id=lead, conversation_id=conversation["_id"], reason=str(error))
        key = conversation["_id"]
        await self._conversations.decide({}, {key: lambda _: {"escalated_at": breached_at}}, durable=True)

    async def _take_away(self, conversation: Document, terms: Terms) -> Document:
        """Have a conversation go to somebody else whose manager did not answer."""
        manager_id = conversation["assignee_id"]
        limit = relieved_at(conversation, terms, now())
        if manager_id is None or limit is None or limit > now():
            return conversation
        manager = await self._managers.get(manager_id)
        name = manager["name"] if manager is not None else "Nobody"
        # Before it goes: whoever gets it finds out why, whatever crashes in between.
        note = Draft(
            kind="note",
            text=f"{name} did not answer within {terms.policy.unanswered} min: it goes to somebody else.",
            client_token=f"unanswered:{manager_id}:{limit.isoformat()}",
            automatic=True,
        )
        await self._replies.post(conversation["_id"], note, author=SYSTEM)
        await self._relieve(conversation["_id"], held_by=manager_id, reason="unanswered")
        return await self._conversations.get(conversation["_id"]) or conversation

    async def _cards_changed(self, event: CardsChanged) -> None:
        for key in await self._conversations.many(event.conversation_ids):
            await self._mend(key)

    async def _mend(self, conversation_id: str) -> None:
        """Give a conversation the clock that its wait has."""
        for _ in range(_TRIES):
            before = (await self._conversations.many([conversation_id])).get(conversation_id)
            if before is None:
                return
            terms, present = await self._winder.terms(before["team_id"]), now()
            clock = mended(before, terms, present)
            look = next_look({**before, "clock": clock}, terms, present)
            await self._winder.look({} if look is None else {conversation_id: look})
            if clock == before.get("clock"):
                return
            after = await self._conversations.revise(before, {"clock": clock})
            if after is not None:
                await self._feed.publish([about("conversation.updated", after, after)])
                return
