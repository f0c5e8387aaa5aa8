"""What rules do: each kind of action has the one who does it here.

An action may be done again after a crash, or several times at once, without harm: a reply's client token is made of the
rule and the occasion, so the first one posted is the only one; labels, priority and closing end in the same state.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from bot.actions import Reply, UseMacro
from bot.blanks import blanks, fill
from bot.occasions import Occasion
from bot.rules import Rule
from bot.speaking import Speaker
from inbox.conversations import Conversations
from inbox.follow_ups import FollowUps
from inbox.macros import Macros
from inbox.model.actions import Action, Close, LabelConversation, SetPriority
from inbox.model.conversation import ConversationStatus
from inbox.model.errors import DomainError, Invalid, NotFound
from inbox.model.macros import language_for
from inbox.model.people import Author
from inbox.replies import Draft
from inbox.storage.people import PeopleStore
from routing.outlook import Outlooks

_log = structlog.get_logger(__name__)


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule at work."""

    rule: Rule
    occasion: Occasion
    languages: Sequence[str]
    """The shop's, the first one first."""

    @property
    def author(self) -> Author:
        """The rule, as the one who changes a conversation."""
        return Author(type="bot", id=self.rule.id, name=self.rule.name)

    def token(self, action: Reply | UseMacro) -> str:
        """The client token under which it speaks; further replies of the same rule add their number."""
        replies = [each for each in self.rule.actions if isinstance(each, Reply | UseMacro)]
        number = replies.index(action)
        return f"bot:{self.rule.id}:{self.occasion.key}" + (f":{number}" if number else "")


class Doer:
    """Does the actions of rules."""

    def __init__(
        self,
        *,
        speaker: Speaker,
        conversations: Conversations,
        people: PeopleStore,
        macros: Macros,
        follow_ups: FollowUps,
        outlooks: Outlooks,
    ) -> None:
        self._speaker = speaker
        self._conversations = conversations
        self._people = people
        self._macros = macros
        self._follow_ups = follow_ups
        self._outlooks = outlooks
        self._by_type: Mapping[type[Action], Callable[[Firing, Any], Awaitable[None]]] = {
            Reply: self._reply,
            UseMacro: self._use_macro,
            LabelConversation: self._label,
            SetPriority: self._set_priority,
            Close: self._close,
        }

    async def do(self, firing: Firing) -> None:
        """All that the rule says, in its order; what cannot be done is told in the log and keeps nothing else back."""
        context = {
            "rule_id": firing.rule.id,
            "conversation_id": firing.occasion.conversation["_id"],
            "occasion": firing.occasion.key,
        }
        for action in firing.rule.actions:
            try:
                await self._by_type[type(action)](firing, action)
            except DomainError as error:
                # An unreachable customer, a removed channel: what else the rule does is done all the same.
                _log.warning("bot_action_refused", action=type(action).__name__, reason=str(error), **context)
        _log.info("rule_fired", **context)

    async def _reply(self, firing: Firing, action: Reply) -> None:
        text = action.text_for(await self._speaker.language(firing.occasion), firing.languages)
        if blanks(text):
            outlook = await self._outlooks.of(firing.occasion.conversation)
            known = {"queue.place": outlook.place, "queue.minutes": outlook.minutes} if outlook is not None else {}
            text = fill(text, known)
        await self._speaker.say(firing.occasion, Draft(text=text), token=firing.token(action))

    async def _use_macro(self, firing: Firing, action: UseMacro) -> None:
        macro = await self._macros.shared(action.macro_id)
        if macro is None:
            raise NotFound("this macro is gone, or not for everybody")
        customer = await self._people.living(firing.occasion.customer_id)
        wanted = language_for(macro["text"], await self._speaker.language(firing.occasion), *firing.languages)
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
            actions=await self._follow_ups.planned(firing.occasion.conversation, prepared.actions, prepared.order),
        )
        await self._speaker.say(firing.occasion, draft, token=firing.token(action))

    async def _label(self, firing: Firing, action: LabelConversation) -> None:
        conversation = firing.occasion.conversation
        present = set(conversation["labels"])
        if present.issuperset(action.add) and present.isdisjoint(action.remove):
            return
        await self._conversations.label(
            conversation["_id"], add=list(action.add), remove=list(action.remove), by=firing.author
        )

    async def _set_priority(self, firing: Firing, action: SetPriority) -> None:
        await self._conversations.change(
            firing.occasion.conversation["_id"], {"priority": action.value}, by=firing.author
        )

    async def _close(self, firing: Firing, action: Close) -> None:  # noqa: ARG002  # There is nothing more to say.
        conversation, message = firing.occasion.conversation, firing.occasion.message
        if message is None or conversation["last_inbound_sort"] <= message["sort"]:
            closed = {"status": ConversationStatus.CLOSED}
            await self._conversations.change(conversation["_id"], closed, by=firing.author)
