"""What a rule may ask before it acts. A kind of condition is a class and its row in the table.

A condition says by its `need` what it has to know beyond the event itself (`bot.situations`); it is asked only once
that is there, and only where everything that needs less holds.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bot import regexes
from bot.situations import Judge, Need, Situation, spoken
from bot.understanding.reading import Intent
from inbox.model.actions import Id, Labels
from inbox.model.remedies import Told
from inbox.model.schedule import DAYS, Clock, Day, Schedule

Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Spoken = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$"), Told("is a language such as uk")]
Value = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Condition(BaseModel, ABC):
    """One question with a yes or no."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def need(self) -> Need | None:
        """What it has to know; None where the event tells all."""
        return None

    exact: ClassVar[bool] = True
    """Whether it holds wherever one of its `values` is found; else it only may."""

    @property
    def values(self) -> tuple[str, frozenset[str]] | None:
        """What is compared (see `told`) and with which values, where it holds nowhere else than at one of them."""
        return None

    @abstractmethod
    def judge(self) -> Judge:
        """How it is asked, quickly and often."""

    @abstractmethod
    def reason(self, situation: Situation) -> str:
        """Why it does not hold."""

    def unmet(self, situation: Situation) -> str | None:
        """Why the condition does not hold; None where it does."""
        return None if self.judge()(situation) else self.reason(situation)


class HoursCondition(Condition):
    """Whether the shop is open. Without a schedule of its own it goes by the shop's hours from the settings."""

    type: Literal["hours"]
    wanted: Annotated[Literal["open", "closed"], Field(alias="is")]
    schedule: Schedule | None = None

    def judge(self) -> Judge:
        schedule, wanted = self.schedule, self.wanted == "open"
        return lambda situation: (schedule or situation.shop_hours).is_open(situation.at) is wanted

    def reason(self, situation: Situation) -> str:  # noqa: ARG002  # There are but two states.
        return f"the shop was {'closed' if self.wanted == 'open' else 'open'} when the message came"


Entry = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class TextCondition(Condition):
    """Whether the text holds one of these, whatever the case.

    Words and phrases are looked for as whole words, never as parts of longer ones; a `regex` is one that RE2 reads,
    and fits wherever it fits. Only the first 10,000 characters of a message are looked at.
    """

    type: Literal["text"]
    match: Literal["word", "phrase", "regex"] = "word"
    entries: Annotated[tuple[Entry, ...], Field(alias="any", min_length=1, max_length=200)]

    @field_validator("entries")
    @classmethod
    def _readable(cls, entries: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        match = info.data.get("match")
        for entry in entries:
            if match == "regex":
                regexes.check(entry)
                continue
            words = spoken(entry).split()
            if not words:
                raise ValueError(f"{entry!r} has no word in it")
            if match == "word" and len(words) > 1:
                raise ValueError(f"{entry!r} is more than one word: use match phrase for it")
        return entries

    def judge(self) -> Judge:
        if self.match == "regex":
            fitting = [regexes.compiled(entry) for entry in self.entries]
            return lambda situation: any(regex.search(situation.text) for regex in fitting)
        wanted = [spoken(entry) for entry in self.entries]
        return lambda situation: any(entry in situation.spoken for entry in wanted)

    def reason(self, situation: Situation) -> str:  # noqa: ARG002  # What was said the reader sees.
        return f"the message has no such {self.match}"


class ChannelCondition(Condition):
    """Whether the message came over one of these channels; a kind's name stands for all channels of that kind."""

    type: Literal["channel"]
    channels: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=64)], ...],
        Field(alias="in", min_length=1, max_length=100),
    ]

    @property
    def need(self) -> Need | None:
        return Need.IDENTITY

    @property
    def values(self) -> tuple[str, frozenset[str]] | None:
        return "channel", frozenset(self.channels)

    def judge(self) -> Judge:
        channels = frozenset(self.channels)
        return lambda situation: not channels.isdisjoint(told(situation, "channel"))

    def reason(self, situation: Situation) -> str:  # noqa: ARG002  # Which one it was the reader sees.
        return "the message came over another channel"


