"""Faults on order: how a sandbox is told to behave as badly as its provider sometimes does."""

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from aiohttp import web

FaultKind = Literal["status", "html", "garbage", "slow", "hang", "hang_after", "reset_before", "reset_after"]

ANY: Final = "*"


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong with the next `times` calls of `method` (`*`: of any), or with all until cleared.

    - `status`: answers `status` with the provider's own error body; `description` and `retry_after` (seconds) fill it.
    - `html`: answers `status` (502 unless given) with a proxy's page instead of JSON.
    - `garbage`: does as asked and answers 200 with half a JSON text.
    - `slow`: waits `seconds`, then does as asked.
    - `hang`: takes the request and never answers; `hang_after` does as asked first.
    - `reset_before`: takes the request and drops the connection; `reset_after` does as asked first.
    """

    kind: FaultKind
    method: str = ANY
    times: int | None = None
    status: int = 0
    description: str = ""
    retry_after: int | None = None
    seconds: float = 1.0

    @property
    def does_as_asked(self) -> bool:
        """Whether the call has its effect although the caller may not learn of it."""
        return self.kind in {"garbage", "slow", "hang_after", "reset_after"}


@dataclass
class _Active:
    fault: Fault
    left: int | None


class Faults:
    """The faults in force. The first that fits a call is the one it meets."""

    def __init__(self) -> None:
        self._active: list[_Active] = []
        self._closing = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._active.append(_Active(fault, fault.times))

    def clear(self) -> None:
        self._active.clear()

    def listed(self) -> list[Fault]:
        """What is in force, with the calls that are left."""
        return [msgspec.structs.replace(one.fault, times=one.left) for one in self._active]

    def take(self, method: str) -> Fault | None:
        """The fault that a call of `method` meets now, counted down."""
        for one in self._active:
            if one.fault.method.lower() in {ANY, method.lower()}:
                if one.left is not None:
                    one.left -= 1
                    if one.left <= 0:
                        self._active.remove(one)
                return one.fault
        return None

    async def before(self, fault: Fault, request: web.Request) -> web.Response | None:
        """Play what `fault` does before the call would have had its effect."""
        match fault.kind:
            case "slow":
                await self._pause(fault.seconds)
            case "hang":
                await self._closing.wait()
                return _dropped(request)
            case "reset_before":
                return _dropped(request)
            case "html":
                page = "<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"
                return web.Response(status=fault.status or 502, text=page, content_type="text/html")
        return None

    async def after(self, fault: Fault, request: web.Request, answer: web.Response) -> web.Response:
        """Play what `fault` does instead of the answer, once the call had its effect."""
        match fault.kind:
            case "hang_after":
                await self._closing.wait()
                return _dropped(request)
            case "reset_after":
                return _dropped(request)
            case "garbage":
                return web.Response(body=b'{"ok":tr', content_type="application/json")
        return answer

    def close(self) -> None:
        """Let go of every call that hangs."""
        self._closing.set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return


def _dropped(request: web.Request) -> web.Response:
    """An answer that goes nowhere: the connection is gone."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
