"""Asking how it was, once a case is closed: one tap where the channel has buttons, a number elsewhere.

A manager who had answered closes the case; some minutes later, outside quiet hours, its customer is asked, at most once
in `ASKED_AGAIN_AFTER`. What they answer is told from messages where those come in (`inbox.ratings`), so that it opens
nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from bot.playbook import Playbook
from bot.speaking import Speaker
from inbox.channels import Channels
from inbox.events import EventBus
from inbox.model.conversation import ConversationStatus
from inbox.model.domain_events import ConversationChanged, ConversationRated
from inbox.model.errors import DomainError
from inbox.model.hours import quiet_until
from inbox.model.ids import now, sort_key
from inbox.model.macros import language_for
from inbox.model.opting import opted_out
from inbox.model.ratings import BEST, asked_token, button, case_name
from inbox.replies import Draft
from inbox.settings import ShopSettings
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later

ASK = "rating.ask"
"""The kind of timer that asks; its data is `{conversation_id, no}`."""

ASKED_AGAIN_AFTER = timedelta(days=30)

_QUESTION = {
    "uk": "Як би ви оцінили нашу відповідь? 1 — погано, 5 — чудово.",
    "ru": "Как бы вы оценили наш ответ? 1 — плохо, 5 — отлично.",
    "en": "How did we do? 1 is bad, 5 is great.",
    "ka": "როგორ შეაფასებდით ჩვენს პასუხს? 1 — ცუდად, 5 — შესანიშნავად.",
}
_BY_NUMBER = {
    "uk": "Надішліть у відповідь одну цифру.",
    "ru": "Отправьте в ответ одну цифру.",
    "en": "Answer with one digit.",
    "ka": "გვიპასუხეთ ერთი ციფრით.",
}
_THANKS = {
    "uk": "Дякуємо за оцінку!",
    "ru": "Спасибо за оценку!",
    "en": "Thank you for the rating!",
    "ka": "გმადლობთ შეფასებისთვის!",
}
_ADD_A_COMMENT = {
    "uk": "Додати коментар",
    "ru": "Добавить комментарий",
    "en": "Add a comment",
    "ka": "კომენტარის დამატება",
}
_COMMENT = {
    "uk": "Напишіть його одним повідомленням: ми прочитаємо.",
    "ru": "Напишите его одним сообщением: мы прочитаем.",
    "en": "Write it in one message: we will read it.",
    "ka": "მოგვწერეთ ერთ შეტყობინებად: აუცილებლად წავიკითხავთ.",
}

_log = structlog.get_logger(__name__)


class RatingSkill:
    """Asks for ratings and thanks for them."""

    name = "rating"

    def __init__(
        self,
        *,
        conversations: ConversationStore,
        people: PeopleStore,
        channels: Channels,
        speaker: Speaker,
        playbook: Callable[[], Awaitable[Playbook]],
        settings: ShopSettings,
        timers: TimerStore,
    ) -> None:
        self._conversations = conversations
        self._people = people
        self._channels = channels
        self._speaker = speaker
        self._playbook = playbook
        self._settings = settings
        self._timers = timers

    def subscribe(self, bus: EventBus) -> None:
        """Hear of what is closed, and of what was rated."""
        bus.subscribe(ConversationChanged, self._changed)
        bus.subscribe(ConversationRated, self._rated)

    async def _changed(self, event: ConversationChanged) -> None:
        after = event.after
        closed = after["status"] == ConversationStatus.CLOSED and event.before["status"] != ConversationStatus.CLOSED
        if not closed or event.author.type != "manager" or not _was_answered(after):
            return
        bot = (await self._playbook()).bot
        if bot.has(self.name):
            due_at = now() + timedelta(minutes=bot.rating_after)
            case = {"conversation_id": after["_id"], "no": after["openings"]}
            await self._timers.set(f"{ASK}:{case_name(after['_id'], after['openings'])}", ASK, due_at, case)

    async def ask(self, case: Mapping[str, Any]) -> None:
        """Ask about a case, if it is still closed and its customer may be asked. Raises `Later` in quiet hours."""
        conversation = await self._conversations.get(case["conversation_id"])
        bot = (await self._playbook()).bot
        if conversation is None or conversation["active"] or conversation["openings"] != case["no"]:
            return
        card = await self._people.living(conversation["customer_id"])
        if card is None or opted_out(card) or not bot.has(self.name):
            return
        shop, present = await self._settings.get(), now()
        quiet = quiet_until(shop["quiet_hours"], shop["timezone"], present)
        if quiet is not None:
            raise Later((quiet - present).total_seconds())
        name = case_name(conversation["_id"], case["no"])
        if not await self._people.ask_for_rating(card["_id"], name, at=present, since=present - ASKED_AGAIN_AFTER):
            return
        try:
            draft = await self._question(conversation, case["no"], language_for(_QUESTION, *_spoken(card, shop)))
            await self._speaker.say_aside(
                conversation["_id"], draft, token=asked_token(conversation["_id"], case["no"])
            )
        except DomainError as error:
            _log.info("rating_not_asked", conversation_id=conversation["_id"], reason=str(error))

    async def _question(self, conversation: Document, no: int, language: str) -> Draft:
        channel_id = conversation["channel_id"]
        if not await self._has_buttons(channel_id):
            return Draft(text=f"{_QUESTION[language]} {_BY_NUMBER[language]}", channel_id=channel_id)
        scores = [(str(score), button(conversation["_id"], no, str(score))) for score in range(1, BEST + 1)]
        return Draft(text=_QUESTION[language], channel_id=channel_id, buttons=scores)

    async def _has_buttons(self, channel_id: str) -> bool:
        return (await self._channels.open(channel_id)).kind.capabilities.buttons.sends

    async def _rated(self, event: ConversationRated) -> None:
        message, given = event.message, event.message["rating"]
        card = await self._people.living(message["customer_id"])
        if card is None or opted_out(card) or given["comment"]:
            return
        shop = await self._settings.get()
        language = language_for(_THANKS, *_spoken(card, shop))
        case = case_name(given["conversation_id"], given["no"])
        where = {"channel_id": message["channel_id"], "identity_id": message["identity_id"]}
        try:
            if given["score"] is None:
                draft, token = Draft(text=_COMMENT[language], **where), f"skill:rating:comment:{case}"
            else:
                draft, token = Draft(text=_THANKS[language], **where), f"skill:rating:thanks:{case}"
                if await self._has_buttons(message["channel_id"]):
                    add = (_ADD_A_COMMENT[language], button(given["conversation_id"], given["no"], "comment"))
                    draft = Draft(text=_THANKS[language], buttons=[add], **where)
            await self._speaker.say_aside(event.conversation["_id"], draft, token=token)
        except DomainError as error:
            _log.info("rating_not_thanked", conversation_id=event.conversation["_id"], reason=str(error))


def _was_answered(conversation: Mapping[str, Any]) -> bool:
    """Whether a person wrote since the case was opened."""
    return bool(conversation["last_reply_sort"] > sort_key(conversation["opened_at"]))


def _spoken(card: Mapping[str, Any], shop: Mapping[str, Any]) -> tuple[str, ...]:
    return (card["language"], *shop["languages"])