class OpeningCondition(Condition):
    """Whether the conversation is new, or was opened again after it had been closed or snoozed."""

    type: Literal["opening"]
    wanted: Annotated[Literal["first", "again"], Field(alias="is")]

    def judge(self) -> Judge:
        first = self.wanted == "first"
        return lambda situation: (situation.openings <= 1) is first

    def reason(self, situation: Situation) -> str:  # noqa: ARG002  # There are but two states.
        return "the conversation was opened before" if self.wanted == "first" else "the conversation is new"


class LanguageCondition(Condition):
    """Whether the customer speaks one of these languages, by the card, else by the channel."""

    type: Literal["language"]
    languages: Annotated[tuple[Spoken, ...], Field(alias="in", min_length=1, max_length=50)]

    @property
    def need(self) -> Need | None:
        return Need.CARD

    @property
    def values(self) -> tuple[str, frozenset[str]] | None:
        return "language", frozenset(self.languages)

    def judge(self) -> Judge:
        languages = frozenset(self.languages)
        return lambda situation: situation.language in languages

    def reason(self, situation: Situation) -> str:
        return f"the customer's language is {situation.language or 'not known'}"


class LabelCondition(Condition):
    """Whether the conversation has `any` of these labels, and `none` of those."""

    type: Literal["label"]
    any: Labels = ()
    none: Labels = ()

    @model_validator(mode="after")
    def _asks_something(self) -> "LabelCondition":
        if not self.any and not self.none:
            raise ValueError("name labels in any or in none")
        return self

    def judge(self) -> Judge:
        wanted, unwanted = frozenset(self.any), frozenset(self.none)
        return lambda situation: (
            not (wanted and situation.labels.isdisjoint(wanted)) and situation.labels.isdisjoint(unwanted)
        )

    def reason(self, situation: Situation) -> str:
        unwanted = sorted(situation.labels.intersection(self.none))
        return f"the conversation is labelled {unwanted[0]}" if unwanted else "the conversation has no such label"


class TimeCondition(Condition):
    """Whether the shop's clock and calendar showed one of these `days`, a time in this stretch, a date in that one.

    A stretch of the day that ends no later than it starts goes past midnight; the day is that on which it started.
    """

    type: Literal["time"]
    days: Annotated[tuple[Day, ...], Field(max_length=7)] = ()
    start: Annotated[Clock | None, Field(alias="from")] = None
    end: Annotated[Clock | None, Field(alias="to")] = None
    first: Annotated[date | None, Field(alias="since")] = None
    last: Annotated[date | None, Field(alias="until")] = None

    @model_validator(mode="after")
    def _asks_something(self) -> "TimeCondition":
        if not (self.days or self.start or self.end or self.first or self.last):
            raise ValueError("say days, a time in from and to, or dates in since and until")
        if (self.start is None) != (self.end is None):
            raise ValueError("say both from and to")
        if self.first and self.last and self.last < self.first:
            raise ValueError("until is the same day as since, or later")
        return self

    exact: ClassVar[bool] = False

    @property
    def values(self) -> tuple[str, frozenset[str]] | None:
        start, end = self.start or "00:00", self.end or "24:00"
        first, last = int(start[:2]), int(end[:2]) - (end[3:] == "00")
        if start < end:
            hours = [(0, hour) for hour in range(first, last + 1)]
        else:
            hours = [(0, hour) for hour in range(first, 24)] + [(1, hour) for hour in range(last + 1)]
        days = [DAYS.index(day) for day in self.days] or range(7)
        return "hour", frozenset(_hour((day + later) % 7, hour) for day in days for later, hour in hours)

    def judge(self) -> Judge:
        days = frozenset(DAYS.index(day) for day in self.days) or frozenset(range(7))
        start, end = self.start or "00:00", self.end or "24:00"
        first, last = self.first or date.min, self.last or date.max
        dated = self.first is not None or self.last is not None

        def on_these_dates(situation: Situation) -> bool:
            return not dated or first <= situation.wall.date() <= last

        def within(situation: Situation) -> bool:
            return start <= situation.clock < end and situation.day in days and on_these_dates(situation)

        def overnight(situation: Situation) -> bool:
            clock = situation.clock
            if clock >= start:
                return situation.day in days and on_these_dates(situation)
            return clock < end and (situation.day - 1) % 7 in days and on_these_dates(situation)

        return within if start < end else overnight

    def reason(self, situation: Situation) -> str:
        return f"it was {situation.wall:%A} {situation.wall.date()} {situation.clock} in the shop"


