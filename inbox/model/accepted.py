"""A webhook event that is durable in the journal and on its way to become messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from inbox.model.incoming import AccountChanged, CustomerEvent, Incoming


class Accepted(msgspec.Struct, kw_only=True):
    """An event of the journal on its way through ingest. `events` is None where it still has to be read from `raw`."""

    id: str
    channel_id: str
    kind: str
    raw: bytes
    events: list[Incoming] | None
    received_at: datetime
    request_id: str = ""
    accepted_at: float = 0.0
    """Monotonic seconds, for the ingest histogram."""
    adopted: bool = False

    @property
    def about_customers(self) -> list[CustomerEvent]:
        """Its events without those about the shop's own account."""
        return [event for event in self.events or () if not isinstance(event, AccountChanged)]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Accepted":
        """An event as the journal kept it."""
        return cls(
            id=row["_id"],
            channel_id=row["channel_id"],
            kind=row["kind"],
            raw=row["raw"],
            events=None,
            received_at=row["received_at"],
            request_id=row["request_id"],
            adopted=True,
        )


class Processor(Protocol):
    """Who makes something of a batch of accepted events."""

    async def process(self, batch: list[Accepted], *, reopen: bool = True) -> None:
        """Work off a batch, however often. `reopen` False leaves closed conversations closed."""
