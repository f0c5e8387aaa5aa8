"""Reading and changing conversations, within what the viewer may see."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from inbox.channels import Channels
from inbox.events import EventBus
from inbox.live import LiveFeed, about
from inbox.model.conversation import MAX_LABEL, MAX_LABELS, ConversationStatus, Priority, marked, new_conversation
from inbox.model.domain_events import ConversationChanged
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.happenings import handed_off, is_handed_off, status_set
from inbox.model.ids import new_id, now
from inbox.model.people import SYSTEM, Author, Viewer
from inbox.paging import decode_cursor, encode_cursor, moment_and_id, page
from inbox.reach import addressee
from inbox.search import Search
from inbox.storage.conversations import ConversationStore, closing
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore
from inbox.storage.places import beyond
from inbox.storage.timers import TimerStore
from inbox.wakeups import Wakeups

_SEARCHED = 200
"""How many of the newest cards, and of the newest messages, a search of the list goes by."""

_TRIES = 20
"""How often a change is tried anew that met another one, be it only a message that came."""

_Part = Literal["due", "others"]
_SORTS = {"recent": ("last_at", -1), "oldest": ("last_at", 1), "created": ("created_at", -1)}


class ConversationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversations: `assignee` is `me`, `none` or an id; `sort` is recent, oldest, created or due.

    `due` begins with who is to be answered soonest; those without a clock follow, the newest first.
    """

    status: str | None = None
    assignee: str | None = None
    team: str | None = None
    channel: str | None = None
    label: str | None = None
    q: str | None = None
    sort: str = "recent"
    limit: int = 50
    cursor: str | None = None


