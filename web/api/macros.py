"""Prepared replies: written, kept, tried on a conversation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from inbox.conversations import Conversations
from inbox.customers import Customers
from inbox.macros import MAX_ACTIONS, MAX_BUTTONS, MAX_FILES, MAX_TITLE, Macros, Prepared
from inbox.model.languages import Language
from inbox.model.macros import variables
from inbox.model.remedies import Told
from inbox.previews import Look, Previews
from inbox.storage.database import Document
from web.api.fields import ButtonData, Id, Name, Text, each_once
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AttachmentShape, ButtonShape, Page, Shape
from web.api.views import View, attachment_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change, PageQuery
from web.doors.table import Call, Route, Who

MacroText = Annotated[dict[Language, Text], Field(min_length=1, max_length=20)]
Shortcut = Annotated[
    str, StringConstraints(pattern=r"^[^\s/]{0,40}$"), Told("has at most 40 characters, no space and no slash")
]
Folder = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE)]
Files = Annotated[tuple[Id, ...], Field(max_length=MAX_FILES), AfterValidator(each_once)]
Actions = Annotated[list[dict[str, Any]], Field(max_length=MAX_ACTIONS)]
"""What is in them the inbox says (`inbox.model.actions`)."""


class MacroButton(Body):
    """A button: its title, one or by language, and what stands behind it; where that is left out, the title."""

    title: Title | Annotated[dict[Language, Title], Field(min_length=1, max_length=20)]
    data: ButtonData | Literal[""] = ""


Buttons = Annotated[tuple[MacroButton, ...], Field(max_length=MAX_BUTTONS)]


class NewMacro(Body):
    """A prepared reply. Shared where an admin makes it and does not say otherwise."""

    audited: ClassVar = frozenset({"name", "shortcut", "folder", "shared"})

    name: Name
    text: Text | MacroText
    shortcut: Shortcut = ""
    folder: Folder = ""
    attachments: Files = ()
    buttons: Buttons = ()
    actions: Actions = Field(default_factory=list)
    shared: bool | None = None


class MacroChange(Change):
    """What changes about a macro."""

    audited: ClassVar = frozenset({"name", "shortcut", "folder", "archived"})

    name: Name = ""
    text: Text | MacroText = ""
    shortcut: Shortcut = ""
    folder: Folder = ""
    attachments: Files = ()
    buttons: Buttons = ()
    actions: Actions = Field(default_factory=list)
    archived: bool = False


class MacrosQuery(PageQuery):
    """Which macros, and in which order: as they were made, or by `use`, one's own before that of others."""

    sort: Literal["created", "use"] = "created"
    archived: bool = False


class MacroPreview(Body):
    """For whom a macro is filled in; without anybody it shows what is known anyway.

    `order` is one of the customer's, by id or number; without it, the latest that may still go somewhere.
    """

    customer_id: Id | None = None
    conversation_id: Id | None = None
    language: Language | None = None
    order: Id | None = None


class MacroDraft(MacroPreview):
    """A macro that is being written, to be looked at before it is kept."""

    text: Text | MacroText
    attachments: Files = ()
    buttons: Buttons = ()
    actions: Actions = Field(default_factory=list)


class MacroUsageShape(Shape):
    """How often a macro was used, by everybody and by oneself, and when last."""

    count: int
    mine: int
    last_used_at: AwareDatetime | None


class MacroButtonShape(Shape):
    """A button of a macro."""

    title: dict[str, str]
    data: str


class MacroShape(Shape):
    """A prepared reply: its text by language, and what goes along. Shared, or its owner's alone."""

    id: str
    name: str
    shortcut: str
    folder: str
    text: dict[str, str]
    attachments: list[AttachmentShape]
    buttons: list[MacroButtonShape]
    actions: list[dict[str, Any]]
    shared: bool
    archived: bool
    usage: MacroUsageShape
    created_at: AwareDatetime
    updated_at: AwareDatetime


class MacroPartShape(Shape):
    """One message on a channel: a text, files, and the buttons below."""

    text: str
    attachments: list[str]
    buttons: list[str]


class MacroLookShape(Shape):
    """A macro on one channel. `warnings` say what it shows otherwise than it was written."""

    channel_id: str
    name: str
    kind: str
    title: str
    parts: list[MacroPartShape]
    warnings: list[str]


class MacroOrderShape(Shape):
    """The order that a macro speaks of."""

    id: str
    number: str
    status: str


class MacroPreviewShape(Shape):
    """A macro as it would be sent.

    `missing` names variables without a value, which stand in the text as they were written: it is not sent so.
    """

    text: str
    language: str
    languages: list[str]
    missing: list[str]
    attachments: list[AttachmentShape]
    buttons: list[ButtonShape]
    actions: list[dict[str, Any]]
    order: MacroOrderShape | None
    channels: list[MacroLookShape]


class MacroVariablesShape(Shape):
    """Every variable that a text may mention, as `customer.name`."""

    items: list[str]


def macro_view(macro: Document) -> View:
    """A prepared reply, with the `usage` and `files` that `Macros` adds."""
    told = ("name", "shortcut", "folder", "text", "buttons", "actions", "archived", "usage", "created_at", "updated_at")
    return {
        "id": macro["_id"],
        **{field: macro[field] for field in told},
        "attachments": [attachment_view(file) for file in macro["files"]],
        "shared": macro["owner_id"] is None,
    }


