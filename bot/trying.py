"""Dry runs: which rules would fire for a message of the past, and why not. Nothing is sent and nothing changes."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot.engine import BotEngine
from bot.guards import REPLY_PERIOD, silence
from bot.library import RuleLibrary
from bot.looking import Lookout, situation_of
from bot.occasions import Occasion
from bot.playbook import Playbook
from bot.rules import OF_A_MESSAGE, Rule, parse, restore
from bot.situations import Situation
from bot.triggers import LabelAdded, NoReply
from inbox.macros import Macros
from inbox.model.actions import Action
from inbox.model.errors import Invalid
from inbox.model.ids import now
from inbox.model.typed import plain
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.orders import OrderStore

_LOOK_BACK = 100
_EVERY_RULE = 10_000
_QUOTED = 80
_ABOUT_ORDERS = frozenset({"order_status_changed", "parcel_waiting"})


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a dry run of one rule found. `message_id`: the message that it was tried on, where there is one."""

    would_fire: bool
    reasons: tuple[str, ...]
    """Why not; empty where it would."""
    message_id: str | None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """How a rule does: `reasons` why it would not fire, and what it does, a line for each action."""

    rule_id: str
    name: str
    enabled: bool
    would_fire: bool
    reasons: tuple[str, ...]
    does: tuple[str, ...]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """All rules on one message, in their order. `silent`: why the bot would have done nothing about it at all.

    `skills` are those that would have heard of it first; what they deal with rules hear nothing of.
    """

    items: tuple[Tried, ...]
    silent: str | None
    skills: tuple[str, ...]
    message_id: str | None


