"""What request bodies and queries have in common: no field that nobody knows, no number dressed as a text."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Body(BaseModel):
    """A JSON body. `audited` names the fields whose values the audit may keep: of the others it keeps the names."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        populate_by_name=True,
        defer_build=True,
    )
    audited: ClassVar[frozenset[str]] = frozenset()


class Change(Body):
    """A PATCH: fields that are not sent stay as they are, so the defaults in these models are never read."""

    def changes(self) -> dict[str, Any]:
        """What was sent."""
        return self.model_dump(exclude_unset=True, by_alias=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler.resolve_ref_schema(handler(schema))
        for field in described.get("properties", {}).values():
            field.pop("default", None)
        return described


class Query(BaseModel):
    """A query string."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class PageQuery(Query):
    """The query of every list."""

    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(default=None, min_length=1, max_length=1000)
