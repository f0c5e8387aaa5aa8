"""JSON answers: one encoder, times as RFC 3339 in UTC."""

from typing import Any

import msgspec
from aiohttp import web
from pydantic import BaseModel


def _plain(value: Any) -> Any:
    """What msgspec does not know by itself."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def json_bytes(data: Any) -> bytes:
    """Data as JSON."""
    return _encoder.encode(data)


def json_answer(data: Any, *, status: int = 200) -> web.Response:
    """An answer that carries JSON."""
    return web.Response(status=status, body=json_bytes(data), content_type="application/json")


def no_content() -> web.Response:
    """The answer to what is done and has nothing to say."""
    return web.Response(status=204)
