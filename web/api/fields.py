"""Kinds of values that bodies and queries of several subjects have."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr, StringConstraints

from inbox.macros import MAX_DATA
from inbox.model.conversation import MAX_LABEL, MAX_LABELS
from inbox.model.languages import Language
from web.doors.passwords import MAX_LENGTH, MIN_LENGTH

TEXT_LIMIT = 20_000
_BOUNDED = 200
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def _short_enough(data: str) -> str:
    if len(data.encode()) > MAX_DATA:
        raise ValueError(f"at most {MAX_DATA} bytes may stand behind a button")
    return data


def each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Values without their repetitions."""
    return tuple(dict.fromkeys(values))


def _storable(time: datetime) -> datetime:
    """In UTC, and within what calendars, MongoDB and clients all can hold."""
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise ValueError(f"give a time between {_FIRST_YEAR} and {_LAST_YEAR}")
    return time.astimezone(UTC)


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Time = Annotated[AwareDatetime, AfterValidator(_storable)]
SearchText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=_BOUNDED, pattern=r"^[^\x00]*$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_BOUNDED)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LIMIT)]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL)]
Password = Annotated[SecretStr, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
Languages = Annotated[tuple[Language, ...], Field(max_length=20), AfterValidator(each_once)]
Labels = Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS), AfterValidator(each_once)]
ButtonData = Annotated[str, StringConstraints(min_length=1, max_length=MAX_DATA), AfterValidator(_short_enough)]
