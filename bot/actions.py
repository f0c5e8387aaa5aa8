"""What a rule may do. Adding a kind of action is a class, its row in the table, and its row in `bot.doing`.

An `ask` holds further actions, for each of its buttons and for where no answer fits: rules are dialogues by that.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializeAsAny,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from bot.blanks import check
from bot.settings import web_address
from inbox.model.actions import Action, Assign, Close, Id, LabelConversation, SetOrderStatus, SetPriority, Snooze
from inbox.model.errors import Invalid
from inbox.model.languages import Language
from inbox.model.macros import language_for
from inbox.model.typed import ONE_TEXT, TEXT_BY_LANGUAGE, each
from inbox.replies import MAX_TEXT

MAX_NESTING = 5
"""How deep questions may stand within what follows from the answers to others."""

MAX_ACTIONS = 100
"""How many actions a rule may have, those that follow from answers included."""

MAX_TITLE = 80

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT), AfterValidator(check)
]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE)]


def _way(text: object) -> str:
    return TEXT_BY_LANGUAGE if isinstance(text, dict) else ONE_TEXT


Words = Annotated[
    Annotated[Text, Tag(ONE_TEXT)]
    | Annotated[dict[Language, Text], Field(min_length=1, max_length=20), Tag(TEXT_BY_LANGUAGE)],
    Discriminator(_way),
]
"""One text for everybody, or a text for each language."""

Titles = Annotated[
    Annotated[Title, Tag(ONE_TEXT)]
    | Annotated[dict[Language, Title], Field(min_length=1, max_length=20), Tag(TEXT_BY_LANGUAGE)],
    Discriminator(_way),
]


def worded(words: str | Mapping[str, str], customer: str, shop: Sequence[str]) -> str:
    """The text in the customer's language, else in the first of the shop's that there is, else the first."""
    return words if isinstance(words, str) else words[language_for(words, customer, *shop)]


class Reply(Action):
    """Say something. What a text leaves blank (`bot.blanks`) is filled in; where that is not known, nothing is said."""

    type: Literal["reply"]
    text: Words

    def text_for(self, customer: str, shop: Sequence[str]) -> str:
        """The text for a customer who speaks this language; see `worded`."""
        return worded(self.text, customer, shop)


class UseMacro(Action):
    """Say what a shared macro says, with its files, buttons and actions; nothing where a variable has no value."""

    type: Literal["macro"]
    macro_id: Id


class HandOff(Action):
    """Leave the case to people: the bot says nothing more in it, and the customer waits for somebody as any other."""

    type: Literal["handoff"]


class CallWebhook(Action):
    """Tell another system: what happened is posted to an address as JSON, signed where there is a `secret`."""

    type: Literal["webhook"]
    url: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000), AfterValidator(web_address)]
    secret: Annotated[str, StringConstraints(min_length=8, max_length=200)] | None = None


class CreateTask(Action):
    """Have somebody do something: in so many `minutes`, or `at` a time, told with its zone.

    `manager` is `assignee` (whoever holds the conversation then, else nobody) or a manager's id; without one it is
    anybody's.
    """

    type: Literal["task"]
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    minutes: Annotated[int, Field(strict=True, ge=0, le=366 * 24 * 60)] | None = None
    at: AwareDatetime | None = None
    manager: Id | None = None

    @model_validator(mode="after")
    def _is_due_once(self) -> "CreateTask":
        if (self.minutes is None) == (self.at is None):
            raise ValueError("say when it is due: in how many minutes, or at what time")
        return self

    def due(self, present: datetime) -> datetime:
        """By when it is to be done, where the rule does its work at `present`."""
        return self.at if self.at is not None else present + timedelta(minutes=self.minutes or 0)


def _action(raw: object) -> Action:
    """An action within another one. Its mistakes are told under its own place."""
    if isinstance(raw, Action):
        return raw
    kind = raw.get("type") if isinstance(raw, dict) else None
    if not isinstance(kind, str) or kind not in ACTIONS:
        unknown = PydanticCustomError("action", "is one of {kinds}", {"kinds": ", ".join(ACTIONS)})
        raise ValidationError.from_exception_data("action", [InitErrorDetails(type=unknown, loc=("type",), input=raw)])
    return TypeAdapter(ACTIONS[kind]).validate_python(raw)


Actions = Annotated[tuple[Annotated[SerializeAsAny[Action], BeforeValidator(_action)], ...], Field(max_length=20)]


class AskButton(BaseModel):
    """An answer that is offered: what it is called, what is stored for it, what is done once it is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Titles
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    actions: Actions = ()


