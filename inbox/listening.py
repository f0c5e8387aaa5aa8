"""Channels that fetch their events themselves: each is listened to by one process at a time, under a lease.

What is fetched goes the way of what is posted: into the journal, and only then is the cursor moved on.
"""

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from inbox.channels import Channels
from inbox.journal import Journal, StorageDown
from inbox.model.channel import Cursor, RawEvent
from inbox.model.errors import Invalid, NotFound
from inbox.model.failures import ChannelFailure, RetryLater
from inbox.model.ids import new_id
from inbox.secrets import WrongKey
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.listeners import LEASE, ListenerStore

LOOK_SECONDS = 1.0
"""How often to look for channels that are new, changed or gone, or whose listener has died."""

CLAIM_LOOKS = 4
"""After how many looks to try again to become the listener of a channel that somebody else listens to."""

FIRST_PAUSE = 0.3
LONGEST_PAUSE = 60.0
"""How long to wait before listening again, in seconds: at first, and at most."""

PATIENCE = 3
"""After how many failures in a row the admins are told."""

_log = structlog.get_logger(__name__)


class _Lost(Exception):
    """Another process listens to the channel by now."""


class _Mark(Cursor):
    """A cursor under the lease of one process."""

    def __init__(self, store: ListenerStore, channel_id: str, holder: str, value: Mapping[str, str]) -> None:
        self._store = store
        self._channel_id = channel_id
        self._holder = holder
        self._value = value
        self.noted = asyncio.Event()
        """Set once something was noted: listening works."""

    @property
    def value(self) -> Mapping[str, str]:
        return self._value

    async def note(self, value: Mapping[str, str]) -> None:
        if not await self._store.note(self._channel_id, self._holder, value):
            raise _Lost
        self._value = dict(value)
        self.noted.set()


class _Listener(msgspec.Struct):
    """The task that listens to a channel, as it was set when the task began."""

    changed_at: datetime
    task: asyncio.Task[None]
    wake: asyncio.Event
    """Set where a check found that the channel works: then there is no need to pause any longer."""
    found_well: datetime | None = None


