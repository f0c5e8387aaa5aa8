"""Where is my order: answered at once to whoever has proven that it is theirs, to strangers for its number and phone.

Who may hear of what is decided by `inbox.disclosure` whenever something is to be told, of whoever asks now: a button
holds no order, only a word by which its own customer's order is found again. Everybody else is asked for number and
phone; whatever is wrong with them, the words, the buttons and what follows are the same, and the second time a person
takes over. So does one where the same answer would be given again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from bot.choices import chosen
from bot.handoff import Handoff
from bot.occasions import Occasion
from bot.questions import Question, Questions
from bot.settings import BotSettings
from bot.skills.order_answers import LISTED, WORDS, Facts, answer, bare, language_of, overview
from bot.skills.order_naming import Said, is_same, named, phone_alone, said
from bot.skills.skill import Skill
from bot.speaking import Speaker
from bot.understanding.numbers import Mention
from bot.understanding.reading import Reading
from inbox.disclosure import Disclosure
from inbox.model.carrier import Stage
from inbox.model.ids import derived_id, now
from inbox.model.people import BOT
from inbox.model.pipeline import Pipeline
from inbox.orders import Orders
from inbox.proofs import international
from inbox.replies import Draft
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.tracking import Tracking

NAME: Final = "order_status"
PERSON: Final = f"{NAME}:person"
OTHER: Final = f"{NAME}:other"
_ONE: Final = f"{NAME}:one:"
_AGAIN: Final = f"{NAME}:again:"

EXPIRES: Final = timedelta(minutes=30)
"""How long number and phone are waited for."""

_HARMLESS: Final = frozenset({"greeting", "thanks", "order_status"})
"""What needs no person once the order question is answered."""

_FEWEST_DIGITS: Final = 3
"""A number of fewer digits in the middle of a question may count or date anything."""

Order = Mapping[str, Any]
Button = tuple[str, str]


class _Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is dealt with: in which language, and after which question of ours."""

    occasion: Occasion
    message: Document
    language: str
    question: Question | None = None

    @property
    def asked(self) -> Mapping[str, Any]:
        """What the question knows already."""
        return self.question.state if self.question is not None else {}


