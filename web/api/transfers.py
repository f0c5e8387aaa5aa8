"""Lists out and in: customers, orders and macros as CSV or JSON lines."""

import asyncio
import codecs
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from inbox.exporting import Lists
from inbox.imports import MAX_BYTES, Imports
from inbox.model.errors import NotFound
from inbox.model.tables import Format, Table, csv_line
from inbox.storage.database import Document
from web.api.attachments import file_chunks, file_name, file_part
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import AuthorShape, Page, Shape
from web.api.views import View, author_view
from web.doors.answers import json_answer
from web.doors.bodies import Body, PageQuery, Query
from web.doors.problems import FieldError, Problem
from web.doors.table import Call, Route, Who

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
_MEDIA_TYPES = {Format.CSV: "text/csv", Format.JSONL: "application/jsonl"}


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name if name else ""
    except LookupError as error:
        raise ValueError("give an encoding by its name, such as utf-8 or cp1251") from error


MAX_COLUMNS = 1_000
Column = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Delimiter = Literal["comma", "semicolon", "tab"]
Encoding = Annotated[str, StringConstraints(max_length=40, pattern=r"^[\w.:-]*$"), AfterValidator(_encoding)]


class ExportQuery(Query):
    """How a list is written. `mark` begins it with the mark by which Excel knows UTF-8."""

    format: Format = Format.CSV
    delimiter: Delimiter = "comma"
    mark: bool = False


class ImportQuery(Query):
    """What a file holds and how it is written; what is left out the file tells. `dry_run` changes nothing."""

    table: Table
    format: Format | None = None
    delimiter: Delimiter | None = None
    encoding: Encoding = ""
    dry_run: bool = False


class ColumnsBody(Body):
    """What a file's columns are, one for each header, null for one that is left out.

    A column is one of the table's, or a part: `field:<code>` of a customer, `text:<language>` of a macro.
    """

    columns: Annotated[tuple[Column | None, ...], Field(max_length=MAX_COLUMNS)]


class ImportCounts(Shape):
    """What became, or would become, of the rows so far."""

    created: int
    updated: int
    unchanged: int
    refused: int


class ImportShape(Shape):
    """A file that is read in. `done` of `total` rows are done.

    `columns` says for each header what it was taken for, null where it is left out. `can_apply`: it was only tried, and
    its file is kept.
    """

    id: str
    table: Table
    format: Format
    name: str
    dry_run: bool
    state: Literal["waiting", "running", "done", "failed"]
    reason: str
    total: int
    done: int
    counts: ImportCounts
    headers: list[str]
    columns: list[str | None]
    can_apply: bool
    by: AuthorShape
    at: AwareDatetime
    finished_at: AwareDatetime | None


