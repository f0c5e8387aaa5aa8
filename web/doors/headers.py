"""What every answer carries: the request's id, and what browsers must not do with the page."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from aiohttp import web

from inbox.model.ids import new_id

REQUEST_ID_HEADER = "X-Request-Id"
REQUEST_ID = web.RequestKey("request_id", str)

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id_of(headers: Mapping[str, str]) -> str:
    """The caller's own id for a request where that is fit for a log, else a new one."""
    offered = headers.get("x-request-id")
    return offered if offered is not None and _ACCEPTABLE_ID.fullmatch(offered) else new_id()


def name_request(request: web.Request) -> None:
    """Give the request and its log lines an id."""
    request_id = request_id_of(request.headers)
    request[REQUEST_ID] = request_id
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def content_security_policy(frame_ancestors: Sequence[str]) -> str:
    """Everything from ourselves, nothing inline, no plug-ins; framed by ourselves and `frame_ancestors` only."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "manifest-src 'self'",
            " ".join(("frame-src 'self'", *frame_ancestors)),
            "form-action 'self'",
            "base-uri 'none'",
            " ".join(("frame-ancestors 'self'", *frame_ancestors)),
        )
    )


def common_headers(*, secure: bool, frame_ancestors: Sequence[str]) -> dict[str, str]:
    """What every answer carries."""
    common = {
        "Content-Security-Policy": content_security_policy(frame_ancestors),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if secure:
        common["Strict-Transport-Security"] = "max-age=31536000"
    return common


def header_signal(common: Mapping[str, str]) -> Any:
    """An `on_response_prepare` signal: it also reaches streams, sockets and errors. A handler's own header stays."""

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in common.items():
            response.headers.setdefault(name, value)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        request_id = request.get(REQUEST_ID)
        if request_id is not None:
            response.headers[REQUEST_ID_HEADER] = request_id

    return add_headers
