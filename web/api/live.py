"""The live socket: what changes, as it changes, to those who may see it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import Field

from inbox.conversations import Conversations
from inbox.gathering import Gathering
from inbox.live import LiveFeed, LiveFrame
from inbox.model.ids import new_id
from inbox.model.people import Viewer
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from routing.presence import Presence
from web.api.company import REFUSED, VIEWERS, Company
from web.api.orders import order_view
from web.api.rows import row
from web.api.services import ApiServices
from web.api.tasks import task_view
from web.api.views import View, card_view, conversation_view, identity_view, manager_view, message_view
from web.doors.answers import json_bytes
from web.doors.bodies import Query
from web.doors.gate import Doors
from web.doors.signin import SignIn
from web.doors.table import Call, Route, Who

SESSION_OVER = 4401
"""Close code: the session ended, there is no use in trying again."""

RECHECK_SECONDS = 10.0
"""How long a socket may outlive its session."""

HEARTBEAT_SECONDS = 10.0
"""How often a page is asked whether it is still there; half as long it may take to answer."""

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


class _Line:
    """A socket on which one frame goes after the other.

    What is said aside has no number of its own: it carries that of the feed's last frame, and so a page that resumes
    from the number it heard last misses nothing.
    """

    def __init__(self, socket: web.WebSocketResponse, since: int | None) -> None:
        self._socket = socket
        self._seq = since
        self._placed = asyncio.Event()
        if since is not None:
            self._placed.set()
        self._turn = asyncio.Lock()

    async def send(self, frame: View) -> None:
        """A frame of the feed."""
        async with self._turn:
            await self._socket.send_str(json_bytes(frame).decode())
            self._seq = frame["seq"]
            self._placed.set()

    async def aside(self, type_: str, data: View) -> None:
        """Something that is true for this moment only."""
        await self._placed.wait()
        async with self._turn:
            frame = {"seq": self._seq, "type": type_, "data": data}
            await self._socket.send_str(json_bytes(frame).decode())


class LiveQuery(Query):
    """From where on the feed is wanted."""

    since: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveHandlers:
    """`/live`."""

    feed: LiveFeed
    gathering: Gathering
    conversations: Conversations
    presence: Presence
    sign_in: SignIn
    recheck_seconds: float = RECHECK_SECONDS
    heartbeat_seconds: float = HEARTBEAT_SECONDS

    async def follow(self, call: Call[None, LiveQuery]) -> web.StreamResponse:
        """Send frames until one of both has enough, or the session is over."""
        session = call.signed_in
        watch = _Watch(session.viewer, session.key, self.sign_in, self.recheck_seconds)
        connection_id = new_id()
        socket = web.WebSocketResponse(heartbeat=self.heartbeat_seconds, max_msg_size=_SPOKEN_LIMIT)
        company = Company(self.gathering, self.conversations, lambda: watch.viewer)
        line = _Line(socket, call.query.since)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(company.close)
            frames = await stack.enter_async_context(self.feed.subscribe(lambda: watch.viewer, call.query.since))
            await socket.prepare(call.request)
            self.presence.connected(session.viewer.id, connection_id)
            over = asyncio.create_task(watch.until_over())
            work = (_send(line, frames, watch, company), _accompany(line, company), _listen(socket, line, company))
            tasks = {over, *map(asyncio.create_task, work)}
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.presence.disconnected(session.viewer.id, connection_id)
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                _log.error("live_socket_failed", exc_info=result)
        await socket.close(code=SESSION_OVER if over in done else WSCloseCode.SERVICE_RESTART)
        return socket


async def _send(line: _Line, frames: AsyncIterator[LiveFrame], watch: _Watch, company: Company) -> None:
    async for frame in frames:
        company.heed(frame)
        await line.send(frame_view(frame, watch.viewer))


async def _accompany(line: _Line, company: Company) -> None:
    async for told in company.news():
        await line.aside(VIEWERS, told)


async def _listen(socket: web.WebSocketResponse, line: _Line, company: Company) -> None:
    """What the page says; reading also notices when it leaves."""
    with contextlib.suppress(ConnectionError):
        async for message in socket:
            wrong = await company.hear(message.data) if message.type is WSMsgType.TEXT else "say it as text"
            if wrong is not None:
                await line.aside(REFUSED, {"detail": wrong})


def rows(doors: Doors, services: ApiServices) -> list[Route]:
    """The endpoints of the live socket."""
    live = LiveHandlers(
        feed=services.feed,
        gathering=services.gathering,
        conversations=services.conversations,
        presence=services.presence,
        sign_in=doors.sign_in,
    )
    return [
        row("GET", "/live", Who.SIGNED_IN)(
            handler=live.follow,
            summary="A WebSocket of frames {seq, type, data}; since resumes; a page may say what it views",
            query=LiveQuery,
            statuses=(101,),
            checks_origin=True,
        ),
    ]
