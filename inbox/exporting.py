"""Handing out what is stored: one customer's personal data, and lists of customers, orders and macros."""

from collections.abc import AsyncIterator

from inbox.media import Media, Reader
from inbox.model.errors import NotFound
from inbox.model.people import Viewer
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.exporting import ExportStore


class PersonalData:
    """What is known of a customer, as far as a viewer may see it: messages and files as their conversations are."""

    def __init__(self, store: ExportStore, conversations: ConversationStore, media: Media) -> None:
        self._store = store
        self._conversations = conversations
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

    async def file(self, attachment_id: str) -> tuple[Document, Reader] | None:
        """A file of a message and a reader of its bytes; None where it never came or is gone."""
        try:
            return await self._media.open(attachment_id)
        except NotFound:
            return None
