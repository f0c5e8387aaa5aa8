"""What a rule may ask about a message before it acts. A kind of condition is a class and its row in the table."""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from inbox.model.schedule import Schedule

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ`ʹ", "'"))  # Ukrainian words are written with all of them.


def spoken(text: str) -> str:
    """A text as it is compared: its words alone, in one case, with one kind of apostrophe and a blank around each."""
    plain = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    return f" {' '.join(_WORD.findall(plain))} "


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What conditions look at: a customer's message, and when it reached us.

    That moment, and not the present one, is what hours are compared with: an event that is heard again after a crash
    must end in the same decision.
    """

    at: datetime
    channel_id: str
    channel_kind: str
    spoken: str
    openings: int
    """How often the conversation was opened by then: 1 while it is new."""
    shop_hours: Schedule


class Condition(BaseModel, ABC):
    """One question with a yes or no."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def unmet(self, situation: Situation) -> str | None:
        """Why the condition does not hold; None where it does."""


class HoursCondition(Condition):
    """Whether the shop is open. Without a schedule of its own it goes by the shop's hours from the settings."""

    type: Literal["hours"]
    wanted: Annotated[Literal["open", "closed"], Field(alias="is")]
    schedule: Schedule | None = None

    def unmet(self, situation: Situation) -> str | None:
        state = "open" if (self.schedule or situation.shop_hours).is_open(situation.at) else "closed"
        return None if state == self.wanted else f"the shop was {state} when the message came"


def _wordy(entry: str) -> str:
    if not spoken(entry).strip():
        raise ValueError("has no word in it")
    return entry


Entry = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_wordy)]


def _supported_match(match: str) -> str:
    if match == "regex":
        raise ValueError("regex is not supported yet: list words or phrases")
    return match


class TextCondition(Condition):
    """Whether the text holds one of these, whatever the case: whole words, never parts of longer ones."""

    type: Literal["text"]
    match: Annotated[Literal["word", "phrase", "regex"], AfterValidator(_supported_match)] = "word"
    entries: Annotated[tuple[Entry, ...], Field(alias="any", min_length=1, max_length=200)]
    _spoken: tuple[str, ...] = PrivateAttr(())

    @field_validator("entries")
    @classmethod
    def _single_words(cls, entries: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("match") == "word":
            for entry in entries:
                if " " in spoken(entry).strip():
                    raise ValueError(f"{entry!r} is more than one word: use match phrase for it")
        return entries

    def model_post_init(self, context: object) -> None:  # noqa: ARG002  # pydantic calls it with its context.
        self._spoken = tuple(spoken(entry) for entry in self.entries)

    def unmet(self, situation: Situation) -> str | None:
        if any(entry in situation.spoken for entry in self._spoken):
            return None
        return f"the message has no such {self.match}"


class ChannelCondition(Condition):
    """Whether the message came over one of these channels; a kind's name stands for all channels of that kind."""

    type: Literal["channel"]
    channels: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=64)], ...],
        Field(alias="in", min_length=1, max_length=100),
    ]

    def unmet(self, situation: Situation) -> str | None:
        if situation.channel_id in self.channels or situation.channel_kind in self.channels:
            return None
        return "the message came over another channel"


class OpeningCondition(Condition):
    """Whether the conversation is new, or was opened again after it had been closed or snoozed."""

    type: Literal["opening"]
    wanted: Annotated[Literal["first", "again"], Field(alias="is")]

    def unmet(self, situation: Situation) -> str | None:
        state = "first" if situation.openings <= 1 else "again"
        told = {"first": "the conversation is new", "again": "the conversation was opened before"}
        return None if state == self.wanted else told[state]


CONDITIONS: Mapping[str, type[Condition]] = {
    "hours": HoursCondition,
    "text": TextCondition,
    "channel": ChannelCondition,
    "opening": OpeningCondition,
}
"""Every kind of condition that a rule may use, by its `type`."""

LATER: frozenset[str] = frozenset({"language", "customer_field", "order_field", "time", "manager_availability"})
"""Kinds that have their name already, and nothing else."""
