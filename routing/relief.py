"""Nobody waits for somebody who is not there.

A manager is away who is offline by their own word, `gone`, or off shift. What they hold stays theirs for as long as
their team's policy says (`Policy.offline`), and for good where nobody waits: a customer who writes later goes on then.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from inbox.events import EventBus
from inbox.fresh import Fresh
from inbox.model.conversation import ConversationStatus
from inbox.model.domain_events import AvailabilityChanged, ConversationAssigned, MessageReceived
from inbox.model.ids import now, sort_moment
from inbox.model.people import Status
from inbox.storage.absences import AbsenceStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later
from inbox.wakeups import Wakeups
from routing.assignment import Assigner
from routing.policies import Policies

TIMER = "manager.relieve"

LOOK_AGAIN = timedelta(minutes=1)
"""How late at most a policy counts that was changed while somebody waits."""


def away_since(manager: Mapping[str, Any]) -> datetime | None:
    """Since when a manager has been away, by whichever reason has held longest; None where they are not."""
    reasons = (
        manager.get("status_at", manager["created_at"]) if manager["status"] == Status.OFFLINE else None,
        manager.get("gone_at") if manager.get("gone") else None,
        manager.get("off_shift_at") if manager.get("off_shift") else None,
    )
    return min((at for at in reasons if at is not None), default=None)


def counted_from(conversation: Mapping[str, Any], since: datetime) -> datetime:
    """From when it counts how long a customer may wait for a manager who has been away since a time.

    Who is given a conversation, or answers in it, although they are away, is given the same time again.
    """
    taken = (conversation.get("assignment") or {}).get("at")
    replied = conversation.get("last_reply_sort")
    signs = [taken, sort_moment(replied) if replied else None]
    return max([since, *(at for at in signs if at is not None)])


class Relief:
    """Has those who wait for somebody away go to somebody else. `clock` tells what time it is."""

    def __init__(
        self,
        *,
        store: AbsenceStore,
        assigner: Assigner,
        policies: Policies,
        timers: TimerStore,
        wakeups: Wakeups,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._store = store
        self._assigner = assigner
        self._policies = policies
        self._timers = timers
        self._wakeups = wakeups
        self._clock = clock
        self._away = Fresh(store.away)

    def subscribe(self, bus: EventBus) -> None:
        """Hear of who leaves, and of whoever writes to or comes to somebody who has left."""
        bus.subscribe(AvailabilityChanged, self._availability_changed)
        bus.subscribe(MessageReceived, self._written)
        bus.subscribe(ConversationAssigned, self._assigned)

    async def relieve(self, data: Mapping[str, Any]) -> None:
        """Pass on what has waited too long for a manager, and come back for what has not yet (a timer's handler)."""
        manager = await self._store.get(data["manager_id"])
        since = away_since(manager) if manager is not None else None
        if since is None:
            return
        pauses: list[timedelta] = []
        for conversation in await self._store.waiting(data["manager_id"]):
            patience = (await self._policies.of(conversation["team_id"])).offline
            if patience is None:
                continue
            left = counted_from(conversation, since) + timedelta(minutes=patience) - self._clock()
            if left > timedelta():
                pauses.append(left)
            else:
                await self._assigner.relieve(conversation["_id"], held_by=data["manager_id"], reason="manager_offline")
        if pauses:
            raise Later(min(LOOK_AGAIN, *pauses).total_seconds())

    async def look_after_all(self) -> None:
        """Begin to count for whoever was missed: by a crash, or because their policy set no limit until now."""
        neglecting = await self._store.neglecting(await self._store.away())
        if neglecting:
            await self._timers.set_many(TIMER, {_timer(each): {"manager_id": each} for each in neglecting})

    async def _availability_changed(self, event: AvailabilityChanged) -> None:
        self._away.forget()
        if away_since(event.manager) is not None:
            await self._count(event.manager["_id"])

    async def _written(self, event: MessageReceived) -> None:
        await self._waits(event.conversation)

    async def _assigned(self, event: ConversationAssigned) -> None:
        await self._waits(event.after)

    async def _waits(self, conversation: Mapping[str, Any]) -> None:
        holder, waits = conversation["assignee_id"], conversation["waiting_since"] is not None
        opened = conversation["status"] == ConversationStatus.OPEN
        if opened and waits and holder is not None and holder in await self._away.current():
            await self._count(holder)

    async def _count(self, manager_id: str) -> None:
        await self._timers.set(_timer(manager_id), TIMER, self._clock(), {"manager_id": manager_id})
        self._wakeups.ring("timers")


def _timer(manager_id: str) -> str:
    return f"{TIMER}:{manager_id}"
