"""What the control of every kind's sandbox is made of: faults, files, news, and errors that explain themselves.

GET, POST, DELETE faults   see `channels.faults.Fault`
GET    files/{id}          a file's content
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from channels.faults import Fault, Faults
from channels.props import Changes, Files

POLL_SECONDS: Final = 25.0

_T = TypeVar("_T")


def application(faults: Faults, files: Files) -> web.Application:
    """A control with what every kind has; the kind adds its own routes."""
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


async def posted_files(request: web.Request) -> tuple[str, list[tuple[str, str, bytes]]]:
    """A form's `text` and its `file`s as (name, content type, content)."""
    form = await request.post()
    files = [
        (field.filename, field.content_type, field.file.read())
        for field in form.getall("file", [])
        if isinstance(field, web.FileField)
    ]
    return str(form.get("text", "")), files


async def posted(request: web.Request, kind: type[_T]) -> _T:
    """What was posted, as a `kind`: JSON, or a form, whose text and files it takes as `text` and `files`."""
    if request.content_type != "multipart/form-data":
        return await body(request, kind)
    text, files = await posted_files(request)
    return msgspec.convert({"text": text, "files": files}, type=kind)


def action_of(request: web.Request, actions: Mapping[str, _T]) -> _T:
    """The action that the address names. Answers 404 with those there are."""
    action = actions.get(request.match_info["action"])
    if action is None:
        raise web.HTTPNotFound(text=f"actions: {', '.join(actions)}")
    return action


async def news(request: web.Request, changes: Changes, closing: asyncio.Event) -> None:
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