class Listening:
    """The worker of this process. `pauses` are the first and the longest between two tries, in seconds."""

    def __init__(
        self,
        store: ListenerStore,
        channels: Channels,
        journal: Journal,
        *,
        look_seconds: float = LOOK_SECONDS,
        pauses: tuple[float, float] = (FIRST_PAUSE, LONGEST_PAUSE),
    ) -> None:
        self._look_seconds = look_seconds
        self._first_pause, self._longest_pause = pauses
        self._store = store
        self._channels = channels
        self._journal = journal
        self._holder = new_id()
        self._listeners: dict[str, _Listener] = {}

    async def run(self) -> None:
        """Listen until cancelled; then let others listen at once."""
        try:
            while True:
                try:
                    await self._look()
                except Exception as error:
                    if not is_unavailable(error):
                        _log.exception("listening_not_looked_after")
                await asyncio.sleep(self._look_seconds)
        finally:
            await self._stop(list(self._listeners))

    async def _look(self) -> None:
        """Begin with channels that are new, begin again with changed ones, leave those that are gone."""
        wanted = {channel["_id"]: channel for channel in await self._channels.known() if self._fetches(channel)}
        gone = [
            channel_id
            for channel_id, listener in self._listeners.items()
            if channel_id not in wanted
            or wanted[channel_id]["changed_at"] != listener.changed_at
            or listener.task.done()
        ]
        await self._stop(gone)
        if gone:
            await self._store.forget(list(wanted))
        for channel_id, channel in wanted.items():
            if channel_id not in self._listeners:
                wake = asyncio.Event()
                task = asyncio.create_task(self._keep_listening(channel_id, wake), name=f"listening to {channel_id}")
                self._listeners[channel_id] = _Listener(channel["changed_at"], task, wake)
            listener = self._listeners[channel_id]
            if channel["state"] == "connected" and channel.get("checked_at") != listener.found_well:
                listener.found_well = channel["checked_at"]
                listener.wake.set()

    def _fetches(self, channel: Document) -> bool:
        try:
            return self._channels.kind(channel["kind"]).listens(self._channels.read_settings(channel))
        except (
            Invalid,
            WrongKey,
            ValueError,
        ):  # Settings that this version cannot read are told of where they are used.
            return False

    async def _stop(self, channel_ids: list[str]) -> None:
        tasks = [self._listeners.pop(channel_id).task for channel_id in channel_ids]
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                _log.error("listener_died", exc_info=ended)

    async def _keep_listening(self, channel_id: str, wake: asyncio.Event) -> None:
        """Listen, and after whatever ends it listen again: after a pause, or once `wake` is set."""
        failures = 0
        while True:
            try:
                value = await self._store.claim(channel_id, self._holder)
            except Exception as error:
                if not is_unavailable(error):
                    raise
                value = None
            if value is None:
                await asyncio.sleep(CLAIM_LOOKS * self._look_seconds)
                continue
            mark = _Mark(self._store, channel_id, self._holder, value)
            telling = asyncio.create_task(self._tell_once_it_works(channel_id, mark, failed=failures >= PATIENCE))
            try:
                failure = await self._listen(channel_id, mark)
            finally:
                telling.cancel()
                await self._let_go(channel_id)
            failures = 1 if mark.noted.is_set() else failures + 1
            if failure is not None:
                await self._tell(channel_id, failure, failures)
            pause = min(self._first_pause * 2.0 ** min(failures - 1, 30), self._longest_pause)
            wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause * random.uniform(0.75, 1.25)):  # noqa: S311 - jitter is no secret
                    await wake.wait()

    async def _listen(self, channel_id: str, mark: _Mark) -> ChannelFailure | None:
        """Listen until something ends it; what ended it, where that is the channel's own trouble."""
        try:
            await self._attend(channel_id, mark)
        except ChannelFailure as failure:
            return failure
        except (_Lost, StorageDown, NotFound):
            return None
        except Exception as error:
            if is_unavailable(error):
                return None
            _log.exception("listening_failed", channel_id=channel_id)
            return RetryLater(f"fetching broke off ({type(error).__name__})")
        return RetryLater("fetching ended by itself")

    async def _attend(self, channel_id: str, mark: _Mark) -> None:
        """Listen for as long as the lease is held."""
        opened = await self._channels.open(channel_id)

        async def accept(events: Sequence[RawEvent]) -> None:
            await self._journal.take(opened.kind, channel_id, events, new_id())

        listening = asyncio.create_task(opened.connection.listen(mark, accept))
        holding = asyncio.create_task(self._hold(channel_id))
        try:
            done, _ = await asyncio.wait({listening, holding}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            listening.cancel()
            holding.cancel()
            await asyncio.gather(listening, holding, return_exceptions=True)

    async def _hold(self, channel_id: str) -> None:
        """Keep the lease; ends where it is lost."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            if not await self._store.renew(channel_id, self._holder):
                raise _Lost

    async def _let_go(self, channel_id: str) -> None:
        try:
            await self._store.release(channel_id, self._holder)
        except Exception as error:
            if not is_unavailable(error):
                raise

    async def _tell(self, channel_id: str, failure: ChannelFailure, failures: int) -> None:
        """Show the admins what keeps failing; a line that broke once is nobody's business."""
        _log.info("listening_ended", channel_id=channel_id, reason=str(failure), failures=failures)
        if failures >= PATIENCE or not isinstance(failure, RetryLater):
            with contextlib.suppress(NotFound):
                await self._channels.report(channel_id, failure)

    async def _tell_once_it_works(self, channel_id: str, mark: _Mark, *, failed: bool) -> None:
        """Have a channel looked at again whose trouble the admins were told of."""
        await mark.noted.wait()
        if failed:
            try:
                await self._channels.check(channel_id)
            except Exception as error:
                if not (isinstance(error, NotFound) or is_unavailable(error)):
                    raise
