"""The toy's side, played locally."""

import itertools

from aiohttp import web

from channels.faults import Fault, Faults
from tests.channels.toy.spec import CAPABILITIES


class ToySandbox:
    """One account with one customer, Ann, and what she got."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.webhook = ""
        self.texts: list[str] = []
        self.faults = Faults()
        self._ids = itertools.count(1)

    def provider(self) -> web.Application:
        """What stands at api.toy.example."""
        app = web.Application()
        app.router.add_post("/{method:hook|send}", self._call)
        return app

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        fault = self.faults.take(method)
        if fault is None:
            return await self._answered(request, method)
        early = _status(fault) or await self.faults.before(fault, request)
        return early or await self.faults.after(fault, request, await self._answered(request, method))

    async def _answered(self, request: web.Request, method: str) -> web.Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        wanted = await request.json()
        if method == "hook":
            self.webhook = wanted["url"]
            return web.json_response({})
        if wanted["to"] != "ann":
            return web.Response(status=404)
        if not 0 < len(wanted["text"]) <= CAPABILITIES.text_limit:
            return web.Response(status=400)
        self.texts.append(wanted["text"])
        return web.json_response({"id": f"toy-{next(self._ids)}"})


def _status(fault: Fault) -> web.Response | None:
    return web.Response(status=fault.status or 500) if fault.kind == "status" else None
