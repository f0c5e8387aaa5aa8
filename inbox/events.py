"""How the ground floor reaches the upper ones: events are announced here, and whoever is concerned has subscribed."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from inbox.model.domain_events import DomainEvent
from inbox.storage.errors import is_unavailable

_log = structlog.get_logger(__name__)
_E = TypeVar("_E", bound=DomainEvent)


class EventBus:
    """Subscribers by event type, called one after the other.

    A subscriber that fails does so alone: it is logged and the others go on. Only an unreachable database is passed on,
    so that the work that announced the event is repeated; every subscriber bears repetition.
    """

    def __init__(self) -> None:
        self._subscribers: dict[type[Any], list[Callable[[Any], Awaitable[None]]]] = defaultdict(list)

    def subscribe(self, event_type: type[_E], subscriber: Callable[[_E], Awaitable[None]]) -> None:
        """Have `subscriber` called with every event of this type."""
        self._subscribers[event_type].append(subscriber)

    async def announce(self, event: DomainEvent) -> None:
        """Tell everyone concerned, and wait until they have heard."""
        outage: Exception | None = None
        for subscriber in self._subscribers[type(event)]:
            try:
                await subscriber(event)
            except Exception as error:
                if is_unavailable(error):
                    outage = error
                else:
                    _log.exception("subscriber_failed", domain_event=type(event).__name__)
        if outage is not None:
            raise outage