class CustomerFieldCondition(Condition):
    """What stands on the customer's card in a field: one of the shop's own by its code, or one that every card has.

    Exactly one of `is`, `has` (a part of the text), `one_of` and `empty` says what is asked. Of several tags, phones
    and e-mail addresses any will do. `first_contact` is `yes` as long as the customer is in their first conversation.
    """

    type: Literal["customer_field"]
    field: Code
    wanted: Annotated[Value | None, Field(alias="is")] = None
    has: Value | None = None
    one_of: Annotated[tuple[Value, ...], Field(max_length=200)] = ()
    empty: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "CustomerFieldCondition":
        asked = (self.wanted is not None, self.has is not None, bool(self.one_of), self.empty is not None)
        if sum(asked) != 1:
            raise ValueError("say one of is, has, one_of and empty")
        return self

    @property
    def need(self) -> Need | None:
        return Need.BEGINNING if self.field == "first_contact" else Need.CARD

    @property
    def values(self) -> tuple[str, frozenset[str]] | None:
        if self.has is not None or self.empty is not None:
            return None
        wanted = (value.casefold() for value in (self.one_of or (self.wanted or "",)))
        return f"{_FIELD}{self.field}", frozenset(wanted)

    def judge(self) -> Judge:
        field, empty = self.field, self.empty
        if empty is not None:
            return lambda situation: (not _written(situation, field)) is empty
        if self.has is not None:
            part = self.has.casefold()
            return lambda situation: any(part in value for value in _written(situation, field))
        wanted = frozenset(value.casefold() for value in (self.one_of or (self.wanted or "",)))
        return lambda situation: not wanted.isdisjoint(_written(situation, field))

    def reason(self, situation: Situation) -> str:
        values = _written(situation, self.field)
        return f"{self.field} on the card is {', '.join(values) if values else 'empty'}"


def told(situation: Situation, name: str) -> Collection[str]:
    """What a situation has of what conditions compare: `channel`, `language`, `intent`, `hour`, a `field:`."""
    if name == "channel":
        return (situation.channel_id, situation.channel_kind)
    if name == "language":
        return (situation.language,)
    if name == "hour":
        return (_hour(situation.day, situation.wall.hour),)
    if name == "intent":
        return (situation.reading.intent or "",)
    return _written(situation, name.removeprefix(_FIELD))


def _hour(day: int, hour: int) -> str:
    return f"{day} {hour}"


_FIELD = "field:"

_CONTACTS: Mapping[str, str] = {"phones": "number", "emails": "address"}


def _written(situation: Situation, field: str) -> Sequence[str]:
    """What a card has in a field, case folded."""
    card = situation.card
    if field == "first_contact":
        return ("yes",) if situation.first_contact else ("no",)
    if field in _CONTACTS:
        return [contact[_CONTACTS[field]].casefold() for contact in card.get(field, ())]
    if field == "tags":
        return [tag.casefold() for tag in card.get("tags", ())]
    value = card.get(field) if field in ("name", "language") else card.get("fields", {}).get(field)
    return (value.casefold(),) if value else ()


def _amount(written: str) -> str:
    try:
        amount = Decimal(written)
    except InvalidOperation as error:
        raise ValueError("give an amount such as 1500.00") from error
    if not amount.is_finite() or amount < 0:
        raise ValueError("give an amount such as 1500.00")
    return written


