"""Stepping aside: the bot leaves a case to people, by a rule, by a skill, or because somebody asked for a person."""

from inbox.conversations import Conversations
from inbox.model.people import Author
from inbox.storage.database import Document


class Handoff:
    """The one way by which the bot hands over."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def hand_over(self, conversation_id: str, *, by: Author, reason: str) -> Document:
        """Be silent in this case from now on, until it is closed; the customer waits for a person as any other.

        `reason` is a word that the history tells. Asked for again in the same case it changes nothing.
        """
        return await self._conversations.change(conversation_id, {"handed_off": reason}, by=by)
