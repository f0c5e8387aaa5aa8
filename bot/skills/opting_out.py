"""Stop words: who writes one as the whole message hears no machine any more, on no channel, until they say otherwise.

This listens beside the engine: the guards that keep the bot out of a manager's conversation must not keep it from
hearing this, and rules that the same message sets off must find the wish noted.
"""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.playbook import Playbook
from bot.speaking import Speaker
from inbox.events import EventBus
from inbox.live import Frame, LiveFeed
from inbox.model.domain_events import ConversationOpened, MessageReceived
from inbox.model.errors import DomainError
from inbox.model.macros import language_for
from inbox.replies import Draft
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore

_STOP: Mapping[str, str] = {
    **dict.fromkeys(("стоп", "відписатися", "відписатись", "відписка"), "uk"),
    **dict.fromkeys(("отписаться", "отписка", "отпишите", "отпишите меня"), "ru"),
    **dict.fromkeys(("stop", "unsubscribe", "opt out", "stop all"), "en"),
    **dict.fromkeys(("გაჩერდი", "გაჩერება", "სტოპ", "გამოწერის გაუქმება"), "ka"),
}
_START: Mapping[str, str] = {
    **dict.fromkeys(("старт", "підписатися", "підписатись"), "uk"),
    **dict.fromkeys(("подписаться", "подписка"), "ru"),
    **dict.fromkeys(("start", "subscribe", "unstop", "opt in"), "en"),
    **dict.fromkeys(("დაწყება", "სტარტი", "გამოწერა"), "ka"),
}
_LONGEST = max(map(len, (*_STOP, *_START))) + 8

_STOPPED = {
    "uk": "Гаразд, автоматичних повідомлень більше не буде. Щоб повернути їх, напишіть «старт».",
    "ru": "Хорошо, автоматических сообщений больше не будет. Чтобы вернуть их, напишите «старт».",
    "en": "All right, you will get no more automatic messages. Write “start” to have them back.",
    "ka": "კარგი, ავტომატურ შეტყობინებებს აღარ მიიღებთ. დასაბრუნებლად მოგვწერეთ „სტარტი“.",
}
_STARTED = {
    "uk": "Автоматичні повідомлення знову ввімкнено. Щоб вимкнути їх, напишіть «стоп».",
    "ru": "Автоматические сообщения снова включены. Чтобы отключить их, напишите «стоп».",
    "en": "Automatic messages are on again. Write “stop” to end them.",
    "ka": "ავტომატური შეტყობინებები კვლავ ჩართულია. გასათიშად მოგვწერეთ „სტოპ“.",
}

_log = structlog.get_logger(__name__)


def wish_in(text: str) -> tuple[bool, str] | None:
    """Whether a text is, as a whole, a word that ends automatic messages (True) or brings them back, and its language.

    None for any other text. `/stop` and `STOP!` are such words, `please stop` is none.
    """
    if len(text) > _LONGEST:
        return None
    word = " ".join(text.casefold().strip(" \t\n/.!,:;\"'«»“”").split())
    if word in _STOP:
        return True, _STOP[word]
    return (False, _START[word]) if word in _START else None


class OptingOut:
    """Notes the wish on the card, and says once that it was heard."""

    name = "opt_out"

    def __init__(
        self,
        *,
        people: PeopleStore,
        speaker: Speaker,
        playbook: Callable[[], Awaitable[Playbook]],
        feed: LiveFeed,
    ) -> None:
        self._people = people
        self._speaker = speaker
        self._playbook = playbook
        self._feed = feed

    def subscribe(self, bus: EventBus) -> None:
        """Hear of every message. Whoever speaks to customers by itself has to hear of them later."""
        bus.subscribe(ConversationOpened, self._heard)
        bus.subscribe(MessageReceived, self._heard)

    async def _heard(self, event: ConversationOpened | MessageReceived) -> None:
        message = event.message
        wish = wish_in(message["text"])
        # A word under a post is said to everybody, and a machine wishes nothing.
        if wish is None or message["author"]["machine"] or message.get("public"):
            return
        if (await self._playbook()).bot.has(self.name):
            await self._follow(message, *wish)

    async def _follow(self, message: Document, out: bool, spoken: str) -> None:  # noqa: FBT001  # The wish, as read.
        before = await self._people.living(message["customer_id"])
        if before is None:
            return
        known = before.get("opting") or {"out": False, "sort": ""}
        if known["sort"] > message["sort"] or (known["out"] == out and known["sort"] != message["sort"]):
            return
        card = await self._people.set_opting(before["_id"], out=out, at=message["received_at"], sort=message["sort"])
        if card is None:
            return
        await self._feed.publish([Frame(type="customer.updated", data=card)])
        texts = _STOPPED if out else _STARTED
        identity = await self._people.identity(message["identity_id"])
        language = language_for(texts, card["language"], (identity or {}).get("language"), spoken)
        try:
            await self._speaker.say_aside(
                message["conversation_id"],
                Draft(text=texts[language], channel_id=message["channel_id"], identity_id=message["identity_id"]),
                token=f"skill:{self.name}:{message['_id']}",
            )
        except DomainError as error:
            _log.warning("opting_not_confirmed", customer_id=card["_id"], reason=str(error))
