"""Files by their signed addresses: what a provider fetches, and what a customer opens instead of an attachment."""

from aiohttp import web

from inbox.links import PATH, FileLinks
from inbox.media import Media
from web.api.attachments import send_file
from web.doors.table import Call, Face, Route, Who


class LinkedFiles:
    """`/files`: no session is asked for, the address itself is the proof."""

    def __init__(self, media: Media, links: FileLinks) -> None:
        self._media = media
        self._links = links

    def table(self) -> list[Route]:
        """The row of this part."""
        return [
            Route(
                method="GET",
                path=PATH,
                handler=self.show,
                who=Who.PUBLIC,
                summary="A file by its signed address",
                face=Face.MACHINE,
            )
        ]

    async def show(self, call: Call[None, None]) -> web.StreamResponse:
        """Send the file; 404 for what we did not sign, and once its time is over."""
        attachment, read = await self._media.open(self._links.read(call.path("token")))
        return await send_file(call.request, attachment, read, f'"{attachment["_id"]}"')
