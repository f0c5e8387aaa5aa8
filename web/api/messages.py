"""What is said in conversations."""

from dataclasses import dataclass

from aiohttp import web

from inbox.conversations import Conversations
from inbox.customers import Customers
from inbox.macros import Macros
from inbox.messages import Messages
from inbox.model.errors import Invalid, NotFound
from inbox.model.people import Author
from inbox.replies import Draft, Replies
from inbox.storage.database import Document
from web.api.requests import MessageEdit, NewMessage
from web.api.views import message_view
from web.doors.answers import json_answer
from web.doors.bodies import PageQuery
from web.doors.table import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHandlers:
    """`/conversations/{id}/messages` and `/messages`."""

    conversations: Conversations
    customers: Customers
    macros: Macros
    messages: Messages
    replies: Replies

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """A conversation, newest first."""
        conversation = await self.conversations.get(call.viewer, call.path())
        found, cursor = await self.messages.page(conversation["_id"], limit=call.query.limit, cursor=call.query.cursor)
        return json_answer({"items": [message_view(row) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewMessage, None]) -> web.Response:
        """Reply or take a note. A known client token answers 200 with the first message."""
        body = call.body
        conversation = await self.conversations.get(call.viewer, call.path())
        text = body.text
        if body.macro_id is not None and not text.strip():
            text = await self._macro_text(call, conversation, body.macro_id)
        message, created = await self.replies.post(
            conversation["_id"],
            Draft(
                text=text,
                kind=body.kind,
                channel_id=body.channel_id,
                attachments=body.attachments,
                macro_id=body.macro_id,
                reply_to=body.reply_to,
                private=body.private,
                client_token=body.client_token,
            ),
            author=Author.of(call.viewer),
        )
        call.note.object_id = message["_id"]
        call.note.skip = not created
        return json_answer(message_view(message), status=201 if created else 200)

    async def retry(self, call: Call[None, None]) -> web.Response:
        """Send again what is not known to have been sent."""
        message, _ = await self.messages.get(call.viewer, call.path())
        changed = await self.replies.retry(message["_id"])
        return json_answer(message_view(changed))

    async def edit(self, call: Call[MessageEdit, None]) -> web.Response:
        """Replace the text of a message of ours."""
        message, _ = await self.messages.get(call.viewer, call.path())
        changed = await self.replies.edit(message["_id"], call.body.text, author=Author.of(call.viewer))
        return json_answer(message_view(changed))

    async def unsend(self, call: Call[None, None]) -> web.Response:
        """Take a message back."""
        message, _ = await self.messages.get(call.viewer, call.path())
        changed = await self.replies.unsend(message["_id"], author=Author.of(call.viewer))
        return json_answer(message_view(changed))

    async def _macro_text(self, call: Call[NewMessage, None], conversation: Document, macro_id: str) -> str:
        try:
            macro = await self.macros.get(call.viewer, macro_id)
        except NotFound as error:
            raise Invalid("macro_id", "there is no such macro") from error
        customer = await self.customers.get(conversation["customer_id"])
        text, _ = await self.macros.fill(call.viewer, macro, customer)
        return text
