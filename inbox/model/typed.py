"""Objects that say by their `type` what they are: JSON comes in, typed objects or a named mistake come out."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from inbox.model.errors import Invalid
from inbox.model.remedies import remedy

_M = TypeVar("_M", bound=BaseModel)

ONE_TEXT = "(text)"
TEXT_BY_LANGUAGE = "(languages)"
"""What pydantic calls the two ways to write a text, one for everybody or one a language; our errors do not say it."""

_UNSPOKEN = frozenset({ONE_TEXT, TEXT_BY_LANGUAGE, "[key]"})


def each(
    raw: Sequence[Any], kinds: Mapping[str, type[_M]], field: str, *, later: Collection[str] = ()
) -> tuple[_M, ...]:
    """Objects of these `kinds`, by `type`. Raises `Invalid` naming the place: `actions.0.add.1`.

    `later` are types that have their name already, and nothing else.
    """
    return tuple(_typed(entry, kinds, later, f"{field}.{position}") for position, entry in enumerate(raw))


def known(name: Any, kinds: Collection[str], field: str, *, later: Collection[str] = ()) -> str:
    """A name among `kinds`. Raises `Invalid` for any other."""
    if isinstance(name, str):
        if name in kinds:
            return name
        if name in later:
            raise Invalid(field, f"{name} is not supported yet; so far: {', '.join(kinds)}")
    raise Invalid(field, f"is one of {', '.join(kinds)}")


def checked(adapter: TypeAdapter[_M], raw: Mapping[str, Any], field: str) -> _M:
    """One object. Raises `Invalid` naming the place."""
    try:
        return adapter.validate_python(raw)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        path = [field, *(str(part) for part in wrong["loc"] if part not in _UNSPOKEN)]
        raise Invalid(".".join(part for part in path if part), remedy(wrong)) from error


def plain(part: BaseModel) -> dict[str, Any]:
    """An object as JSON, in the one form in which it is stored and shown."""
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)


def _typed(raw: Any, kinds: Mapping[str, type[_M]], later: Collection[str], field: str) -> _M:
    if not isinstance(raw, dict):
        raise Invalid(field, "is an object with a type")
    kind = known(raw.get("type"), kinds, f"{field}.type", later=later)
    return checked(TypeAdapter(kinds[kind]), raw, field)
