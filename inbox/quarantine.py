"""Events that are authentic and could not be read: kept for people, and put back to work when the code learns more."""

from collections.abc import Mapping

from inbox.ingest import Ingest
from inbox.model.accepted import Accepted
from inbox.model.channel import EventSource
from inbox.model.errors import Conflict, NotFound
from inbox.model.failures import Unreadable
from inbox.paging import moment_and_id, page
from inbox.storage.database import Document
from inbox.storage.journal import JournalStore


class Quarantine:
    """What was set aside."""

    def __init__(self, journal: JournalStore, ingest: Ingest, kinds: Mapping[str, EventSource]) -> None:
        self._journal = journal
        self._ingest = ingest
        self._kinds = kinds

    async def page(self, *, limit: int, cursor: str | None) -> tuple[list[Document], str | None]:
        """A page of events, newest first."""
        return page(await self._journal.quarantined(moment_and_id(cursor), limit + 1), limit, "received_at", "_id")

    async def replay(self, event_id: str) -> None:
        """Process an event again. Raises `Conflict` with the reason where it still cannot be read; it stays then."""
        row = await self._journal.release(event_id)
        if row is None:
            raise NotFound("there is no such event in quarantine")
        accepted = Accepted.from_row(row)
        try:
            accepted.events = self._kinds[accepted.kind].read(accepted.raw)
        except (Unreadable, KeyError) as error:
            reason = str(error) if isinstance(error, Unreadable) else f"nobody here reads {accepted.kind}"
            await self._journal.quarantine(event_id, reason)
            raise Conflict(f"it still cannot be read: {reason}") from error
        self._ingest.submit([accepted])