def _look_view(look: Look, prepared: Prepared) -> View:
    rendering = look.rendering
    titles = [] if rendering.numbered else [title for title, _ in prepared.buttons]
    last = len(rendering.parts) - 1
    return {
        "channel_id": look.channel["_id"],
        "name": look.channel["name"],
        "kind": look.kind.name,
        "title": look.kind.title,
        "parts": [
            {"text": part.text, "attachments": list(part.files), "buttons": titles if place == last else []}
            for place, part in enumerate(rendering.parts)
        ],
        "warnings": list(look.warnings),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroHandlers:
    """`/macros`."""

    macros: Macros
    previews: Previews
    conversations: Conversations
    customers: Customers

    async def index(self, call: Call[None, MacrosQuery]) -> web.Response:
        """The shared macros and one's own."""
        query = call.query
        found, cursor = await self.macros.page(
            call.viewer, query.cursor, query.limit, by_use=query.sort == "use", archived=query.archived
        )
        return json_answer({"items": [macro_view(macro) for macro in found], "next_cursor": cursor})

    async def create(self, call: Call[NewMacro, None]) -> web.Response:
        """Keep a new one, shared by default where an admin makes it."""
        fields = call.body.model_dump(exclude={"shared"})
        shared = call.viewer.administers if call.body.shared is None else call.body.shared
        created = await self.macros.create(call.viewer, shared=shared, **fields)
        call.note.object_id = created["_id"]
        return json_answer(await self._told(call, created), status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One macro."""
        return json_answer(await self._told(call, await self.macros.get(call.viewer, call.path())))

    async def change(self, call: Call[MacroChange, None]) -> web.Response:
        """Change one."""
        changed = await self.macros.change(call.viewer, call.path(), call.body.changes())
        return json_answer(await self._told(call, changed))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Forget one."""
        await self.macros.delete(call.viewer, call.path())
        return no_content()

    async def preview(self, call: Call[MacroPreview, None]) -> web.Response:
        """A macro as it would be sent."""
        return await self._previewed(call, await self.macros.get(call.viewer, call.path()))

    async def try_out(self, call: Call[MacroDraft, None]) -> web.Response:
        """A macro that is being written, as it would be sent."""
        fields = call.body.model_dump(include={"text", "attachments", "buttons", "actions"})
        return await self._previewed(call, await self.macros.draft(call.viewer, fields))

    async def variables(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002 - a handler gets its call
        """What a text may mention."""
        return json_answer({"items": variables(await self.macros.codes())})

    async def _told(self, call: Call[Any, Any], macro: Document) -> View:
        return macro_view(await self.macros.told(call.viewer, macro))

    async def _previewed(self, call: Call[Any, None], macro: Document) -> web.Response:
        body: MacroPreview = call.body
        customer = await self._customer(call)
        prepared = await self.macros.prepare(
            macro, customer=customer, manager=call.viewer, order=body.order, language=body.language
        )
        order: Mapping[str, Any] | None = prepared.order
        return json_answer(
            {
                "text": prepared.filled.text,
                "language": prepared.filled.language,
                "languages": list(macro["text"]),
                "missing": list(prepared.filled.missing),
                "attachments": [attachment_view(file) for file in prepared.files],
                "buttons": [{"title": title, "data": data} for title, data in prepared.buttons],
                "actions": await self.previews.actions(prepared.actions),
                "order": order and {"id": order["_id"], "number": order["number"], "status": order["status"]},
                "channels": [_look_view(look, prepared) for look in await self.previews.looks(prepared, customer)],
            }
        )

    async def _customer(self, call: Call[Any, None]) -> Document | None:
        customer_id = call.body.customer_id
        if call.body.conversation_id is not None:
            conversation = await self.conversations.get(call.viewer, call.body.conversation_id)
            customer_id = conversation["customer_id"]
        return await self.customers.get(customer_id) if customer_id is not None else None


def rows(services: ApiServices) -> list[Route]:
    """The rows of this subject."""
    macros = MacroHandlers(
        macros=services.macros,
        previews=services.previews,
        conversations=services.conversations,
        customers=services.customers,
    )
    return [
        row("GET", "/macros", Who.SIGNED_IN)(
            handler=macros.index,
            summary="Shared macros and one's own",
            query=MacrosQuery,
            answer=Page[MacroShape],
        ),
        row("POST", "/macros", Who.SIGNED_IN)(
            handler=macros.create,
            summary="Keep a macro; only admins share theirs",
            body=NewMacro,
            answer=MacroShape,
            statuses=(201,),
            audit="macro.create",
        ),
        row("GET", "/macros/variables", Who.SIGNED_IN)(
            handler=macros.variables, summary="What a macro's text may mention", answer=MacroVariablesShape
        ),
        row("POST", "/macros/preview", Who.SIGNED_IN)(
            handler=macros.try_out,
            summary="Check a macro that is being written, and see it as it would be sent; nothing is kept",
            body=MacroDraft,
            answer=MacroPreviewShape,
        ),
        row("GET", "/macros/{id}", Who.SIGNED_IN)(handler=macros.show, summary="One macro", answer=MacroShape),
        row("PATCH", "/macros/{id}", Who.SIGNED_IN)(
            handler=macros.change,
            summary="Change a macro; shared ones are for admins to change",
            body=MacroChange,
            answer=MacroShape,
            audit="macro.change",
        ),
        row("DELETE", "/macros/{id}", Who.SIGNED_IN)(
            handler=macros.delete, summary="Forget a macro", statuses=(204,), audit="macro.delete"
        ),
        row("POST", "/macros/{id}/preview", Who.SIGNED_IN)(
            handler=macros.preview,
            summary="A macro as it would be sent: filled in, on each channel, with what else would be done",
            body=MacroPreview,
            body_optional=True,
            answer=MacroPreviewShape,
        ),
    ]
