"""Fields that a shop adds to its cards: what an admin defines, and what may stand in them.

A card keeps `fields` as texts by code, each in the one form in which its type is written: a number as `1299.5`, a date
as `2026-11-22`, yes or no as `yes` or `no`, a choice as it was defined. So a field compares, merges and fills a macro
as it stands. What has no definition is a text.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import msgspec

from inbox.model.errors import Invalid

MAX_FIELDS = 100
MAX_CHOICES = 100
MAX_VALUE = 2_000
"""How long a text may be, in characters."""

_CODE = re.compile(r"[^\W\d]\w{0,39}")
_FIRST_YEAR, _LAST_YEAR = 1900, 2999
_MOST_DIGITS = 30
_DATE_FORMS = ("%Y-%m-%d", "%d.%m.%Y")
_YES_NO: Mapping[str, str] = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no"}


class FieldType(StrEnum):
    """What may stand in a field."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    YES_NO = "yesno"


class CustomerField(msgspec.Struct, frozen=True, kw_only=True):
    """A field: the code by which cards and macros name it, its title for people, and what may stand in it.

    An archived one stays on the cards that have it and is offered on none.
    """

    code: str
    title: str
    type: FieldType = FieldType.TEXT
    choices: tuple[str, ...] = ()
    archived: bool = False

    def normalised(self, written: str) -> str:
        """A value in the form in which cards keep it. Raises `ValueError` that says what would be right."""
        if self.type is FieldType.CHOICE:
            return _choice(written, self.choices)
        return _READERS[self.type](written)


def check_fields(fields: Sequence[CustomerField]) -> None:
    """Raise `Invalid` for definitions that contradict themselves or one another."""
    if len(fields) > MAX_FIELDS:
        raise Invalid("fields", f"at most {MAX_FIELDS} fields")
    codes: set[str] = set()
    for position, field in enumerate(fields):
        if not _CODE.fullmatch(field.code):
            raise Invalid(f"fields.{position}.code", "letters, digits and _, a letter first, at most 40: delivery_city")
        if field.code in codes:
            raise Invalid(f"fields.{position}.code", "another field has this code")
        codes.add(field.code)
        if not field.title.strip():
            raise Invalid(f"fields.{position}.title", "say what people call it")
        _check_choices(f"fields.{position}.choices", field)


def _check_choices(place: str, field: CustomerField) -> None:
    if field.type is not FieldType.CHOICE:
        if field.choices:
            raise Invalid(place, "only a field of type choice has choices")
        return
    if not 1 <= len(field.choices) <= MAX_CHOICES:
        raise Invalid(place, f"give 1 to {MAX_CHOICES} choices")
    if len({choice.casefold() for choice in field.choices}) < len(field.choices):
        raise Invalid(place, "give each choice once")


def checked_values(definitions: Sequence[CustomerField], values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Values as cards keep them; None where a field is to be emptied. Raises `Invalid` naming `fields.<code>`."""
    known = {field.code: field for field in definitions}
    return {code: _checked(known.get(code), code, written) for code, written in values.items()}


def _checked(field: CustomerField | None, code: str, written: str | None) -> str | None:
    if written is None or not written.strip():
        return None
    if field is None:
        field = CustomerField(code=code, title=code)
    if field.archived:
        raise Invalid(f"fields.{code}", "this field is archived: it can only be emptied")
    try:
        return field.normalised(written)
    except ValueError as error:
        raise Invalid(f"fields.{code}", str(error)) from error


def as_text(value: Any) -> Any:
    """A number, yes or no of JSON as it would be typed into a field; anything else as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


def _text(written: str) -> str:
    if len(written) > MAX_VALUE:
        message = f"at most {MAX_VALUE} characters"
        raise ValueError(message)
    return written.strip()


def _number(written: str) -> str:
    plain = re.sub(r"\s", "", written).replace(",", ".")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        number = Decimal("NaN")
    digits = number.as_tuple()
    if not number.is_finite() or len(digits.digits) + abs(int(digits.exponent)) > _MOST_DIGITS:
        message = "give a number such as 12.5"
        raise ValueError(message)
    return format(number.normalize() + 0, "f")


def _date(written: str) -> str:
    for form in _DATE_FORMS:
        try:
            day: date = datetime.strptime(written.strip(), form).date()  # noqa: DTZ007 - a day, wherever one is
        except ValueError:
            continue
        if _FIRST_YEAR <= day.year <= _LAST_YEAR:
            return day.isoformat()
    message = "give a date such as 2026-11-22"
    raise ValueError(message)


def _yes_no(written: str) -> str:
    read = _YES_NO.get(written.strip().casefold())
    if read is None:
        message = "is yes or no"
        raise ValueError(message)
    return read


def _choice(written: str, choices: Sequence[str]) -> str:
    wanted = written.strip().casefold()
    for choice in choices:
        if choice.casefold() == wanted:
            return choice
    message = f"is one of {', '.join(choices)}"
    raise ValueError(message)


_READERS = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.DATE: _date,
    FieldType.YES_NO: _yes_no,
}
