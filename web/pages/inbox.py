"""The inbox: list, thread and card, whole and in the parts that a page fetches again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import StringConstraints

from inbox.model.errors import NotFound
from inbox.model.people import Viewer
from inbox.model.windows import NEAR
from web.doors.bodies import Query
from web.doors.table import Call
from web.pages.blocks import card_blocks, files_page
from web.pages.desk import Desk, View, Wanted
from web.pages.pages import Pages, frame, wants_fragment
from web.pages.thread import arrange

MESSAGES = 50
LANE_PAGES = 8
"""How many pages of messages one part of the thread may hold when it is fetched again."""

Scope = Literal["case", "everything"]
"""What a thread shows: its own conversation, or all that happened with its customer."""

Tab = Literal["mine", "unassigned", "all", "closed"]
Reader = Callable[[str | None, int], Awaitable[tuple[Sequence[View], str | None]]]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Key = Annotated[str, StringConstraints(max_length=400)]


class ListQuery(Query):
    """Which rows of the list; and how much of a customer's history an open conversation shows."""

    tab: Tab = "mine"
    q: Words = ""
    sort: Literal["recent", "due"] = "recent"
    view: Scope = "case"


class RowsQuery(ListQuery):
    """The rows after those that are there already."""

    cursor: Key


class OlderQuery(Query):
    """The messages before those that are there already."""

    cursor: Key
    view: Scope = "case"


class FilesQuery(Query):
    """The files after those that are there already."""

    type: Literal["media", "files"]
    cursor: Key


