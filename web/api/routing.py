"""How conversations are given out and watched over in the whole shop."""

from dataclasses import dataclass
from typing import ClassVar

from aiohttp import web

from routing.policy import RoutingSettings
from routing.setup import RoutingSetup
from web.api.rows import row
from web.api.services import ApiServices
from web.api.views import View
from web.doors.answers import json_answer
from web.doors.bodies import Body
from web.doors.table import Call, Route, Who


class RoutingBody(RoutingSettings, Body):
    """What is to hold for the whole shop; what is left out takes its default."""

    audited: ClassVar = frozenset({"policy", "priorities", "weights", "grace"})


def routing_view(settings: RoutingSettings) -> View:
    """The settings."""
    return settings.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingHandlers:
    """`/routing`."""

    setup: RoutingSetup

    async def show(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002  # A handler is called with its call.
        """What holds."""
        return json_answer(routing_view(await self.setup.present()))

    async def put(self, call: Call[RoutingBody, None]) -> web.Response:
        """Have the shop go by this from now on."""
        call.note.object_id = "routing"
        return json_answer(routing_view(await self.setup.change(call.body)))


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of routing."""
    routing = RoutingHandlers(setup=services.routing_setup)
    return [
        row("GET", "/routing", Who.ADMIN)(
            handler=routing.show, summary="How conversations are given out and watched over", answer=RoutingSettings
        ),
        row("PUT", "/routing", Who.ADMIN)(
            handler=routing.put,
            summary="Set the shop's policy, what raises priority, what conversations weigh, and the grace of presence",
            body=RoutingBody,
            answer=RoutingSettings,
            audit="routing.change",
        ),
    ]
