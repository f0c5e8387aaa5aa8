"""What crashes left behind in what managers hold is put right, by one process at a time.

Counted places and conversations are compared by number and checksum, in two readings however many conversations are
open; only where they differ are ids looked at. What differs once may be an assignment under way.
"""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

import structlog

from inbox.channels import Channels
from inbox.live import Frame, LiveFeed
from inbox.model.ids import new_id
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.queue import QueueStore
from inbox.storage.roles import Roles
from inbox.storage.workloads import Tally, WorkloadStore
from routing.policies import Policies

ROLE = "reconciler"
SUSPECT_SECONDS = 5.0
"""How long a place must stay unexplained before it is put right: longer than an assignment takes."""

_Suspect = tuple[str, str, bool]
"""A manager, a conversation, and whether it is counted without being held."""

_log = structlog.get_logger(__name__)


class Reconciling:
    """Keeps what managers are said to hold true, and `pressure` fresh."""

    def __init__(
        self,
        *,
        workloads: WorkloadStore,
        queue: QueueStore,
        conversations: ConversationStore,
        channels: Channels,
        policies: Policies,
        roles: Roles,
        feed: LiveFeed,
        give_up: Callable[[str], Awaitable[None]],
    ) -> None:
        """`give_up` puts everything back into the queue that a manager holds who is not active any more."""
        self._workloads = workloads
        self._queue = queue
        self._conversations = conversations
        self._channels = channels
        self._policies = policies
        self._roles = roles
        self._feed = feed
        self._give_up = give_up
        self._holder = new_id()
        self._suspects: dict[_Suspect, float] = {}

    async def reconcile(self, *, at_rest: bool = False) -> bool:
        """Free places that belong to nothing, count what was missed, give back what somebody who left still holds.

        `at_rest` says that nothing is under way, so that there is nothing to wait for. False where another process sees
        to it at this time.
        """
        if await self._roles.claim(ROLE, self._holder) is None:
            self._suspects = {}
            return False
        managers = await self._workloads.tally()
        held = await self._queue.tally()
        await self._refresh_pressure(managers, held)
        tallies: dict[str, Tally] = defaultdict(Tally)
        for row in held:
            known, more = tallies[row["manager_id"]], row["tally"]
            tallies[row["manager_id"]] = Tally(known.count + more.count, known.checksum + more.checksum)
        present = time.monotonic()
        suspects: dict[_Suspect, float] = {}
        for manager in managers:
            manager_id = manager["_id"]
            if tallies[manager_id].count and not manager["active"]:
                await self._give_up(manager_id)
            elif tallies[manager_id] != manager["tally"]:
                for suspect in await self._differences(manager_id):
                    suspects[suspect] = self._suspects.get(suspect, present)
        self._suspects = suspects
        for (manager_id, conversation_id, superfluous), since in suspects.items():
            if at_rest or present - since >= SUSPECT_SECONDS:
                await self._put_right(manager_id, conversation_id, superfluous=superfluous)
        return True

    async def _differences(self, manager_id: str) -> set[_Suspect]:
        counted = await self._workloads.held(manager_id)
        held = set(await self._conversations.held_by(manager_id))
        return {(manager_id, key, key in counted) for key in counted ^ held}

    async def _put_right(self, manager_id: str, conversation_id: str, *, superfluous: bool) -> None:
        _log.warning("load_reconciled", manager_id=manager_id, conversation_id=conversation_id)
        if superfluous:
            manager = await self._workloads.release(manager_id, [conversation_id])
        else:
            manager = await self._workloads.take(manager_id, conversation_id)
        if manager is not None:
            await self._feed.publish([Frame(type="manager.updated", data=manager)])

    async def _refresh_pressure(self, managers: list[Document], held: list[Document]) -> None:
        """What a manager's conversations weigh beyond their number, and those kept for them, by capacity."""
        beyond: dict[str, float] = defaultdict(float)
        weights = await self._weights()
        for row in held:
            beyond[row["manager_id"]] += (weights.get(row["channel_id"], 1.0) - 1.0) * row["tally"].count
        for manager_id, count in (await self._queue.waiters()).items():
            beyond[manager_id] += count
        pressures = {row["_id"]: round(beyond[row["_id"]] / max(row["capacity"], 1), 6) for row in managers}
        await self._workloads.set_pressures(
            (row["_id"], pressures[row["_id"]]) for row in managers if row.get("pressure") != pressures[row["_id"]]
        )

    async def _weights(self) -> Mapping[str, float]:
        """By channel id; a channel's own weight goes before its kind's."""
        weights = (await self._policies.shop()).weights
        if not weights:
            return {}
        channels = await self._channels.known()
        return {row["_id"]: weights[row["kind"]] for row in channels if row["kind"] in weights} | dict(weights)
