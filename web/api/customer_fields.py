"""The shop's own fields of customer cards."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints

from inbox.customer_fields import CustomerFields
from inbox.model.customer_fields import MAX_CHOICES, MAX_FIELDS, CustomerField, FieldType
from web.api.fields import each_once
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Shape
from web.api.views import View
from web.doors.bodies import Body
from web.doors.table import Call, Route, Who
from web.doors.versions import awaited_version, versioned_answer

TypeName = Literal["text", "number", "date", "choice", "yesno"]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Choice = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Choices = Annotated[tuple[Choice, ...], Field(max_length=MAX_CHOICES), AfterValidator(each_once)]


class FieldBody(Body):
    """A field: its code on cards and in macros (`customer.fields.<code>`), its title, what may stand in it."""

    code: Code
    title: Title
    type: TypeName = "text"
    choices: Choices = ()
    archived: bool = False


class FieldsBody(Body):
    """Every field, in the order in which cards show them."""

    fields: Annotated[tuple[FieldBody, ...], Field(max_length=MAX_FIELDS)]


class FieldShape(Shape):
    """A field and its place among the others."""

    code: str
    title: str
    type: TypeName
    choices: list[str]
    archived: bool
    position: int


class FieldsShape(Shape):
    """Every field."""

    fields: list[FieldShape]


def field_view(field: CustomerField, position: int) -> View:
    """A field."""
    return {
        "code": field.code,
        "title": field.title,
        "type": field.type.value,
        "choices": list(field.choices),
        "archived": field.archived,
        "position": position,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldHandlers:
    """`/customer-fields`."""

    fields: CustomerFields

    async def show(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002  # A handler is called with its call.
        """The fields; the ETag is their version."""
        return await self._shown()

    async def change(self, call: Call[FieldsBody, None]) -> web.Response:
        """Set the fields, with `If-Match` only if nobody has changed them since."""
        wanted = [CustomerField(**{**field.model_dump(), "type": FieldType(field.type)}) for field in call.body.fields]
        await self.fields.change(wanted, version=awaited_version(call))
        return await self._shown()

    async def _shown(self) -> web.Response:
        fields, version = await self.fields.versioned()
        return versioned_answer({"fields": [field_view(one, place) for place, one in enumerate(fields)]}, version)


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of fields."""
    fields = FieldHandlers(fields=services.customer_fields)
    return [
        row("GET", "/customer-fields", Who.SIGNED_IN)(
            handler=fields.show, summary="The shop's own fields of cards", answer=FieldsShape
        ),
        row("PUT", "/customer-fields", Who.ADMIN)(
            handler=fields.change,
            summary="Set the shop's own fields; what stands on cards must fit, what is in use cannot be left out",
            body=FieldsBody,
            answer=FieldsShape,
            audit="customer_fields.change",
        ),
    ]
