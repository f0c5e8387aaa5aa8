"""What can be done to a conversation without a word: what a rule does, and what goes along with a reply.

Adding a kind is a class, its row in the table of whoever offers it, and its row in the table of who does it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from inbox.model.conversation import MAX_LABEL, MAX_LABELS

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Labels = Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS), AfterValidator(_each_once)]


class Action(BaseModel):
    """One thing to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class Assign(Action):
    """Give the conversation to a manager, or to a team, whose members then get it from the queue."""

    type: Literal["assign"]
    manager_id: Id | None = None
    team_id: Id | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "Assign":
        if (self.manager_id is None) == (self.team_id is None):
            raise ValueError("name a manager_id or a team_id")
        return self


class Close(Action):
    """Close the conversation, unless the customer has written again since the message that asked for it."""

    type: Literal["close"]


class Snooze(Action):
    """Put the conversation aside for so many minutes, unless the customer has written again meanwhile."""

    type: Literal["snooze"]
    minutes: Annotated[int, Field(strict=True, ge=1, le=366 * 24 * 60)]

    @property
    def span(self) -> timedelta:
        """How long that is."""
        return timedelta(minutes=self.minutes)


class SetOrderStatus(Action):
    """Move the order that the reply is about along the pipeline."""

    type: Literal["order_status"]
    status: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


FOLLOW_UPS: Mapping[str, type[Action]] = {
    "label": LabelConversation,
    "priority": SetPriority,
    "assign": Assign,
    "close": Close,
    "snooze": Snooze,
    "order_status": SetOrderStatus,
}
"""Every kind of action that may go along with a reply, by its `type`."""
