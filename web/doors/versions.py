"""Versions as HTTP knows them: an answer's ETag, and a write that is meant for one of them only (`If-Match`)."""

import re
from typing import Any

from aiohttp import web

from inbox.model.errors import Invalid
from web.doors.answers import json_answer
from web.doors.table import Call

_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"')


def versioned_answer(view: Any, version: int, *, status: int = 200) -> web.Response:
    """An answer that carries JSON and its version."""
    answer = json_answer(view, status=status)
    answer.headers["ETag"] = f'"{version}"'
    return answer


def awaited_version(call: Call[Any, Any]) -> int | None:
    """The version that the caller saw; None where any will do. Raises `Invalid`."""
    told = call.request.headers.get("If-Match", "*").strip()
    if told == "*":
        return None
    match = _VERSION.fullmatch(told)
    if match is None:
        raise Invalid("If-Match", 'hand back the ETag of an earlier answer, such as "3"')
    return int(match[1])
