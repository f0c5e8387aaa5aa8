"""Addresses by which somebody without a session fetches one file for a while: a provider, or a customer.

`{base}/files/{token}/{name}`: the token says which file and until when, and proves that we wrote it. The name is there
for its extension, by which some providers tell a file's type; it is not part of the proof.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from inbox.model.errors import NotFound
from inbox.model.ids import now
from inbox.secrets import SecretBox

PATH = "/files/{token}/{name}"
LIFETIME = timedelta(days=7)
_PROOF_BYTES = 16


class _Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a token says: the file, and until when, in Unix seconds."""

    attachment_id: str
    until: int


class FileLinks:
    """Writes and reads such addresses. `base_url` is where customers' apps reach this server."""

    def __init__(self, box: SecretBox, base_url: str, lifetime: timedelta = LIFETIME) -> None:
        self._key = box.derive("file links")
        self._base_url = base_url.rstrip("/")
        self._lifetime = lifetime

    def address(self, attachment: Mapping[str, Any], *, at: datetime | None = None) -> str:
        """Where this file can be fetched from `at` (now) until the lifetime is over."""
        until = (at or now()) + self._lifetime
        claim = msgspec.json.encode(_Claim(attachment["_id"], int(until.timestamp())))
        token = base64.urlsafe_b64encode(claim + self._proof(claim)).rstrip(b"=").decode()
        path = PATH.format(token=token, name=quote(attachment["name"] or "file", safe=""))
        return self._base_url + path

    def read(self, token: str, *, at: datetime | None = None) -> str:
        """The id of the file that a token is for. Raises `NotFound` for what we did not write, and what is over."""
        try:
            decoded = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        except ValueError:
            decoded = b""
        told, proof = decoded[:-_PROOF_BYTES], decoded[-_PROOF_BYTES:]
        if not hmac.compare_digest(proof, self._proof(told)):
            raise NotFound("there is no such file")
        claim = msgspec.json.decode(told, type=_Claim)
        if (at or now()).timestamp() > claim.until:
            raise NotFound("this link is over; ask the shop for a new one")
        return claim.attachment_id

    def _proof(self, claim: bytes) -> bytes:
        return hmac.new(self._key, claim, hashlib.sha256).digest()[:_PROOF_BYTES]
