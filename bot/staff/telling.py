"""What managers are told of by themselves: that a conversation is theirs, that an answer is soon due, that it is late.

Whoever announces an event may crash and announce it again, and so may whoever tells of it. So each telling has a timer
under a name that is derived from the event, and a mark that is set before the request leaves: what may have been told
is not told again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from bot.staff.accounts import StaffAccounts
from bot.staff.desk import StaffDesk
from bot.staff.updates import Companions, News
from inbox.events import EventBus
from inbox.model.domain_events import AnswerDue, ConversationAssigned
from inbox.model.errors import NotFound
from inbox.model.failures import ChannelFailure, RetryLater, Uncertain
from inbox.model.ids import derived_id
from inbox.model.people import Status, Viewer
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.staff import StaffStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later
from inbox.wakeups import Wakeups

TELL: Final = "staff.tell"
"""The timer that tells a manager something."""

AGAIN_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


class Tellings:
    """Hears what happens to conversations, and tells their managers."""

    def __init__(
        self,
        *,
        accounts: StaffAccounts,
        companions: Companions,
        desk: StaffDesk,
        store: StaffStore,
        timers: TimerStore,
        wakeups: Wakeups,
    ) -> None:
        self._accounts = accounts
        self._companions = companions
        self._desk = desk
        self._store = store
        self._timers = timers
        self._wakeups = wakeups

    def subscribe(self, bus: EventBus) -> None:
        """Hear of what managers should know. Where nobody is linked this costs no query but one every two seconds."""
        bus.subscribe(ConversationAssigned, self._assigned)
        bus.subscribe(AnswerDue, self._due)

    async def _assigned(self, event: ConversationAssigned) -> None:
        conversation = event.after
        manager_id = conversation["assignee_id"]
        if manager_id is not None and manager_id != event.author.id:
            at = (conversation["assignment"] or {}).get("at") or conversation["version"]
            await self._expect("assigned", manager_id, conversation, str(at))

    async def _due(self, event: AnswerDue) -> None:
        conversation = event.conversation
        if conversation["assignee_id"] is not None:
            what = "late" if event.late else "warned"
            await self._expect(what, conversation["assignee_id"], conversation, _wait(conversation))

    async def _expect(self, what: str, manager_id: str, conversation: Document, occasion: str) -> None:
        """Have something told, where there is anybody to tell. Nothing here holds up whoever announces it."""
        try:
            _, linked = await self._accounts.recent()
        except Exception as error:
            if not is_unavailable(error):
                raise
            _log.warning("staff_news_lost", what=what, conversation_id=conversation["_id"])
            return
        if manager_id not in linked:
            return
        telling_id = derived_id("staff telling", what, manager_id, conversation["_id"], occasion)
        data = {
            "telling_id": telling_id,
            "what": what,
            "manager_id": manager_id,
            "conversation_id": conversation["_id"],
            "wait": _wait(conversation),
        }
        await self._timers.set_many(TELL, {f"{TELL}:{telling_id}": data})
        self._wakeups.ring("timers")

    async def tell(self, data: Mapping[str, Any]) -> None:
        """Tell what is still true to whom it still concerns (timer `staff.tell`)."""
        present = await self._companions.present()
        link = await self._store.link_of(data["manager_id"])
        manager = await self._accounts.manager(link["_id"]) if link is not None else None
        if present is None or link is None or manager is None:
            return
        bot, companion = present
        if manager["status"] == Status.OFFLINE or (manager.get("present") and not bot["at_desk"]):
            return
        try:
            row = await self._desk.row(Viewer.of(manager), data["conversation_id"])
        except NotFound:
            return
        conversation = row.conversation
        answered = data["what"] != "assigned" and _wait(conversation) != data["wait"]
        if conversation["assignee_id"] != manager["_id"] or not conversation["active"] or answered:
            return
        if not await self._store.begin_telling(data["telling_id"], manager["_id"], conversation["_id"]):
            return
        news = News(what=data["what"], row=row, shows=bot["shows"], languages=manager["languages"])
        try:
            await companion.tell(link["_id"], news)
        except RetryLater as failure:
            await self._store.end_telling(data["telling_id"], "put_off")
            raise Later(failure.after or AGAIN_SECONDS) from failure
        except Uncertain:
            await self._store.end_telling(data["telling_id"], "uncertain")
        except ChannelFailure as failure:
            _log.warning("staff_not_told", manager_id=manager["_id"], reason=str(failure))
            await self._store.end_telling(data["telling_id"], "refused")
        else:
            await self._store.end_telling(data["telling_id"], "told")


def _wait(conversation: Mapping[str, Any]) -> str:
    """Names the wait of a customer that goes on: since when; empty where nobody waits."""
    since: datetime | None = conversation["waiting_since"]
    return since.isoformat() if since is not None else ""
