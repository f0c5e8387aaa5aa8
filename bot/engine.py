"""Step 5, answer: every occasion is heard once, judged by the guards, the skills and the rules."""

import functools
from collections.abc import Sequence

import msgspec
import structlog

from bot.doing import Doer, Firing
from bot.guards import silence
from bot.library import RuleLibrary
from bot.occasions import Occasion
from bot.playbook import Playbook
from bot.rules import TRIGGERS
from bot.skills.skill import Skill
from inbox.events import EventBus
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.errors import DomainError
from inbox.model.ids import now
from inbox.storage.conversations import ConversationStore

_log = structlog.get_logger(__name__)


class BotEngine:
    """Hears of occasions: skills one after the other until one deals with it, else the rules of its trigger."""

    def __init__(
        self,
        *,
        library: RuleLibrary,
        conversation_store: ConversationStore,
        doer: Doer,
        skills: Sequence[Skill] = (),
    ) -> None:
        self._library = library
        self._store = conversation_store
        self._doer = doer
        self._skills = skills

    def subscribe(self, bus: EventBus) -> None:
        """Hear of everything that a rule may have as its trigger."""
        for trigger, event_type in TRIGGERS.items():
            bus.subscribe(event_type, functools.partial(self._message_came, trigger))

    async def _message_came(self, trigger: str, event: ConversationOpened | MessageReceived) -> None:
        message = event.message
        await self.hear(
            Occasion(
                trigger=trigger,
                key=message["_id"],
                at=message["received_at"],
                conversation=event.conversation,
                message=message,
            )
        )

    async def hear(self, occasion: Occasion) -> None:
        """Do what skills and rules say to it."""
        playbook = await self._library.playbook()
        skills = [
            skill
            for skill in self._skills
            if occasion.trigger in skill.triggers and playbook.bot.has(skill.name)
        ]
        rules = playbook.rules[occasion.trigger]
        if not (skills or rules) or silence(occasion.conversation, occasion.message, now()) is not None:
            return
        situation = await self._library.situation(occasion, playbook) if rules else None
        firing = [rule for rule in rules if situation is not None and not rule.unmet(situation)]
        if not (skills or firing):
            return
        # The event tells how the conversation was when its batch was read; a manager may have written since.
        conversation = await self._store.get(occasion.conversation["_id"])
        if conversation is None:
            return
        silent = silence(conversation, occasion.message, now())
        if silent is not None:
            _log.info("bot_silent", conversation_id=conversation["_id"], reason=silent)
            return
        present = msgspec.structs.replace(occasion, conversation=conversation)
        for skill in skills:
            if await self._dealt_with(skill, present, playbook):
                return
        for rule in firing:
            await self._doer.do(Firing(rule=rule, occasion=present, languages=playbook.languages))

    async def _dealt_with(self, skill: Skill, occasion: Occasion, playbook: Playbook) -> bool:
        try:
            return await skill.hear(occasion, playbook.bot)
        except DomainError as error:
            # An unreachable customer, a removed channel: the rules may do what needs no word.
            _log.warning("skill_refused", skill=skill.name, occasion=occasion.key, reason=str(error))
            return False
