"""Cursors: where a page of a list ended, as an opaque string that a client hands back unread."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import msgspec

from inbox.model.errors import Invalid

Position = str | int | float | datetime | None


def encode_cursor(*position: Position) -> str:
    """A cursor for the place after the row with these sort values."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str, *kinds: Any) -> tuple[Any, ...]:
    """The sort values in a cursor of ours, one of each of `kinds`. Raises `Invalid` for anything else."""
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        written = base64.b64decode(padded, altchars=b"-_", validate=True)
        position: tuple[Any, ...] = msgspec.json.decode(written, type=tuple.__class_getitem__(kinds))
    except (binascii.Error, msgspec.DecodeError, UnicodeError) as error:
        raise Invalid("cursor", "hand back the next_cursor of an earlier answer, unchanged") from error
    return tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in position)


def moment_and_id(cursor: str | None) -> tuple[datetime, str] | None:
    """The place in a list by a time, then id; None where there is no cursor. Raises `Invalid` for one not of ours."""
    if not cursor:
        return None
    at, key = decode_cursor(cursor, datetime, str)
    return at, key


def page(rows: list[dict[str, Any]], limit: int, *sorted_by: str) -> tuple[list[dict[str, Any]], str | None]:
    """Cut what was read with `limit + 1` to a page, and the cursor for the next one where there is more."""
    if len(rows) <= limit:
        return rows, None
    kept = rows[:limit]
    return kept, encode_cursor(*(kept[-1][field] for field in sorted_by))
