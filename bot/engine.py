"""Step 5, answer: every event is heard once, judged by the guards and the rules, and answered at most once a rule.

An event may be announced again after a crash, or several times at once. That does no harm: a reply's client token is
made of the rule and the message, so the first one posted is the only one; labels, priority and closing end in the same
state.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog

from bot.actions import Reply, UseMacro
from bot.blanks import blanks, fill
from bot.guards import MAX_REPLIES, REPLY_PERIOD, silence
from bot.library import RuleLibrary
from bot.playbook import Playbook
from bot.rules import TRIGGERS, Rule
from inbox.conversations import Conversations
from inbox.events import EventBus
from inbox.follow_ups import FollowUps
from inbox.macros import Macros
from inbox.model.actions import Action, Close, LabelConversation, SetPriority
from inbox.model.conversation import ConversationStatus
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.errors import DomainError, Invalid, NotFound
from inbox.model.ids import now
from inbox.model.macros import language_for
from inbox.model.people import BOT, Author
from inbox.replies import Draft, Replies
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.rules import ReplyBudget
from routing.outlook import Outlooks

_log = structlog.get_logger(__name__)


class _Firing(msgspec.Struct, frozen=True):
    """A rule at work: the conversation as it was just before, and the message that is answered."""

    rule: Rule
    conversation: Document
    message: Document
    playbook: Playbook


class BotEngine:
    """Fires rules: those of a trigger one after the other, and of each its actions in their order."""

    def __init__(
        self,
        *,
        library: RuleLibrary,
        replies: Replies,
        conversations: Conversations,
        conversation_store: ConversationStore,
        people: PeopleStore,
        budget: ReplyBudget,
        macros: Macros,
        follow_ups: FollowUps,
        outlooks: Outlooks,
    ) -> None:
        self._library = library
        self._replies = replies
        self._conversations = conversations
        self._store = conversation_store
        self._people = people
        self._budget = budget
        self._macros = macros
        self._follow_ups = follow_ups
        self._outlooks = outlooks
        self._doers: dict[type[Action], Callable[[_Firing, Any], Awaitable[None]]] = {
            Reply: self._reply,
            UseMacro: self._use_macro,
            LabelConversation: self._label,
            SetPriority: self._set_priority,
            Close: self._close,
        }

    def subscribe(self, bus: EventBus) -> None:
        """Hear of everything that a rule may have as its trigger."""
        for trigger, event_type in TRIGGERS.items():
            bus.subscribe(event_type, functools.partial(self._hear, trigger))

    async def _hear(self, trigger: str, event: ConversationOpened | MessageReceived) -> None:
        message = event.message
        playbook = await self._library.playbook()
        rules = playbook.rules[trigger]
        if not rules or silence(event.conversation, message, now()) is not None:
            return
        situation = await self._library.situation(message, event.conversation, playbook)
        firing = [rule for rule in rules if not rule.unmet(situation)]
        if not firing:
            return
        # The event tells how the conversation was when its batch was read; a manager may have written since.
        conversation = await self._store.get(message["conversation_id"])
        if conversation is None:
            return
        silent = silence(conversation, message, now())
        if silent is not None:
            _log.info("bot_silent", conversation_id=conversation["_id"], reason=silent)
            return
        for rule in firing:
            await self._fire(_Firing(rule, conversation, message, playbook))

    async def _fire(self, firing: _Firing) -> None:
        context = {
            "rule_id": firing.rule.id,
            "conversation_id": firing.conversation["_id"],
            "message_id": firing.message["_id"],
        }
        for action in firing.rule.actions:
            try:
                await self._doers[type(action)](firing, action)
            except DomainError as error:
                # An unreachable customer, a removed channel: what else the rule does is done all the same.
                _log.warning("bot_action_refused", action=type(action).__name__, reason=str(error), **context)
        _log.info("rule_fired", **context)

    async def _reply(self, firing: _Firing, action: Reply) -> None:
        text = action.text_for(await self._language(firing.message), firing.playbook.languages)
        if blanks(text):
            outlook = await self._outlooks.of(firing.conversation)
            known = {"queue.place": outlook.place, "queue.minutes": outlook.minutes} if outlook is not None else {}
            text = fill(text, known)
        await self._say(firing, action, Draft(text=text))

    async def _use_macro(self, firing: _Firing, action: UseMacro) -> None:
        macro = await self._macros.shared(action.macro_id)
        if macro is None:
            raise NotFound("this macro is gone, or not for everybody")
        customer = await self._people.living(firing.message["customer_id"])
        wanted = language_for(macro["text"], await self._language(firing.message), *firing.playbook.languages)
        prepared = await self._macros.prepare(macro, customer=customer, language=wanted)
        if prepared.filled.missing:
            raise Invalid("macro_id", f"{', '.join(prepared.filled.missing)} has no value here")
        files = tuple(file["_id"] for file in prepared.files)
        draft = Draft(
            text=prepared.filled.text,
            macro_id=macro["_id"],
            attachments=files,
            lent=frozenset(files),
            buttons=prepared.buttons,
            actions=await self._follow_ups.planned(firing.conversation, prepared.actions, prepared.order),
        )
        await self._say(firing, action, draft)

    async def _say(self, firing: _Firing, action: Reply | UseMacro, draft: Draft) -> None:
        """Answer the message, within the budget."""
        conversation, message = firing.conversation, firing.message
        token = _token(firing, action)
        present = now()
        granted = await self._budget.spend(
            conversation["_id"], token, at=present, since=present - REPLY_PERIOD, most=MAX_REPLIES
        )
        if not granted:
            _log.info("bot_budget_spent", conversation_id=conversation["_id"], rule_id=firing.rule.id)
            return
        # What the bot says to a comment is for its writer, not for everybody who reads the post.
        comment = {"reply_to": message["_id"], "private": True} if message.get("public") else {}
        said = msgspec.structs.replace(
            draft, channel_id=message["channel_id"], client_token=token, automatic=True, **comment
        )
        await self._replies.post(conversation["_id"], said, author=BOT)

    async def _language(self, message: Document) -> str:
        """What the card says, else what the channel says."""
        card, identity = await asyncio.gather(
            self._people.living(message["customer_id"]), self._people.identity(message["identity_id"])
        )
        spoken: str = (card or {}).get("language") or (identity or {}).get("language") or ""
        return spoken

    async def _label(self, firing: _Firing, action: LabelConversation) -> None:
        present = set(firing.conversation["labels"])
        if present.issuperset(action.add) and present.isdisjoint(action.remove):
            return
        await self._conversations.label(
            firing.conversation["_id"], add=list(action.add), remove=list(action.remove), by=_author(firing)
        )

    async def _set_priority(self, firing: _Firing, action: SetPriority) -> None:
        await self._conversations.change(firing.conversation["_id"], {"priority": action.value}, by=_author(firing))

    async def _close(self, firing: _Firing, action: Close) -> None:  # noqa: ARG002  # There is nothing more to say.
        if firing.conversation["last_inbound_sort"] <= firing.message["sort"]:
            closed = {"status": ConversationStatus.CLOSED}
            await self._conversations.change(firing.conversation["_id"], closed, by=_author(firing))


def _author(firing: _Firing) -> Author:
    """The rule, as the one who changes a conversation."""
    return Author(type="bot", id=firing.rule.id, name=firing.rule.name)


def _token(firing: _Firing, action: Reply | UseMacro) -> str:
    """The client token under which a rule answers a message; further replies of the same rule add their number."""
    replies = [each for each in firing.rule.actions if isinstance(each, Reply | UseMacro)]
    number = replies.index(action)
    return f"bot:{firing.rule.id}:{firing.message['_id']}" + (f":{number}" if number else "")
