"""Updates of the companion on their way from the journal: worked off beside the flow of messages, never in it.

They have a worker of their own, because what a manager asks for may wait for Telegram, and customers must not wait with
them. A row of the journal is done only after its update was dealt with; one that is worked off again does nothing
twice, because everything that it changes goes under its name.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec
import structlog

from bot.staff.accounts import StaffAccounts
from bot.staff.desk import Row
from bot.staff.source import sender
from inbox.model.accepted import Accepted
from inbox.storage.database import Document
from inbox.storage.journal import JournalStore

AT_ONCE: Final = 8
"""How many managers are answered at the same time."""

_log = structlog.get_logger(__name__)


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What a manager is told of by itself: `what` is `assigned`, `warned` or `late`.

    `shows` is what may be said of the customer (`bot.staff.accounts.Shows`), `languages` are the manager's.
    """

    what: str
    row: Row
    shows: str
    languages: Sequence[str]


class Hearing(Protocol):
    """A connected companion (`bot.staff.companion.Companion`)."""

    async def hear(self, accepted: Accepted) -> None:
        """Deal with an update."""

    async def tell(self, account: str, news: News) -> None:
        """Tell a manager of a conversation. What may have arrived raises `Uncertain`."""

    async def close(self) -> None:
        """Release sockets."""


class Companions:
    """The companion of the bot that is connected now, made when it is first wanted.

    `make` imports what is heavy, and `on_loaded` is called once that has happened.
    """

    def __init__(
        self,
        accounts: StaffAccounts,
        make: Callable[[Document], Awaitable[Hearing]],
        *,
        on_loaded: Callable[[], None],
    ) -> None:
        self._on_loaded = on_loaded
        self._accounts = accounts
        self._make = make
        self._opening = asyncio.Lock()
        self._open: tuple[Document, Hearing] | None = None

    async def present(self) -> tuple[Document, Hearing] | None:
        """The bot and its companion; None where no bot is connected."""
        bot, _ = await self._accounts.recent()
        if bot is None:
            return None
        async with self._opening:
            stale = self._open
            if stale is not None and stale[0]["sealed"] == bot["sealed"] and stale[0]["key"] == bot["key"]:
                return bot, stale[1]
            self._open = (bot, await self._make(bot))
            if stale is None:
                self._on_loaded()
            else:
                await stale[1].close()
            return self._open

    async def close(self) -> None:
        """Release sockets."""
        if self._open is not None:
            await self._open[1].close()


class StaffUpdates:
    """Works off updates: those of one manager in their order, those of several side by side."""

    def __init__(self, companions: Companions, journal: JournalStore) -> None:
        self._companions = companions
        self._journal = journal
        self._finished: set[str] = set()
        """Of the batch that is worked on: what is done already, where the rest has to be tried again."""

    async def process(self, batch: list[Accepted], *, reopen: bool = True) -> None:  # noqa: ARG002  # See `Processor`.
        """Work off a batch, however often."""
        lanes: dict[int, list[Accepted]] = {}
        for accepted in batch:
            if accepted.id not in self._finished:
                lanes.setdefault(sender(accepted.raw), []).append(accepted)
        places = asyncio.Semaphore(AT_ONCE)

        async def work_off(lane: list[Accepted]) -> None:
            async with places:
                for accepted in sorted(lane, key=lambda one: (one.received_at, one.id)):
                    await self._deal_with(accepted)

        ends = await asyncio.gather(*map(work_off, lanes.values()), return_exceptions=True)
        for failure in (end for end in ends if end is not None):
            raise failure
        self._finished.difference_update(accepted.id for accepted in batch)

    async def _deal_with(self, accepted: Accepted) -> None:
        structlog.contextvars.bind_contextvars(request_id=accepted.request_id)
        async with self._journal.processing([accepted.id]):
            present = await self._companions.present()
            if present is None or present[0]["key"] != accepted.channel_id:
                _log.info("update_of_a_removed_bot", key=accepted.channel_id)
            else:
                await present[1].hear(accepted)
        self._finished.add(accepted.id)
