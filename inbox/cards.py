"""Customer cards whole: with what stands elsewhere of a customer, read for a page of cards at once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec

from inbox.orders import Orders
from inbox.reach import Reach
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.orders import Sum
from inbox.storage.people import PeopleStore


class WholeCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card with its identities and what each allows now, its first and last contact, and what its orders come to."""

    card: Document
    identities: list[Document]
    first_contact_at: datetime | None
    """When a channel heard of them first; None for who is on none."""
    last_contact_at: datetime | None
    """When they wrote last, on any channel; None for who never did."""
    sums: list[Sum]


class Cards:
    """Puts cards together with a handful of queries, however many they are."""

    def __init__(self, people: PeopleStore, reach: Reach, conversations: ConversationStore, orders: Orders) -> None:
        self._people = people
        self._reach = reach
        self._conversations = conversations
        self._orders = orders

    async def whole(self, cards: Sequence[Document]) -> list[WholeCard]:
        """These cards whole, in their order."""
        ids = [card["_id"] for card in cards]
        identities, between, sums = await asyncio.gather(
            self._people.identities(ids), self._conversations.between(ids), self._orders.sums(ids)
        )
        own: dict[str, list[Document]] = {customer_id: [] for customer_id in ids}
        for identity in await self._reach.told(identities):
            own[identity["customer_id"]].append(identity)
        return [_whole(card, own[card["_id"]], between.get(card["_id"]), sums[card["_id"]]) for card in cards]

    async def answers_to(self, whole: WholeCard, conversation_id: str | None) -> dict[str, str]:
        """The identities that an answer in this conversation goes to, by channel; None: that are written to first."""
        found = await self._reach.addressees(whole.identities, conversation_id)
        return {channel_id: identity["_id"] for channel_id, identity in found.items()}

    async def one(self, card: Document) -> WholeCard:
        """One card whole."""
        (whole,) = await self.whole([card])
        return whole


def _whole(
    card: Document,
    identities: list[Document],
    between: tuple[datetime, datetime | None] | None,
    sums: list[Sum],
) -> WholeCard:
    began, wrote_last = between or (None, None)
    # What was said before may be heard of later: letters that lay in the mailbox as it was connected.
    first = [at for at in (began, wrote_last, *(row["created_at"] for row in identities)) if at is not None]
    return WholeCard(
        card=card,
        identities=identities,
        first_contact_at=min(first, default=None),
        last_contact_at=wrote_last,
        sums=sums,
    )
