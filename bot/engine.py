"""Step 5, answer: every occasion is heard once, judged by the guards, the skills and the rules."""

from collections.abc import Sequence

import msgspec
import structlog

from bot.doing import Doer, Firing
from bot.flows import Flows, is_old_press
from bot.guards import silence
from bot.library import RuleLibrary
from bot.looking import Lookout
from bot.occasions import Occasion, caused_by
from bot.playbook import Playbook
from bot.questions import Asker, Questions, was_asked
from bot.rules import OF_A_MESSAGE, Rule
from bot.skills.skill import Skill
from inbox.model.errors import DomainError
from inbox.model.ids import now
from inbox.storage.conversations import ConversationStore
from inbox.storage.errors import is_unavailable
from inbox.storage.firings import FiringStore

_log = structlog.get_logger(__name__)


class BotEngine:
    """Hears of occasions: skills one after the other until one deals with it, else the rules of its trigger."""

    def __init__(
        self,
        *,
        library: RuleLibrary,
        lookout: Lookout,
        firings: FiringStore,
        conversation_store: ConversationStore,
        doer: Doer,
        questions: Questions,
        flows: Flows,
        skills: Sequence[Skill] = (),
    ) -> None:
        self._library = library
        self._lookout = lookout
        self._firings = firings
        self._store = conversation_store
        self._doer = doer
        self._questions = questions
        self._flows = flows
        self._skills = skills

    async def playbook(self) -> Playbook:
        """What the engine goes by at this moment."""
        return await self._library.playbook()

    async def wants(self, trigger: str) -> bool:
        """Whether anything would hear of this trigger: what nobody waits for need not be looked into."""
        playbook = await self._library.playbook()
        return bool(playbook.rules[trigger] or self.listening(trigger, playbook))

    def listening(self, trigger: str, playbook: Playbook) -> list[Skill]:
        """The skills that hear of this trigger before rules do, in their order."""
        return [skill for skill in self._skills if trigger in skill.triggers and playbook.bot.has(skill.name)]

    async def hear(self, occasion: Occasion) -> None:
        """Do what skills and rules say to it.

        Where the guards keep the bot silent, nothing that a message pulled is done; of what else happens, rules that
        say nothing to the customer do their work all the same.
        """
        playbook = await self._library.playbook()
        skills = self.listening(occasion.trigger, playbook)
        matcher = playbook.matchers.get(occasion.trigger)
        if (skills or matcher) and occasion.trigger in OF_A_MESSAGE and _silent(occasion) is not None:
            matcher, skills = None, []
        skills = [skill for skill in skills if await skill.heeds(occasion, playbook.bot)]
        asked = occasion.trigger in OF_A_MESSAGE and was_asked(occasion.conversation)
        if not (skills or matcher or asked):
            return
        firing = await self._lookout.firing(matcher, occasion, playbook) if matcher is not None else []
        if not (skills or firing or asked):
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
            if occasion.trigger in OF_A_MESSAGE and await self._answers(present, playbook, silent=silent is not None):
                return
            for skill in skills if silent is None else ():
                if await self._dealt_with(skill, present, playbook):
                    return
            rules = _under(silent, present, firing)
            if rules:
                await self._firings.note([rule.id for rule in rules], present.key, now())
            for rule in rules:
                await self._doer.do(Firing.of(rule, present, playbook.languages))

    async def _answers(self, occasion: Occasion, playbook: Playbook, *, silent: bool) -> bool:
        """Whether a message was dealt with as an answer to what the bot asked; a person who steps in ends that."""
        if occasion.message is not None and was_asked(occasion.conversation):
            if silence(occasion.conversation, None, now()) is not None:
                await self._questions.give_up(occasion.conversation)
            elif not silent:
                askers: dict[str, Asker] = {skill.name: skill for skill in self._skills if playbook.bot.has(skill.name)}
                askers[self._flows.name] = self._flows
                if await self._questions.hear(occasion, askers, playbook.bot):
                    return True
        return occasion.message is not None and is_old_press(occasion.message)

    async def _dealt_with(self, skill: Skill, occasion: Occasion, playbook: Playbook) -> bool:
        try:
            return await skill.hear(occasion, playbook.bot)
        except DomainError as error:
            # An unreachable customer, a removed channel: the rules may do what needs no word.
            _log.warning("skill_refused", skill=skill.name, occasion=occasion.key, reason=str(error))
            return False
        except Exception as error:
            if is_unavailable(error):
                raise
            # A fault of one skill is no reason for the shop's rules to keep silent.
            _log.exception("skill_failed", skill=skill.name, occasion=occasion.key)
            return False


def _silent(occasion: Occasion) -> str | None:
    return silence(occasion.conversation, occasion.message, now(), at=occasion.at)


def _under(silent: str | None, occasion: Occasion, rules: Sequence[Rule]) -> list[Rule]:
    """Which of these rules may fire on this occasion, whether the bot may speak or not."""
    if silent is not None and occasion.trigger in OF_A_MESSAGE:
        return []
    return [rule for rule in rules if silent is None or not rule.speaks]
