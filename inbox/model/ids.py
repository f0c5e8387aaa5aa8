"""Identifiers. All of them are opaque strings; those that dedupe are derived from what they dedupe."""

import hashlib
import random
import time
from datetime import UTC, datetime, timedelta

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clocks of two servers may be apart."""


def new_id() -> str:
    """A fresh id that sorts roughly by creation: 11 hex digits of milliseconds, 13 of chance.

    It names things and guards nothing, so the chance need not come from the system, which takes ten times as long.
    """
    return f"{time.time_ns() // 1_000_000:011x}{random.getrandbits(52):013x}"


def derived_id(*parts: str) -> str:
    """The same id for the same parts, whoever asks: 24 hex digits of BLAKE2b over the parts, length-prefixed."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def event_id(channel_id: str, key: str) -> str:
    """The journal's id of a provider's event: repeated deliveries meet on it."""
    return derived_id("event", channel_id, key)


def identity_id(channel_id: str, external_id: str) -> str:
    """A customer as one channel knows them. Never by external id alone: two bots may share one user."""
    return derived_id("identity", channel_id, external_id)


def first_customer_id(identity_id: str) -> str:
    """The card that an identity begins with."""
    return derived_id("customer", identity_id)


def shared_customer_id(kind: str, external_id: str) -> str:
    """The card that an identity begins with whose id means the same person on every channel of the kind."""
    return derived_id("customer", kind, external_id)


def inbound_message_id(scope: str, external_id: str) -> str:
    """A customer's message (or album), so that storing it twice stores it once.

    `scope` is within what the external id is unique: the channel, or its kind.
    """
    return derived_id("message", scope, external_id)


def sort_key(sent_at: datetime, sequence: int = 0) -> str:
    """Where a message stands in its conversation: provider time in ms, then the provider's own sequence."""
    return f"{int(sent_at.timestamp() * 1000):013d}{sequence:020d}"


def sort_moment(key: str) -> datetime:
    """The provider time in a sort key, in UTC."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(key[:13]))


def now() -> datetime:
    """The present, in UTC and at MongoDB's resolution of a millisecond, so that what is kept equals what was made."""
    present = datetime.now(UTC)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)
