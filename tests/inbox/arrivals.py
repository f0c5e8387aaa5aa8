"""Events as the journal hands them to ingest, and batches worked off one at a time."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from inbox.ingest import Ingest
from inbox.model.accepted import Accepted
from inbox.model.ids import event_id, now
from inbox.model.incoming import Incoming, NewMessage, Person

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
ANN = Person(external_id="ann", name="Ann")


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def said(number: int, text: str = "", *, person: Person = ANN, **fields: Any) -> NewMessage:
    """What a customer wrote in the second `number`; its external id is that number."""
    return NewMessage(
        person=person,
        external_id=f"{person.external_id}:{number}",
        sent_at=at(number),
        sequence=number,
        text=text or f"message {number}",
        **fields,
    )


def accepted(
    event: Incoming,
    *,
    channel_id: str = "c1",
    key: str = "",
    repeated: bool = False,
    received_at: datetime | None = None,
) -> Accepted:
    """The event on its way; `repeated` as after a crash."""
    return Accepted(
        id=event_id(channel_id, key or repr(event)),
        channel_id=channel_id,
        kind="telegram",
        raw=b"",
        events=[event],
        received_at=received_at or now(),
        adopted=repeated,
    )


async def work_off(ingest: Ingest, batch: Iterable[Accepted]) -> None:
    """Have these events processed as one batch."""
    ingest.submit(list(batch))
    ingest.stop()
    await ingest.run()
