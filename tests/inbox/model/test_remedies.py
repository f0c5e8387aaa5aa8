"""What is said of a wrong value: what it should be."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from inbox.model.errors import Invalid
from inbox.model.remedies import Told, remedy, validated


class Colour(StrEnum):
    OAK = "oak"
    ASH = "ash"


def _even(number: int) -> int:
    if number % 2:
        raise ValueError("take an even number")
    return number


Clock = Annotated[str, StringConstraints(pattern=r"^\d\d:\d\d$"), Told("is a time such as 09:30")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=4)]


def said(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    return remedy(refused.value.errors()[0])


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Short, "", "is needed"),
        (Short, "walnut", "has at most 4 characters"),
        (Annotated[str, StringConstraints(min_length=3)], "ok", "has at least 3 characters"),
        (Annotated[SecretStr, Field(min_length=8)], "short", "has at least 8 characters"),
        (Annotated[list[int], Field(min_length=1)], [], "is needed"),
        (Annotated[list[int], Field(min_length=2)], [1], "has at least 2 entries"),
        (Annotated[tuple[int, ...], Field(max_length=1)], (1, 2), "has at most 1 entries"),
        (Annotated[int, Field(ge=1)], 0, "is at least 1"),
        (Annotated[int, Field(le=100)], 101, "is at most 100"),
        (Annotated[float, Field(gt=0)], 0, "is more than 0"),
        (int, "many", "is a whole number"),
        (float, "many", "is a number"),
        (bool, "perhaps", "is true or false"),
        (str, 7, "is a text"),
        (list[int], 7, "is a list"),
        (dict[str, int], 7, "is an object"),
        (Literal["uk", "en"], "fr", "is 'uk' or 'en'"),
        (Colour, "elm", "is 'oak' or 'ash'"),
        (date, "tomorrow", "is a day such as 2030-12-31"),
        (datetime, "tomorrow", "is a moment such as 2030-12-31T09:30:00Z"),
        (Clock, "noon", "is a time such as 09:30"),
        (Annotated[int, AfterValidator(_even)], 3, "take an even number"),
    ],
)
def test_it_is_said_what_the_value_should_be(kind, value, words):
    assert said(kind, value) == words


def test_what_is_told_of_a_type_changes_nothing_else():
    assert TypeAdapter(Clock).validate_python("09:30") == "09:30"
    assert TypeAdapter(Clock).json_schema() == {"type": "string", "pattern": r"^\d\d:\d\d$"}


class Server(BaseModel):
    host: Short
    port: int = 993
    tls: bool = True

    @model_validator(mode="after")
    def _secured(self) -> "Server":
        if self.port == 993 and not self.tls:
            raise ValueError("tls: port 993 is for TLS alone")
        return self


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        ({}, "host", "is needed"),
        ({"host": "imap", "port": "many"}, "port", "is a whole number"),
        ({"host": "imap", "tls": False}, "tls", "port 993 is for TLS alone"),
    ],
)
def test_the_first_field_that_is_wrong_is_named(raw, field, words):
    for within, named in (("", field), ("settings", f"settings.{field}")):
        with pytest.raises(Invalid) as refused:
            validated(Server, raw, within=within)
        assert (refused.value.field, refused.value.remedy) == (named, words)


def test_what_is_right_is_the_model():
    assert validated(Server, {"host": "imap"}) == Server(host="imap")
