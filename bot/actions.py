"""What a rule may do. Adding a kind of action is a class, its row in the table, and its row in the engine's."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag

from bot.blanks import check
from inbox.model.actions import Action, Close, Id, LabelConversation, SetPriority
from inbox.model.macros import language_for
from inbox.model.typed import ONE_TEXT, TEXT_BY_LANGUAGE
from inbox.replies import MAX_TEXT

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT), AfterValidator(check)
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")]


def _way(text: object) -> str:
    return TEXT_BY_LANGUAGE if isinstance(text, dict) else ONE_TEXT


class Reply(Action):
    """Say something: one text for everybody, or a text for each language.

    What a text leaves blank (`bot.blanks`) is filled in; where that is not known, nothing is said.
    """

    type: Literal["reply"]
    text: Annotated[
        Annotated[Text, Tag(ONE_TEXT)]
        | Annotated[dict[Language, Text], Field(min_length=1, max_length=20), Tag(TEXT_BY_LANGUAGE)],
        Discriminator(_way),
    ]

    def text_for(self, customer: str, shop: Sequence[str]) -> str:
        """The text in the customer's language, else in the first of the shop's that there is, else the first."""
        return self.text if isinstance(self.text, str) else self.text[language_for(self.text, customer, *shop)]


class UseMacro(Action):
    """Say what a shared macro says, with its files, buttons and actions; nothing where a variable has no value."""

    type: Literal["macro"]
    macro_id: Id


ACTIONS: Mapping[str, type[Action]] = {
    "reply": Reply,
    "macro": UseMacro,
    "label": LabelConversation,
    "priority": SetPriority,
    "close": Close,
}
"""Every kind of action that a rule may use, by its `type`."""

LATER: frozenset[str] = frozenset({"assign", "snooze", "handoff", "ask", "order_status", "webhook", "task"})
"""Kinds that have their name already, and nothing else."""