class DryRuns:
    """Tries rules on what happened before."""

    def __init__(
        self,
        *,
        library: RuleLibrary,
        engine: BotEngine,
        lookout: Lookout,
        conversations: ConversationStore,
        messages: MessageStore,
        orders: OrderStore,
        macros: Macros,
    ) -> None:
        self._library = library
        self._engine = engine
        self._lookout = lookout
        self._conversations = conversations
        self._messages = messages
        self._orders = orders
        self._macros = macros

    async def test(self, rule_id: str, conversation_id: str) -> Trial:
        """Whether the rule would answer this conversation, and if not, why.

        It is tried on the message that opened the conversation, or on the last one received, as its trigger says: with
        the hours of when that message came, and with the conversation as it is now. Whether the rule is enabled does
        not matter: one tries it before that.
        """
        rule = restore(await self._library.get(rule_id))
        conversation = await self._conversation(conversation_id)
        message = await self._concerned(rule.trigger, conversation)
        if message is None:
            return Trial(would_fire=False, reasons=("no message of the customer pulls this trigger",), message_id=None)
        playbook = await self._library.playbook()
        silent = silence(conversation, message, message["received_at"])
        reasons = [] if silent is None else [silent]
        most = playbook.bot.most_per_hour
        if _spent(conversation) >= most:
            reasons.append(f"the conversation has had its {most} automatic messages of the hour")
        past = _Past(conversation, message, None)
        occasion = past.occasion(rule, await self._order(rule, past))
        situation = situation_of(occasion, playbook)
        await self._lookout.know(situation, occasion, [rule])
        reasons += rule.unmet(situation)
        return Trial(would_fire=not reasons, reasons=tuple(reasons), message_id=message["_id"])

    async def attempt(
        self, conversation_id: str, message_id: str | None = None, raw: Mapping[str, Any] | None = None
    ) -> Attempt:
        """How all rules do on a message of a conversation; or one that is not kept, given as `raw`.

        Where no message is named it is the last one, for a given rule of openings the one that opened the conversation.
        The conversation is taken as it was then, as far as that is known: whether a person had written, how often it
        had been opened; its labels, its card and its orders are those of now. Raises `Invalid`.
        """
        conversation = await self._conversation(conversation_id)
        if raw is not None:
            kept = [parse(raw)]
        else:
            rows, _ = await self._library.page(None, _EVERY_RULE)
            kept = [restore(row) for row in rows]
        message = await self._message(conversation, message_id, "" if raw is None else kept[0].trigger)
        past = await self._as_it_was(conversation, message)
        playbook = await self._library.playbook()
        silent = None if message is None else silence(past.conversation, message, message["received_at"])
        listening = self._engine.listening("message_received", playbook)
        return Attempt(
            items=tuple(await self._tried(kept, past, playbook)),
            silent=silent,
            skills=tuple(skill.name for skill in listening),
            message_id=None if message is None else message["_id"],
        )

    async def _conversation(self, conversation_id: str) -> Document:
        found = await self._conversations.get(conversation_id)
        if found is None:
            raise Invalid("conversation_id", "there is no such conversation")
        return found

    async def _message(self, conversation: Document, message_id: str | None, trigger: str) -> Document | None:
        if message_id is None:
            return await self._concerned(trigger, conversation)
        found = await self._messages.get(message_id)
        if found is None or found["conversation_id"] != conversation["_id"] or found["direction"] != "in":
            raise Invalid("message_id", "the customer wrote no such message in this conversation")
        return found

    async def _last(self, conversation: Document) -> Document | None:
        thread = await self._messages.thread(conversation["_id"], None, _LOOK_BACK)
        return next((message for message in thread if message["direction"] == "in"), None)

    async def _concerned(self, trigger: str, conversation: Document) -> Document | None:
        if trigger == "conversation_opened":
            opening = conversation["opened_by"]
            return await self._messages.get(opening) if opening is not None else None
        return await self._last(conversation)

    async def _as_it_was(self, conversation: Document, message: Document | None) -> "_Past":
        """The conversation when this message came, and when a person replied to it."""
        if message is None:
            return _Past(conversation, None, None)
        before = await self._messages.thread(conversation["_id"], message["sort"], _LOOK_BACK)
        wrote = next((row["sort"] for row in before if _by_person(row)), "")
        begun = [each for each in conversation.get("begun", ()) if each["sort"] <= message["sort"]]
        opening = begun[-1] if begun else {"no": 1, "at": conversation["created_at"]}
        assignment = conversation["assignment"]
        taken = assignment is not None and assignment["at"] <= message["received_at"]
        then = {
            **conversation,
            "active": True,
            "status": "open",
            "last_reply_sort": wrote,
            "opened_at": opening["at"],
            "openings": opening["no"],
            "assignee_id": conversation["assignee_id"] if taken else None,
            "assignment": assignment if taken else None,
        }
        after = await self._messages.thread(conversation["_id"], None, _LOOK_BACK)
        replies = [row["created_at"] for row in after if row["sort"] > message["sort"] and _by_person(row)]
        opened = any(each["sort"] == message["sort"] for each in begun) or conversation["opened_by"] == message["_id"]
        return _Past(then, message, min(replies, default=None), opened=opened)

    async def _tried(self, rules: Sequence[Rule], past: "_Past", playbook: Playbook) -> list[Tried]:
        occasions = [past.occasion(rule, await self._order(rule, past)) for rule in rules]
        alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for place, occasion in enumerate(occasions):
            alike[occasion.message is None, occasion.order is None, occasion.waited].append(place)
        situations: dict[int, Situation] = {}
        for places in alike.values():
            occasion = occasions[places[0]]
            situation = situation_of(occasion, playbook)
            await self._lookout.know(situation, occasion, [rules[place] for place in places])
            situations.update(dict.fromkeys(places, situation))
        return [
            await self._told(rule, _unheard(rule, past, occasion), rule.unmet(situations[place]))
            for place, (rule, occasion) in enumerate(zip(rules, occasions, strict=True))
        ]

    async def _told(self, rule: Rule, unheard: str | None, unmet: Sequence[str]) -> Tried:
        reasons = tuple(unmet) if unheard is None else (unheard, *unmet)
        return Tried(
            rule_id=rule.id,
            name=rule.name,
            enabled=rule.enabled,
            would_fire=not reasons,
            reasons=reasons,
            does=tuple([await self._line(action) for action in rule.actions]),
        )

    async def _order(self, rule: Rule, past: "_Past") -> Document | None:
        """The customer's last order, where the rule is about one."""
        if rule.trigger not in _ABOUT_ORDERS:
            return None
        return next(iter(await self._orders.of_customer(past.conversation["customer_id"], 1)), None)

    async def _line(self, action: Action) -> str:
        told = plain(action)
        if told["type"] == "macro":
            macro = await self._macros.shared(told["macro_id"])
            return f"sends the macro {'that is gone' if macro is None else macro['name']}"
        return _LINES[told["type"]](told)


