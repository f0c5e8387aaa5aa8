"""What becomes of the pushes of shops that the journal took: each is one order's picture, given to `inbox.orders`.

Repeating a push changes nothing, so a crash in any place, two processes and a replay from quarantine are all the same.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec
import structlog

from inbox.model.accepted import Accepted, Processor
from inbox.order_sources import OrderSources
from inbox.orders import Orders
from inbox.shops.shop import DELETED, ShopDeletion, ShopKind, ShopOrder
from inbox.storage.database import Document
from inbox.storage.journal import JournalStore
from inbox.storage.order_sources import OrderSourceStore

AT_ONCE = 16
"""How many orders are written at a time."""

_log = structlog.get_logger(__name__)


class OrderPushes:
    """Works off pushes."""

    def __init__(
        self,
        *,
        kinds: Mapping[str, ShopKind],
        sources: OrderSources,
        store: OrderSourceStore,
        orders: Orders,
        journal: JournalStore,
    ) -> None:
        self._kinds = kinds
        self._sources = sources
        self._store = store
        self._orders = orders
        self._journal = journal

    async def process(self, batch: Sequence[Accepted]) -> None:
        """Take these pushes and mark them done. Raises `Unreadable` for one that can no longer be read."""
        places = asyncio.Semaphore(AT_ONCE)

        async def take(push: Accepted) -> None:
            async with places:
                await self._take(push)

        async with self._journal.processing([push.id for push in batch]):
            ends = await asyncio.gather(*(take(push) for push in batch), return_exceptions=True)
            for failure in (end for end in ends if end is not None):
                raise failure

    async def _take(self, push: Accepted) -> None:
        source = await self._store.get(push.channel_id)
        if source is None:
            _log.info("push_of_a_removed_source", source_id=push.channel_id)
            return
        news = self._kinds[push.kind].news(push.raw)
        if isinstance(news, ShopDeletion):
            status = await self._status(source, DELETED)
            if status is not None:
                await self._orders.remove(source, news.external_id, status, at=push.received_at)
        elif isinstance(news, ShopOrder) and not self._is_draft(source, news.word):
            order = msgspec.structs.replace(news.order, status=await self._status(source, news.word))
            await self._orders.take(source, order, received_at=push.received_at, repeated=push.adopted)
        await self._store.note_push(source["_id"], push.received_at)

    def _is_draft(self, source: Document, word: str) -> bool:
        """Whether the shop's word says that this is no order yet."""
        return self._sources.status_map(source).get(word, word) is None

    async def _status(self, source: Document, word: str) -> str | None:
        """What a word stands for: as translated, else itself where it is one of our codes; None where it is neither."""
        codes = (await self._orders.pipeline()).codes
        status = self._sources.status_map(source).get(word, word)
        if status in codes:
            return status
        await self._store.note_word(source["_id"], word[:100])
        return None


class ByKind:
    """Gives the pushes of shops to one, and what channels brought to the other: conversations first.

    `apart` are kinds with a worker of their own, by what takes their events: it marks them done, whenever that is.
    """

    def __init__(
        self,
        messages: Processor,
        pushes: OrderPushes,
        kinds: Mapping[str, ShopKind],
        apart: Mapping[str, Callable[[Sequence[Accepted]], None]] = MappingProxyType({}),
    ) -> None:
        self._messages = messages
        self._pushes = pushes
        self._kinds = kinds
        self._apart = apart

    async def process(self, batch: list[Accepted], *, reopen: bool = True) -> None:
        """Work off a batch. What was done already when something raises is done again, and changes nothing."""
        for event in batch:
            if event.kind in self._apart:
                self._apart[event.kind]([event])
        pushes = [event for event in batch if event.kind in self._kinds]
        messages = [event for event in batch if event.kind not in self._kinds and event.kind not in self._apart]
        if messages:
            await self._messages.process(messages, reopen=reopen)
        if pushes:
            await self._pushes.process(pushes)
