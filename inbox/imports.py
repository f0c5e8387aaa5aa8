"""Reading customers, orders and macros in from files, in a worker that goes on where another one died.

A row is found again by what names it, so the same file read twice changes nothing. Nobody is told of an imported order,
and nothing that a file says is a proof of whose a contact is.
"""

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog

from inbox.files import at_once
from inbox.live import Frame, LiveFeed
from inbox.model.errors import Conflict, DomainError, Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.model.people import Viewer
from inbox.model.tables import Format, Record, Sheet, Table, check_columns, check_named, rows_of, sheet_of, text_of
from inbox.paging import moment_and_id, page
from inbox.storage.attachments import AttachmentStore
from inbox.storage.database import Document
from inbox.storage.imports import ImportStore, refusal
from inbox.storage.managers import ManagerStore
from inbox.storage.timers import TimerStore
from inbox.wakeups import Wakeups

TIMER = "import.run"
"""The kind of timer that reads a file in; its data names the row of `imports`."""

MAX_BYTES = 20 << 20
MAX_ROWS = 100_000
CHUNK = 100
"""How many rows are done before it is noted how far the file is."""

KEPT_FOR = timedelta(hours=1)
"""How long a file stays after it was only tried, so that it can be read in as it was tried."""

AFTER_A_CRASH = timedelta(seconds=10)
"""How long after somebody died who was about to have a file read a worker looks for it."""

_LONGEST = 300
"""How long a text of a row may be, where its column says nothing else, in characters."""

_NOT_KEPT = "the file is not kept any more: send it again"
_SAID = re.compile(r"^'[^']*' (?=is )")

_log = structlog.get_logger(__name__)


class Reader(Protocol):
    """Takes the rows of one kind of table."""

    async def take(self, record: Record, viewer: Viewer, *, dry_run: bool) -> str:
        """Take one: `created`, `updated` or `unchanged`. Raises `DomainError` for one that cannot be taken."""


class Imports:
    """Keeps files that were given, and reads them in."""

    def __init__(
        self,
        *,
        store: ImportStore,
        readers: Mapping[Table, Reader],
        attachments: AttachmentStore,
        managers: ManagerStore,
        timers: TimerStore,
        feed: LiveFeed,
        wakeups: Wakeups,
    ) -> None:
        self._store = store
        self._readers = readers
        self._attachments = attachments
        self._managers = managers
        self._timers = timers
        self._feed = feed
        self._wakeups = wakeups

    async def begin(
        self,
        viewer: Viewer,
        table: Table,
        name: str,
        content: bytes,
        *,
        format_: Format | None = None,
        encoding: str = "",
        delimiter: str = "",
        dry_run: bool,
    ) -> Document:
        """Have a file read in, or tried only. Raises `Invalid` for one that is no such table.

        One that is only tried may have columns that nobody knows: `try_as` says what they are.
        """
        sheet = await asyncio.to_thread(lambda: sheet_of(table, text_of(content, encoding), format_, delimiter))
        if not dry_run:
            check_named(table, sheet)
        total = await asyncio.to_thread(_count, table, sheet)
        file_id, size = await self._attachments.write(name, at_once(content))
        row: Document = {
            "_id": new_id(),
            "table": table.value,
            "format": sheet.format.value,
            "name": name,
            "encoding": encoding,
            "delimiter": sheet.delimiter,
            "headers": sheet.headers,
            "columns": sheet.columns,
            "file_id": file_id,
            "size": size,
            "total": total,
            **_beginning(viewer, dry_run=dry_run),
        }
        await self._start(row)
        return row

    async def apply(self, viewer: Viewer, import_id: str) -> Document:
        """Read in what was tried before, as it was tried. Raises `Conflict` where its file is not kept any more."""
        tried = await self._tried(import_id)
        if tried["format"] == Format.CSV:
            check_columns(Table(tried["table"]), tried["headers"], tried["columns"])
        if not await self._store.take_file(tried):
            raise Conflict(_NOT_KEPT)
        row = {**tried, "_id": new_id(), **_beginning(viewer, dry_run=False)}
        await self._start(row)
        return row

    async def try_as(self, viewer: Viewer, import_id: str, columns: Sequence[str | None]) -> Document:
        """Try a file anew with these columns, one for each header, None for one that is left out.

        Raises `Invalid` for columns that it cannot have, and `Conflict` where its file is not kept any more.
        """
        tried = await self._tried(import_id)
        if tried["format"] != Format.CSV:
            raise Invalid("columns", "in JSON lines each object names its own fields")
        check_columns(Table(tried["table"]), tried["headers"], columns)
        await self._set_going(import_id, AFTER_A_CRASH)
        begun = await self._store.begin_again(import_id, {"columns": list(columns), **_beginning(viewer, dry_run=True)})
        if begun is None:
            raise Conflict(_NOT_KEPT)
        await self._set_going(import_id)
        return begun

    async def _tried(self, import_id: str) -> Document:
        tried = await self.get(import_id)
        if not tried["dry_run"] or tried["state"] != "done":
            raise Conflict("only a file that was tried to its end can be read in, or tried with other columns")
        if not tried["file_id"]:
            raise Conflict(_NOT_KEPT)
        return tried

    async def _start(self, row: Document) -> None:
        await self._set_going(row["_id"], AFTER_A_CRASH)
        await self._store.insert(row)
        await self._set_going(row["_id"])

    async def _set_going(self, import_id: str, after: timedelta = timedelta()) -> None:
        """Have a worker come to a row. It is set before the row is written too: one without it would wait for ever."""
        await self._timers.set(f"{TIMER}:{import_id}", TIMER, now() + after, {"import_id": import_id})
        self._wakeups.ring("timers")

    async def get(self, import_id: str) -> Document:
        """One import."""
        row = await self._store.get(import_id)
        if row is None:
            raise NotFound("there is no such import")
        return row

    async def page(self, *, limit: int, cursor: str | None) -> tuple[list[Document], str | None]:
        """A page of imports, newest first."""
        return page(await self._store.page(moment_and_id(cursor), limit + 1), limit, "at", "_id")

    def refusals(self, row: Mapping[str, Any]) -> AsyncIterator[Document]:
        """The rows that were refused, in the file's order."""
        return self._store.refusals(row["_id"])

    async def run(self, data: Mapping[str, Any]) -> None:
        """Read a file in from where it was left (timer `import.run`)."""
        row = await self._store.get(data["import_id"])
        if row is None or row["state"] in ("done", "failed"):
            return
        manager = await self._managers.get(row["by"]["id"])
        if manager is None or not manager["active"]:
            await self._end(row, "failed", "who gave this file has left")
            return
        content = b"".join([chunk async for chunk in self._attachments.read(row["file_id"], 0, row["size"])])
        text = await asyncio.to_thread(text_of, content, row["encoding"])
        table = Table(row["table"])
        sheet = Sheet(text, Format(row["format"]), row["delimiter"], row["headers"], row["columns"])
        await self._show(await self._store.change(row["_id"], {"state": "running"}))
        rows = itertools.islice(rows_of(table, sheet), row["next"], None)
        viewer = Viewer.of(manager)
        while chunk := list(itertools.islice(rows, CHUNK)):
            counts: Counter[str] = Counter()
            refused: list[Document] = []
            for number, said in chunk:
                try:
                    if isinstance(said, Invalid):
                        raise said
                    counts[await self._readers[table].take(said, viewer, dry_run=row["dry_run"])] += 1
                except DomainError as error:
                    counts["refused"] += 1
                    refused.append(refusal(row["_id"], number, *_why(error)))
            row = await self._store.advance(row, len(chunk), counts, refused)
            if row is None:
                return
            await self._show(row)
        await self._end(row, "done", "")

    async def _end(self, row: Document, state: str, reason: str) -> None:
        ended = await self._store.change(row["_id"], {"state": state, "reason": reason, "finished_at": now()})
        if not row["dry_run"]:
            await self._forget_file(row)
        await self._show(ended)
        _log.info("import_ended", import_id=row["_id"], state=state, counts=row["counts"])

    async def forget_files(self) -> None:
        """Forget files that were tried a while ago. The sweeper calls this."""
        for row in await self._store.stale(now() - KEPT_FOR):
            await self._forget_file(row)

    async def _forget_file(self, row: Document) -> None:
        await self._attachments.discard(row["file_id"])
        await self._store.change(row["_id"], {"file_id": ""})

    async def _show(self, row: Document | None) -> None:
        if row is not None:
            await self._feed.publish([Frame(type="import.updated", data={"_id": row["_id"]}, audience="admins")])


