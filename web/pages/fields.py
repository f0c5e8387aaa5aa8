"""The fields of a form, told by a pydantic model alone: how an admin fills what a channel kind asks for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `look` is how it is filled: text, password, number, flag or choice (one of `choices`).

    `prominent` fields are seen at once, the others are folded away.
    """

    name: str
    title: str
    hint: str
    look: str
    required: bool
    prominent: bool
    default: str = ""
    choices: Sequence[str] = field(default_factory=tuple)

    @property
    def secret(self) -> bool:
        """Whether what is in it is never shown."""
        return self.look == "password"


def fields_of(settings: type[BaseModel]) -> list[Field]:
    """A model's fields, in its order, but those that the server itself keeps."""
    return [_field(name, info) for name, info in settings.model_fields.items() if not _extra(info).get("kept")]


def _field(name: str, info: FieldInfo) -> Field:
    types = list(_plain(info.annotation))
    choices = tuple(str(choice) for kind in types if get_origin(kind) is Literal for choice in get_args(kind))
    required = info.is_required()
    return Field(
        name=name,
        title=info.title or name.replace("_", " ").capitalize(),
        hint=info.description or "",
        look="choice" if choices else next((look for kind, look in _LOOKS.items() if kind in types), "text"),
        required=required,
        prominent=required or bool(_extra(info).get("prominent")),
        default="" if required or info.default is None else str(info.default),
        choices=choices,
    )


def _extra(info: FieldInfo) -> Mapping[str, Any]:
    """What a kind says of a field beside its type (`inbox.model.channel.ChannelKind`)."""
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def _plain(annotation: Any) -> Iterator[Any]:
    """The types that a field may have, without its being optional."""
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _plain(part)
    else:
        yield annotation


_LOOKS = {SecretStr: "password", bool: "flag", int: "number", float: "number"}
