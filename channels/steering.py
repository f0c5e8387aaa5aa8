"""What the control of every kind's sandbox has: shops, customers, their chats, faults, files, errors that explain.

GET    {shops}, customers            what there is; `shops` is the kind's own word
POST   {shops}, customers            one more
GET    {chats}                       what a customer sees; `chats` is the kind's own address of a chat
GET    {chats}/events?after=VERSION  the same, as soon as it is newer (long poll)
POST   {chats}/{action}              what the customer does; JSON, or a form with `file`s
GET, POST, DELETE faults             see `channels.faults.Fault`
GET    files/{id}                    a file's content
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec
from aiohttp import web

from channels.faults import Fault, Faults
from channels.props import Changes, Files

POLL_SECONDS: Final = 25.0

JSON = dict[str, Any]

_T = TypeVar("_T")


class Changing(Protocol):
    """A chat, which tells when there is something new in it."""

    changes: Changes


_Chat = TypeVar("_Chat", bound=Changing)


class World(Protocol):
    """What there is in any sandbox."""

    files: Files
    faults: Faults
    closing: asyncio.Event


class Control(ABC, Generic[_Chat, _T]):
    """The routes above. `actions` are what a customer does, each given the chat and the input, an `action`."""

    def __init__(
        self,
        world: World,
        *,
        shops: str,
        chats: str,
        action: type[_T],
        actions: Mapping[str, Callable[[_Chat, _T], Any]],
    ) -> None:
        self._steered, self._shops, self._chats = world, shops, chats
        self._action, self._actions = action, actions

    @abstractmethod
    def shops(self) -> Iterable[JSON]:
        """The shop's accounts."""

    @abstractmethod
    async def new_shop(self, request: web.Request) -> JSON:
        """One more, as the request wants it."""

    @abstractmethod
    def customers(self) -> Iterable[JSON]:
        """Who there is to write to them."""

    @abstractmethod
    async def new_customer(self, request: web.Request) -> JSON:
        """One more, as the request wants them."""

    @abstractmethod
    def chat(self, request: web.Request) -> _Chat:
        """The chat that the address names. Answers 404 where nobody is there."""

    @abstractmethod
    def view(self, chat: _Chat) -> JSON:
        """The chat as the customer sees it, with its `version`."""

    def application(self) -> web.Application:
        """An application with the routes that every kind has; the kind adds its own."""
        app = application(self._steered.faults, self._steered.files)
        app.router.add_get(self._shops, self._list_shops)
        app.router.add_post(self._shops, self._add_shop)
        app.router.add_get("/customers", self._list_customers)
        app.router.add_post("/customers", self._add_customer)
        app.router.add_get(self._chats, self._show)
        app.router.add_get(f"{self._chats}/events", self._show_news)
        app.router.add_post(f"{self._chats}/{{action}}", self._act)
        return app

    async def _list_shops(self, _request: web.Request) -> web.Response:
        return answer({"items": list(self.shops())})

    async def _add_shop(self, request: web.Request) -> web.Response:
        return answer(await self.new_shop(request), status=201)

    async def _list_customers(self, _request: web.Request) -> web.Response:
        return answer({"items": list(self.customers())})

    async def _add_customer(self, request: web.Request) -> web.Response:
        return answer(await self.new_customer(request), status=201)

    async def _show(self, request: web.Request) -> web.Response:
        return answer(self.view(self.chat(request)))

    async def _show_news(self, request: web.Request) -> web.Response:
        chat = self.chat(request)
        await _news(request, chat.changes, self._steered.closing)
        return answer(self.view(chat))

    async def _act(self, request: web.Request) -> web.Response:
        chat = self.chat(request)
        action = self._actions.get(request.match_info["action"])
        if action is None:
            raise web.HTTPNotFound(text=f"actions: {', '.join(self._actions)}")
        result = action(chat, await _posted(request, self._action))
        return answer({"result": result, "chat": self.view(chat)})


def application(faults: Faults, files: Files) -> web.Application:
    """What every sandbox's control has, also of those who have no chats: faults, files, errors that explain."""
    app = web.Application(middlewares=[_explain])

    async def listed(_request: web.Request) -> web.Response:
        return answer({"items": faults.listed()})

    async def add(request: web.Request) -> web.Response:
        faults.add(await body(request, Fault))
        return answer({"items": faults.listed()}, status=201)

    async def clear(_request: web.Request) -> web.Response:
        faults.clear()
        return web.Response(status=204)

    async def content(request: web.Request) -> web.Response:
        file = files.get(request.match_info["id"])
        if file is None:
            raise web.HTTPNotFound(text="no such file")
        active = file.content_type.partition("/")[0] not in {"image", "audio", "video"} or "svg" in file.content_type
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        if active:
            headers["Content-Disposition"] = "attachment"
        kind = "application/octet-stream" if active else file.content_type
        return web.Response(body=file.data, headers=headers | {"Content-Type": kind})

    app.router.add_get("/faults", listed)
    app.router.add_post("/faults", add)
    app.router.add_delete("/faults", clear)
    app.router.add_get("/files/{id}", content)
    return app


def answer(value: Any, status: int = 200) -> web.Response:
    """`value` as JSON."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


async def body(request: web.Request, kind: type[_T]) -> _T:
    """What was posted, as a `kind`; nothing is an empty object."""
    return msgspec.json.decode(await request.read() or b"{}", type=kind)


async def _posted(request: web.Request, kind: type[_T]) -> _T:
    """What was posted, as a `kind`: JSON, or a form, its `file`s as `files`: (name, content type, content)."""
    if request.content_type != "multipart/form-data":
        return await body(request, kind)
    form = await request.post()
    files = [
        (field.filename, field.content_type, field.file.read())
        for field in form.getall("file", [])
        if isinstance(field, web.FileField)
    ]
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    return msgspec.convert({**texts, "files": files}, type=kind, strict=False)


async def _news(request: web.Request, changes: Changes, closing: asyncio.Event) -> None:
    """Wait until there is something newer than the version that `?after=` names, for a while at most."""
    after = request.query.get("after", "")
    if after.isdigit() and int(after) == changes.version:
        changed = asyncio.ensure_future(changes.after(changes.version))
        closed = asyncio.ensure_future(closing.wait())
        await asyncio.wait({changed, closed}, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        closed.cancel()


@web.middleware
async def _explain(request: web.Request, handler: Any) -> web.StreamResponse:
    """Say what was wrong with the input instead of a bare 500."""
    try:
        response: web.StreamResponse = await handler(request)
    except (msgspec.MsgspecError, ValueError, LookupError) as error:
        return answer({"error": str(error).strip("'")}, status=422)
    return response