class _Past(msgspec.Struct, frozen=True):
    """What is known of a moment that is over."""

    conversation: Document
    message: Document | None
    replied_at: datetime | None
    """When a person wrote next; None where nobody has."""
    opened: bool = True

    def occasion(self, rule: Rule, order: Document | None) -> Occasion:
        """What would have pulled the rule's trigger."""
        minutes = rule.when.minutes if isinstance(rule.when, NoReply) else 0
        received = now() if self.message is None else self.message["received_at"]
        labels = frozenset(self.conversation["labels"])
        wanted = frozenset(rule.when.labels) if isinstance(rule.when, LabelAdded) else labels
        of_message = rule.trigger in OF_A_MESSAGE or rule.trigger == "no_reply"
        return Occasion(
            trigger=rule.trigger,
            key="dry run",
            at=received + timedelta(minutes=minutes),
            conversation=self.conversation,
            message=self.message if of_message else None,
            order=order,
            labels=labels & (wanted or labels),
            waited=minutes,
        )


def _unheard(rule: Rule, past: _Past, occasion: Occasion) -> str | None:
    """Why what happened does not pull the rule's trigger; None where it does."""
    trigger, order = rule.trigger, occasion.order
    by_message = trigger in OF_A_MESSAGE or trigger == "no_reply"
    opening = trigger in ("conversation_opened", "customer_returned")
    hindrances = (
        (by_message and past.message is None, "the customer has written nothing"),
        (opening and not past.opened, "the message did not open the conversation"),
        (trigger == "customer_returned" and past.conversation["openings"] <= 1, "the customer was not here before"),
        (
            trigger == "no_reply" and past.replied_at is not None and past.replied_at < occasion.at,
            f"a person replied before {occasion.waited} minutes had passed",
        ),
        (trigger == "no_reply" and past.replied_at is None and now() < occasion.at, "it is not time yet"),
        (trigger == "label_added" and not occasion.labels, "the conversation has no such label"),
        (trigger in _ABOUT_ORDERS and order is None, "the customer has no order"),
        (
            order is not None and not rule.when.means(occasion),
            "the order is in another status",
        ),
    )
    return next((reason for hindered, reason in hindrances if hindered), None)


def _by_person(message: Mapping[str, Any]) -> bool:
    return message["direction"] == "out" and not message.get("automatic")


def _spent(conversation: Mapping[str, Any]) -> int:
    """How many automatic replies a conversation has had of late."""
    since = now() - REPLY_PERIOD
    return sum(reply["at"] > since for reply in conversation.get("automatic", ()))


def _quote(text: str | Mapping[str, str]) -> str:
    whole = text if isinstance(text, str) else next(iter(text.values()))
    flat = " ".join(whole.split())
    return f"“{flat[:_QUOTED]}…”" if len(flat) > _QUOTED else f"“{flat}”"


def _labels(told: Mapping[str, Any]) -> str:
    parts = [f"adds {', '.join(told['add'])}"] if told["add"] else []
    parts += [f"removes {', '.join(told['remove'])}"] if told["remove"] else []
    return f"{' and '.join(parts)} of the labels"


def _owner(told: Mapping[str, Any]) -> str:
    return f"team {told['team_id']}" if "team_id" in told else f"manager {told['manager_id']}"


_LINES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "reply": lambda told: f"says {_quote(told['text'])}",
    "ask": lambda told: f"asks {_quote(told['text'])}",
    "label": _labels,
    "priority": lambda told: f"sets the priority {told['value']}",
    "assign": lambda told: f"gives the conversation to {_owner(told)}",
    "close": lambda told: "closes the conversation",  # noqa: ARG005  # There is nothing more to say.
    "snooze": lambda told: f"puts the conversation aside for {told['minutes']} minutes",
    "handoff": lambda told: "leaves the conversation to a person",  # noqa: ARG005  # The same.
    "order_status": lambda told: f"moves the order to {told['status']}",
    "task": lambda told: f"makes a task {_quote(told['title'])}",
    "webhook": lambda told: f"posts to {told['url']}",
}
