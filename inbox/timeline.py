"""One customer's history over all channels: what was said, noted, bought and decided, in one order of time."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

from inbox.events import EventBus
from inbox.model.domain_events import ConversationAssigned, ConversationChanged
from inbox.model.happenings import ASSIGNMENT, HANDED_OFF, STATUS, lines_of, same
from inbox.model.ids import sort_key
from inbox.model.people import Author, Viewer
from inbox.paging import decode_cursor, page
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore
from inbox.storage.notes import NoteStore
from inbox.storage.places import Place
from inbox.storage.timeline import TimelineStore

MESSAGE: Final = "message"
NOTE: Final = "note"
ORDER: Final = "order"


class Timeline:
    """Reads a customer's history, and keeps what conversations themselves forget: who held them, when they closed."""

    def __init__(
        self, *, store: TimelineStore, messages: MessageStore, notes: NoteStore, conversations: ConversationStore
    ) -> None:
        self._store = store
        self._messages = messages
        self._notes = notes
        self._conversations = conversations

    def subscribe(self, bus: EventBus) -> None:
        """Hear of every change of a conversation."""
        bus.subscribe(ConversationAssigned, self._assigned)
        bus.subscribe(ConversationChanged, self._changed)

    async def page(
        self, viewer: Viewer, customer_id: str, kinds: Collection[str], *, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """A page of the entries of these kinds, newest first, each with its `kind`.

        What belongs to a conversation is there for who may see that conversation.
        """
        before: Place | None = None
        if cursor:
            sort, key = decode_cursor(cursor, str, str)
            before = (sort, key)
        cases = await self._cases(viewer, customer_id)
        found = await asyncio.gather(
            self._said(customer_id, cases, before, limit + 1) if MESSAGE in kinds else _nothing(),
            self._happened(customer_id, cases, before, limit + 1, kinds),
            self._noted(customer_id, before, limit + 1) if NOTE in kinds else _nothing(),
            self._ordered(customer_id, before) if ORDER in kinds else _nothing(),
        )
        entries = sorted((entry for source in found for entry in source), key=_place, reverse=True)
        return page(entries[: limit + 1], limit, "sort", "_id")

    async def files(
        self, viewer: Viewer, customer_id: str, types: Collection[str], *, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """A page of the files of these types, newest first, with `message_id`, `conversation_id`, `sent_at`."""
        place: tuple[str, str, int] | None = None
        if cursor:
            sort, key, number = decode_cursor(cursor, str, str, int)
            place = (sort, key, number)
        cases = [case["_id"] for case in await self._cases(viewer, customer_id)]
        # Every message has a file, so that so many messages fill the page, even if the first one is used up.
        messages = await self._messages.with_files(customer_id, cases, list(types), place and place[:2], limit + 2)
        found = [
            {
                **file,
                "message_id": message["_id"],
                "conversation_id": message["conversation_id"],
                "sent_at": message["sent_at"],
                "sort": message["sort"],
                "number": number,
            }
            for message in messages
            for number, file in enumerate(message["attachments"])
            if file.get("type", "document") in types
            and (place is None or (message["sort"], message["_id"]) != place[:2] or number > place[2])
        ]
        return page(found[: limit + 1], limit, "sort", "message_id", "number")

    async def _cases(self, viewer: Viewer, customer_id: str) -> list[Document]:
        """The conversations of a customer that this viewer may see."""
        return [row for row in await self._conversations.of_customer(customer_id) if viewer.may_see(row)]

    async def _said(
        self, customer_id: str, cases: Sequence[Document], before: Place | None, limit: int
    ) -> list[Document]:
        rows = await self._messages.timeline(customer_id, [case["_id"] for case in cases], before, limit)
        return [{**row, "kind": MESSAGE} for row in rows]

    async def _happened(
        self, customer_id: str, cases: Sequence[Document], before: Place | None, limit: int, kinds: Collection[str]
    ) -> list[Document]:
        wanted = [kind for kind in (ASSIGNMENT, STATUS, HANDED_OFF) if kind in kinds]
        if not wanted:
            return []
        lost = await self._store.not_kept([row for case in cases for row in lines_of(case) if row["kind"] in wanted])
        # Afterwards: what is kept between the two is found by both, and not by neither.
        rows = await self._store.happenings(customer_id, [case["_id"] for case in cases], wanted, before, limit)
        fresh = [row for row in lost if not any(same(row, kept) for kept in rows)]
        return [*rows, *(row for row in fresh if before is None or _place(row) < before)]

    async def _noted(self, customer_id: str, before: Place | None, limit: int) -> list[Document]:
        rows = await self._notes.of_customer(customer_id, before, limit)
        return [{**row, "kind": NOTE, "at": row["created_at"], "by": row["author"]} for row in rows]

    async def _ordered(self, customer_id: str, before: Place | None) -> list[Document]:
        entries = [
            {
                "_id": f"{order['_id']}:{entry['no']}",
                "kind": ORDER,
                "sort": sort_key(entry["at"], entry["no"]),
                "at": entry["at"],
                "by": entry["by"],
                "order_id": order["_id"],
                "number": order["number"],
                "source": order["source"],
                "changes": entry["changes"],
                "irregular": entry["irregular"],
                "reply": entry.get("reply"),
            }
            for order in await self._store.histories(customer_id)
            for entry in order["history"]
        ]
        return [entry for entry in entries if before is None or _place(entry) < before]

    async def _assigned(self, event: ConversationAssigned) -> None:
        await self._note(event.before, event.after, event.author)

    async def _changed(self, event: ConversationChanged) -> None:
        await self._note(event.before, event.after, event.author)

    async def _note(self, before: Document, after: Document, by: Author) -> None:
        given = before["assignee_id"] != after["assignee_id"]
        told = ("let_go", "status_set", "handed_off")
        if not given and all(before.get(field) == after.get(field) for field in told):
            return
        # Whoever changed it last may have died before they came to keep it.
        lines = [*lines_of(before), *lines_of(after, by if given else None)]
        await self._store.keep(await self._store.not_kept(lines))


def _place(entry: Document) -> Place:
    return entry["sort"], entry["_id"]


async def _nothing() -> list[Document]:
    return []
