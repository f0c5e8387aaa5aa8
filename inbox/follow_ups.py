"""What goes along with a reply: labels, a new holder, the end of the case, the order's next status.

A message keeps its actions `[{type, …, order_id?, state, error}]`, which are stored with it together with a timer.
Whoever posted the message does them at once, and whoever finds the timer does what is left. Each is done once: a change
of the conversation carries the action's name in the same write, a move of the order stands in the order's history.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec
import structlog

from inbox.conversations import Conversations
from inbox.events import EventBus
from inbox.live import LiveFeed, about
from inbox.macros import Macros
from inbox.model.actions import (
    FOLLOW_UPS,
    Action,
    Assign,
    Close,
    LabelConversation,
    SetOrderStatus,
    SetPriority,
    Snooze,
)
from inbox.model.conversation import MAX_LABELS
from inbox.model.domain_events import ReplyPosted
from inbox.model.errors import DomainError, Invalid
from inbox.model.ids import derived_id, now
from inbox.model.people import Author
from inbox.model.typed import each, plain
from inbox.orders import Orders
from inbox.storage.audit import AuditStore
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.errors import Duplicate
from inbox.storage.managers import ManagerStore
from inbox.storage.messages import MessageStore
from inbox.storage.teams import TeamStore
from inbox.storage.timers import FOLLOW_UP, TimerStore

_log = structlog.get_logger(__name__)

_PARAMETERS = frozenset({"state", "error", "order_id"})
"""What a stored action has beyond what whoever wrote it said."""


class HandOver(Protocol):
    """How a conversation gets another holder: routing's business."""

    async def __call__(
        self, conversation_id: str, manager_id: str | None, *, by: Author, reason: str, once: str
    ) -> Document:
        """Give it to a manager, or back to the queue (None), once for each `once`."""


class _Step(msgspec.Struct, frozen=True):
    """An action on its way: of which message, and under which name it is done once."""

    message: Document
    stored: Document
    author: Author
    once: str


