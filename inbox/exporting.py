"""Handing out what is stored: one customer's personal data, and lists of customers, orders and macros."""

from collections.abc import AsyncIterator

from inbox.cards import Cards, WholeCard
from inbox.customer_fields import CustomerFields
from inbox.media import Media, Reader
from inbox.model.errors import NotFound
from inbox.model.people import Viewer
from inbox.model.tables import (
    Format,
    Record,
    Table,
    cells_of,
    columns_of,
    csv_line,
    customer_record,
    json_line,
    macro_record,
    moment_written,
    order_record,
)
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.exporting import ExportStore
from inbox.storage.messages import MessageStore

_PIECES = 200
"""How many lines are sent at once."""


class PersonalData:
    """What is known of a customer, as far as a viewer may see it: messages and files as their conversations are."""

    def __init__(
        self, store: ExportStore, conversations: ConversationStore, messages: MessageStore, media: Media
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._messages = messages
        self._media = media

    async def conversations(self, viewer: Viewer, customer_id: str) -> list[Document]:
        """A customer's conversations that this viewer may see, oldest first."""
        cases = await self._conversations.of_customer(customer_id)
        return [case for case in reversed(cases) if viewer.may_see(case)]

    def messages(self, conversation: Document) -> AsyncIterator[Document]:
        """What was said in a conversation, oldest first."""
        return self._store.messages(conversation["_id"])

    def orders(self, customer_id: str) -> AsyncIterator[Document]:
        """A customer's orders, oldest first."""
        return self._store.orders(customer_id)

    def notes(self, customer_id: str) -> AsyncIterator[Document]:
        """What was noted on their card, oldest first."""
        return self._store.notes(customer_id)

    def tasks(self, customer_id: str, conversations: list[Document]) -> AsyncIterator[Document]:
        """What is to be done for them, in these conversations or apart from any."""
        return self._store.tasks(customer_id, [case["_id"] for case in conversations])

    def happenings(self, customer_id: str, conversations: list[Document]) -> AsyncIterator[Document]:
        """Who held these conversations and what became of them, oldest first."""
        return self._store.happenings(customer_id, [case["_id"] for case in conversations])

    async def letter(self, message: Document) -> str | None:
        """A message as HTML, as it came; None where it has no such version."""
        return await self._messages.html(message["_id"]) if message.get("html", False) else None

    async def file(self, attachment_id: str) -> tuple[Document, Reader] | None:
        """A file of a message and a reader of its bytes; None where it never came or is gone."""
        try:
            return await self._media.open(attachment_id)
        except NotFound:
            return None


class Lists:
    """Customers, orders and macros as files that can be read in again."""

    def __init__(self, store: ExportStore, cards: Cards, fields: CustomerFields) -> None:
        self._store = store
        self._cards = cards
        self._fields = fields

    async def written(
        self, table: Table, format_: Format, *, delimiter: str = ",", mark: bool = False
    ) -> AsyncIterator[bytes]:
        """A whole list, some hundred rows at a time; `mark` begins it with what tells Excel that it is UTF-8."""
        columns = columns_of(table, await self._parts(table))
        pieces = [b"\xef\xbb\xbf" if mark else b"", csv_line(columns, delimiter)] if format_ is Format.CSV else []
        async for record in self._records(table):
            if format_ is Format.CSV:
                pieces.append(csv_line(cells_of(table, record, columns), delimiter))
            else:
                pieces.append(json_line(record))
            if len(pieces) >= _PIECES:
                yield b"".join(pieces)
                pieces = []
        yield b"".join(pieces)

    async def _records(self, table: Table) -> AsyncIterator[Record]:
        if table is Table.CUSTOMERS:
            async for cards in self._store.cards():
                for whole in await self._cards.whole(cards):
                    yield {**customer_record(whole.card), **_told(whole)}
        elif table is Table.ORDERS:
            async for order in self._store.all_orders():
                yield order_record(order)
        else:
            async for macro in self._store.shared_macros():
                yield macro_record(macro)

    async def _parts(self, table: Table) -> list[str]:
        """The columns that depend on what the shop has: its own fields, and the languages of its macros."""
        if table is Table.CUSTOMERS:
            known = [field.code for field in await self._fields.all()]
            return list(dict.fromkeys([*known, *await self._store.field_codes()]))
        return await self._store.macro_languages() if table is Table.MACROS else []


def _told(whole: WholeCard) -> Record:
    """What of a customer stands elsewhere than on the card (`inbox.model.tables.TOLD`)."""
    contacts = {"first_contact_at": whole.first_contact_at, "last_contact_at": whole.last_contact_at}
    return {
        **{field: moment_written(at) for field, at in contacts.items() if at is not None},
        "order_count": sum(one.count for one in whole.sums),
        "order_sums": "; ".join(f"{one.total} {one.currency}" for one in whole.sums),
    }
