"""The live socket: what changes, as it changes, to those who may see it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import structlog
from aiohttp import WSCloseCode, web

from inbox.live import LiveFeed, LiveFrame
from inbox.model.people import Viewer
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from web.api.orders import order_view
from web.api.requests import LiveQuery
from web.api.tasks import task_view
from web.api.views import View, card_view, conversation_view, identity_view, manager_view, message_view
from web.doors.answers import json_bytes
from web.doors.signin import SignIn
from web.doors.table import Call

SESSION_OVER = 4401
"""Close code: the session ended, there is no use in trying again."""

RECHECK_SECONDS = 10.0
"""How long a socket may outlive its session."""

_HEARTBEAT_SECONDS = 20.0
_SPOKEN_LIMIT = 4096

_log = structlog.get_logger(__name__)

LIVE_VIEWS: Mapping[str, Callable[[Document, Viewer], View]] = {
    "ready": lambda _, __: {},
    "reset": lambda _, __: {},
    "message.created": lambda data, _: message_view(data),
    "message.updated": lambda data, _: message_view(data),
    "conversation.updated": conversation_view,
    "conversation.moved": lambda data, _: {"id": data["_id"], "into": data["into"]},
    "customer.updated": lambda data, _: card_view(data),
    "customer.merged": lambda data, _: {"id": data["_id"], "into": data["into"]},
    "identity.updated": lambda data, _: identity_view(data),
    "manager.updated": manager_view,
    "order.updated": lambda data, _: order_view(data),
    "task.updated": lambda data, _: task_view(data),
    "channel.updated": lambda data, _: {
        "id": data["_id"],
        **{field: data.get(field) for field in ("kind", "name", "state", "state_reason", "state_since")},
        "paused_by_hand": data.get("held", False),
    },
}
"""What a frame of each type carries. Types that are not here say only what they are about."""


def frame_view(frame: LiveFrame, viewer: Viewer) -> View:
    """A frame as it goes over the wire."""
    show = LIVE_VIEWS.get(frame.type)
    data = show(frame.data, viewer) if show is not None else {"id": frame.data["_id"]}
    return {"seq": frame.seq, "type": frame.type, "data": data}


class _Watch:
    """Who is at the other end of a socket, looked at again and again."""

    def __init__(self, viewer: Viewer, key: str, sign_in: SignIn, seconds: float) -> None:
        self.viewer = viewer
        self._seconds = seconds
        self._key = key
        self._sign_in = sign_in

    async def until_over(self) -> None:
        """Return once the session is over."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                viewer = await self._sign_in.viewer(self._key)
            except Exception as error:
                if not is_unavailable(error):
                    raise
                continue
            if viewer is None:
                return
            self.viewer = viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveHandlers:
    """`/live`."""

    feed: LiveFeed
    sign_in: SignIn
    recheck_seconds: float = RECHECK_SECONDS

    async def follow(self, call: Call[None, LiveQuery]) -> web.StreamResponse:
        """Send frames until one of both has enough, or the session is over."""
        session = call.signed_in
        watch = _Watch(session.viewer, session.key, self.sign_in, self.recheck_seconds)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_SPOKEN_LIMIT)
        async with self.feed.subscribe(lambda: watch.viewer, call.query.since) as frames:
            await socket.prepare(call.request)
            over = asyncio.create_task(watch.until_over())
            tasks = {over, asyncio.create_task(_send(socket, frames, watch)), asyncio.create_task(_listen(socket))}
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                _log.error("live_socket_failed", exc_info=result)
        await socket.close(code=SESSION_OVER if over in done else WSCloseCode.SERVICE_RESTART)
        return socket


async def _send(socket: web.WebSocketResponse, frames: AsyncIterator[LiveFrame], watch: _Watch) -> None:
    async for frame in frames:
        await socket.send_str(json_bytes(frame_view(frame, watch.viewer)).decode())


async def _listen(socket: web.WebSocketResponse) -> None:
    """Nothing is said over this socket; reading notices when the other side leaves."""
    with contextlib.suppress(ConnectionError):
        async for _ in socket:
            pass
