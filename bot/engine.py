"""Step 5, answer: every occasion is heard once, judged by the guards, the skills and the rules."""

from collections.abc import Sequence

import msgspec
import structlog

from bot.doing import Doer, Firing
from bot.guards import silence
from bot.library import RuleLibrary
from bot.occasions import Occasion, caused_by
from bot.playbook import Playbook
from bot.rules import OF_A_MESSAGE, Rule
from bot.skills.skill import Skill
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

    async def playbook(self) -> Playbook:
        """What the engine goes by at this moment."""
        return await self._library.playbook()

    async def wants(self, trigger: str) -> bool:
        """Whether anything would hear of this trigger: what nobody waits for need not be looked into."""
        playbook = await self._library.playbook()
        return bool(playbook.rules[trigger] or self._listening(trigger, playbook))

    def _listening(self, trigger: str, playbook: Playbook) -> list[Skill]:
        return [skill for skill in self._skills if trigger in skill.triggers and playbook.bot.has(skill.name)]

    async def hear(self, occasion: Occasion) -> None:
        """Do what skills and rules say to it.

        Where the guards keep the bot silent, nothing that a message pulled is done; of what else happens, rules that
        say nothing to the customer do their work all the same.
        """
        playbook = await self._library.playbook()
        skills = self._listening(occasion.trigger, playbook)
        rules = _under(_silent(occasion), occasion, playbook.rules[occasion.trigger])
        if not (skills or rules):
            return
        situation = await self._library.situation(occasion, playbook) if rules else None
        firing = [rule for rule in rules if situation is not None and not rule.unmet(situation)]
        if not (skills or firing):
            return
        # The event tells how the conversation was when its batch was read; a manager may have written since.
        conversation = await self._store.get(occasion.conversation["_id"])
        if conversation is None:
            return
        present = msgspec.structs.replace(occasion, conversation=conversation)
        silent = _silent(present)
        if silent is not None:
            _log.info("bot_silent", conversation_id=conversation["_id"], reason=silent)
        with caused_by(present):
            for skill in skills if silent is None else ():
                if await self._dealt_with(skill, present, playbook):
                    return
            for rule in _under(silent, present, firing):
                await self._doer.do(Firing(rule=rule, occasion=present, languages=playbook.languages))

    async def _dealt_with(self, skill: Skill, occasion: Occasion, playbook: Playbook) -> bool:
        try:
            return await skill.hear(occasion, playbook.bot)
        except DomainError as error:
            # An unreachable customer, a removed channel: the rules may do what needs no word.
            _log.warning("skill_refused", skill=skill.name, occasion=occasion.key, reason=str(error))
            return False


def _silent(occasion: Occasion) -> str | None:
    return silence(occasion.conversation, occasion.message, now(), at=occasion.at)


def _under(silent: str | None, occasion: Occasion, rules: Sequence[Rule]) -> list[Rule]:
    """Which of these rules may fire on this occasion, whether the bot may speak or not."""
    if silent is not None and occasion.trigger in OF_A_MESSAGE:
        return []
    return [rule for rule in rules if rule.when.means(occasion) and not (silent is not None and rule.speaks)]