class Conversations:
    """The conversations of the shop."""

    def __init__(
        self,
        *,
        store: ConversationStore,
        people: PeopleStore,
        channels: Channels,
        timers: TimerStore,
        feed: LiveFeed,
        bus: EventBus,
        wakeups: Wakeups,
        search: Search,
    ) -> None:
        self._store = store
        self._people = people
        self._channels = channels
        self._timers = timers
        self._feed = feed
        self._bus = bus
        self._wakeups = wakeups
        self._search = search

    async def page(self, viewer: Viewer, query: ConversationQuery) -> tuple[list[Document], str | None]:
        """A page of conversations and the cursor for the next."""
        if query.sort not in (*_SORTS, "due"):
            raise Invalid("sort", f"is one of {', '.join(_SORTS)}, due")
        conditions = [viewer.visibility(), *await self._conditions(viewer, query)]
        if query.sort == "due":
            return await self._by_due(conditions, query)
        field, direction = _SORTS[query.sort]
        if query.cursor is not None:
            conditions.append(beyond(field, moment_and_id(query.cursor), direction=direction))
        sort = [(field, direction), ("_id", direction)]
        rows = await self._store.find([row for row in conditions if row], sort, query.limit + 1)
        return page(rows, query.limit, field, "_id")

    async def _by_due(
        self, conditions: Sequence[Document], query: ConversationQuery
    ) -> tuple[list[Document], str | None]:
        """A page of who has a clock, by when it is due, and behind them of the others."""
        part, at, key = decode_cursor(query.cursor, _Part, datetime | None, str) if query.cursor else ("due", None, "")
        place = (at, key) if at is not None else None
        rows: list[Document] = []
        if part == "due":
            running = [*conditions, {"clock.due_at": {"$type": "date"}}, beyond("clock.due_at", place, direction=1)]
            rows = await self._store.find(
                [row for row in running if row], [("clock.due_at", 1), ("_id", 1)], query.limit + 1
            )
            if len(rows) > query.limit:
                last = rows[query.limit - 1]
                return rows[: query.limit], encode_cursor("due", last["clock"]["due_at"], last["_id"])
            place = None
        others = [*conditions, {"clock.due_at": {"$not": {"$type": "date"}}}, beyond("last_at", place)]
        left = query.limit - len(rows)
        found = await self._store.find([row for row in others if row], [("last_at", -1), ("_id", -1)], left + 1)
        if len(found) <= left:
            return [*rows, *found], None
        rows += found[:left]
        return rows, encode_cursor("others", rows[-1]["last_at"] if left else None, rows[-1]["_id"])

    async def _conditions(self, viewer: Viewer, query: ConversationQuery) -> list[Document]:
        conditions: list[Document] = []
        if query.status is not None:
            if query.status not in {*ConversationStatus, "active"}:
                raise Invalid("status", f"is one of {', '.join(ConversationStatus)}, active")
            conditions.append({"active": True} if query.status == "active" else {"status": query.status})
        if query.assignee == "none":
            conditions.append({"assignee_id": None, "active": True})
        elif query.assignee is not None:
            conditions.append({"assignee_id": viewer.id if query.assignee == "me" else query.assignee})
        for field, value in (("team_id", query.team), ("channel_id", query.channel), ("labels", query.label)):
            if value is not None:
                conditions.append({field: value})
        if query.q:
            named = await self._search.customer_ids(viewer, query.q, _SEARCHED)
            said = await self._search.conversation_ids(viewer, query.q, _SEARCHED)
            conditions.append({"$or": [{"customer_id": {"$in": named}}, {"_id": {"$in": said}}]})
        return conditions

    async def get(self, viewer: Viewer, conversation_id: str) -> Document:
        """One conversation. Raises `NotFound` also for what this viewer must not know of."""
        found = await self._store.get(conversation_id)
        if found is None or not viewer.may_see(found):
            raise NotFound("there is no such conversation")
        return found

    async def counts(self, viewer: Viewer) -> dict[str, int]:
        """How many conversations the tabs mine, unassigned and all hold."""
        return await self._store.counts(viewer.visibility(), viewer.id)

    async def of_customer(self, viewer: Viewer, customer_id: str) -> list[Document]:
        """The cases of a customer that this viewer may see, newest first."""
        return [row for row in await self._store.of_customer(customer_id) if viewer.may_see(row)]

    async def change(
        self,
        conversation_id: str,
        changes: Mapping[str, Any],
        *,
        by: Author = SYSTEM,
        version: int | None = None,
        once: str | None = None,
    ) -> Document:
        """Set `status`, `labels`, `priority` (a name), `snoozed_until` or `team_id`; holding is routing's business.

        `handed_off` is why the bot leaves the case to people: once in each case.
        `add_labels` and `remove_labels` leave the other labels as they are. What names itself by `once` is done once,
        however often it is asked for. Raises `Conflict` where `version` is not the present one.
        """
        for _ in range(_TRIES):
            before = await self._store.get(conversation_id)
            if before is None:
                raise NotFound("there is no such conversation")
            if version is not None and before["version"] != version:
                raise Conflict("somebody changed this conversation meanwhile: look again", current=before["version"])
            if once is not None and once in before.get("done_once", ()):
                return before
            fields = _told(before, _fields(before, changes), by) | _left(before, changes, by) | marked(before, once)
            if all(before.get(field) == value for field, value in fields.items()):
                return before
            after = await self._store.revise(before, fields)
            if after is not None:
                await self._changed(before, after, by)
                return after
        raise Conflict("this conversation changes too fast: look again")

    async def _changed(self, before: Document, after: Document, by: Author) -> None:
        wake = f"conversation.wake:{after['_id']}"
        if after["status"] == ConversationStatus.SNOOZED:
            await self._timers.set(wake, "conversation.wake", after["snoozed_until"], {"conversation_id": after["_id"]})
        elif before["status"] == ConversationStatus.SNOOZED:
            await self._timers.clear(wake)
        await self._feed.publish([about("conversation.updated", after, after, before)])
        await self._bus.announce(ConversationChanged(before, after, by))

    async def wake(self, data: Document) -> None:
        """End a snooze whose time has come (timer `conversation.wake`)."""
        conversation = await self._store.get(data["conversation_id"])
        if conversation is None or conversation["status"] != ConversationStatus.SNOOZED:
            return
        if conversation["snoozed_until"] <= now():
            await self.change(conversation["_id"], {"status": "open"})

    async def label(
        self, conversation_id: str, *, add: list[str], remove: list[str], by: Author = SYSTEM
    ) -> Document | None:
        """Add and remove labels."""
        before = await self._store.get(conversation_id)
        after = await self._store.label(conversation_id, add=add, remove=remove)
        if before is not None and after is not None:
            await self._changed(before, after, by)
        return after

    async def mark_read(self, conversation_id: str, viewer: Viewer) -> Document:
        """Everything up to now has been seen by this manager, and that it was handed over to them."""
        conversation = await self.get(viewer, conversation_id)
        opened = await self._store.open_handed_over(conversation["_id"], viewer.id)
        if opened is not None:
            await self._feed.publish([about("conversation.updated", opened, opened)])
            conversation = opened
        if not conversation["unanswered"]:
            return conversation
        after = await self._store.read(conversation["_id"], viewer.id, conversation["unanswered"][-1])
        if after is None:
            return conversation
        if after["read_by"] != conversation["read_by"]:
            await self._feed.publish([about("conversation.updated", after, after)])
        return after

    async def begin(
        self, viewer: Viewer, customer_id: str, channel_id: str, *, allow: Callable[[Document], Awaitable[None]]
    ) -> Document:
        """The conversation to write first in: the active one, else a new one.

        Raises `Invalid` where the channel does not let the shop write first or does not know the customer. `allow`
        raises it where that identity may not be written to now: nothing is begun then.
        """
        customer = await self._people.living(customer_id)
        if customer is None:
            raise Invalid("customer_id", "there is no such customer")
        customer_id = customer["_id"]
        try:
            await self._channels.get(channel_id)
        except NotFound:
            raise Invalid("channel_id", "there is no such channel") from None
        known = await self._people.identities([customer_id])
        there = [identity for identity in known if identity["channel_id"] == channel_id]
        if not there:
            raise Invalid("channel_id", "this customer has never written there, and the channel lets only them begin")
        identity = addressee(there)
        if not identity["reachable"]:
            raise Invalid("channel_id", f"the customer cannot be reached there: {identity['reachable_reason']}")
        await allow(identity)
        present = await self._store.active([customer_id])
        if customer_id in present:
            return await self.get(viewer, present[customer_id]["_id"])
        begun = new_conversation(new_id(), customer_id=customer_id, channel_id=channel_id, at=now())
        await self._store.insert([begun], durable=True)
        await self._feed.publish([about("conversation.updated", begun, begun)])
        return begun


