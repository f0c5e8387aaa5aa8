"""A card's own fields as pages show them: each by its title, its value in words, and what can be chosen."""

import gettext
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from web.pages.desk import View

_ = gettext.NullTranslations().gettext

YES_NO = (("yes", _("yes")), ("no", _("no")))


@dataclass(frozen=True, slots=True, kw_only=True)
class CardField:
    """A field of a card: `value` as it is kept, `shown` as people read it, `options` as (value, title) pairs."""

    code: str
    title: str
    type: str
    value: str
    shown: str
    options: Sequence[tuple[str, str]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a card says in fields: those that the shop defined, and `others` as (code, value)."""

    fields: Sequence[CardField]
    others: Sequence[tuple[str, str]]


def about(customer: View, definitions: Sequence[View]) -> About:
    """A card's fields; an archived one only where it says something."""
    values: Mapping[str, str] = customer["fields"]
    defined = {one["code"] for one in definitions}
    shown = [one for one in definitions if not one["archived"] or values.get(one["code"])]
    return About(
        fields=[_card_field(one, values.get(one["code"], "")) for one in shown],
        others=sorted((code, value) for code, value in values.items() if code not in defined),
    )


def _card_field(definition: Mapping[str, Any], value: str) -> CardField:
    options: Sequence[tuple[str, str]] = ()
    shown = value
    if definition["type"] == "choice":
        options = [(choice, choice) for choice in definition["choices"]]
    elif definition["type"] == "yesno":
        options = YES_NO
        shown = dict(YES_NO).get(value, value)
    elif definition["type"] == "date" and value:
        day = date.fromisoformat(value)
        shown = f"{day.day} {day:%b} {day.year}"
    return CardField(
        code=definition["code"],
        title=definition["title"],
        type=definition["type"],
        value=value,
        shown=shown,
        options=options,
    )
