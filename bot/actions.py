"""What a rule may do. Adding a kind of action is a class, its row in the table, and its row in the engine's."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from inbox.conversations import MAX_LABEL, MAX_LABELS
from inbox.replies import MAX_TEXT

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL)]


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Labels = Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS), AfterValidator(_each_once)]


ONE_TEXT = "(text)"
TEXT_BY_LANGUAGE = "(languages)"
"""What pydantic calls the two ways to write a reply's text; its errors name them, ours do not."""


def _way(text: object) -> str:
    return TEXT_BY_LANGUAGE if isinstance(text, dict) else ONE_TEXT


class Action(BaseModel):
    """One thing to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reply(Action):
    """Say something: one text for everybody, or a text for each language."""

    type: Literal["reply"]
    text: Annotated[
        Annotated[Text, Tag(ONE_TEXT)]
        | Annotated[dict[Language, Text], Field(min_length=1, max_length=20), Tag(TEXT_BY_LANGUAGE)],
        Discriminator(_way),
    ]

    def text_for(self, customer: str, shop: Sequence[str]) -> str:
        """The text in the customer's language, else in the first of the shop's that there is, else the first."""
        if isinstance(self.text, str):
            return self.text
        for language in (customer, customer.partition("-")[0], *shop):
            if language in self.text:
                return self.text[language]
        return next(iter(self.text.values()))


class LabelConversation(Action):
    """Add labels to the conversation and remove others."""

    type: Literal["label"]
    add: Labels = ()
    remove: Labels = ()

    @model_validator(mode="after")
    def _does_something(self) -> "LabelConversation":
        if not self.add and not self.remove:
            raise ValueError("name a label to add or to remove")
        return self


class SetPriority(Action):
    """Say how much the conversation hurries."""

    type: Literal["priority"]
    value: Literal["low", "normal", "high", "urgent"]


class Close(Action):
    """Close the conversation, unless the customer has written again since the message that asked for it."""

    type: Literal["close"]


ACTIONS: Mapping[str, type[Action]] = {
    "reply": Reply,
    "label": LabelConversation,
    "priority": SetPriority,
    "close": Close,
}
"""Every kind of action that a rule may use, by its `type`."""

LATER: frozenset[str] = frozenset({"macro", "assign", "snooze", "handoff", "ask", "order_status", "webhook", "task"})
"""Kinds that have their name already, and nothing else."""