class Ask(Action):
    """Ask something, wait, and go on with the answer.

    The rest of the rule waits for it too. What was answered is put into `field` of the customer's card: a code of the
    shop's own fields, or `name`, `phone`, `email`, `language`. An answer that does not fit is asked for anew with
    `again`, until `tries` did not fit: then `otherwise` is done, and nothing else; without it a person takes over.
    """

    type: Literal["ask"]
    text: Words
    buttons: Annotated[tuple[AskButton, ...], Field(max_length=20)] = ()
    expects: Literal["choice", "text", "number", "phone", "email", "date"]
    field: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    again: Words | None = None
    tries: Annotated[int, Field(strict=True, ge=1, le=5)] = 2
    minutes: Annotated[int, Field(strict=True, ge=1, le=30 * 24 * 60)] = 24 * 60
    otherwise: Actions | None = None

    @model_validator(mode="after")
    def _can_be_answered(self) -> "Ask":
        if self.expects == "choice" and not self.buttons:
            raise ValueError("a choice needs buttons to choose from")
        values = [button.value for button in self.buttons]
        if len(set(values)) < len(values):
            raise ValueError("give each button a value of its own")
        return self


ACTIONS: Mapping[str, type[Action]] = {
    "reply": Reply,
    "macro": UseMacro,
    "ask": Ask,
    "label": LabelConversation,
    "priority": SetPriority,
    "assign": Assign,
    "close": Close,
    "snooze": Snooze,
    "handoff": HandOff,
    "order_status": SetOrderStatus,
    "task": CreateTask,
    "webhook": CallWebhook,
}
"""Every kind of action that a rule may use, by its `type`."""

_ENDING = frozenset({"close", "handoff"})
"""After these nobody answers a question of the bot any more."""


def read(raw: Sequence[Any], field: str = "actions") -> tuple[Action, ...]:
    """Actions from what somebody wrote. Raises `Invalid` naming the place: `actions.0.buttons.1.actions.0.text`."""
    for number, (place, _, nesting) in enumerate(every(raw, field), 1):
        if nesting > MAX_NESTING:
            raise Invalid(place, f"questions stand at most {MAX_NESTING} deep within what follows from others")
        if number > MAX_ACTIONS:
            raise Invalid(place, f"a rule has at most {MAX_ACTIONS} actions")
    for place, actions in _sequences(raw, field):
        kinds = [action.get("type") if isinstance(action, Mapping) else None for action in actions]
        ended = next((position for position, kind in enumerate(kinds) if kind in _ENDING), len(kinds))
        if "ask" in kinds[ended:]:
            late = kinds.index("ask", ended)
            raise Invalid(f"{place}.{late}", f"after {kinds[ended]} nobody would be heard: ask before it")
    return each(raw, ACTIONS, field)


def every(actions: Sequence[Any], field: str = "actions", nesting: int = 0) -> Iterator[tuple[str, Any, int]]:
    """Each action in JSON, those within others too: its place, the action, and how many questions it stands in."""
    for position, action in enumerate(actions):
        place = f"{field}.{position}"
        yield place, action, nesting
        if nesting <= MAX_NESTING:
            for inner, within in _within(action, place):
                yield from every(within, inner, nesting + 1)


def _sequences(actions: Sequence[Any], field: str) -> Iterator[tuple[str, Sequence[Any]]]:
    yield field, actions
    for place, action, _ in every(actions, field):
        yield from _within(action, place)


def _within(action: Any, place: str) -> Iterator[tuple[str, Sequence[Any]]]:
    """The lists of actions that a question in JSON holds; what is no list is found to be wrong elsewhere."""
    if not isinstance(action, Mapping) or action.get("type") != "ask":
        return
    buttons = action.get("buttons")
    for position, button in enumerate(buttons if isinstance(buttons, list | tuple) else ()):
        inner = button.get("actions") if isinstance(button, Mapping) else None
        if isinstance(inner, list | tuple):
            yield f"{place}.buttons.{position}.actions", inner
    if isinstance(action.get("otherwise"), list | tuple):
        yield f"{place}.otherwise", action["otherwise"]
