"""What pulls triggers: events of the house, and the time that passes while a customer waits, become occasions."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from bot.engine import BotEngine
from bot.occasions import MAX_DEPTH, Occasion, depth
from bot.playbook import Playbook
from bot.triggers import NoReply
from inbox.events import EventBus
from inbox.model.domain_events import (
    ConversationChanged,
    ConversationOpened,
    MessageReceived,
    OrderStatusChanged,
    ParcelWaiting,
)
from inbox.model.ids import now
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.timers import TimerStore

NO_REPLY = "rule.no_reply"
"""The timer of a customer who waits, one a conversation. Its data: `{conversation_id, since, passed}`, where `passed`
is how many minutes of the wait since `since` rules have been told of."""

_LOOK_BACK = 100

_log = structlog.get_logger(__name__)


class BotHearing:
    """Hears what happens, and tells the engine of it as occasions, those that anybody waits for."""

    def __init__(
        self,
        *,
        engine: BotEngine,
        conversations: ConversationStore,
        messages: MessageStore,
        timers: TimerStore,
    ) -> None:
        self._engine = engine
        self._conversations = conversations
        self._messages = messages
        self._timers = timers

    def subscribe(self, bus: EventBus) -> None:
        """Hear of everything that a rule may have as its trigger."""
        bus.subscribe(ConversationOpened, self._opened)
        bus.subscribe(MessageReceived, self._message_came)
        bus.subscribe(ConversationChanged, self._changed)
        bus.subscribe(OrderStatusChanged, self._order_moved)
        bus.subscribe(ParcelWaiting, self._parcel_waits)

    async def _opened(self, event: ConversationOpened) -> None:
        await self._engine.hear(_of_message("conversation_opened", event.conversation, event.message))
        returned = _of_message("customer_returned", event.conversation, event.message)
        if await self._engine.wants(returned.trigger) and await self._was_here(event.conversation):
            await self._engine.hear(returned)

    async def _was_here(self, conversation: Document) -> bool:
        """Whether the customer had a case before that was closed."""
        if conversation["openings"] > 1:
            return True
        cases = await self._conversations.of_customer(conversation["customer_id"])
        return any(case["_id"] != conversation["_id"] and was_case(case) for case in cases)

    async def _message_came(self, event: MessageReceived) -> None:
        conversation, message = event.conversation, event.message
        if conversation["waiting_since"] == message["received_at"]:
            await self._begin_to_wait(conversation)
        await self._engine.hear(_of_message("message_received", conversation, message))

    async def _changed(self, event: ConversationChanged) -> None:
        before, after = event.before, event.after
        if after["waiting_since"] not in (None, before["waiting_since"]):
            await self._begin_to_wait(after)
        added = frozenset(after["labels"]).difference(before["labels"])
        if added:
            await self._hear_without_message("label_added", f"{after['_id']}:{after['version']}", after, labels=added)

    async def _order_moved(self, event: OrderStatusChanged) -> None:
        order = event.order
        await self._hear_of_order("order_status_changed", f"{order['_id']}:{order['version']}", order)

    async def _parcel_waits(self, event: ParcelWaiting) -> None:
        key = f"{event.order['_id']}:{event.parcel['arrived_at'].isoformat()}"
        await self._hear_of_order("parcel_waiting", key, event.order, event.parcel)

    async def _hear_of_order(self, trigger: str, key: str, order: Document, parcel: Document | None = None) -> None:
        """An occasion in the conversation in which its customer would hear of an order, if they have any."""
        if order["customer_id"] is None or not await self._engine.wants(trigger):
            return
        found = await self._conversations.latest([order["customer_id"]], {})
        conversation = found.get(order["customer_id"])
        if conversation is not None:
            await self._hear_without_message(trigger, key, conversation, order=order, parcel=parcel)

    async def _hear_without_message(
        self,
        trigger: str,
        key: str,
        conversation: Document,
        *,
        labels: frozenset[str] = frozenset(),
        order: Document | None = None,
        parcel: Document | None = None,
    ) -> None:
        occasion = Occasion(
            trigger=trigger,
            key=key,
            at=now(),
            conversation=conversation,
            order=order,
            parcel=parcel,
            labels=labels,
            depth=depth(),
        )
        if occasion.depth >= MAX_DEPTH:
            _log.warning("rules_set_each_other_off", trigger=trigger, key=key, conversation_id=conversation["_id"])
            return
        await self._engine.hear(occasion)

    async def _begin_to_wait(self, conversation: Document) -> None:
        """Have it looked at when a rule first wants to know that the customer still waits."""
        first = min(_patience(await self._engine.playbook()), default=None)
        if first is not None and conversation["active"]:
            due_at = conversation["waiting_since"] + timedelta(minutes=first)
            data = {"conversation_id": conversation["_id"], "since": conversation["waiting_since"], "passed": 0}
            # One that is there may be of an earlier wait; it finds out when it strikes.
            await self._timers.bring_forward(NO_REPLY, {f"{NO_REPLY}:{conversation['_id']}": (due_at, data)})

    async def strike(self, data: Document) -> None:
        """Tell rules how long a customer has waited by now (timer `rule.no_reply`), if they still do."""
        conversation = await self._conversations.get(data["conversation_id"])
        if conversation is None or not conversation["active"] or conversation["waiting_since"] is None:
            return
        since, passed = conversation["waiting_since"], data["passed"]
        if data["since"] != since:
            passed = 0
        patience = sorted(minutes for minutes in _patience(await self._engine.playbook()) if minutes > passed)
        message = await self._unanswered(conversation) if patience else None
        for minutes in patience:
            at = since + timedelta(minutes=minutes)
            if at > now():
                await self._look_again(conversation, at, passed)
                return
            await self._engine.hear(_of_wait(conversation, message, since, minutes, at))
            passed = minutes

    async def _look_again(self, conversation: Document, at: datetime, passed: int) -> None:
        key, since = conversation["_id"], conversation["waiting_since"]
        await self._timers.set(
            f"{NO_REPLY}:{key}", NO_REPLY, at, {"conversation_id": key, "since": since, "passed": passed}
        )

    async def _unanswered(self, conversation: Document) -> Document | None:
        """The last message that the customer wrote."""
        thread = await self._messages.thread(conversation["_id"], None, _LOOK_BACK)
        return next((message for message in thread if message["direction"] == "in"), None)


def was_case(conversation: Document) -> bool:
    """Whether a conversation was ever more than the place of something that opens none, and is over."""
    return not conversation["active"] and bool(conversation["openings"] or conversation["last_reply_sort"])


def _patience(playbook: Playbook) -> Iterable[int]:
    """After how many minutes of waiting rules want to be told."""
    return {rule.when.minutes for rule in playbook.rules["no_reply"] if isinstance(rule.when, NoReply)}


def _of_message(trigger: str, conversation: Document, message: Document) -> Occasion:
    at = message["received_at"]
    return Occasion(trigger=trigger, key=message["_id"], at=at, conversation=conversation, message=message)


def _of_wait(conversation: Document, message: Document | None, since: datetime, minutes: int, at: datetime) -> Occasion:
    return Occasion(
        trigger="no_reply",
        key=f"{conversation['_id']}:{since.isoformat()}:{minutes}",
        at=at,
        conversation=conversation,
        message=message,
        waited=minutes,
    )