class OrderStatus(Skill):
    """See the module."""

    name = NAME
    triggers = frozenset({"message_received"})

    def __init__(
        self,
        *,
        read: Callable[[Document], Awaitable[Reading]],
        disclosure: Disclosure,
        orders: Orders,
        tracking: Tracking,
        messages: MessageStore,
        settings: ShopSettings,
        speaker: Speaker,
        questions: Questions,
        handoff: Handoff,
    ) -> None:
        self._read = read
        self._disclosure = disclosure
        self._orders = orders
        self._tracking = tracking
        self._messages = messages
        self._settings = settings
        self._speaker = speaker
        self._questions = questions
        self._handoff = handoff

    async def heeds(self, occasion: Occasion, settings: BotSettings) -> bool:
        """See `bot.skills.skill.Skill`. What everybody can read under a post is left to people."""
        message = occasion.message
        if message is None or message.get("public"):
            return False
        if _pressed(message) is not None:
            return True
        if not message["text"]:
            return False
        reading = await self._read(message)
        return reading.intent == NAME and reading.confidence >= settings.confidence

    async def hear(self, occasion: Occasion, settings: BotSettings) -> bool:
        """See `bot.skills.skill.Skill`."""
        message = occasion.message
        if message is None or not await self.heeds(occasion, settings):
            return False
        pressed = _pressed(message)
        language = None if pressed is not None else (await self._read(message)).language
        waiting = await self._questions.waiting(occasion.conversation)
        if waiting is not None and waiting.asker == NAME:
            await self._questions.settle(waiting)
        elif waiting is not None:
            return False
        turn = _Turn(occasion=occasion, message=message, language=await self._language(occasion, language))
        if pressed is not None:
            await self._press(turn, pressed)
        else:
            await self._begin(turn, await self._said(message["text"]))
        return True

    async def answer(self, occasion: Occasion, question: Question, settings: BotSettings) -> bool:  # noqa: ARG002
        """See `bot.skills.skill.Skill`."""
        message = occasion.message
        if message is None:
            return False
        turn = _Turn(occasion=occasion, message=message, language=question.state["language"], question=question)
        choice = chosen(message, question.buttons) or _pressed(message)
        if choice is not None:
            await self._press(turn, choice)
            return True
        told = await self._heard(message, turn.asked)
        if not told.numbers and not told.phone:
            return False
        own = await self._disclosure.own(message)
        hits = named(told.numbers, own)
        if len(hits) == 1:
            await self._tell(turn, hits[0], own=own, said=told.number)
            return True
        await self._of_a_stranger(turn, told)
        return True

    async def _language(self, occasion: Occasion, read: str | None) -> str:
        """That of the words; where they tell none, the customer's, else the shop's."""
        shop = (await self._settings.get())["languages"]
        return language_of(read, await self._speaker.language(occasion), *shop)

    async def _said(self, text: str) -> Said:
        return said(text, await self._settings.region())

    async def _heard(self, message: Document, asked: Mapping[str, Any]) -> Said:
        """What a message says of number and phone, to somebody who was asked for them.

        A shared contact counts where it is the sender's own: one that was passed on says who else is known to them.
        """
        content = message["content"]
        if content is not None:
            own = content["type"] == "contact" and content["own"] and not message["forwarded"]
            phone = international(content["phone"], await self._settings.region()) if own else None
            return Said(phone=phone or "")
        told = await self._said(message["text"])
        if told.phone or not asked.get("number"):
            return told
        phone = phone_alone(message["text"], await self._settings.region())
        return Said(phone=phone) if phone else told

    async def _begin(self, turn: _Turn, told: Said) -> None:
        """Answer a question about an order, as far as whoever asks may hear of one."""
        own = await self._disclosure.own(turn.message)
        hits = named(told.numbers, own)
        if len(hits) == 1:
            await self._tell(turn, hits[0], own=own, said=told.number)
        elif hits:
            await self._list(turn, hits)
        elif own and not _is_certain(told.number):
            await self._tell_own(turn, own)
        else:
            certain = told.numbers if _is_certain(told.number) else ()
            await self._of_a_stranger(turn, Said(numbers=certain, phone=told.phone))

    async def _press(self, turn: _Turn, data: str) -> None:
        """Do what a button says, of whichever order is whose who presses it now."""
        if data == PERSON:
            await self._hand_over(turn)
            return
        own = await self._disclosure.own(turn.message)
        order = next((order for order in own if data.endswith(_word(order))), None)
        if order is not None and data.startswith((_ONE, _AGAIN)):
            await self._tell(turn, order, own=own, again=data.startswith(_AGAIN))
        elif data == OTHER and len(own) > 1:
            await self._list(turn, own)
        elif own and data != OTHER:
            await self._tell_own(turn, own)
        else:
            await self._of_a_stranger(turn, Said())

    async def _tell_own(self, turn: _Turn, own: Sequence[Order]) -> None:
        """Their orders that are still under way, or the last one where none is."""
        pipeline = await self._orders.pipeline()
        under_way = [order for order in own if _is_under_way(order, pipeline)]
        if len(under_way) > 1:
            await self._list(turn, under_way)
        else:
            await self._tell(turn, (under_way or own)[0], own=own)

    async def _tell(
        self, turn: _Turn, order: Order, *, own: Sequence[Order], said: Mention | None = None, again: bool = False
    ) -> None:
        """Tell whose order it is all about it."""
        words, pipeline = WORDS[turn.language], await self._orders.pipeline()
        lines = [await self._answer(turn, order, whole=True)]
        if said is not None and not is_same(said, order["number"]):
            lines.insert(0, words.nearest.format(written=bare(said.spellings[0])))
        buttons: list[Button] = []
        if _is_under_way(order, pipeline):
            buttons.append((words.refresh, _AGAIN + _word(order)))
        if len(own) > 1:
            buttons.append((words.other, OTHER))
        if again:
            at = now().astimezone(ZoneInfo((await self._settings.get())["timezone"]))
            lines.append(words.refreshed.format(time=f"{at:%H:%M}"))
        await self._say(turn, "\n".join(lines), buttons, answers=True, again=again)

    async def _list(self, turn: _Turn, orders: Sequence[Order]) -> None:
        """Tell how far some of their orders are, and let them choose one."""
        shown = orders[:LISTED]
        facts = [await self._facts(order, turn.language) for order in shown]
        number = WORDS[turn.language].number
        buttons = [(number.format(number=bare(order["number"])), _ONE + _word(order)) for order in shown]
        await self._say(turn, overview(facts, turn.language), buttons, answers=True, waits={"step": "list"})

    async def _of_a_stranger(self, turn: _Turn, told: Said) -> None:
        """Tell of an order for its number and phone, or ask for what is missing of them."""
        words, asked = WORDS[turn.language], turn.asked
        spellings = list(told.number.spellings) if told.number is not None else asked.get("number", [])
        phone = told.phone or asked.get("phone", "")
        dealt_with = [*asked.get("dealt_with", ()), turn.message["sort"]]
        state = {"step": "asked", "number": spellings, "phone": phone, "misses": asked.get("misses", 0)}
        state["dealt_with"] = dealt_with
        if not spellings or not phone:
            missing = words.ask_phone if spellings else words.ask_number
            await self._say(turn, missing, waits=state)
            return
        order = await self._disclosure.matching(turn.message, spellings, phone)
        if order is not None:
            await self._say(turn, await self._answer(turn, order, whole=False), answers=True)
        elif state["misses"]:
            await self._hand_over(turn, words.not_found_again)
        else:
            await self._say(turn, words.not_found, waits={**state, "number": [], "phone": "", "misses": 1})

    async def _say(
        self,
        turn: _Turn,
        text: str,
        buttons: Sequence[Button] = (),
        *,
        answers: bool = False,
        again: bool = False,
        waits: Mapping[str, Any] | None = None,
    ) -> None:
        """Say it to whoever asked, and wait for what is to come back; where it was said before, a person takes over."""
        draft = Draft(
            text=text,
            buttons=[*buttons, (WORDS[turn.language].person, PERSON)],
            identity_id=turn.message["identity_id"],
            answers=answers,
            answered=await self._answered(turn) if answers else (),
        )
        if waits is not None:
            state = {**waits, "language": turn.language}
            was_said = await self._questions.ask(
                turn.occasion, asker=NAME, draft=draft, state=state, expires=EXPIRES, after=turn.question
            )
        else:
            was_said = await self._speaker.say(turn.occasion, draft, token=_token(turn), again=again)
            if was_said and turn.question is not None:
                await self._questions.settle(turn.question)
        if not was_said:
            await self._hand_over(turn)

    async def _answered(self, turn: _Turn) -> list[str]:
        """The messages that an answer answers: what was said on the way to it, and what else needs no person."""
        known = {*turn.asked.get("dealt_with", ()), turn.message["sort"]}
        conversation = turn.occasion.conversation
        before = [key for key in conversation["unanswered"] if key < turn.message["sort"] and key not in known]
        for message in await self._messages.standing_at(conversation["_id"], before) if before else ():
            if await self._is_harmless(message):
                known.add(message["sort"])
        return sorted(known)

    async def _is_harmless(self, message: Document) -> bool:
        content = message["content"]
        if content is not None:
            return _pressed(message) is not None or content["type"] == "contact"
        return not message["attachments"] and (await self._read(message)).intent in _HARMLESS

    async def _hand_over(self, turn: _Turn, text: str = "") -> None:
        draft = Draft(text=text or WORDS[turn.language].handed_over, identity_id=turn.message["identity_id"])
        await self._speaker.say(turn.occasion, draft, token=f"{_token(turn)}:handed_over")
        if turn.question is not None:
            await self._questions.settle(turn.question)
        await self._handoff.hand_over(turn.occasion.conversation["_id"], by=BOT, reason=NAME)

    async def _answer(self, turn: _Turn, order: Order, *, whole: bool) -> str:
        today = now().astimezone(ZoneInfo((await self._settings.get())["timezone"])).date()
        return answer(await self._facts(order, turn.language), turn.language, today=today, whole=whole)

    async def _facts(self, order: Order, language: str) -> Facts:
        pipeline, delivery = await self._orders.pipeline(), order["delivery"]
        languages = (language, *(await self._settings.get())["languages"])
        number = delivery["tracking_number"]
        carrier = self._tracking.carrier_of(delivery) if number else None
        parcel = (await self._tracking.of_orders([order["_id"]])).get(order["_id"]) if number else None
        followed = parcel if parcel is not None and parcel["number"] == number else {}
        return Facts(
            number=order["number"],
            status=pipeline.title(order["status"], languages),
            items=order["items"],
            carrier=carrier.title if carrier is not None else delivery["carrier"],
            tracking_number=number,
            page=carrier.page(number) if carrier is not None and carrier.knows(number) else "",
            stage=Stage(followed.get("stage", Stage.UNKNOWN)),
            expected_on=followed.get("expected_on", ""),
        )


def _token(turn: _Turn) -> str:
    return f"skill:{NAME}:{turn.occasion.key}"


def _pressed(message: Mapping[str, Any]) -> str | None:
    """What a pressed button of ours says, whenever it was shown and to whomever."""
    content = message["content"]
    data: str | None = content["data"] if content is not None and content["type"] == "button" else None
    return data if data is not None and data.startswith(f"{NAME}:") else None


def _word(order: Order) -> str:
    """By what a button finds an order again among those of whoever presses it; it tells nobody which one it is."""
    return derived_id("order on a button", order["_id"])[:16]


def _is_certain(number: Mention | None) -> bool:
    """Whether what stands in a question was certainly meant as a number of an order."""
    if number is None or not number.marked:
        return False
    return sum(sign.isdecimal() for sign in number.spellings[0]) >= _FEWEST_DIGITS


def _is_under_way(order: Order, pipeline: Pipeline) -> bool:
    """Whether anything is still to come of an order but that it comes to nothing."""
    ahead = set(pipeline.allowed(order["status"])).difference(pipeline.void)
    return order["status"] not in pipeline.void and bool(ahead)
