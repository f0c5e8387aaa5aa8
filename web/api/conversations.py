"""Conversations."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import Field, StringConstraints

from inbox.conversations import ConversationQuery, Conversations
from inbox.model.conversation import ConversationStatus
from inbox.model.errors import Invalid
from inbox.model.people import Author
from inbox.replies import Draft, Replies
from inbox.teams import Teams
from routing.assignment import Assigner
from web.api.fields import Id, Label, Labels, SearchText, Text, Time, Token
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import ConversationShape, Page, PriorityName, StartedShape
from web.api.views import conversation_view, message_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change, PageQuery
from web.doors.table import Call, Route, Who


class ConversationsQuery(PageQuery):
    """Which conversations are wanted."""

    status: Annotated[str, StringConstraints(max_length=20)] | None = None
    assignee: Id | None = None
    team: Id | None = None
    channel: Id | None = None
    label: Label | None = None
    q: SearchText = ""
    sort: Annotated[str, StringConstraints(max_length=20)] = "recent"


class NewConversation(Body):
    """Writing first."""

    audited: ClassVar = frozenset({"customer_id", "channel_id"})

    customer_id: Id
    channel_id: Id
    text: Text
    client_token: Token | None = None


class ConversationPatch(Change):
    """What a manager changes about a conversation. `version` is the one they saw: a newer one answers 409."""

    audited: ClassVar = frozenset({"status", "assignee_id", "team_id", "labels", "snoozed_until", "priority"})

    status: ConversationStatus = ConversationStatus.OPEN
    assignee_id: Id | None = None
    team_id: Id | None = None
    labels: Labels = ()
    snoozed_until: Time | None = None
    priority: PriorityName = "normal"
    version: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationHandlers:
    """`/conversations`."""

    conversations: Conversations
    replies: Replies
    assigner: Assigner
    teams: Teams

    async def index(self, call: Call[None, ConversationsQuery]) -> web.Response:
        """Those that the viewer may see."""
        query = call.query
        found, cursor = await self.conversations.page(
            call.viewer,
            ConversationQuery(
                status=query.status,
                assignee=query.assignee,
                team=query.team,
                channel=query.channel,
                label=query.label,
                q=query.q,
                sort=query.sort,
                limit=query.limit,
                cursor=query.cursor,
            ),
        )
        return json_answer({"items": [conversation_view(row, call.viewer) for row in found], "next_cursor": cursor})

    async def create(self, call: Call[NewConversation, None]) -> web.Response:
        """Write first."""
        body = call.body
        allow = partial(self.replies.allow, author=Author.of(call.viewer))
        begun = await self.conversations.begin(call.viewer, body.customer_id, body.channel_id, allow=allow)
        draft = Draft(text=body.text, channel_id=body.channel_id, client_token=body.client_token)
        message, created = await self.replies.post(begun["_id"], draft, author=Author.of(call.viewer))
        call.note.object_id = begun["_id"]
        call.note.skip = not created
        conversation = await self.conversations.get(call.viewer, begun["_id"])
        shown = {**conversation_view(conversation, call.viewer), "message": message_view(message)}
        return json_answer(shown, status=201 if created else 200)

    async def show(self, call: Call[None, None]) -> web.Response:
        """One conversation."""
        return json_answer(conversation_view(await self.conversations.get(call.viewer, call.path()), call.viewer))

    async def change(self, call: Call[ConversationPatch, None]) -> web.Response:
        """Change what it is and who holds it. The version is compared once, before the first change."""
        viewer, changes = call.viewer, call.body.changes()
        conversation = await self.conversations.get(viewer, call.path())
        version = changes.pop("version", None)
        if changes.get("team_id") is not None and await self.teams.missing([changes["team_id"]]):
            raise Invalid("team_id", "there is no such team")
        hands_over = "assignee_id" in changes
        assignee_id = changes.pop("assignee_id", None)
        if changes or not hands_over:
            conversation = await self.conversations.change(
                conversation["_id"], changes, by=Author.of(viewer), version=version
            )
            version = None
        if hands_over:
            conversation = await self.assigner.hand_to(
                conversation["_id"], assignee_id, by=Author.of(viewer), version=version
            )
        return json_answer(conversation_view(conversation, viewer))

    async def mark_read(self, call: Call[None, None]) -> web.Response:
        """Say that everything so far was seen."""
        return json_answer(conversation_view(await self.conversations.mark_read(call.path(), call.viewer), call.viewer))

    async def show_typing(self, call: Call[None, None]) -> web.Response:
        """Show the customer that somebody writes."""
        conversation = await self.conversations.get(call.viewer, call.path())
        await self.replies.typing(conversation["_id"])
        return no_content()


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of conversations."""
    conversations = ConversationHandlers(
        conversations=services.conversations,
        replies=services.replies,
        assigner=services.assigner,
        teams=services.teams,
    )
    return [
        row("GET", "/conversations", Who.SIGNED_IN)(
            handler=conversations.index,
            summary="Conversations that the caller may see; assignee is me, none or an id",
            query=ConversationsQuery,
            answer=Page[ConversationShape],
        ),
        row("POST", "/conversations", Who.SIGNED_IN)(
            handler=conversations.create,
            summary="Write first, where the channel allows it",
            body=NewConversation,
            answer=StartedShape,
            statuses=(201, 200),
            audit="conversation.start",
        ),
        row("GET", "/conversations/{id}", Who.SIGNED_IN)(
            handler=conversations.show, summary="One conversation", answer=ConversationShape
        ),
        row("PATCH", "/conversations/{id}", Who.SIGNED_IN)(
            handler=conversations.change,
            summary="Change status, holder, team, labels or priority; 409 where version is stale",
            body=ConversationPatch,
            answer=ConversationShape,
            audit="conversation.change",
        ),
        row("POST", "/conversations/{id}/read", Who.SIGNED_IN)(
            handler=conversations.mark_read,
            summary="Everything so far was seen",
            answer=ConversationShape,
        ),
        row("POST", "/conversations/{id}/typing", Who.SIGNED_IN)(
            handler=conversations.show_typing, summary="Show the customer that somebody writes", statuses=(204,)
        ),
    ]
