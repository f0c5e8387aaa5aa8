"""What customers look like."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from pydantic import Field

from inbox.avatars import Avatars
from inbox.pictures import PREVIEW_TYPE
from web.api.attachments import send_file
from web.api.rows import row
from web.api.services import ApiServices
from web.doors.bodies import Query
from web.doors.table import Call, Route, Who


class AvatarQuery(Query):
    """Which version of the picture an address stands for."""

    v: Annotated[str, Field(max_length=64)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvatarHandlers:
    """`/identities/{id}/avatar`: like cards, for everybody who is signed in."""

    avatars: Avatars

    async def show(self, call: Call[None, AvatarQuery]) -> web.StreamResponse:
        """Send the picture, to be kept for good where the address names its version."""
        avatar, read = await self.avatars.open(call.path())
        version = avatar["version"]
        return await send_file(call.request, avatar, read, f'"{version}"', unchanging=call.query.v == version)


def rows(services: ApiServices) -> list[Route]:
    """The rows of this subject."""
    avatars = AvatarHandlers(avatars=services.avatars)
    return [
        row("GET", "/identities/{id}/avatar", Who.SIGNED_IN)(
            handler=avatars.show,
            summary="A customer's picture, a small square",
            query=AvatarQuery,
            media_type=PREVIEW_TYPE,
        ),
    ]
