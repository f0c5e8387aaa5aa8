"""Prepared replies."""

from dataclasses import dataclass

from aiohttp import web

from inbox.conversations import Conversations
from inbox.customers import Customers
from inbox.macros import Macros
from inbox.storage.database import Document
from web.api.requests import MacroChange, MacroPreview, NewMacro
from web.api.views import macro_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import PageQuery
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroHandlers:
    """`/macros`."""

    macros: Macros
    conversations: Conversations
    customers: Customers

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """The shared macros and one's own."""
        found, cursor = await self.macros.page(call.viewer, call.query.cursor, call.query.limit)
        return json_answer({"items": [macro_view(row) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewMacro, None]) -> web.Response:
        """Keep a new one, shared by default where an admin makes it."""
        body = call.body
        shared = call.viewer.administers if body.shared is None else body.shared
        created = await self.macros.create(
            call.viewer, name=body.name, text=body.text, shortcut=body.shortcut, shared=shared
        )
        call.note.object_id = created["_id"]
        return json_answer(macro_view(created), status=201)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One macro."""
        return json_answer(macro_view(await self.macros.get(call.viewer, call.path())))

    async def change(self, call: Call[MacroChange, None]) -> web.Response:
        """Change one."""
        return json_answer(macro_view(await self.macros.change(call.viewer, call.path(), call.body.changes())))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Forget one."""
        await self.macros.delete(call.viewer, call.path())
        return no_content()

    async def preview(self, call: Call[MacroPreview, None]) -> web.Response:
        """A macro as it would be sent."""
        macro = await self.macros.get(call.viewer, call.path())
        customer = await self._customer(call)
        text, language = await self.macros.fill(call.viewer, macro, customer, language=call.body.language)
        return json_answer({"text": text, "language": language})

    async def _customer(self, call: Call[MacroPreview, None]) -> Document | None:
        customer_id = call.body.customer_id
        if call.body.conversation_id is not None:
            conversation = await self.conversations.get(call.viewer, call.body.conversation_id)
            customer_id = conversation["customer_id"]
        return await self.customers.get(customer_id) if customer_id is not None else None
