"""Tasks: what somebody has to do by a time, tied to a customer, a conversation or an order."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from inbox.live import Frame, LiveFeed, about
from inbox.model.errors import Invalid, NotFound
from inbox.model.ids import derived_id, new_id, now
from inbox.model.people import Author, Viewer
from inbox.paging import moment_and_id, page
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from inbox.storage.orders import OrderStore
from inbox.storage.people import PeopleStore
from inbox.storage.places import beyond
from inbox.storage.tasks import TaskStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later
from inbox.wakeups import Wakeups

COUNTED = 100
"""A badge says "99+" beyond."""

SOON = timedelta(days=1)
"""What is to be done within this time is on the list of what is due."""

_UNSTORED = timedelta(minutes=1)
_UNSTORED_SECONDS = 5.0


class NewTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task to be made. `client_token` makes it once however often it is asked for by the same author."""

    title: str
    due_at: datetime
    details: str = ""
    customer_id: str | None = None
    conversation_id: str | None = None
    order_id: str | None = None
    assignee_id: str | None = None
    client_token: str | None = None


class TaskQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks: those still to be done, or with `done` those that are.

    `mine` are the viewer's own, `overdue` those whose time has passed, `due` also those of the coming day.
    """

    mine: bool = False
    due: bool = False
    overdue: bool = False
    done: bool = False
    customer_id: str | None = None
    conversation_id: str | None = None
    order_id: str | None = None
    limit: int = 50
    cursor: str | None = None


class Tasks:
    """The tasks of the shop. One tied to a conversation is for the same eyes as that."""

    def __init__(
        self,
        *,
        store: TaskStore,
        conversations: ConversationStore,
        people: PeopleStore,
        orders: OrderStore,
        managers: ManagerStore,
        timers: TimerStore,
        feed: LiveFeed,
        wakeups: Wakeups,
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._people = people
        self._orders = orders
        self._managers = managers
        self._timers = timers
        self._feed = feed
        self._wakeups = wakeups

    async def page(self, viewer: Viewer, query: TaskQuery) -> tuple[list[Document], str | None]:
        """A page of tasks, what is due longest first (what is done: newest first), and the cursor for the next."""
        field, direction = ("done_at", -1) if query.done else ("due_at", 1)
        conditions = [*_conditions(viewer, query)]
        if query.cursor is not None:
            conditions.append(beyond(field, moment_and_id(query.cursor), direction=direction))
        found = await self._store.find(
            {"$and": conditions},
            viewer.visibility(),
            sort=[(field, direction), ("_id", direction)],
            limit=query.limit + 1,
        )
        return page(found, query.limit, field, "_id")

    async def overdue(self, viewer: Viewer) -> int:
        """How many tasks of the viewer, or of nobody, should have been done by now; at most `COUNTED`."""
        condition = {"open": True, "due_at": {"$lte": now()}, "assignee_id": {"$in": [viewer.id, None]}}
        return await self._store.count(condition, viewer.visibility(), COUNTED)

    async def get(self, viewer: Viewer, task_id: str) -> Document:
        """One task. Raises `NotFound` also for what this viewer must not know of."""
        task = await self._store.get(task_id)
        if task is None or not await self._may_see(viewer, task):
            raise NotFound("there is no such task")
        return task

    async def create(self, wanted: NewTask, *, author: Author, viewer: Viewer | None = None) -> tuple[Document, bool]:
        """Make a task; second: False where its token was known and the first one is returned.

        `viewer` is the manager who asks, if one does: they tie a task only to what they may see. Raises `Invalid`
        naming the field.
        """
        token = wanted.client_token
        task_id = new_id() if token is None else derived_id("task", author.type, author.id or "", token)
        known = await self._store.get(task_id) if token is not None else None
        if known is not None:
            return known, False
        tied = await self._tied(wanted, viewer)
        await self._check_assignee(wanted.assignee_id, tied["conversation_id"])
        present = now()
        task: Document = {
            "_id": task_id,
            "title": _title(wanted.title),
            "details": wanted.details,
            **tied,
            "due_at": wanted.due_at,
            "assignee_id": wanted.assignee_id,
            "created_by": {"type": author.type, "id": author.id, "name": author.name},
            "created_at": present,
            "updated_at": present,
            "state": "due" if wanted.due_at <= present else "open",
            "open": True,
            "done_at": None,
            "done_by": None,
        }
        # The timer stands first: it is the task that may not be without the other.
        await self._wind(task)
        if not await self._store.insert(task):
            return await self._store.get(task_id) or task, False
        await self._tell(task)
        return task, True

    async def change(self, viewer: Viewer, task_id: str, changes: Mapping[str, Any]) -> Document:
        """Set `title`, `details`, `due_at`, `assignee_id` or `done`."""
        before = await self.get(viewer, task_id)
        fields: Document = {}
        if "details" in changes:
            fields["details"] = changes["details"]
        if "title" in changes:
            fields["title"] = _title(changes["title"])
        if "assignee_id" in changes:
            await self._check_assignee(changes["assignee_id"], before["conversation_id"])
            fields["assignee_id"] = changes["assignee_id"]
        due_at, done = changes.get("due_at", before["due_at"]), changes.get("done", not before["open"])
        fields |= {"due_at": due_at, **_standing(before, due_at, viewer, done=done)}
        if all(before[field] == value for field, value in fields.items()):
            return before
        await self._wind({**before, **fields})
        changed = await self._store.change(task_id, fields)
        if changed is None:
            raise NotFound("there is no such task")
        await self._tell(changed)
        return changed

    async def delete(self, viewer: Viewer, task_id: str) -> None:
        """Forget a task."""
        task = await self.get(viewer, task_id)
        if not await self._store.delete(task_id):
            raise NotFound("there is no such task")
        await self._timers.clear(_timer_id(task_id))
        await self._tell(task, "task.removed")

    async def ring(self, data: Document) -> None:
        """Show that a task's time has come (timer `task.due`)."""
        task = await self._store.fall_due(data["task_id"], now())
        if task is not None:
            await self._tell(task)
        elif await self._store.get(data["task_id"]) is None and now() - data["due_at"] < _UNSTORED:
            raise Later(_UNSTORED_SECONDS)  # It is about to be stored, or its maker died over it.

    async def _wind(self, task: Document) -> None:
        if task["state"] == "open":
            data = {"task_id": task["_id"], "due_at": task["due_at"]}
            await self._timers.set(_timer_id(task["_id"]), "task.due", task["due_at"], data)
            self._wakeups.ring("timers")
        else:
            await self._timers.clear(_timer_id(task["_id"]))

    async def _tied(self, wanted: NewTask, viewer: Viewer | None) -> Document:
        """What a task is tied to; a conversation and an order also tie it to their customer."""
        customer_id, conversation_id = None, None
        if wanted.customer_id is not None:
            card = await self._people.living(wanted.customer_id)
            if card is None:
                raise Invalid("customer_id", "there is no such customer")
            customer_id = card["_id"]
        if wanted.conversation_id is not None:
            conversation = await self._conversations.get(wanted.conversation_id)
            if conversation is None or not (viewer is None or viewer.may_see(conversation)):
                raise Invalid("conversation_id", "there is no such conversation")
            conversation_id = conversation["_id"]
            customer_id = customer_id or conversation["customer_id"]
        if wanted.order_id is not None:
            order = await self._orders.get(wanted.order_id)
            if order is None:
                raise Invalid("order_id", "there is no such order")
            customer_id = customer_id or order["customer_id"]
        return {
            "customer_id": customer_id,
            "conversation_id": conversation_id,
            "order_id": wanted.order_id,
        }

    async def _check_assignee(self, manager_id: str | None, conversation_id: str | None) -> None:
        if manager_id is None:
            return
        manager = await self._managers.get(manager_id)
        if manager is None or not manager["active"]:
            raise Invalid("assignee_id", "there is no such manager")
        conversation = await self._conversations.get(conversation_id) if conversation_id is not None else None
        if conversation is not None and not Viewer.of(manager).may_see(conversation):
            raise Invalid("assignee_id", f"{manager['name']} may not see that conversation: choose somebody else")

    async def _may_see(self, viewer: Viewer, task: Document) -> bool:
        if task["conversation_id"] is None or viewer.administers:
            return True
        conversation = await self._conversations.get(task["conversation_id"])
        return conversation is not None and viewer.may_see(conversation)

    async def _tell(self, task: Document, type_: str = "task.updated") -> None:
        conversation_id = task["conversation_id"]
        conversation = await self._conversations.get(conversation_id) if conversation_id is not None else None
        if conversation is not None:
            frame = about(type_, task, conversation)
        else:
            frame = Frame(type=type_, data=task, audience="everyone" if conversation_id is None else "admins")
        await self._feed.publish([frame])


def _conditions(viewer: Viewer, query: TaskQuery) -> list[Document]:
    conditions: list[Document] = [{"open": not query.done}]
    if query.mine:
        conditions.append({"assignee_id": viewer.id})
    if query.overdue or query.due:
        conditions.append({"due_at": {"$lte": now() if query.overdue else now() + SOON}})
    for field in ("customer_id", "conversation_id", "order_id"):
        value = getattr(query, field)
        if value is not None:
            conditions.append({field: value})
    return conditions


def _standing(before: Document, due_at: datetime, viewer: Viewer, *, done: bool) -> Document:
    """The fields that say how far a task is."""
    if done:
        by = {"id": viewer.id, "name": viewer.name}
        kept = {"done_at": before["done_at"], "done_by": before["done_by"]}
        return {"state": "done", "open": False, **({"done_at": now(), "done_by": by} if before["open"] else kept)}
    return {"state": "due" if due_at <= now() else "open", "open": True, "done_at": None, "done_by": None}


def _title(title: str) -> str:
    cleaned = title.strip()
    if not cleaned:
        raise Invalid("title", "say what is to be done")
    return cleaned


def _timer_id(task_id: str) -> str:
    return f"task.due:{task_id}"
