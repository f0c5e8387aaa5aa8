"""Handing conversations over."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import Field, StringConstraints

from routing.handing_over import HandingOver, HandOver
from web.api.fields import Id, Token
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import ConversationShape
from web.api.views import conversation_view
from web.doors.answers import json_answer
from web.doors.bodies import Body
from web.doors.table import Call, Route, Who

MAX_NOTE = 2000


class HandOverBody(Body):
    """To a manager or to a team, one of both; `note` is for whoever gets it. `version`: a newer one answers 409."""

    audited: ClassVar = frozenset({"manager_id", "team_id"})

    manager_id: Id | None = None
    team_id: Id | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_NOTE)] = ""
    version: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None
    client_token: Token | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandingOverHandlers:
    """`/conversations/{id}/transfer`."""

    handing_over: HandingOver

    async def hand_over(self, call: Call[HandOverBody, None]) -> web.Response:
        """Give a conversation to a manager or a team."""
        wanted = HandOver(**call.body.model_dump())
        conversation, done = await self.handing_over.hand_over(call.viewer, call.path(), wanted)
        call.note.skip = not done
        return json_answer(conversation_view(conversation, call.viewer))


def rows(services: ApiServices) -> list[Route]:
    """The endpoint of handing over."""
    handlers = HandingOverHandlers(handing_over=services.handing_over)
    return [
        row("POST", "/conversations/{id}/transfer", Who.SIGNED_IN)(
            handler=handlers.hand_over,
            summary="Hand a conversation over to a manager or a team, with a note; once for one client_token",
            body=HandOverBody,
            answer=ConversationShape,
            audit="conversation.hand_over",
        )
    ]