class FollowUps:
    """Checks actions when a reply is written, and does them once it is posted.

    `on_used` is told of every message that was made with a macro, at least once, after all else.
    """

    def __init__(
        self,
        *,
        messages: MessageStore,
        conversations: Conversations,
        conversation_store: ConversationStore,
        managers: ManagerStore,
        teams: TeamStore,
        orders: Orders,
        macros: Macros,
        timers: TimerStore,
        audit: AuditStore,
        feed: LiveFeed,
        hand_over: HandOver,
        on_used: Callable[[Document], Awaitable[object]] | None = None,
    ) -> None:
        self._messages = messages
        self._conversations = conversations
        self._store = conversation_store
        self._managers = managers
        self._teams = teams
        self._orders = orders
        self._macros = macros
        self._timers = timers
        self._audit = audit
        self._feed = feed
        self._hand_over = hand_over
        self._on_used = on_used
        self._doers: Mapping[type[Action], Callable[[_Step, Any], Awaitable[object]]] = {
            LabelConversation: self._label,
            SetPriority: self._set_priority,
            Assign: self._assign,
            Close: self._close,
            Snooze: self._snooze,
            SetOrderStatus: self._move_order,
        }

    def subscribe(self, bus: EventBus) -> None:
        """Hear of replies. Whoever gives conversations to who answers them has to hear of them first."""
        bus.subscribe(ReplyPosted, self._posted)

    async def planned(
        self, conversation: Mapping[str, Any], actions: Sequence[Action], order: Mapping[str, Any] | None = None
    ) -> list[Document]:
        """Actions as a message keeps them, checked as if they were done by hand now.

        Raises `Invalid` naming the one that cannot be done (`actions.0`); `order` is the one that the reply is about.
        """
        return [
            {**plain(action), **await self._checked(conversation, action, order, f"actions.{position}")}
            | {"state": "pending", "error": None}
            for position, action in enumerate(actions)
        ]

    async def _checked(
        self, conversation: Mapping[str, Any], action: Action, order: Mapping[str, Any] | None, field: str
    ) -> Document:
        if isinstance(action, LabelConversation):
            labels = set(conversation["labels"]).difference(action.remove).union(action.add)
            if len(labels) > MAX_LABELS:
                raise Invalid(field, f"a conversation has at most {MAX_LABELS} labels")
        elif isinstance(action, Assign) and action.manager_id is not None:
            manager = await self._managers.get(action.manager_id)
            if manager is None or not manager["active"]:
                raise Invalid(field, "there is no such active manager")
        elif isinstance(action, Assign) and await self._teams.missing([str(action.team_id)]):
            raise Invalid(field, "there is no such team")
        elif isinstance(action, SetOrderStatus):
            return await self._checked_move(action, order, field)
        return {}

    async def _checked_move(self, action: SetOrderStatus, order: Mapping[str, Any] | None, field: str) -> Document:
        if order is None:
            raise Invalid(field, "this customer has no order to move")
        pipeline = await self._orders.pipeline()
        if pipeline.stage(action.status) is None:
            raise Invalid(field, f"there is no status {action.status}; there are: {', '.join(pipeline.codes)}")
        allowed = pipeline.allowed(order["status"])
        if action.status not in (order["status"], *allowed):
            ways = f"it may go to: {', '.join(allowed)}" if allowed else "it stays there"
            raise Invalid(field, f"order {order['number']} is {order['status']}; {ways}")
        return {"order_id": order["_id"]}

    async def _posted(self, event: ReplyPosted) -> None:
        if event.message.get("actions"):
            await self.finish({"message_id": event.message["_id"]})
            await self._timers.clear(f"{FOLLOW_UP}:{event.message['_id']}")

    async def finish(self, data: Mapping[str, Any]) -> None:
        """Do what is left of what goes along with a message (timer `message.follow_up`)."""
        message = await self._messages.get(data["message_id"])
        if message is None:
            return
        if message["macro_id"] is not None:
            await self._macros.used(message)
        pending = [place for place, row in enumerate(message.get("actions", ())) if row["state"] == "pending"]
        for place in pending:
            message = await self._do(message, place)
        conversation = await self._store.get(message["conversation_id"]) if pending else None
        if conversation is not None:
            await self._feed.publish([about("message.updated", message, conversation)])
        if message["macro_id"] is not None and self._on_used is not None:
            await self._on_used(message)

    async def _do(self, message: Document, place: int) -> Document:
        stored = message["actions"][place]
        author = Author(**{field: message["author"][field] for field in ("type", "id", "name")})
        step = _Step(message, stored, author, f"{message['_id']}:{place}")
        written = {field: value for field, value in stored.items() if field not in _PARAMETERS}
        outcome: Document = {"state": "done", "error": None}
        try:
            (action,) = each([written], FOLLOW_UPS, "actions")
            await self._doers[type(action)](step, action)
        except DomainError as error:
            # It was possible when the reply was written; whoever wrote it sees on the message that it is not any more.
            outcome = {"state": "refused", "error": str(error)}
            _log.info("follow_up_refused", message_id=message["_id"], action=stored["type"], reason=str(error))
        else:
            await self._record(step, written)
        changes = {f"actions.{place}.{field}": value for field, value in outcome.items()}
        return await self._messages.change(message["_id"], changes) or message

    async def _record(self, step: _Step, written: Mapping[str, Any]) -> None:
        """Tell the audit what was done, and with which macro."""
        macro_id = step.message["macro_id"]
        told = written if macro_id is None else {**written, "macro_id": macro_id}
        on_order = "order_id" in step.stored
        with suppress(Duplicate):
            await self._audit.add(
                {
                    "_id": derived_id("follow up", step.once),
                    "at": now(),
                    "actor": {"id": step.author.id, "name": step.author.name, "role": step.author.type},
                    "action": "order.status" if on_order else "conversation.change",
                    "object_id": step.stored["order_id"] if on_order else step.message["conversation_id"],
                    "address": "",
                    "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
                    "changed": told,
                }
            )

    async def _label(self, step: _Step, action: LabelConversation) -> None:
        await self._change(step, {"add_labels": action.add, "remove_labels": action.remove})

    async def _set_priority(self, step: _Step, action: SetPriority) -> None:
        await self._change(step, {"priority": action.value})

    async def assign(self, conversation_id: str, action: Assign, *, by: Author, reason: str, once: str) -> None:
        """Give a conversation to a manager, or to a team, once for each `once`.

        Who holds it keeps it where they are of that team. Raises `Invalid` where there is no such manager or team.
        """
        if action.team_id is None:
            await self._hand_over(conversation_id, action.manager_id, by=by, reason=reason, once=once)
            return
        if await self._teams.missing([action.team_id]):
            raise Invalid("team_id", "there is no such team")
        conversation = await self._conversations.change(conversation_id, {"team_id": action.team_id}, by=by, once=once)
        holder_id = conversation["assignee_id"]
        holder = await self._managers.get(holder_id) if holder_id is not None else None
        if holder is not None and action.team_id not in holder["teams"]:
            await self._hand_over(conversation_id, None, by=by, reason=reason, once=f"{once}:queue")

    async def _assign(self, step: _Step, action: Assign) -> None:
        await self.assign(step.message["conversation_id"], action, by=step.author, reason="macro", once=step.once)

    async def _close(self, step: _Step, action: Close) -> None:  # noqa: ARG002  # There is nothing more to say.
        if await self._unless_answered(step):
            await self._change(step, {"status": "closed"})

    async def _snooze(self, step: _Step, action: Snooze) -> None:
        until = step.message["created_at"] + action.span
        if until > now() and await self._unless_answered(step):
            await self._change(step, {"snoozed_until": until})

    async def _unless_answered(self, step: _Step) -> bool:
        """Whether the customer has said nothing since; where they have, somebody has to look."""
        conversation = await self._store.get(step.message["conversation_id"])
        if conversation is None or conversation["last_inbound_sort"] <= step.message["sort"]:
            return True
        raise Invalid("conversation", "the customer has written again meanwhile")

    async def _move_order(self, step: _Step, action: SetOrderStatus) -> None:
        macro_id = step.message["macro_id"]
        macro = await self._macros.called(macro_id) if macro_id is not None else ""
        reply = {"message_id": step.message["_id"], "macro_id": macro_id, "macro": macro}
        await self._orders.set_status(step.stored["order_id"], action.status, step.author, reply=reply)

    async def _change(self, step: _Step, changes: Mapping[str, Any]) -> Document:
        return await self._conversations.change(
            step.message["conversation_id"], changes, by=step.author, once=step.once
        )
