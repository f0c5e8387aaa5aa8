"""Everybody the shop knows: a list to search, and a page for each of them, whether they ever wrote or not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from aiohttp import web
from pydantic import StringConstraints

from inbox.model.windows import NEAR
from web.doors.bodies import Query
from web.doors.table import Call
from web.pages.blocks import card_blocks
from web.pages.desk import Desk, View
from web.pages.pages import Pages, frame

ROWS = 40
OTHERS = 8
"""How many cards are offered at once as the same person's."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class CustomersQuery(Query):
    """Words to look for."""

    q: Words = ""


class MoreCustomersQuery(CustomersQuery):
    """The rows after those that are there already."""

    cursor: Annotated[str, StringConstraints(max_length=400)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPages:
    """`/customers`, `/customers/{id}` and their fragments."""

    desk: Desk
    pages: Pages

    async def index(self, call: Call[None, CustomersQuery]) -> web.Response:
        """The list, newest first."""
        return await self._listed(call, "customers/page.html", call.query.q, None)

    async def found(self, call: Call[None, CustomersQuery]) -> web.Response:
        """The list alone, for other words."""
        return await self._listed(call, "customers/list.html", call.query.q, None)

    async def rows(self, call: Call[None, MoreCustomersQuery]) -> web.Response:
        """More rows."""
        return await self._listed(call, "customers/rows.html", call.query.q, call.query.cursor)

    async def show(self, call: Call[None, None]) -> web.Response:
        """A customer; one who was merged into another is shown under the other's address."""
        customer = await self.desk.customer(call.path())
        if customer["id"] != call.path():
            return web.Response(status=303, headers={"Location": f"/customers/{customer['id']}"})
        return await self._customer(call, "customers/customer.html", customer, q="", others=())

    async def card(self, call: Call[None, None]) -> web.Response:
        """The card."""
        return await self._customer(call, "customers/card.html", await self.desk.customer(call.path()))

    async def cases(self, call: Call[None, None]) -> web.Response:
        """The conversations that the viewer may see."""
        customer, context = await asyncio.gather(self.desk.customer(call.path()), self._frame(call))
        context |= {"customer": customer, "cases": await self.desk.cases(call.viewer, customer["id"])}
        return self.pages.html(call.request, "customers/cases.html", **context)

    async def write(self, call: Call[None, None]) -> web.Response:
        """The channels to write by, and why some cannot be chosen."""
        customer, context = await asyncio.gather(self.desk.customer(call.path()), self._frame(call))
        return self.pages.html(call.request, "customers/by.html", **context, customer=customer)

    async def others(self, call: Call[None, CustomersQuery]) -> web.Response:
        """Cards to choose from, this one left out; none before there is a word."""
        q = call.query.q
        customer, context = await asyncio.gather(self.desk.customer(call.path()), self._frame(call))
        found: Sequence[View] = ()
        if q:
            # One more, because this very card may be among them.
            found, _ = await self.desk.customers(call.viewer, q, None, OTHERS + 1)
        context |= {
            "customer": customer,
            "q": q,
            "others": [one for one in found if one["id"] != customer["id"]][:OTHERS],
        }
        return self.pages.html(call.request, "customers/others.html", **context)

    async def _listed(self, call: Call[Any, Any], template: str, q: str, cursor: str | None) -> web.Response:
        (customers, following), context = await asyncio.gather(
            self.desk.customers(call.viewer, q, cursor, ROWS), self._frame(call)
        )
        context |= {"q": q, "customers": customers, "next_cursor": following}
        return self.pages.html(call.request, template, **context)

    async def _customer(self, call: Call[Any, Any], template: str, customer: View, **more: Any) -> web.Response:
        blocks, context, managers = await asyncio.gather(
            card_blocks(self.desk, call.viewer, customer["id"]), self._frame(call), self.desk.managers(call.viewer)
        )
        context |= blocks | {"customer": customer, "managers": {one["id"]: one for one in managers}}
        # No conversation is open here: blocks of the card that can be told of one are told so.
        return self.pages.html(call.request, template, **context, **more, conversation=None)

    async def _frame(self, call: Call[Any, Any]) -> dict[str, Any]:
        me, shop, channels = await asyncio.gather(
            self.desk.me(call.signed_in), self.desk.shop(), self.desk.channels(call.viewer)
        )
        return frame(call, me, shop, "customers") | {"channels": {one["id"]: one for one in channels}, "near": NEAR}
