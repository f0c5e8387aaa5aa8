"""Asking in which language to go on, once in a customer's life, where neither the card nor the app tells it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from bot.choices import chosen
from bot.occasions import Occasion
from bot.playbook import Playbook
from bot.questions import Question, Questions
from bot.settings import BotSettings
from bot.skills.skill import Skill
from bot.speaking import Speaker
from inbox.customers import Customers
from inbox.replies import Draft
from inbox.storage.people import PeopleStore

EXPIRES = timedelta(days=1)

_ASKED: Mapping[str, str] = {
    "uk": "Якою мовою вам зручніше?",
    "ru": "На каком языке вам удобнее?",
    "en": "Which language suits you best?",
    "ka": "რომელ ენაზე გირჩევნიათ?",
}
_CHOSEN: Mapping[str, str] = {
    "uk": "Добре, пишемо українською.",
    "ru": "Хорошо, пишем по-русски.",
    "en": "All right, in English then.",
    "ka": "კარგი, ქართულად მოგწერთ.",
}
_TITLES: Mapping[str, str] = {"uk": "Українська", "ru": "Русский", "en": "English", "ka": "ქართული"}


class LanguageSkill(Skill):
    """Asks with a button for each of the shop's languages that the bot speaks, and notes the choice on the card."""

    name = "language"
    triggers = frozenset({"conversation_opened"})

    def __init__(
        self,
        *,
        people: PeopleStore,
        customers: Customers,
        questions: Questions,
        speaker: Speaker,
        playbook: Callable[[], Awaitable[Playbook]],
    ) -> None:
        self._people = people
        self._customers = customers
        self._questions = questions
        self._speaker = speaker
        self._playbook = playbook

    async def heeds(self, occasion: Occasion, settings: BotSettings) -> bool:  # noqa: ARG002  # It is on, or not asked.
        """See `bot.skills.skill.Skill`. What everybody can read under a post is no place to ask."""
        message = occasion.message
        return message is not None and not message.get("public") and len(await self._choices()) > 1

    async def _choices(self) -> list[str]:
        return [code for code in (await self._playbook()).languages if code in _TITLES]

    async def hear(self, occasion: Occasion, settings: BotSettings) -> bool:
        """See `bot.skills.skill.Skill`. What else the customer wants is dealt with all the same."""
        known = await self._choices()
        if not await self.heeds(occasion, settings) or await self._speaker.language(occasion):
            return False
        if await self._people.ask_for_language(occasion.customer_id, occasion.key):
            draft = Draft(
                text="\n".join(_ASKED[code] for code in known),
                buttons=[(_TITLES[code], f"{self.name}:{code}") for code in known],
            )
            await self._questions.ask(occasion, asker=self.name, draft=draft, state={}, expires=EXPIRES)
        return False

    async def answer(self, occasion: Occasion, question: Question, settings: BotSettings) -> bool:  # noqa: ARG002
        """See `bot.skills.skill.Skill`. Who writes something else is not asked again."""
        choice = chosen(occasion.message, question.buttons) if occasion.message is not None else None
        if choice is None:
            return False
        code = choice.removeprefix(f"{self.name}:")
        await self._customers.change(occasion.customer_id, {"languages": [code]})
        await self._speaker.say(
            occasion, Draft(text=_CHOSEN[code]), token=f"skill:{self.name}:{occasion.key}", again=True
        )
        await self._questions.settle(question)
        return True
