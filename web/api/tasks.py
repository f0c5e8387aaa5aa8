"""Tasks: what somebody has to do by a time."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from inbox.model.ids import now
from inbox.model.people import Author
from inbox.storage.database import Document
from inbox.tasks import NewTask, TaskQuery, Tasks
from web.api.fields import Id, Time, Token
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AuthorShape, Page, Shape
from web.api.views import View, author_view
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Body, Change, PageQuery
from web.doors.table import Call, Route, Who

Details = Annotated[str, StringConstraints(max_length=5000)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class TasksQuery(PageQuery):
    """Which tasks: still to be done, or with `done` those that are.

    `mine` are one's own, `overdue` those whose time has passed, `due` also those of the coming day.
    """

    mine: bool = False
    due: bool = False
    overdue: bool = False
    done: bool = False
    customer: Id | None = None
    conversation: Id | None = None
    order: Id | None = None


class NewTaskBody(Body):
    """A task. It is its maker's own where `assignee_id` is left out, and nobody's where that is null."""

    audited = frozenset({"due_at", "customer_id", "conversation_id", "order_id", "assignee_id"})

    title: Title
    details: Details = ""
    due_at: Time
    customer_id: Id | None = None
    conversation_id: Id | None = None
    order_id: Id | None = None
    assignee_id: Id | None = None
    client_token: Token | None = None


class TaskChange(Change):
    """Fields of a task; `done` ends or reopens it."""

    audited = frozenset({"due_at", "assignee_id", "done"})

    title: Title = ""
    details: Details = ""
    due_at: Time = Field(default_factory=now)
    assignee_id: Id | None = None
    done: bool = False


class TaskShape(Shape):
    """A task. `state` is `due` once its time has come; `overdue` says that it has passed."""

    id: str
    title: str
    details: str
    customer_id: str | None
    conversation_id: str | None
    order_id: str | None
    due_at: AwareDatetime
    assignee_id: str | None
    created_by: AuthorShape
    created_at: AwareDatetime
    state: Literal["open", "due", "done"]
    overdue: bool
    done_at: AwareDatetime | None


class TaskPage(Page[TaskShape]):
    """A page of tasks, and how many of one's own, or of nobody's, are overdue (100: that many or more)."""

    overdue: int


def task_view(task: Document) -> View:
    """A task."""
    told = (
        "title",
        "details",
        "customer_id",
        "conversation_id",
        "order_id",
        "due_at",
        "assignee_id",
        "created_at",
        "done_at",
    )
    return {
        "id": task["_id"],
        **{field: task[field] for field in told},
        "created_by": author_view(task["created_by"]),
        "state": task["state"],
        "overdue": task["open"] and task["due_at"] <= now(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHandlers:
    """`/tasks`."""

    tasks: Tasks

    async def index(self, call: Call[None, TasksQuery]) -> web.Response:
        """The tasks that the caller may see, what is due longest first."""
        query = call.query
        wanted = TaskQuery(
            mine=query.mine,
            due=query.due,
            overdue=query.overdue,
            done=query.done,
            customer_id=query.customer,
            conversation_id=query.conversation,
            order_id=query.order,
            limit=query.limit,
            cursor=query.cursor,
        )
        found, cursor = await self.tasks.page(call.viewer, wanted)
        overdue = await self.tasks.overdue(call.viewer)
        return json_answer({"items": [task_view(task) for task in found], "next_cursor": cursor, "overdue": overdue})

    async def create(self, call: Call[NewTaskBody, None]) -> web.Response:
        """Make one."""
        wanted = {"assignee_id": call.viewer.id, **call.body.model_dump(exclude_unset=True)}
        author = Author.of(call.viewer)
        task, created = await self.tasks.create(NewTask(**wanted), author=author, viewer=call.viewer)
        call.note.object_id = task["_id"]
        call.note.skip = not created
        return json_answer(task_view(task), status=201 if created else 200)

    async def change(self, call: Call[TaskChange, None]) -> web.Response:
        """Change one, or say that it is done."""
        return json_answer(task_view(await self.tasks.change(call.viewer, call.path(), call.body.changes())))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Forget one."""
        await self.tasks.delete(call.viewer, call.path())
        return no_content()


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of tasks."""
    tasks = TaskHandlers(tasks=services.tasks)
    return [
        row("GET", "/tasks", Who.SIGNED_IN)(
            handler=tasks.index,
            summary="What is to be done, what is due longest first",
            query=TasksQuery,
            answer=TaskPage,
        ),
        row("POST", "/tasks", Who.SIGNED_IN)(
            handler=tasks.create,
            summary="Make a task; 200 for a known client token",
            body=NewTaskBody,
            answer=TaskShape,
            statuses=(201, 200),
            audit="task.create",
        ),
        row("PATCH", "/tasks/{id}", Who.SIGNED_IN)(
            handler=tasks.change,
            summary="Change a task, or say that it is done",
            body=TaskChange,
            answer=TaskShape,
            audit="task.change",
        ),
        row("DELETE", "/tasks/{id}", Who.SIGNED_IN)(
            handler=tasks.delete, summary="Forget a task", statuses=(204,), audit="task.delete"
        ),
    ]
