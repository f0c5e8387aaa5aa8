"""What is wrong with a value, in words for the person who gave it: what it should be, not which check it failed."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from inbox.model.errors import Invalid

Model = TypeVar("Model", bound=BaseModel)

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is needed",
    "extra_forbidden": "there is no such field",
    "string_type": "is a text",
    "string_sub_type": "is a text",
    "int_type": "is a whole number",
    "int_parsing": "is a whole number",
    "int_from_float": "is a whole number",
    "float_type": "is a number",
    "float_parsing": "is a number",
    "finite_number": "is a number",
    "decimal_type": "is a number",
    "decimal_parsing": "is a number",
    "bool_type": "is true or false",
    "bool_parsing": "is true or false",
    "list_type": "is a list",
    "tuple_type": "is a list",
    "set_type": "is a list",
    "frozen_set_type": "is a list",
    "dict_type": "is an object",
    "model_type": "is an object",
    "model_attributes_type": "is an object",
    "literal_error": "is {expected}",
    "enum": "is {expected}",
    "greater_than": "is more than {gt}",
    "greater_than_equal": "is at least {ge}",
    "less_than": "is less than {lt}",
    "less_than_equal": "is at most {le}",
    "string_too_long": "has at most {max_length} characters",
    "date_type": "is a day such as 2030-12-31",
    "date_parsing": "is a day such as 2030-12-31",
    "date_from_datetime_parsing": "is a day such as 2030-12-31",
    "datetime_type": "is a moment such as 2030-12-31T09:30:00Z",
    "datetime_parsing": "is a moment such as 2030-12-31T09:30:00Z",
    "datetime_from_date_parsing": "is a moment such as 2030-12-31T09:30:00Z",
    "timezone_aware": "is a moment with its time zone, such as 2030-12-31T09:30:00Z",
}
"""By pydantic's type of error. https://docs.pydantic.dev/latest/errors/validation_errors/"""


def remedy(error: ErrorDetails) -> str:
    """The words for one error of pydantic; its own, where a validator of ours said it or nothing better is known."""
    context = {name: _exact(value) for name, value in error.get("ctx", {}).items()}
    words = _WORDS.get(error["type"])
    if words is not None:
        return words.format_map(context)
    if error["type"] in ("string_too_short", "too_short", "too_long"):
        return _length(error["type"], context)
    return error["msg"].removeprefix("Value error, ")


def _exact(value: Any) -> Any:
    """A bound as it would be written: 10 and not 10.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _length(kind: str, context: Mapping[str, Any]) -> str:
    """Of a text or a list; pydantic calls a secret, which is a text, a value."""
    things = (
        "entries" if context.get("field_type") in ("List", "Tuple", "Set", "Frozenset", "Dictionary") else "characters"
    )
    if kind == "too_long":
        return f"has at most {context['max_length']} {things}"
    return "is needed" if context["min_length"] == 1 else f"has at least {context['min_length']} {things}"


def validated(model: type[Model], raw: Mapping[str, Any], *, within: str = "") -> Model:
    """`raw` as the model wants it. Raises `Invalid` naming the first field that is wrong, never its value.

    `within` is the field that holds them all, where there is one.
    """
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
    place, words = [str(part) for part in first["loc"]], remedy(first)
    # A validator's words begin with its field's name, also where it looks at several and pydantic names none.
    named, _, rest = words.partition(": ")
    if named in model.model_fields:
        place, words = [named], rest
    raise Invalid(".".join([within, *place] if within else place), words)


class Told:
    """Metadata of a type: what is said of every value that is none, in the place of what pydantic would say."""

    def __init__(self, words: str) -> None:
        self._words = words

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """See pydantic on custom types."""
        return core_schema.custom_error_schema(
            handler(source), custom_error_type="told", custom_error_message=self._words
        )
