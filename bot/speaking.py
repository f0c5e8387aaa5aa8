"""How the bot says something: within its budget, once for each token, in the customer's language."""

import asyncio

import msgspec
import structlog

from bot.guards import MAX_REPLIES, REPLY_PERIOD
from bot.occasions import Occasion
from inbox.model.ids import now
from inbox.model.people import BOT
from inbox.replies import Draft, Replies
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.rules import ReplyBudget

_log = structlog.get_logger(__name__)


class Speaker:
    """The only way by which rules and skills speak to customers."""

    def __init__(self, *, replies: Replies, people: PeopleStore, budget: ReplyBudget) -> None:
        self._replies = replies
        self._people = people
        self._budget = budget

    async def say(self, occasion: Occasion, draft: Draft, *, token: str) -> bool:
        """Post the draft where the occasion's message came from, once for each token; whether the budget let it.

        Raises `DomainError` where the customer cannot be written to.
        """
        conversation, message = occasion.conversation, occasion.message
        present = now()
        granted = await self._budget.spend(
            conversation["_id"], token, at=present, since=present - REPLY_PERIOD, most=MAX_REPLIES
        )
        if not granted:
            _log.info("bot_budget_spent", conversation_id=conversation["_id"], token=token)
            return False
        # What the bot says to a comment is for its writer, not for everybody who reads the post.
        comment = {"reply_to": message["_id"], "private": True} if message is not None and message.get("public") else {}
        channel_id = message["channel_id"] if message is not None else conversation["channel_id"]
        said = msgspec.structs.replace(draft, channel_id=channel_id, client_token=token, automatic=True, **comment)
        await self._replies.post(conversation["_id"], said, author=BOT)
        return True

    async def language(self, occasion: Occasion) -> str:
        """What the card says, else what the channel says; empty where neither does."""
        message = occasion.message
        card, identity = await asyncio.gather(
            self._people.living(occasion.customer_id),
            self._identity(message["identity_id"] if message is not None else None),
        )
        spoken: str = (card or {}).get("language") or (identity or {}).get("language") or ""
        return spoken

    async def _identity(self, identity_id: str | None) -> Document | None:
        return await self._people.identity(identity_id) if identity_id is not None else None
