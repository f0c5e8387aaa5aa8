"""What is said in conversations."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from inbox.conversations import Conversations
from inbox.customers import Customers
from inbox.follow_ups import FollowUps
from inbox.macros import MAX_ACTIONS, MAX_BUTTONS, MAX_TITLE, Macros, Prepared
from inbox.media import Media
from inbox.messages import Messages
from inbox.model.actions import FOLLOW_UPS
from inbox.model.errors import Invalid, NotFound, Overtaken
from inbox.model.macros import Filled
from inbox.model.people import Author
from inbox.model.typed import each
from inbox.replies import Draft, Replies
from inbox.storage.database import Document
from web import letters
from web.api.fields import TEXT_LIMIT, ButtonData, Id, Text, Token, each_once
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import MessageShape, Page
from web.api.views import message_view
from web.doors.answers import json_answer
from web.doors.bodies import Body, PageQuery, Query
from web.doors.problems import FieldError, Problem
from web.doors.table import Call, Route, Who

INLINE_BYTES: Final = 8 << 20
"""How much of pictures a message's page holds."""

INLINE_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class MessageButton(Body):
    """Something to press: what it says, and what comes back of it."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE)]
    data: ButtonData


class NewMessage(Body):
    """A reply or a note. `private` says how the public comment in `reply_to` is answered; absent means in public.

    With a `macro_id`, what is left out of `text`, `attachments`, `buttons` and `actions` is the macro's. `order` is the
    customer's order that it speaks of, by id or number; without it, the latest that may still go somewhere. `seen` is
    the message that came last of those that the writer knew of: where others' came after it, a reply answers 409 with
    what is `newer`.
    """

    audited: ClassVar = frozenset({"kind", "channel_id", "macro_id", "private"})

    text: Annotated[str, StringConstraints(max_length=TEXT_LIMIT)] = ""
    kind: Literal["reply", "note"] = "reply"
    channel_id: Id | None = None
    attachments: Annotated[tuple[Id, ...], Field(max_length=10), AfterValidator(each_once)] = ()
    macro_id: Id | None = None
    buttons: Annotated[tuple[MessageButton, ...], Field(max_length=MAX_BUTTONS)] = ()
    actions: Annotated[list[dict[str, Any]], Field(max_length=MAX_ACTIONS)] = Field(default_factory=list)
    order: Id | None = None
    reply_to: Id | None = None
    private: bool | None = None
    client_token: Token | None = None
    seen: Id | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "NewMessage":
        if not (self.text.strip() or self.attachments or self.macro_id):
            raise ValueError("give a text, attachments or a macro_id")
        if self.kind == "note" and (self.buttons or self.actions):
            raise ValueError("buttons and actions go along with a reply, not with a note")
        return self


class MessageEdit(Body):
    """Another text for a message of ours."""

    text: Text


class HtmlQuery(Query):
    """How a message's HTML is wanted. Pictures from elsewhere tell their sender who looked."""

    images: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHandlers:
    """`/conversations/{id}/messages` and `/messages`."""

    conversations: Conversations
    customers: Customers
    follow_ups: FollowUps
    macros: Macros
    messages: Messages
    replies: Replies
    media: Media

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """A conversation, newest first."""
        conversation = await self.conversations.get(call.viewer, call.path())
        found, cursor = await self.messages.page(conversation["_id"], limit=call.query.limit, cursor=call.query.cursor)
        return json_answer({"items": [message_view(row) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewMessage, None]) -> web.Response:
        """Reply or take a note.

        A known client token answers 200 with the first message; a reply over what its writer has not `seen` 409.
        """
        conversation = await self.conversations.get(call.viewer, call.path())
        draft = await self._draft(call, conversation)
        try:
            message, created = await self.replies.post(conversation["_id"], draft, author=Author.of(call.viewer))
        except Overtaken as error:
            newer = [message_view(row) for row in error.newer]
            raise Problem(409, str(error), members={"newer": newer}) from error
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

    async def html(self, call: Call[None, HtmlQuery]) -> web.Response:
        """A message's HTML, cleaned, for a frame that may do nothing; pictures from elsewhere with `images`."""
        message, html = await self.messages.html(call.viewer, call.path())
        images = call.query.images
        inline = await self._inline_pictures(message)
        page = await asyncio.to_thread(letters.page, html, inline, images=images)
        headers = {"Content-Security-Policy": letters.policy(images=images), "Referrer-Policy": "no-referrer"}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def _inline_pictures(self, message: Document) -> dict[str, str]:
        """Pictures that came with a message, by the part that its HTML names, as far as a page can hold them."""
        found: dict[str, str] = {}
        room = INLINE_BYTES
        for shown in message["attachments"]:
            stored = shown["state"] == "stored" and shown["content_type"] in INLINE_PICTURES
            if stored and (shown["size"] or 0) <= room:
                attachment, read = await self.media.open(shown["id"])
                content = b"".join([chunk async for chunk in read(0, attachment["size"])])
                found[shown["part"]] = letters.as_data(attachment["content_type"], content)
                room -= len(content)
        return found

    async def _draft(self, call: Call[NewMessage, None], conversation: Document) -> Draft:
        """What the body says, completed by its macro."""
        body = call.body
        draft = Draft(
            text=body.text,
            kind=body.kind,
            channel_id=body.channel_id,
            attachments=body.attachments,
            lent=await self.macros.lent(call.viewer, body.attachments),
            macro_id=body.macro_id,
            buttons=tuple((button.title, button.data) for button in body.buttons),
            reply_to=body.reply_to,
            private=body.private,
            client_token=body.client_token,
            seen=body.seen,
        )
        if body.macro_id is None and not body.actions:
            return draft
        token = body.client_token
        if token is not None and await self.replies.knows(conversation["_id"], token):
            # It could perhaps not be said again by now; it was said.
            return draft
        customer = await self.customers.get(conversation["customer_id"])
        actions = each(body.actions, FOLLOW_UPS, "actions")
        if body.macro_id is None:
            order = await self.macros.order(customer, body.order)
        else:
            prepared = await self._prepared(call, customer)
            draft, order = _completed(draft, prepared, given=body.model_fields_set), prepared.order
            if "actions" not in body.model_fields_set and body.kind == "reply":
                actions = prepared.actions
        planned = await self.follow_ups.planned(conversation, actions, order)
        return msgspec.structs.replace(draft, actions=planned)

    async def _prepared(self, call: Call[NewMessage, None], customer: Document) -> Prepared:
        try:
            macro = await self.macros.get(call.viewer, call.body.macro_id or "")
        except NotFound as error:
            raise Invalid("macro_id", "there is no such macro") from error
        if macro["archived"]:
            raise Invalid("macro_id", "this macro is archived")
        return await self.macros.prepare(macro, customer=customer, manager=call.viewer, order=call.body.order)


def _completed(draft: Draft, prepared: Prepared, *, given: Collection[str]) -> Draft:
    """A draft with what it was not `given` taken from its macro; a note takes no buttons."""
    changes: dict[str, Any] = {}
    if not draft.text.strip():
        changes["text"] = _finished(prepared.filled)
    if "attachments" not in given:
        files = tuple(file["_id"] for file in prepared.files)
        changes |= {"attachments": files, "lent": frozenset(files)}
    if "buttons" not in given and draft.kind == "reply":
        changes["buttons"] = prepared.buttons
    return msgspec.structs.replace(draft, **changes)


def _finished(filled: Filled) -> str:
    """A macro's text. What lacks a value is not sent with a gap: raises a 422 that names the variables."""
    if filled.missing:
        named = ", ".join(filled.missing)
        errors = [FieldError("macro_id", f"{variable} has no value here") for variable in filled.missing]
        raise Problem(422, f"this macro needs {named}: write the text yourself, or fill that in first", errors=errors)
    return filled.text


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of messages."""
    messages = MessageHandlers(
        conversations=services.conversations,
        customers=services.customers,
        follow_ups=services.follow_ups,
        macros=services.macros,
        messages=services.messages,
        replies=services.replies,
        media=services.media,
    )
    return [
        row("GET", "/conversations/{id}/messages", Who.SIGNED_IN)(
            handler=messages.index,
            summary="What was said, newest first",
            query=PageQuery,
            answer=Page[MessageShape],
        ),
        row("POST", "/conversations/{id}/messages", Who.SIGNED_IN)(
            handler=messages.create,
            summary="Reply or take a note; 200 for a known client_token",
            body=NewMessage,
            answer=MessageShape,
            statuses=(201, 200),
            audit="message.post",
        ),
        row("POST", "/messages/{id}/retry", Who.SIGNED_IN)(
            handler=messages.retry,
            summary="Send again what is not known to have been sent",
            answer=MessageShape,
            audit="message.retry",
        ),
        row("GET", "/messages/{id}/html", Who.SIGNED_IN)(
            handler=messages.html,
            summary="A message's HTML, made harmless, for a sandboxed frame; pictures from elsewhere with images=1",
            query=HtmlQuery,
            media_type="text/html",
        ),
        row("PATCH", "/messages/{id}", Who.SIGNED_IN)(
            handler=messages.edit,
            summary="Replace the text of a message, where the channel can",
            body=MessageEdit,
            answer=MessageShape,
            audit="message.edit",
        ),
        row("DELETE", "/messages/{id}", Who.SIGNED_IN)(
            handler=messages.unsend,
            summary="Take a message back, where the channel can",
            answer=MessageShape,
            audit="message.unsend",
        ),
    ]
