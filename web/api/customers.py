"""Customer cards, and one customer's history over all channels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field, StringConstraints

from inbox.cards import Cards
from inbox.customers import Customers
from inbox.model.customer_fields import MAX_FIELDS, MAX_VALUE, as_text
from inbox.model.happenings import ASSIGNMENT, HANDED_OFF, STATUS
from inbox.model.remedies import Told
from inbox.storage.database import Document
from inbox.timeline import MESSAGE, NOTE, ORDER, Timeline
from web.api.fields import Id, Labels, Languages, Name, SearchText, each_once
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AttachmentShape, AuthorShape, CustomerShape, MessageShape, Page, Shape
from web.api.views import View, attachment_view, author_view, customer_view, message_view
from web.doors.answers import json_answer
from web.doors.bodies import Body, Change, PageQuery, Query
from web.doors.table import Call, Route, Who

MAX_CONTACTS = 20

FieldName = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s.$\x00][^.$\x00]{0,59}$"),
    Told("is a code of at most 60 characters, without a dot or a dollar sign"),
]
FieldText = Annotated[str, StringConstraints(max_length=MAX_VALUE)]
FieldValue = Annotated[
    FieldText | None, BeforeValidator(as_text, json_schema_input_type=FieldText | int | float | bool | None)
]
Fields = Annotated[dict[FieldName, FieldValue], Field(max_length=MAX_FIELDS)]
TypedPhone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
TypedAddress = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=254)]
Phones = Annotated[tuple[TypedPhone, ...], Field(max_length=MAX_CONTACTS), AfterValidator(each_once)]
Addresses = Annotated[tuple[TypedAddress, ...], Field(max_length=MAX_CONTACTS), AfterValidator(each_once)]
Version = Annotated[int, Field(ge=0, lt=1 << 53)]

FILES: Mapping[str, frozenset[str]] = {
    "media": frozenset({"photo", "video"}),
    "files": frozenset({"audio", "voice", "document", "sticker"}),
}
"""Types of files by how a gallery shows them."""

EVENTS = (ASSIGNMENT, STATUS, HANDED_OFF, NOTE, ORDER)
"""What a timeline may tell besides messages."""


class CustomersQuery(PageQuery):
    """Which cards are wanted."""

    q: SearchText = ""


class NewCustomer(Body):
    """A card made by hand."""

    audited = frozenset({"tags", "languages", "responsible_manager_id"})

    name: Name
    phones: Phones = ()
    emails: Addresses = ()
    tags: Labels = ()
    languages: Languages = ()
    fields: Fields = Field(default_factory=dict)
    responsible_manager_id: Id | None = None


class CustomerChange(Change):
    """What a manager changes about a card: lists are replaced, of `fields` those that are named (null empties one).

    `version` is the one that was seen: a newer one answers 409.
    """

    audited = frozenset({"tags", "languages", "notices", "opted_out", "responsible_manager_id"})

    name: Name = ""
    phones: Phones = ()
    emails: Addresses = ()
    tags: Labels = ()
    languages: Languages = ()
    fields: Fields = Field(default_factory=dict)
    notices: bool = True
    """Whether they are told of their orders."""
    opted_out: bool = False
    """Whether nothing automatic is said to them at all."""
    responsible_manager_id: Id | None = None
    version: Version | None = None


def _known_events(value: str) -> str:
    unknown = set(value.split(",")) - {*EVENTS, "all", ""}
    if unknown:
        raise ValueError(f"name some of {', '.join(EVENTS)}, parted by commas, or all")
    return value


class TimelineQuery(PageQuery):
    """What is wanted besides messages: `assignment`, `status`, `handoff`, `note`, `order`, with commas, or `all`."""

    include: Annotated[str, StringConstraints(max_length=100), AfterValidator(_known_events)] = ""

    @property
    def events(self) -> frozenset[str]:
        """The kinds of events."""
        return frozenset(EVENTS if self.include == "all" else self.include.split(",")) - {""}


class TagsQuery(Query):
    """How the tags begin."""

    q: SearchText = ""
    limit: int = Field(default=20, ge=1, le=100)


class TagsShape(Shape):
    """Tags, the last used first."""

    items: list[str]


class TimelineMessageShape(MessageShape):
    """Something said, where a timeline tells more than that."""

    kind: Literal["message"]


class TimelineEventShape(Shape):
    """Something that happened.

    `assignment`: `assignee_id` (null: back to the queue) and why, `team_id` where it was handed over to a team.
    `status`: of the conversation. `handoff`: the bot left it to people, and why. `note`: on the card. `order`: which
    `fields` of it changed, its `status` where that did, and the `reply` that it came along with.
    """

    model_config = ConfigDict(extra="allow")

    kind: Literal["assignment", "status", "handoff", "note", "order"]
    id: str
    at: AwareDatetime
    by: AuthorShape
    conversation_id: str | None


class GalleryItemShape(AttachmentShape):
    """A file with the message that carried it."""

    message_id: str
    conversation_id: str
    sent_at: AwareDatetime


class GalleryQuery(PageQuery):
    """Which files: pictures and videos (`media`), or everything else (`files`); without it all of them."""

    type: Literal["media", "files"] | None = None

    @property
    def types(self) -> frozenset[str]:
        """The types of files that these are."""
        return FILES[self.type] if self.type is not None else frozenset().union(*FILES.values())


def entry_view(entry: Document) -> View:
    """An entry of a timeline."""
    if entry["kind"] == MESSAGE:
        return {**message_view(entry), "kind": MESSAGE}
    return {
        "kind": entry["kind"],
        "id": entry["_id"],
        "at": entry["at"],
        "by": author_view(entry["by"]),
        "conversation_id": entry.get("conversation_id"),
        **_TELLERS[entry["kind"]](entry),
    }


def _order_entry(entry: Mapping[str, Any]) -> View:
    changes = entry["changes"]
    return {
        **{field: entry[field] for field in ("order_id", "number", "source", "irregular", "reply")},
        "status": changes.get("status"),
        "fields": [field for field in changes if field != "status"],
    }


_TELLERS = {
    ASSIGNMENT: lambda entry: {
        **{field: entry[field] for field in ("assignee_id", "reason")},
        "team_id": entry.get("to_team"),
    },
    STATUS: lambda entry: {field: entry[field] for field in ("status", "snoozed_until")},
    HANDED_OFF: lambda entry: {"reason": entry["reason"]},
    NOTE: lambda entry: {field: entry[field] for field in ("text", "pinned", "edited_at")},
    ORDER: _order_entry,
}


def file_view(row: Document) -> View:
    """A file, and which message carried it."""
    told = {field: row[field] for field in ("message_id", "conversation_id", "sent_at")}
    return {**attachment_view(row), **told}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerHandlers:
    """`/customers`: cards are readable by all, what was said only where its conversation is."""

    customers: Customers
    cards: Cards
    timeline: Timeline

    async def index(self, call: Call[None, CustomersQuery]) -> web.Response:
        """Cards that have a word for each word of `q`."""
        query = call.query
        found, cursor = await self.customers.page(call.viewer, query.q, limit=query.limit, cursor=query.cursor)
        cards = [customer_view(whole) for whole in await self.cards.whole(found)]
        return json_answer({"items": cards, "next_cursor": cursor})

    async def create(self, call: Call[NewCustomer, None]) -> web.Response:
        """Make a card by hand."""
        created = await self.customers.create(call.body.model_dump(exclude_unset=True))
        call.note.object_id = created["_id"]
        return json_answer(await self._shown(created), status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One card."""
        return json_answer(await self._shown(await self.customers.get(call.path())))

    async def change(self, call: Call[CustomerChange, None]) -> web.Response:
        """Change a card."""
        changes = call.body.changes()
        version = changes.pop("version", None)
        return json_answer(await self._shown(await self.customers.change(call.path(), changes, version=version)))

    async def history(self, call: Call[None, TimelineQuery]) -> web.Response:
        """Everything said with a customer over all channels, newest first, and what else is asked for."""
        query = call.query
        customer = await self.customers.get(call.path())
        found, cursor = await self.timeline.page(
            call.viewer, customer["_id"], {MESSAGE, *query.events}, limit=query.limit, cursor=query.cursor
        )
        show = entry_view if query.events else message_view
        return json_answer({"items": [show(entry) for entry in found], "next_cursor": cursor})

    async def gallery(self, call: Call[None, GalleryQuery]) -> web.Response:
        """The files that went to and fro, newest first."""
        query = call.query
        customer = await self.customers.get(call.path())
        found, cursor = await self.timeline.files(
            call.viewer, customer["_id"], query.types, limit=query.limit, cursor=query.cursor
        )
        return json_answer({"items": [file_view(row) for row in found], "next_cursor": cursor})

    async def tags(self, call: Call[None, TagsQuery]) -> web.Response:
        """Tags to choose from."""
        return json_answer({"items": await self.customers.tags(call.query.q, call.query.limit)})

    async def _shown(self, card: Document) -> View:
        return customer_view(await self.cards.one(card))


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of customers."""
    customers = CustomerHandlers(customers=services.customers, cards=services.cards, timeline=services.timeline)
    return [
        row("GET", "/customers", Who.SIGNED_IN)(
            handler=customers.index,
            summary="Cards whose name, phone, e-mail or handle contains q",
            query=CustomersQuery,
            answer=Page[CustomerShape],
        ),
        row("POST", "/customers", Who.SIGNED_IN)(
            handler=customers.create,
            summary="Make a card by hand",
            body=NewCustomer,
            answer=CustomerShape,
            statuses=(201,),
            audit="customer.create",
        ),
        row("GET", "/customers/{id}", Who.SIGNED_IN)(handler=customers.show, summary="One card", answer=CustomerShape),
        row("PATCH", "/customers/{id}", Who.SIGNED_IN)(
            handler=customers.change,
            summary="Change a card; 409 where version is stale",
            body=CustomerChange,
            answer=CustomerShape,
            audit="customer.change",
        ),
        row("GET", "/customers/{id}/timeline", Who.SIGNED_IN)(
            handler=customers.history,
            summary="Everything said with a customer, newest first; with include also what else happened",
            query=TimelineQuery,
            answer=Page[MessageShape | TimelineMessageShape | TimelineEventShape],
        ),
        row("GET", "/customers/{id}/attachments", Who.SIGNED_IN)(
            handler=customers.gallery,
            summary="The files of a customer's conversations, newest first",
            query=GalleryQuery,
            answer=Page[GalleryItemShape],
        ),
        row("GET", "/tags", Who.SIGNED_IN)(
            handler=customers.tags, summary="Tags that cards have, to choose from", query=TagsQuery, answer=TagsShape
        ),
    ]
