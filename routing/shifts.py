"""Whether managers are on shift: kept true at the very moment at which their hours or days off say so.

A timer a manager stands at their next change. It is done once by whichever process takes it, and each one works out
anew what holds by then, so that a change of hours, a restart and a change of clocks come out the same.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError

from inbox.model.ids import now
from inbox.model.schedule import Shifts
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.shifts import ShiftStore
from inbox.storage.timers import TimerStore

TIMER = "manager.shift"

_log = structlog.get_logger(__name__)


def shifts_of(manager: Mapping[str, Any], timezone: str) -> Shifts | None:
    """When a manager works; None where that is always. Days off of who has no hours are days in the shop's time zone.

    What does not validate, because another version of the house wrote it, is as good as not set.
    """
    schedule, days_off = manager.get("schedule"), manager.get("days_off")
    if schedule is None and not days_off:
        return None
    zone = timezone if schedule is None else schedule.get("timezone")
    try:
        return Shifts.model_validate({"timezone": zone, "schedule": schedule, "days_off": days_off or []})
    except ValidationError as error:
        _log.warning("shifts_unreadable", manager_id=manager["_id"], flaws=error.error_count())
        return None


class ShiftChanges:
    """Notes the beginning and the end of shifts.

    `on_changed` gets a manager whose shift began or ended. `clock` tells what time it is.
    """

    def __init__(
        self,
        *,
        store: ShiftStore,
        settings: ShopSettings,
        timers: TimerStore,
        on_changed: Callable[[Document], Awaitable[None]],
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._store = store
        self._settings = settings
        self._timers = timers
        self._on_changed = on_changed
        self._clock = clock

    async def turn(self, data: Mapping[str, Any]) -> None:
        """A manager's hours may say something else by now (a timer's handler)."""
        manager = await self._store.get(data["manager_id"])
        if manager is not None:
            await self.follow(manager)

    async def follow(self, manager: Document) -> Document:
        """Note whether a manager is on shift, and look again at the next change. Returns them as they are now."""
        while True:
            present = self._clock()
            shifts = shifts_of(manager, (await self._settings.get())["timezone"])
            # The timer comes first: whoever sets it by hours that are others by now finds that out below.
            await self._set_timer(manager["_id"], shifts.next_change(present) if shifts is not None else None)
            off_shift = shifts is not None and not shifts.is_on(present)
            if off_shift is not bool(manager.get("off_shift")):
                changed = await self._store.turn(manager, off_shift=off_shift, at=present)
                if changed is not None:
                    _log.info("shift_ended" if off_shift else "shift_began", manager_id=manager["_id"])
                    await self._on_changed(changed)
                    return changed
            read = {field: manager.get(field) for field in ("schedule", "days_off", "off_shift")}
            current = await self._store.get(manager["_id"])
            if current is None or read == {field: current.get(field) for field in read}:
                return manager
            manager = current

    async def look_after_all(self) -> None:
        """Follow everybody's hours: no crash, restored backup or new time zone of the shop leaves anybody behind."""
        for manager in await self._store.with_shifts():
            await self.follow(manager)

    async def _set_timer(self, manager_id: str, at: datetime | None) -> None:
        timer_id = f"{TIMER}:{manager_id}"
        if at is None:
            await self._timers.clear(timer_id)
        else:
            await self._timers.set(timer_id, TIMER, at, {"manager_id": manager_id})