def _fields(before: Document, changes: Mapping[str, Any]) -> Document:
    """What a change means for the document, with everything that has to change along."""
    fields: Document = {}
    if "labels" in changes:
        fields["labels"] = _labels(changes["labels"])
    if "add_labels" in changes or "remove_labels" in changes:
        kept = set(before["labels"]).difference(changes.get("remove_labels", ()))
        fields["labels"] = _labels(kept.union(changes.get("add_labels", ())))
    if "team_id" in changes:
        fields["team_id"] = changes["team_id"]
    if "priority" in changes:
        fields["priority"] = _priority(changes["priority"])
    until: datetime | None = changes.get("snoozed_until")
    status = changes.get("status") or (ConversationStatus.SNOOZED if until is not None else None)
    if status is None:
        return fields
    if status not in set(ConversationStatus):
        raise Invalid("status", f"is one of {', '.join(ConversationStatus)}")
    if until is not None and status != ConversationStatus.SNOOZED:
        raise Invalid("snoozed_until", "goes with status snoozed")
    if status == ConversationStatus.CLOSED:
        return fields | (closing() if before["active"] else {})
    if status == ConversationStatus.SNOOZED:
        return fields | _snoozing(until or before["snoozed_until"])
    return fields | _waking(before, status)


def _told(before: Document, fields: Document, by: Author) -> Document:
    """These fields, and who sets the status where they change it."""
    status = str(fields.get("status", before["status"]))
    if status == before["status"]:
        return fields
    told = status_set(before, status, fields.get("snoozed_until"), by, fields.get("closed_at") or now())
    return {**fields, "status_set": told}


def _left(before: Document, changes: Mapping[str, Any], by: Author) -> Document:
    """That the bot leaves the case to people, where it does so now."""
    if "handed_off" not in changes or is_handed_off(before):
        return {}
    return {"handed_off": handed_off(before, changes["handed_off"], by)}


def _priority(name: Any) -> int:
    try:
        return int(Priority[str(name).upper()])
    except KeyError:
        raise Invalid("priority", "is one of low, normal, high, urgent") from None


def _snoozing(until: datetime | None) -> Document:
    if until is None or until <= now():
        raise Invalid("snoozed_until", "give a time in the future")
    return {"status": ConversationStatus.SNOOZED, "snoozed_until": until, "active": True, "closed_at": None}


def _waking(before: Document, status: str) -> Document:
    fields: Document = {"status": status, "active": True, "closed_at": None, "snoozed_until": None}
    if before["status"] in (ConversationStatus.CLOSED, ConversationStatus.SNOOZED):
        # It counted for nobody meanwhile: routing gives it to the same manager where they have room.
        fields |= {"assignee_id": None, "last_assignee_id": before["assignee_id"]}
        if before["unanswered"]:
            fields["waiting_since"] = now()
    if before["status"] == ConversationStatus.CLOSED:
        # A snooze is a pause within one case.
        fields["opened_at"] = now()
    return fields


def _labels(labels: Any) -> list[str]:
    cleaned = sorted({label.strip() for label in labels if label.strip()})
    if len(cleaned) > MAX_LABELS:
        raise Invalid("labels", f"at most {MAX_LABELS} labels")
    if any(len(label) > MAX_LABEL for label in cleaned):
        raise Invalid("labels", f"a label has at most {MAX_LABEL} characters")
    return cleaned
