"""Reading messages."""

from inbox.model.errors import NotFound
from inbox.model.people import Viewer
from inbox.paging import decode_cursor, page
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.messages import MessageStore


class Messages:
    """The messages of conversations, newest first."""

    def __init__(self, store: MessageStore, conversations: ConversationStore) -> None:
        self._store = store
        self._conversations = conversations

    async def page(self, conversation_id: str, *, limit: int, cursor: str | None) -> tuple[list[Document], str | None]:
        """A page of a conversation that the viewer was found to see."""
        before = decode_cursor(cursor, str)[0] if cursor else None
        return page(await self._store.thread(conversation_id, before, limit + 1), limit, "sort")

    async def get(self, viewer: Viewer, message_id: str) -> tuple[Document, Document]:
        """A message and its conversation. Raises `NotFound` also for what this viewer must not know of."""
        message = await self._store.get(message_id)
        conversation = await self._conversations.get(message["conversation_id"]) if message is not None else None
        if message is None or conversation is None or not viewer.may_see(conversation):
            raise NotFound("there is no such message")
        return message, conversation

    async def html(self, viewer: Viewer, message_id: str) -> tuple[Document, str]:
        """A message and its HTML as it came: nothing to be shown uncleaned."""
        message, _ = await self.get(viewer, message_id)
        html = await self._store.html(message["_id"]) if message["deleted_at"] is None else None
        if html is None:
            raise NotFound("this message has no HTML")
        return message, html