class LaneQuery(Query):
    """A stretch of the thread: from its first message to its last one, or to the end."""

    view: Scope = "case"
    first: Key = ""
    last: Key = ""
    lane: Annotated[str, StringConstraints(pattern=r"^(messages|before-[A-Za-z0-9_-]{1,80})$")] = "messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPages:
    """`/inbox` and its fragments."""

    desk: Desk
    pages: Pages

    async def home(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002 - a handler is called with its call
        """The inbox is where one arrives."""
        return web.Response(status=303, headers={"Location": "/inbox"})

    async def index(self, call: Call[None, ListQuery]) -> web.Response:
        """The list, with nothing chosen."""
        return await self._page(call, None)

    async def show(self, call: Call[None, ListQuery]) -> web.Response:
        """A conversation beside the list; alone where the list is on the page already."""
        conversation_id = call.path()
        if not wants_fragment(call.request):
            return await self._page(call, conversation_id)
        context = await self._frame(call)
        try:
            context |= await self._opened(call.viewer, conversation_id, call.query.view, context)
        except NotFound:
            return self.pages.html(call.request, "inbox/lost.html", status=404, **context)
        return self.pages.html(call.request, "inbox/desk.html", **context)

    async def tabs(self, call: Call[None, ListQuery]) -> web.Response:
        """Tabs and rows."""
        context = await self._frame(call)
        context |= await self._listed(call, call.query, None)
        return self.pages.html(call.request, "inbox/list.html", **context)

    async def rows(self, call: Call[None, RowsQuery]) -> web.Response:
        """More rows."""
        context = await self._frame(call)
        context |= await self._listed(call, call.query, call.query.cursor)
        return self.pages.html(call.request, "inbox/rows.html", **context)

    async def bar(self, call: Call[None, None]) -> web.Response:
        """The thread's header, and the hints above the composer."""
        context = await self._frame(call)
        conversation = await self.desk.conversation(call.viewer, call.path())
        customer = await self.desk.customer(conversation["customer_id"], conversation["id"])
        context |= {"conversation": conversation, "customer": customer, "oob": True, "tab": "mine"}
        context["reach"] = _reach(conversation, customer)
        return self.pages.html(call.request, "inbox/bar_and_hints.html", **context)

    async def assign(self, call: Call[None, None]) -> web.Response:
        """To whom a conversation can be handed over, and how busy they are."""
        context, conversation = await asyncio.gather(
            self._frame(call), self.desk.conversation(call.viewer, call.path())
        )
        return self.pages.html(call.request, "inbox/assign.html", **context, conversation=conversation)

    async def messages(self, call: Call[None, LaneQuery]) -> web.Response:
        """A stretch of the thread as it is now."""
        context = await self._frame(call)
        query = call.query
        conversation = await self.desk.conversation(call.viewer, call.path())
        read = self._reader(call.viewer, conversation, query.view)
        messages, before = await self._lane(read, query)
        context |= await self._thread(conversation, messages, before, context, query.view)
        context["lane"] = query.lane
        return self.pages.html(call.request, "inbox/messages.html", **context)

    async def older(self, call: Call[None, OlderQuery]) -> web.Response:
        """The messages before those on the page."""
        context = await self._frame(call)
        conversation = await self.desk.conversation(call.viewer, call.path())
        read = self._reader(call.viewer, conversation, call.query.view)
        found, cursor = await read(call.query.cursor, MESSAGES)
        messages = list(reversed(found))
        before = await self._one_before(read, cursor)
        context |= await self._thread(conversation, messages, before, context, call.query.view)
        context |= {"older_cursor": cursor, "lane": f"before-{messages[0]['id']}" if messages else "before-all"}
        return self.pages.html(call.request, "inbox/older_page.html", **context)

    async def card(self, call: Call[None, None]) -> web.Response:
        """The customer's card."""
        context = await self._frame(call)
        conversation = await self.desk.conversation(call.viewer, call.path())
        customer_id = conversation["customer_id"]
        customer, blocks = await asyncio.gather(
            self.desk.customer(customer_id), card_blocks(self.desk, call.viewer, customer_id)
        )
        context |= {"conversation": conversation, "customer": customer} | blocks
        return self.pages.html(call.request, "inbox/card.html", **context)

    async def files(self, call: Call[None, FilesQuery]) -> web.Response:
        """More of a customer's files."""
        query = call.query
        customer, page, context = await asyncio.gather(
            self.desk.customer(call.path()),
            files_page(self.desk, call.viewer, call.path(), query.type, query.cursor),
            self._thread_frame(call),
        )
        context |= {"customer": customer, "type": query.type, "page": page}
        return self.pages.html(call.request, "inbox/card/files_page.html", **context)

    async def me(self, call: Call[None, None]) -> web.Response:
        """The viewer's own menu."""
        return self.pages.html(call.request, "inbox/me.html", **await self._thread_frame(call))

    async def status(self, call: Call[None, None]) -> web.Response:
        """The viewer's status and load."""
        return self.pages.html(call.request, "inbox/status.html", **await self._thread_frame(call))

    async def _page(self, call: Call[None, ListQuery], conversation_id: str | None) -> web.Response:
        context = await self._frame(call)
        listed = await self._listed(call, call.query, None)
        context |= listed | {"conversation": None, "lost": False, "current": conversation_id}
        status = 200
        if conversation_id is not None:
            try:
                context |= await self._opened(call.viewer, conversation_id, call.query.view, context)
            except NotFound:
                context["lost"] = True
                status = 404
        return self.pages.html(call.request, "inbox/page.html", status=status, **context)

    async def _thread_frame(self, call: Call[Any, Any]) -> dict[str, Any]:
        """What messages need around them."""
        me, shop, channels = await asyncio.gather(
            self.desk.me(call.signed_in), self.desk.shop(), self.desk.channels(call.viewer)
        )
        return frame(call, me, shop, "inbox") | {"channels": _by_id(channels), "current": None, "near": NEAR}

    async def _frame(self, call: Call[Any, Any]) -> dict[str, Any]:
        """What everything else needs: also who else there is."""
        framed: dict[str, Any]
        framed, managers, teams = await asyncio.gather(
            self._thread_frame(call), self.desk.managers(call.viewer), self.desk.teams()
        )
        return framed | {"managers": _by_id(managers), "teams": _by_id(teams)}

    async def _listed(self, call: Call[Any, Any], query: ListQuery, cursor: str | None) -> dict[str, Any]:
        wanted = Wanted(tab=query.tab, q=query.q, sort=query.sort, cursor=cursor)
        counts, (rows, next_cursor), troubles = await asyncio.gather(
            self.desk.counts(call.viewer), self.desk.rows(call.viewer, wanted), self.desk.troubles(call.viewer)
        )
        asked = {"tab": query.tab, "q": query.q, "sort": query.sort}
        return {
            "asked": asked,
            **asked,
            "counts": counts,
            "rows": rows,
            "next_cursor": next_cursor,
            "troubles": troubles,
        }

    async def _opened(
        self, viewer: Viewer, conversation_id: str, view: Scope, context: Mapping[str, Any]
    ) -> dict[str, Any]:
        conversation = await self.desk.conversation(viewer, conversation_id)
        read = self._reader(viewer, conversation, view)
        (found, cursor), blocks = await asyncio.gather(
            read(None, MESSAGES), card_blocks(self.desk, viewer, conversation["customer_id"])
        )
        before = await self._one_before(read, cursor)
        opened = await self._thread(conversation, list(reversed(found)), before, context, view)
        reach = _reach(conversation, opened["customer"])
        told: dict[str, Any] = {"tab": "mine"} | dict(context) | opened | blocks
        return told | {"older_cursor": cursor, "reach": reach, "oob": False}

    def _reader(self, viewer: Viewer, conversation: View, view: Scope) -> Reader:
        """What reads a thread page by page, newest first: its messages, or all that happened with its customer."""
        if view == "everything":
            return partial(self.desk.history, viewer, conversation["customer_id"])
        return partial(self.desk.messages, viewer, conversation["id"])

    async def _thread(
        self,
        conversation: View,
        messages: Sequence[View],
        before: View | None,
        context: Mapping[str, Any],
        view: Scope,
    ) -> dict[str, Any]:
        return {
            "view": view,
            "stages": dict(await self.desk.stages()) if view == "everything" else {},
            "conversation": conversation,
            "customer": await self.desk.customer(conversation["customer_id"], conversation["id"]),
            "messages": messages,
            "items": arrange(messages, context["clock"], after=before),
            "known": _by_id(messages),
            "lane": "messages",
        }

    async def _lane(self, read: Reader, query: LaneQuery) -> tuple[list[View], View | None]:
        """The messages from `first` to `last` (to the end where that is empty), and the one that stands before them."""
        found: list[View] = []
        cursor: str | None = None
        for _ in range(LANE_PAGES):
            page, cursor = await read(cursor, MESSAGES)
            found.extend(page)
            ids = [message["id"] for message in found]
            if cursor is None or not query.first or query.first in ids:
                break
        ids = [message["id"] for message in found]
        end = ids.index(query.last) if query.last in ids else 0
        start = ids.index(query.first) if query.first in ids else len(ids) - 1
        rest = found[start + 1 :]
        before = rest[0] if rest else await self._one_before(read, cursor)
        return list(reversed(found[end : start + 1])), before

    async def _one_before(self, read: Reader, cursor: str | None) -> View | None:
        if cursor is None:
            return None
        found, _ = await read(cursor, 1)
        return found[0] if found else None


def _by_id(views: Sequence[View]) -> dict[str, View]:
    return {view["id"]: view for view in views}


def _reach(conversation: View, customer: View) -> View | None:
    """The identity that a reply goes to unless another channel is chosen."""
    return next((row for row in customer["identities"] if row["channel_id"] == conversation["channel_id"]), None)
