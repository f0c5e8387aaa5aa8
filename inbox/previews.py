"""How a prepared reply would look: on each channel, and what else would be done, in words."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from inbox.channels import Channels
from inbox.links import FileLinks
from inbox.macros import OrderBook, Prepared
from inbox.model.actions import Action, Assign, Close, LabelConversation, SetOrderStatus, SetPriority, Snooze
from inbox.model.channel import ChannelKind
from inbox.model.parts import Rendering, render
from inbox.model.typed import plain
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from inbox.storage.people import PeopleStore
from inbox.storage.teams import TeamStore


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A reply on one channel."""

    channel: Document
    kind: ChannelKind
    rendering: Rendering
    warnings: tuple[str, ...]
    """What the channel shows otherwise than it was written."""


class Previews:
    """Shows replies before they are sent."""

    def __init__(
        self,
        *,
        channels: Channels,
        people: PeopleStore,
        managers: ManagerStore,
        teams: TeamStore,
        orders: OrderBook,
        settings: ShopSettings,
        links: FileLinks,
    ) -> None:
        self._channels = channels
        self._people = people
        self._managers = managers
        self._teams = teams
        self._orders = orders
        self._settings = settings
        self._links = links
        self._words: Mapping[type[Action], Callable[[Any], Awaitable[str]]] = {
            LabelConversation: self._labels,
            SetPriority: self._priority,
            Assign: self._holder,
            Close: self._end,
            Snooze: self._pause,
            SetOrderStatus: self._stage,
        }

    async def looks(self, prepared: Prepared, customer: Mapping[str, Any] | None) -> list[Look]:
        """The reply on every channel that the customer is known on; on all of the shop's where there is nobody."""
        channels = [channel for channel in await self._channels.known() if channel["kind"]]
        if customer is not None:
            identities = await self._people.identities([customer["_id"]])
            theirs = {identity["channel_id"] for identity in identities}
            channels = [channel for channel in channels if channel["_id"] in theirs]
        return [self._look(prepared, channel) for channel in channels]

    def _look(self, prepared: Prepared, channel: Document) -> Look:
        kind = self._channels.kind(channel["kind"])
        rendering = render(
            prepared.filled.text, prepared.files, prepared.buttons, kind.capabilities, address=self._links.address
        )
        return Look(channel=channel, kind=kind, rendering=rendering, warnings=tuple(_warnings(prepared, rendering)))

    async def actions(self, actions: Sequence[Action]) -> list[Document]:
        """Actions as they are shown, each with its `words`."""
        return [{**plain(action), "words": await self._words[type(action)](action)} for action in actions]

    async def _labels(self, action: LabelConversation) -> str:
        added = [f"label {', '.join(action.add)}"] if action.add else []
        removed = [f"take off {', '.join(action.remove)}"] if action.remove else []
        return _sentence("; ".join([*added, *removed]))

    async def _priority(self, action: SetPriority) -> str:
        return f"Priority {action.value}"

    async def _holder(self, action: Assign) -> str:
        if action.manager_id is not None:
            names = await self._managers.named([action.manager_id])
            return f"Assign to {names.get(action.manager_id, 'somebody who left')}"
        teams = {team["_id"]: team["name"] for team in await self._teams.page(None, _ALL)}
        return f"Assign to team {teams.get(action.team_id, 'that is gone')}"

    async def _end(self, action: Close) -> str:  # noqa: ARG002  # There is nothing more to say.
        return "Close"

    async def _pause(self, action: Snooze) -> str:
        return f"Snooze for {_span(action.span)}"

    async def _stage(self, action: SetOrderStatus) -> str:
        pipeline, settings = await self._orders.pipeline(), await self._settings.get()
        return f"Order: {pipeline.title(action.status, settings['languages'])}"


_ALL = 1_000
_SIZES = (("day", 24 * 60), ("hour", 60), ("minute", 1))


def _warnings(prepared: Prepared, rendering: Rendering) -> list[str]:
    linked = [f"{file['name']} goes as a link" for file in prepared.files if file["_id"] in rendering.linked]
    numbered = ["the buttons become numbered lines"] if rendering.numbered else []
    count = len(rendering.parts)
    several = [f"it goes as {count} messages"] if count > 1 else []
    return [*linked, *numbered, *several]


def _span(span: timedelta) -> str:
    """A time in words: `2 days`, `3 hours`, `45 minutes`."""
    minutes = int(span.total_seconds() // 60)
    name, size = next((name, size) for name, size in _SIZES if minutes % size == 0)
    count = minutes // size
    return f"{count} {name}{'s' if count != 1 else ''}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
