"""Those who carry parcels: connecting them, and what a parcel's stage does to its order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from inbox.storage.database import Document
from inbox.tracking import CarrierSettings, Tracking
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Shape
from web.api.views import View
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Change
from web.doors.table import Call, Route, Who

StageName = Literal["unknown", "created", "moving", "arrived", "delivered", "returned", "cancelled"]


class CarrierBody(Change):
    """A carrier's account. What `settings` holds is the carrier's to say; a secret that is not sent stays.

    `status_map` says which order status a parcel's stage stands for; a stage without one moves nothing.
    `waiting_days` is after how many days at the branch a parcel waits to be collected.
    """

    audited = frozenset({"status_map", "waiting_days"})

    settings: dict[str, Any] = Field(default_factory=dict)
    status_map: dict[StageName, Annotated[str, StringConstraints(max_length=60)]] = Field(default_factory=dict)
    waiting_days: Annotated[int, Field(ge=1, le=60)] = 3


class CarrierShape(Shape):
    """A connected carrier. `parcels` is how many are looked after."""

    name: str
    title: str
    settings: dict[str, Any]
    status_map: dict[str, str]
    waiting_days: int
    state: Literal["connected", "degraded", "paused"]
    state_reason: str | None
    state_since: AwareDatetime
    asked_at: AwareDatetime | None
    parcels: int


class CarrierPage(Shape):
    """Every connected carrier, and the names of those that could be."""

    items: list[CarrierShape]
    available: list[str]


class IrregularMove(Shape):
    """Where a parcel would have its order, and why the pipeline does not let it."""

    status: str
    reason: str


class ParcelShape(Shape):
    """What a carrier said last of a parcel. `expected_on` is a day, YYYY-MM-DD."""

    carrier: str
    number: str
    stage: StageName
    text: str
    expected_on: str | None
    arrived_at: AwareDatetime | None
    final: bool
    changed_at: AwareDatetime
    looked_at: AwareDatetime | None
    next_look_at: AwareDatetime | None
    irregular: IrregularMove | None


def carrier_view(carrier: Document, titles: Mapping[str, str]) -> View:
    """A carrier; secrets are not in it."""
    told = ("settings", "status_map", "waiting_days", "state", "state_since", "asked_at", "parcels")
    return {
        "name": carrier["_id"],
        "title": titles.get(carrier["_id"], carrier["_id"]),
        **{field: carrier[field] for field in told},
        "state_reason": carrier["state_reason"] or None,
    }


def parcel_view(parcel: Document, titles: Mapping[str, str]) -> View:
    """A parcel."""
    told = ("number", "stage", "text", "arrived_at", "final", "changed_at", "looked_at", "next_look_at", "irregular")
    return {
        "carrier": titles.get(parcel["carrier"], parcel["carrier"]),
        **{field: parcel[field] for field in told},
        "expected_on": parcel["expected_on"] or None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierHandlers:
    """`/carriers`."""

    tracking: Tracking

    async def index(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002 - a handler is called with its call
        """Every connected one, and what else there is."""
        connected = await self.tracking.connected()
        items = [carrier_view(carrier, self.tracking.titles) for carrier in connected]
        return json_answer({"items": items, "available": sorted(self.tracking.carriers)})

    async def put(self, call: Call[CarrierBody, None]) -> web.Response:
        """Connect one, or set it up anew."""
        call.note.object_id = call.path()
        put = await self.tracking.put(call.path(), CarrierSettings(**call.body.changes()))
        return json_answer(carrier_view(put, self.tracking.titles))

    async def check(self, call: Call[None, None]) -> web.Response:
        """Ask it whether all stands."""
        return json_answer(carrier_view(await self.tracking.check(call.path()), self.tracking.titles))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Ask it nothing any more."""
        await self.tracking.disconnect(call.path())
        return no_content()

    async def parcel(self, call: Call[None, None]) -> web.Response:
        """What is known of an order's parcel."""
        return json_answer(parcel_view(await self.tracking.parcel(call.path()), self.tracking.titles))


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of carriers and parcels."""
    carriers = CarrierHandlers(tracking=services.tracking)
    return [
        row("GET", "/carriers", Who.ADMIN)(
            handler=carriers.index, summary="Who is asked about parcels", answer=CarrierPage
        ),
        row("PUT", "/carriers/{id}", Who.ADMIN)(
            handler=carriers.put,
            summary="Connect a carrier by its name, or set it up anew; its key is checked first",
            body=CarrierBody,
            answer=CarrierShape,
            audit="carrier.put",
        ),
        row("POST", "/carriers/{id}/check", Who.ADMIN)(
            handler=carriers.check,
            summary="Ask a carrier whether all stands; lifts the pause of a repaired one",
            answer=CarrierShape,
            audit="carrier.check",
        ),
        row("DELETE", "/carriers/{id}", Who.ADMIN)(
            handler=carriers.delete, summary="Ask a carrier nothing any more", statuses=(204,), audit="carrier.delete"
        ),
        row("GET", "/parcels/{id}", Who.SIGNED_IN)(
            handler=carriers.parcel, summary="What a carrier said last of an order's parcel", answer=ParcelShape
        ),
    ]
