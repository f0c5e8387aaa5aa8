"""How we know our own letters again: Message-IDs and reply addresses that only this mailbox can have made.

A letter of ours is `skr-<name>-<seal>@domain`: `name` comes from `Outgoing.key`, so every try of one request has the
same, and `seal` is an HMAC of it. The same left side, put behind a `+`, is the address for answers. Ids are written
without their angle brackets everywhere but in a header.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

from channels.email.spec import EmailSettings

_OURS: Final = re.compile(r"skr-([0-9a-f]{20})-([0-9a-f]{16})", re.ASCII | re.IGNORECASE)
_OURS_BYTES: Final = re.compile(rb"skr-[0-9a-f]{20}-[0-9a-f]{16}", re.IGNORECASE)
MAX_FOUND: Final = 50
LOCAL_LIMIT: Final = 64


def message_id(settings: EmailSettings, key: str) -> str:
    """Our name for the letter that a request becomes."""
    name = hashlib.sha256(key.encode()).hexdigest()[:20]
    return f"skr-{name}-{_seal(settings, name)}@{settings.address.rpartition('@')[2].lower()}"


def reply_address(settings: EmailSettings, external_id: str) -> str:
    """Where answers to a letter of ours go: the mailbox's address with the letter's name in it.

    Empty where that has no room: what stands before the @ may have 64 characters (RFC 5321 4.5.3.1.1).
    """
    local, _, domain = settings.address.rpartition("@")
    named = f"{local}+{external_id.partition('@')[0]}"
    return f"{named}@{domain}" if len(named) <= LOCAL_LIMIT else ""


def found_in(settings: EmailSettings, content: bytes) -> list[str]:
    """Names of letters of ours that a letter mentions anywhere: in its threads, its addresses, what it returns."""
    names = dict.fromkeys(match.group().decode().lower() for match in _OURS_BYTES.finditer(content))
    return [name for name in list(names)[:MAX_FOUND] if _is_ours(settings, name)]


def mentioned(proven: Iterable[str], text: str) -> list[str]:
    """Those names of `proven` that `text` mentions, in its order."""
    known = set(proven)
    names = dict.fromkeys(match.group().lower() for match in _OURS.finditer(text))
    return [name for name in names if name in known]


def _is_ours(settings: EmailSettings, name: str) -> bool:
    match = _OURS.fullmatch(name)
    return match is not None and hmac.compare_digest(match[2], _seal(settings, match[1]))


def _seal(settings: EmailSettings, name: str) -> str:
    key = settings.signing_key.get_secret_value() if settings.signing_key is not None else settings.address
    return hmac.new(key.encode(), name.encode(), hashlib.sha256).hexdigest()[:16]