def _beginning(viewer: Viewer, *, dry_run: bool) -> Document:
    return {
        "dry_run": dry_run,
        "state": "waiting",
        "reason": "",
        "next": 0,
        "counts": {"created": 0, "updated": 0, "unchanged": 0, "refused": 0},
        "by": {"type": "manager", "id": viewer.id, "name": viewer.name},
        "at": now(),
        "finished_at": None,
    }


def _count(table: Table, sheet: Sheet) -> int:
    total = sum(1 for _ in itertools.islice(rows_of(table, sheet), MAX_ROWS + 1))
    if not total:
        raise Invalid("file", "there is no row in it")
    if total > MAX_ROWS:
        raise Invalid("file", f"has more than {MAX_ROWS} rows; send it in parts")
    return total


def _why(error: DomainError) -> tuple[str, str]:
    """Field and remedy of a refusal, without what the cell says: the report is kept longer than the file."""
    if isinstance(error, Invalid):
        return error.field, _SAID.sub("this ", error.remedy)
    return "", str(error)


def text(record: Record, field: str, *, most: int = _LONGEST) -> str:
    """A text of a record; empty where it says none. Raises `Invalid` for what is no text, or too long."""
    value = record.get(field, "")
    if isinstance(value, bool | int | float):
        value = str(value)
    if not isinstance(value, str):
        raise Invalid(field, "this has to be a text")
    if len(value.strip()) > most:
        raise Invalid(field, f"this is longer than {most} characters")
    return value.strip()


def texts(record: Record, field: str, *, most: int = 20) -> list[str]:
    """A list of texts of a record. Raises `Invalid` for anything else."""
    value = record.get(field, [])
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(one, str) and len(one) <= _LONGEST for one in value):
        raise Invalid(field, "this has to be a list of texts")
    if len(value) > most:
        raise Invalid(field, f"these are more than {most}")
    return list(dict.fromkeys(one.strip() for one in value if one.strip()))


def moment(record: Record, field: str) -> datetime | None:
    """A time of a record, in UTC where it has no zone; None where it says none. Raises `Invalid`."""
    written = text(record, field)
    if not written:
        return None
    try:
        parsed = datetime.fromisoformat(written)
    except ValueError as error:
        raise Invalid(field, "this is no time; write it as 2026-11-05T14:30:00Z") from error
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def shaped(record: Record, field: str, kind: Any) -> Any:
    """Something of a record that JSON has a form for. Raises `Invalid` where it has another one."""
    try:
        return msgspec.convert(record[field], kind)
    except msgspec.ValidationError as error:
        raise Invalid(field, str(error)) from error
