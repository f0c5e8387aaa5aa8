"""Somebody asks for a person: the bot says that one comes, and steps aside at once."""

import contextlib
from collections.abc import Awaitable, Callable

from bot.handoff import Handoff
from bot.occasions import Occasion
from bot.opening import opens
from bot.playbook import Playbook
from bot.settings import BotSettings
from bot.skills.skill import Skill
from bot.speaking import Speaker
from bot.understanding.reading import Reading
from inbox.model.errors import DomainError
from inbox.model.macros import language_for
from inbox.model.people import BOT
from inbox.replies import Draft
from inbox.storage.database import Document

_COMES = {
    "uk": "Передаю розмову менеджеру: він відповість вам тут.",
    "ru": "Передаю разговор менеджеру: он ответит вам здесь.",
    "en": "I hand you over to a person, who will answer you here.",
    "ka": "გადაგამისამართებთ მენეჯერთან: ის აქვე გიპასუხებთ.",
}
_COMES_LATER = {
    "uk": "Передаю розмову менеджеру. Зараз ми зачинені, він відповість {opens}.",
    "ru": "Передаю разговор менеджеру. Сейчас мы закрыты, он ответит {opens}.",
    "en": "I hand you over to a person. We are closed now: they will answer {opens}.",
    "ka": "გადაგამისამართებთ მენეჯერთან. ახლა დაკეტილი ვართ, გიპასუხებთ {opens}.",
}


class PersonSkill(Skill):
    """Hands over to whoever asks for it."""

    name = "person"
    triggers = frozenset({"message_received"})

    def __init__(
        self,
        *,
        read: Callable[[Document], Awaitable[Reading]],
        speaker: Speaker,
        handoff: Handoff,
        playbook: Callable[[], Awaitable[Playbook]],
    ) -> None:
        self._read = read
        self._speaker = speaker
        self._handoff = handoff
        self._playbook = playbook

    async def heeds(self, occasion: Occasion, settings: BotSettings) -> bool:  # noqa: ARG002  # The reader goes by them.
        """See `bot.skills.skill.Skill`. What everybody can read under a post is left to people."""
        message = occasion.message
        if message is None or message.get("public") or not message["text"]:
            return False
        return (await self._read(message)).intent == "person"

    async def hear(self, occasion: Occasion, settings: BotSettings) -> bool:
        """See `bot.skills.skill.Skill`."""
        if occasion.message is None or not await self.heeds(occasion, settings):
            return False
        reading = await self._read(occasion.message)
        with contextlib.suppress(DomainError):  # Who cannot be told is handed over all the same.
            await self._say(occasion, reading.language)
        await self._handoff.hand_over(occasion.conversation["_id"], by=BOT, reason=self.name)
        return True

    async def _say(self, occasion: Occasion, read: str | None) -> None:
        playbook = await self._playbook()
        wishes = (read, await self._speaker.language(occasion), *playbook.languages)
        language = language_for(_COMES, *wishes)
        opening = opens(playbook.hours, occasion.at, language)
        text = _COMES[language] if opening is None else _COMES_LATER[language].format(opens=opening)
        await self._speaker.say(occasion, Draft(text=text), token=f"skill:{self.name}:{occasion.key}", again=True)