Amount = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20), AfterValidator(_amount)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class OrderFieldCondition(Condition):
    """What the order is like that it is about, else the customer's last one; all that is said must hold.

    Its `status` is one of these codes; its total is `at_least` and `at_most` so much, in whatever currency it is; the
    customer has `count_at_least` and `count_at_most` so many orders.
    """

    type: Literal["order_field"]
    status: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    at_least: Amount | None = None
    at_most: Amount | None = None
    count_at_least: Count | None = None
    count_at_most: Count | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> "OrderFieldCondition":
        told = (self.at_least, self.at_most, self.count_at_least, self.count_at_most)
        if not self.status and all(each is None for each in told):
            raise ValueError("say status, at_least, at_most, count_at_least or count_at_most")
        return self

    @property
    def need(self) -> Need | None:
        counts = self.count_at_least is not None or self.count_at_most is not None
        return Need.ORDERS if counts else Need.ORDER

    def judge(self) -> Judge:
        statuses = frozenset(self.status)
        least, most = (Decimal(amount) if amount is not None else None for amount in (self.at_least, self.at_most))
        few = self.count_at_least if self.count_at_least is not None else 0
        many = self.count_at_most
        of_one = bool(statuses) or least is not None or most is not None

        def holds(situation: Situation) -> bool:
            if situation.orders < few or (many is not None and situation.orders > many):
                return False
            order = situation.order
            if order is None or not of_one:
                return not of_one
            total = Decimal(order["total"])
            return (
                (not statuses or order["status"] in statuses)
                and (least is None or total >= least)
                and (most is None or total <= most)
            )

        return holds

    def reason(self, situation: Situation) -> str:
        order = situation.order
        if order is None:
            return "the customer has no order"
        return f"the order is {order['status']} and comes to {order['total']}"


class ManagerAvailabilityCondition(Condition):
    """Whether `any` manager could take a conversation now, or `none`: in this team, else in the conversation's."""

    type: Literal["manager_availability"]
    wanted: Annotated[Literal["any", "none"], Field(alias="is")]
    team_id: Id | None = None

    @property
    def need(self) -> Need | None:
        return Need.MANAGERS

    def judge(self) -> Judge:
        own, wanted = self.team_id, self.wanted == "any"

        def holds(situation: Situation) -> bool:
            team = own or situation.team_id
            return any(team is None or team in teams for teams in situation.free_teams) is wanted

        return holds

    def reason(self, situation: Situation) -> str:  # noqa: ARG002  # There are but two states.
        return "nobody is free" if self.wanted == "any" else "somebody is free"


class IntentCondition(Condition):
    """What the message is about, as far as the bot understands it: below the shop's confidence it is about nothing."""

    type: Literal["intent"]
    intents: Annotated[tuple[Intent, ...], Field(alias="in", min_length=1)]

    @property
    def need(self) -> Need | None:
        return Need.READING

    @property
    def values(self) -> tuple[str, frozenset[str]] | None:
        return "intent", frozenset(self.intents)

    def judge(self) -> Judge:
        intents: frozenset[Any] = frozenset(self.intents)
        return lambda situation: situation.reading.intent in intents

    def reason(self, situation: Situation) -> str:
        return f"the message is about {situation.reading.intent or 'nothing that the bot is sure of'}"


CONDITIONS: Mapping[str, type[Condition]] = {
    "text": TextCondition,
    "intent": IntentCondition,
    "hours": HoursCondition,
    "time": TimeCondition,
    "channel": ChannelCondition,
    "language": LanguageCondition,
    "opening": OpeningCondition,
    "label": LabelCondition,
    "customer_field": CustomerFieldCondition,
    "order_field": OrderFieldCondition,
    "manager_availability": ManagerAvailabilityCondition,
}
"""Every kind of condition that a rule may use, by its `type`."""
