"""Customer cards."""

from dataclasses import dataclass

from aiohttp import web

from inbox.customers import Customers
from inbox.messages import Messages
from web.api.requests import CustomerChange, CustomersQuery, NewCustomer
from web.api.views import customer_view, message_view
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerHandlers:
    """`/customers`: cards are readable by all, what was said only where its conversation is."""

    customers: Customers
    messages: Messages

    async def index(self, call: Call[None, CustomersQuery]) -> web.Response:
        """Cards that have a word for each word of `q`."""
        query = call.query
        found, cursor = await self.customers.page(call.viewer, query.q, limit=query.limit, cursor=query.cursor)
        identities = await self.customers.identities([row["_id"] for row in found])
        cards = [customer_view(row, identities[row["_id"]]) for row in found]
        return json_answer({"items": cards, "next_cursor": cursor})

    async def create(self, call: Call[NewCustomer, None]) -> web.Response:
        """Make a card by hand."""
        created = await self.customers.create(call.body.model_dump())
        call.note.object_id = created["_id"]
        return json_answer(customer_view(created, ()), status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One card."""
        customer = await self.customers.get(call.path())
        identities = await self.customers.identities([customer["_id"]])
        return json_answer(customer_view(customer, identities[customer["_id"]]))

    async def change(self, call: Call[CustomerChange, None]) -> web.Response:
        """Change a card."""
        changed = await self.customers.change(call.path(), call.body.changes())
        identities = await self.customers.identities([changed["_id"]])
        return json_answer(customer_view(changed, identities[changed["_id"]]))

    async def timeline(self, call: Call[None, PageQuery]) -> web.Response:
        """Everything said with a customer over all channels, newest first."""
        customer = await self.customers.get(call.path())
        found, cursor = await self.messages.timeline(
            call.viewer, customer["_id"], limit=call.query.limit, cursor=call.query.cursor
        )
        return json_answer({"items": [message_view(row) for row in found], "next_cursor": cursor})
