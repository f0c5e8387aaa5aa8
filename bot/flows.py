"""Rules as dialogues: a question's answer is checked, put on the customer's card, and what follows from it is done.

What is left of a flow lies with its question, so that a rule that is changed or deleted changes no dialogue under way.
The answer is held on to before anything is done with it; whatever then breaks off is done again by whoever hears the
message again, or the next one, and all of it bears that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from bot.actions import ACTIONS, Ask, AskButton, HandOff, worded
from bot.answers import AGAIN, fitting
from bot.choices import chosen
from bot.doing import FLOW, PRESSED, Doer, Firing
from bot.occasions import Occasion
from bot.questions import Question, Questions
from bot.references import OF_CARDS
from bot.settings import BotSettings
from bot.speaking import Speaker
from inbox.customer_fields import CustomerFields
from inbox.customers import Customers, languages_of
from inbox.model.actions import Action
from inbox.model.errors import DomainError, Invalid
from inbox.model.ids import derived_id, now
from inbox.model.typed import each
from inbox.replies import Draft
from inbox.settings import ShopSettings
from inbox.storage.audit import AuditStore
from inbox.storage.database import Document
from inbox.storage.errors import Duplicate

_log = structlog.get_logger(__name__)


class Flows:
    """Hears the answers to what rules asked."""

    name = FLOW

    def __init__(
        self,
        *,
        doer: Doer,
        questions: Questions,
        speaker: Speaker,
        customers: Customers,
        fields: CustomerFields,
        settings: ShopSettings,
        audit: AuditStore,
    ) -> None:
        self._doer = doer
        self._questions = questions
        self._speaker = speaker
        self._customers = customers
        self._fields = fields
        self._settings = settings
        self._audit = audit

    async def answer(self, occasion: Occasion, question: Question, settings: BotSettings) -> bool:  # noqa: ARG002
        """Take a message for the answer; see `bot.questions.Asker`."""
        try:
            ask, rest = _restored(question.state)
        except Invalid as error:
            # Written by another version: nobody can go on with it.
            _log.warning("flow_unreadable", conversation_id=question.conversation_id, reason=str(error))
            await self._questions.settle(question)
            return False
        heard = question if question.answer is not None else await self._heard(occasion, question, ask)
        if isinstance(heard, bool):
            return heard
        await self._go_on(occasion, heard, ask, rest)
        await self._questions.settle(heard)
        return True

    async def _heard(self, occasion: Occasion, question: Question, ask: Ask) -> Question | bool:
        """The question with its answer, where something follows from it; else whether the message was dealt with."""
        message = occasion.message
        if message is None or is_old_press(message, question):
            return message is not None
        given = await self._given(ask, message, question)
        if given is None:
            number = await self._questions.miss(question)
            if number is None:
                return False
            if number < ask.tries:
                await self._ask_again(occasion, question, ask, number)
                return True
        return await self._questions.take(question, given or {"value": None, "button": None}) or False

    async def _given(self, ask: Ask, message: Document, question: Question) -> Document | None:
        """What a message answers, as it is held on to; None where it does not fit."""
        # Where a number is expected, one that is typed is not the number of a button.
        data = chosen(message, question.buttons, numbered=ask.expects == "choice")
        if data is not None:
            place = next(place for place, button in enumerate(question.buttons) if button["data"] == data)
            return {"value": ask.buttons[place].value, "button": place}
        value = fitting(ask.expects, message, await self._settings.region())
        if value is not None and ask.field is not None:
            value = await self._as_field(ask.field, value)
        return {"value": value, "button": None} if value is not None else None

    async def _as_field(self, field: str, value: str) -> str | None:
        """A value as the card's field keeps it; None where it does not take it."""
        if field in OF_CARDS:
            return value
        try:
            return (await self._fields.checked({field: value}))[field]
        except Invalid:
            return None

    async def _ask_again(self, occasion: Occasion, question: Question, ask: Ask, number: int) -> None:
        language = await self._speaker.language(occasion)
        languages = (await self._settings.get())["languages"]
        draft = Draft(
            text=worded(ask.again if ask.again is not None else AGAIN[ask.expects], language, languages),
            buttons=tuple((button["title"], button["data"]) for button in question.buttons),
        )
        token = f"question:{question.key}:again:{number}"
        try:
            await self._speaker.say(occasion, draft, token=token, again=True)
        except DomainError as error:
            _log.warning("bot_action_refused", action="Ask", reason=str(error), occasion=occasion.key)

    async def _go_on(self, occasion: Occasion, question: Question, ask: Ask, rest: Sequence[Action]) -> None:
        """Do what follows from the answer that was taken."""
        rule, answer = question.state["rule"], question.answer or {}
        button: AskButton | None = ask.buttons[answer["button"]] if answer["button"] is not None else None
        if answer["value"] is None:
            actions = ask.otherwise if ask.otherwise is not None else (HandOff(type="handoff"),)
        else:
            actions = (*(button.actions if button is not None else ()), *rest)
            if ask.field is not None:
                await self._store(occasion, question, ask.field, answer["value"])
        firing = Firing(
            rule_id=rule["id"],
            rule_name=rule["name"],
            name=f"{rule['id']}:{question.key}",
            occasion=occasion,
            actions=actions,
            languages=(await self._settings.get())["languages"],
            order_id=question.state["order_id"],
            after=question,
        )
        await self._doer.do(firing)

    async def _store(self, occasion: Occasion, question: Question, field: str, value: str) -> None:
        """Put an answer on the card, as a manager would, and tell the audit of it once."""
        rule = question.state["rule"]
        try:
            card = await self._customers.get(occasion.customer_id)
            await self._customers.change(card["_id"], _on_card(card, field, value))
        except DomainError as error:
            # The field is gone meanwhile, or takes other values.
            _log.warning("answer_not_stored", rule_id=rule["id"], field=field, reason=str(error))
            return
        entry = {
            "_id": derived_id("answer", question.key),
            "at": now(),
            "actor": {"id": rule["id"], "name": rule["name"], "role": "bot"},
            "action": "customer.change",
            "object_id": card["_id"],
            "address": "",
            "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
            # What customers answer is theirs: the audit tells that it was set, and not to what.
            "changed": {field if field in OF_CARDS else f"fields.{field}": None},
        }
        try:
            await self._audit.add(entry)
        except Duplicate:
            return


def is_old_press(message: Mapping[str, Any], question: Question | None = None) -> bool:
    """Whether a message is a press of a button that a rule's question had, and not this one: it says nothing now."""
    content = message.get("content")
    if content is None or content["type"] != "button" or not content["data"].startswith(PRESSED):
        return False
    return question is None or all(button["data"] != content["data"] for button in question.buttons)


def _on_card(card: Mapping[str, Any], field: str, value: str) -> Document:
    """What changes on a card. A phone that somebody types proves nothing, and takes away nothing that is there."""
    if field == "phone":
        return {"phones": [*(row["number"] for row in card["phones"]), value]}
    if field == "email":
        return {"emails": [*(row["address"] for row in card["emails"]), value]}
    if field == "language":
        return {"languages": list(dict.fromkeys([value, *languages_of(card)]))}
    return {"name": value} if field == "name" else {"fields": {field: value}}


def _restored(state: Mapping[str, Any]) -> tuple[Ask, tuple[Action, ...]]:
    (ask,) = each([state["ask"]], ACTIONS, "ask")
    if not isinstance(ask, Ask):
        raise Invalid("ask", "is no question")
    return ask, each(state["rest"], ACTIONS, "rest")
