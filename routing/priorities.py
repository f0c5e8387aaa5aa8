"""Who goes before others in the queue, by the shop's rules.

A rule raises a conversation once for each time that the conversation is opened; what a person sets afterwards stays.
Channels, labels and tags are looked at when something of the kind happens, and the queue is gone through every few
seconds: for those who have waited too long, for tags that a card has got meanwhile, and for what a crash let slip.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from inbox.channels import Channels
from inbox.events import EventBus
from inbox.live import LiveFeed, about
from inbox.model.conversation import ConversationStatus, Priority
from inbox.model.domain_events import CardsChanged, ConversationChanged, ConversationOpened, MessageReceived
from inbox.model.ids import derived_id, now
from inbox.model.people import SYSTEM
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.waiting import WaitingStore
from routing.policies import Policies
from routing.policy import PriorityRule

LOOK_SECONDS = 5.0
"""How often the queue is gone through."""

QUEUE_PAGE = 1000
"""How many of those who wait longest are gone through at once."""

_log = structlog.get_logger(__name__)


def meets(rule: PriorityRule, conversation: Mapping[str, Any], kind: str, tags: Collection[str], at: datetime) -> bool:
    """Whether a conversation meets all that a rule names; `kind` is that of its channel, `tags` are its customer's."""
    if rule.channels and not {conversation["channel_id"], kind}.intersection(rule.channels):
        return False
    if rule.labels and not set(rule.labels).intersection(conversation["labels"]):
        return False
    if rule.tags and not set(rule.tags).intersection(tags):
        return False
    return rule.waiting is None or _has_waited(conversation, timedelta(minutes=rule.waiting), at)


def _has_waited(conversation: Mapping[str, Any], span: timedelta, at: datetime) -> bool:
    since = conversation["waiting_since"]
    queued = conversation["assignee_id"] is None and conversation["status"] != ConversationStatus.SNOOZED
    return queued and since is not None and at - since >= span


def mark(rule: PriorityRule, conversation: Mapping[str, Any]) -> str:
    """What a conversation remembers of having met a rule since it was opened."""
    return f"{derived_id('priority', rule.model_dump_json())}:{conversation['openings']}"


class Priorities:
    """Raises priorities, and has the queue follow at once."""

    def __init__(
        self,
        *,
        policies: Policies,
        store: WaitingStore,
        conversations: ConversationStore,
        people: PeopleStore,
        channels: Channels,
        feed: LiveFeed,
        bus: EventBus,
    ) -> None:
        self._policies = policies
        self._store = store
        self._conversations = conversations
        self._people = people
        self._channels = channels
        self._feed = feed
        self._bus = bus

    def subscribe(self) -> None:
        """Hear of what rules go by. Whoever gives conversations out has to hear of an opening later."""
        self._bus.subscribe(ConversationOpened, self._opened)
        self._bus.subscribe(MessageReceived, self._received)
        self._bus.subscribe(ConversationChanged, self._changed)
        self._bus.subscribe(CardsChanged, self._cards_changed)

    async def look(self) -> None:
        """Go through the queue (a chore)."""
        rules = (await self._policies.shop()).priorities
        if rules:
            highest = max(_level(rule) for rule in rules)
            await self._judge(await self._store.below(highest, QUEUE_PAGE), rules)

    async def _opened(self, event: ConversationOpened) -> None:
        rules = (await self._policies.shop()).priorities
        await self._judge([event.conversation], rules, {event.conversation["customer_id"]: event.card})

    async def _received(self, event: MessageReceived) -> None:
        # No message costs a look at its customer's card: an opening had one, and the queue is gone through.
        if event.conversation["opened_by"] != event.message["_id"]:
            rules = (await self._policies.shop()).priorities
            await self._judge([event.conversation], [rule for rule in rules if not rule.tags])

    async def _changed(self, event: ConversationChanged) -> None:
        before, after = event.before, event.after
        if after["active"] and (before["labels"] != after["labels"] or not before["active"]):
            await self._judge([after], (await self._policies.shop()).priorities)

    async def _cards_changed(self, event: CardsChanged) -> None:
        rules = (await self._policies.shop()).priorities
        if rules:
            found = await self._conversations.many(event.conversation_ids)
            await self._judge(list(found.values()), rules)

    async def _judge(
        self,
        conversations: Sequence[Document],
        rules: Sequence[PriorityRule],
        cards: Mapping[str, Document] | None = None,
    ) -> None:
        """Raise those of these conversations that meet a rule which has not raised them yet; `cards` are known ones."""
        judged = [
            (conversation, [rule for rule in rules if mark(rule, conversation) not in conversation.get("raised", ())])
            for conversation in conversations
            if conversation["active"]
        ]
        judged = [(conversation, left) for conversation, left in judged if left]
        if not judged:
            return
        if cards is None:
            asked = {conversation["customer_id"] for conversation, left in judged if any(rule.tags for rule in left)}
            cards = await self._people.customers(list(asked)) if asked else {}
        kinds = {channel["_id"]: channel["kind"] for channel in await self._channels.known()}
        present = now()
        for conversation, left in judged:
            kind = kinds.get(conversation["channel_id"], "")
            tags = cards.get(conversation["customer_id"], {}).get("tags", ())
            for rule in left:
                if meets(rule, conversation, kind, tags, present):
                    await self._raise(conversation, rule)

    async def _raise(self, conversation: Document, rule: PriorityRule) -> None:
        key, once = conversation["_id"], mark(rule, conversation)
        before = await self._store.raise_once(key, once, _level(rule))
        if before is None or before["priority"] >= _level(rule):
            return
        after = await self._conversations.get(key)
        if after is None:
            return
        _log.info("priority_raised", conversation_id=key, priority=rule.priority)
        await self._feed.publish([about("conversation.updated", after, after, before)])
        await self._bus.announce(ConversationChanged(before, after, SYSTEM))


def _level(rule: PriorityRule) -> int:
    return int(Priority[rule.priority.upper()])