def import_view(told: Document) -> View:
    """An import."""
    fields = (
        *("table", "format", "name", "dry_run", "state", "reason", "total", "counts"),
        *("headers", "columns", "at", "finished_at"),
    )
    return {
        "id": told["_id"],
        **{field: told[field] for field in fields},
        "done": told["next"],
        "can_apply": told["dry_run"] and told["state"] == "done" and bool(told["file_id"]),
        "by": author_view(told["by"]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferHandlers:
    """`/export` and `/imports`."""

    lists: Lists
    imports: Imports

    async def export(self, call: Call[None, ExportQuery]) -> web.StreamResponse:
        """Send a list."""
        try:
            table = Table(call.path("table"))
        except ValueError as error:
            raise NotFound(f"there is no such list; there are: {', '.join(Table)}") from error
        query = call.query
        delimiter = _DELIMITERS[query.delimiter]
        written = self.lists.written(table, query.format, delimiter=delimiter, mark=query.mark)
        return await _sent(call, written, f"{table}.{query.format}", _MEDIA_TYPES[query.format])

    async def create(self, call: Call[None, ImportQuery]) -> web.Response:
        """Take a file."""
        request, query = call.request, call.query
        if request.content_type != "multipart/form-data":
            raise Problem(415, "send the file as multipart/form-data, in a part called file")
        part = await file_part(request)
        content = bytearray()
        async for chunk in file_chunks(part):
            content += chunk
            if len(content) > MAX_BYTES:
                limit = f"is larger than {MAX_BYTES >> 20} MB; send it in parts"
                raise Problem(413, f"file: {limit}", errors=[FieldError("file", limit)])
        begun = await self.imports.begin(
            call.viewer,
            query.table,
            file_name(part.filename),
            bytes(content),
            format_=query.format,
            encoding=query.encoding,
            delimiter=_DELIMITERS[query.delimiter] if query.delimiter is not None else "",
            dry_run=query.dry_run,
        )
        return self._begun(call, begun)

    async def apply(self, call: Call[None, None]) -> web.Response:
        """Read in what was tried."""
        return self._begun(call, await self.imports.apply(call.viewer, call.path()))

    async def try_as(self, call: Call[ColumnsBody, None]) -> web.Response:
        """Try it with other columns."""
        return self._begun(call, await self.imports.try_as(call.viewer, call.path(), call.body.columns))

    def _begun(self, call: Call[Any, Any], begun: Document) -> web.Response:
        call.note.object_id = begun["_id"]
        call.note.changed |= {"table": begun["table"], "rows": begun["total"], "dry_run": begun["dry_run"]}
        return json_answer(import_view(begun), status=202)

    async def index(self, call: Call[None, PageQuery]) -> web.Response:
        """Imports, newest first."""
        found, cursor = await self.imports.page(limit=call.query.limit, cursor=call.query.cursor)
        return json_answer({"items": [import_view(each) for each in found], "next_cursor": cursor})

    async def show(self, call: Call[None, None]) -> web.Response:
        """One import."""
        return json_answer(import_view(await self.imports.get(call.path())))

    async def refusals(self, call: Call[None, None]) -> web.StreamResponse:
        """The rows that were refused."""
        told = await self.imports.get(call.path())
        return await _sent(call, self._report(told), f"refused-{told['_id']}.csv", "text/csv")

    async def _report(self, told: Document) -> AsyncIterator[bytes]:
        yield csv_line(["row", "field", "reason"], ",")
        async for refused in self.imports.refusals(told):
            yield csv_line([str(refused["row"]), refused["field"], refused["reason"]], ",")


async def _sent(call: Call[Any, Any], pieces: AsyncIterator[bytes], name: str, media_type: str) -> web.StreamResponse:
    disposition = f'attachment; filename="{name}"'
    response = web.StreamResponse(headers={"Content-Disposition": disposition, "Cache-Control": "private, no-store"})
    response.content_type = media_type
    response.charset = "utf-8"
    await response.prepare(call.request)
    if call.request.method != "HEAD":
        async for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)
    await response.write_eof()
    return response


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of lists."""
    transfers = TransferHandlers(lists=services.lists, imports=services.imports)
    return [
        row("GET", "/export/{table}", Who.ADMIN)(
            handler=transfers.export,
            summary="All customers, orders or shared macros, as CSV or JSON lines that can be imported again",
            query=ExportQuery,
            media_type="text/csv",
            audit="list.export",
        ),
        row("POST", "/imports", Who.ADMIN)(
            handler=transfers.create,
            summary="Read a file in, or only try it; the answer tells how its columns were understood",
            query=ImportQuery,
            uploads=True,
            answer=ImportShape,
            statuses=(202,),
            audit="list.import",
        ),
        row("GET", "/imports", Who.ADMIN)(
            handler=transfers.index, summary="Imports, newest first", query=PageQuery, answer=Page[ImportShape]
        ),
        row("GET", "/imports/{id}", Who.ADMIN)(
            handler=transfers.show, summary="How far an import is", answer=ImportShape
        ),
        row("POST", "/imports/{id}/apply", Who.ADMIN)(
            handler=transfers.apply,
            summary="Read in a file that was tried; 409 where it is not kept any more",
            answer=ImportShape,
            statuses=(202,),
            audit="list.import",
        ),
        row("POST", "/imports/{id}/columns", Who.ADMIN)(
            handler=transfers.try_as,
            summary="Say what the columns of a file are that was tried, and try it anew; 409 where it is not kept",
            body=ColumnsBody,
            answer=ImportShape,
            statuses=(202,),
            audit="list.import",
        ),
        row("GET", "/imports/{id}/refusals", Who.ADMIN)(
            handler=transfers.refusals,
            summary="The rows that were refused, each with its field and what would be right, as CSV",
            media_type="text/csv",
        ),
    ]
