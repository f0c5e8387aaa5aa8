"""Customers, orders and macros as rows of a table, and back: what is written out can be read in again unchanged.

A *record* is what one row says, by column: texts, lists of texts (`phones`), or whatever JSON has (`items`). In JSON
lines a record is an object. In CSV a list is written with semicolons between, and as JSON where that would be
ambiguous; columns such as `field:size` and `text:uk` are parts of one. An empty cell says nothing.

A spreadsheet takes a cell that begins like a formula for one: such a cell gets an apostrophe, which is taken off again.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from inbox.model.errors import Invalid

Document = dict[str, Any]
Record = dict[str, Any]


class Table(StrEnum):
    """What is written out and read in."""

    CUSTOMERS = "customers"
    ORDERS = "orders"
    MACROS = "macros"


class Format(StrEnum):
    """How it is written: a table for spreadsheets, or a JSON object a line."""

    CSV = "csv"
    JSONL = "jsonl"


COLUMNS: Mapping[Table, tuple[str, ...]] = {
    Table.CUSTOMERS: ("id", "name", "phones", "emails", "tags", "languages", "notices"),
    Table.ORDERS: (
        *("number", "source", "status", "customer_id", "customer_name", "customer_phone", "customer_email", "items"),
        *("total", "currency", "payment", "carrier", "tracking_number", "created_at"),
    ),
    Table.MACROS: ("id", "name", "shortcut", "folder", "buttons", "actions"),
}
"""The columns of each table, apart from those that stand for parts of `fields` and `text`."""

TOLD: Mapping[Table, tuple[str, ...]] = {
    Table.CUSTOMERS: ("first_contact_at", "last_contact_at", "order_count", "order_sums")
}
"""Columns that are written out and say nothing where they are read in: what follows from elsewhere."""

PARTS = {Table.CUSTOMERS: ("field", "fields"), Table.MACROS: ("text", "text")}
"""How a column begins that is a part of something, and of what."""

NEEDED = {Table.CUSTOMERS: ("name", "phones", "emails", "id"), Table.ORDERS: ("number",), Table.MACROS: ("name",)}
"""A table without any of these columns is something else."""

_LISTS = frozenset({"phones", "emails", "tags", "languages"})
_JSON = frozenset({"items", "buttons", "actions", "payment"})
_FORMULA = re.compile(r"^'*[=+\-@\t\r＝＋－＠]")
_PLAIN = re.compile(r"[\s_\-.]+")

_ALIASES: Mapping[Table, Mapping[str, tuple[str, ...]]] = {
    Table.CUSTOMERS: {
        "name": ("full name", "customer", "имя", "фио", "клиент", "ім'я", "імя", "піб", "клієнт"),
        "phones": ("phone", "tel", "телефон", "телефоны", "телефони", "номер телефона", "номер телефону"),
        "emails": ("email", "e-mail", "mail", "почта", "пошта", "эл почта", "ел пошта", "електронна пошта"),
        "tags": ("tag", "labels", "теги", "метки", "мітки"),
        "languages": ("language", "язык", "языки", "мова", "мови"),
        "notices": ("notifications", "уведомления", "сповіщення"),
    },
    Table.ORDERS: {
        "number": ("order", "order number", "номер", "номер заказа", "заказ", "номер замовлення", "замовлення"),
        "status": ("статус", "состояние", "стан"),
        "customer_name": ("name", "buyer", "имя", "покупатель", "клиент", "ім'я", "покупець", "клієнт"),
        "customer_phone": ("phone", "телефон"),
        "customer_email": ("email", "e-mail", "почта", "пошта"),
        "items": ("товары", "товари"),
        "total": ("sum", "amount", "сумма", "итого", "сума", "разом"),
        "currency": ("валюта",),
        "payment": ("оплата",),
        "carrier": ("delivery", "доставка", "перевозчик", "перевізник"),
        "tracking_number": ("tracking", "ttn", "ттн", "трек", "накладная", "накладна"),
        "created_at": ("date", "created", "дата"),
    },
    Table.MACROS: {
        "name": ("title", "название", "назва"),
        "shortcut": ("сокращение", "скорочення"),
        "folder": ("папка", "тека"),
    },
}


def column_of(table: Table, header: str) -> str | None:
    """Which column a header means, in Ukrainian, Russian or English; None for one that is not known."""
    prefix, _ = PARTS.get(table, ("", ""))
    written = header.strip()
    if prefix and written.lower().startswith(f"{prefix}:") and written.partition(":")[2].strip():
        return f"{prefix}:{written.partition(':')[2].strip()}"
    said = _plain(written)
    for column in COLUMNS[table]:
        if said in (_plain(name) for name in (column, *_ALIASES[table].get(column, ()))):
            return column
    return None


def _plain(header: str) -> str:
    return _PLAIN.sub(" ", header.strip().lower().replace("’", "'"))


def columns_of(table: Table, parts: Sequence[str]) -> list[str]:
    """All columns of a table whose parts are these."""
    prefix, _ = PARTS.get(table, ("", ""))
    return [*COLUMNS[table], *(f"{prefix}:{part}" for part in parts if prefix), *TOLD.get(table, ())]


def customer_record(card: Mapping[str, Any]) -> Record:
    """A card as a record."""
    languages = [code for code in dict.fromkeys([card["language"], *card.get("languages", ())]) if code]
    return {
        "id": card["_id"],
        "name": card["name"],
        "phones": [phone["number"] for phone in card["phones"]],
        "emails": [email["address"] for email in card["emails"]],
        "tags": list(card["tags"]),
        "languages": languages,
        "notices": "yes" if card.get("notices", True) else "no",
        "fields": dict(card["fields"]),
    }


def order_record(order: Mapping[str, Any]) -> Record:
    """An order as a record."""
    contact, delivery = order["contact"], order["delivery"]
    return {
        "number": order["number"],
        "source": order["source"],
        "status": order["status"],
        "customer_id": order["customer_id"] or "",
        "customer_name": contact["name"],
        "customer_phone": contact["phone"],
        "customer_email": contact["email"],
        "items": list(order["items"]),
        "total": order["total"],
        "currency": order["currency"],
        "payment": order["payment"] or "",
        "carrier": delivery["carrier"],
        "tracking_number": delivery["tracking_number"],
        "created_at": moment_written(order["created_at"]),
    }


def macro_record(macro: Mapping[str, Any]) -> Record:
    """A macro as a record. Its files stay here."""
    return {
        "id": macro["_id"],
        "name": macro["name"],
        "shortcut": macro["shortcut"],
        "folder": macro.get("folder", ""),
        "buttons": macro.get("buttons", []),
        "actions": macro.get("actions", []),
        "text": dict(macro["text"]),
    }


def moment_written(at: datetime) -> str:
    """A time as tables have it: RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def csv_line(cells: Sequence[str], delimiter: str) -> bytes:
    """A line of CSV, no cell of it a formula."""
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return written.getvalue().encode()


def json_line(record: Record) -> bytes:
    """A line of JSON."""
    return msgspec.json.encode(record) + b"\n"


def cells_of(table: Table, record: Record, columns: Sequence[str]) -> list[str]:
    """A record as cells of these columns."""
    _, whole = PARTS.get(table, ("", ""))
    cells = []
    for column in columns:
        value = record.get(whole, {}).get(column.partition(":")[2]) if ":" in column else record.get(column)
        cells.append(_cell(column, value))
    return cells


def _cell(column: str, value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    if column in _LISTS:
        plain = all(one and one == one.strip() and ";" not in one for one in value) and not value[0].startswith("[")
        return "; ".join(value) if plain else json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _meant(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def record_of(table: Table, cells: Iterable[tuple[str, str]]) -> Record:
    """What cells say, each with its column. Raises `Invalid` where one is not what its column holds."""
    _, whole = PARTS.get(table, ("", ""))
    record: Record = {}
    for column, written in cells:
        cell = _meant(written.strip(" \n"))
        if not cell:
            continue
        if ":" in column:
            record.setdefault(whole, {})[column.partition(":")[2]] = cell
        elif column in _LISTS:
            separate = [one.strip() for one in re.split(r"[;\n]", cell) if one.strip()]
            said = _json(column, cell) if cell.startswith("[") else separate
            record[column] = [*record[column], *said] if column in record else said
        elif column in _JSON and cell[0] in "[{":
            record[column] = _json(column, cell)
        else:
            record[column] = cell
    return record


def _json(column: str, cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError as error:
        raise Invalid(column, "this begins like JSON and is none") from error


def delimiter_of(header: str) -> str:
    """What stands between the cells of a header: a comma, a semicolon or a tab."""
    return max((",", ";", "\t"), key=header.count)


def text_of(content: bytes, encoding: str = "") -> str:
    """A file as text: in what it says it is written in, else UTF-8, else the Windows code page of our languages.

    Raises `Invalid` where it is not written in the `encoding` that somebody named.
    """
    if encoding:
        try:
            return content.decode(encoding).removeprefix("\ufeff")
        except (LookupError, UnicodeError) as error:
            raise Invalid("encoding", f"the file is not written in {encoding[:40]}") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1251", errors="replace")


class Sheet(msgspec.Struct, frozen=True):
    """A file that was looked at: its columns as they are understood, by header; None for those that are left out."""

    text: str
    format: Format
    delimiter: str
    headers: list[str]
    columns: list[str | None]


def sheet_of(table: Table, text: str, format_: Format | None = None, delimiter: str = "") -> Sheet:
    """Look at a file: of several headers that mean the same the first counts, but those of lists together.

    Raises `Invalid` for what is no text.
    """
    if "\x00" in text:
        raise Invalid("file", "this is no text; save the table as CSV")
    if format_ is None:
        format_ = Format.JSONL if text.lstrip()[:1] == "{" else Format.CSV
    if format_ is Format.JSONL:
        return Sheet(text, format_, "", [], [])
    first = text.partition("\n")[0]
    delimiter = delimiter or delimiter_of(first)
    headers = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
    columns: list[str | None] = []
    for header in headers:
        column = column_of(table, header)
        columns.append(column if column in _LISTS or column not in columns else None)
    return Sheet(text, format_, delimiter, headers, columns)


def check_columns(table: Table, headers: Sequence[str], columns: Sequence[str | None]) -> None:
    """Raise `Invalid` where a file with these headers cannot have these columns, None for one that is left out."""
    if len(columns) != len(headers):
        raise Invalid("columns", f"the file has {len(headers)} columns; say of each what it is, null to leave it out")
    for position, column in enumerate(columns):
        if column is not None and not _is_column(table, column):
            known = ", ".join([*COLUMNS[table], *(f"{prefix}:…" for prefix, _ in [PARTS[table]] if table in PARTS)])
            raise Invalid(f"columns.{position}", f"there is no column {column[:40]!r}; there are: {known}")
        if column is not None and column not in _LISTS and column in columns[:position]:
            raise Invalid(f"columns.{position}", f"another column is {column} already; leave one of them out")
    if not set(columns) & set(NEEDED[table]):
        raise Invalid("columns", f"one of them has to be {' or '.join(NEEDED[table])}")


def _is_column(table: Table, column: str) -> bool:
    prefix, _ = PARTS.get(table, ("", ""))
    start, colon, part = column.partition(":")
    return column in COLUMNS[table] or (bool(colon) and start == prefix and part == part.strip() != "")


def check_named(table: Table, sheet: Sheet) -> None:
    """Raise `Invalid` where no header names what such a table needs."""
    if sheet.format is Format.CSV and not set(sheet.columns) & set(NEEDED[table]):
        raise Invalid("file", f"the first line has to name columns, one of them {' or '.join(NEEDED[table])}")


def rows_of(table: Table, sheet: Sheet) -> Iterator[tuple[int, Record | Invalid]]:
    """The rows of a file with their numbers, the header being row 1 of a CSV; what cannot be read says why."""
    if sheet.format is Format.JSONL:
        for number, line in enumerate(sheet.text.splitlines(), 1):
            if line.strip():
                yield number, _object(table, line)
        return
    reader = csv.reader(io.StringIO(sheet.text), delimiter=sheet.delimiter)
    next(reader, None)
    number = 1
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, Invalid("row", f"this is no row of a table: {error}")
            continue
        if any(cell.strip() for cell in cells):
            named = zip(sheet.columns, cells, strict=False)
            try:
                record = record_of(table, ((column, cell) for column, cell in named if column is not None))
            except Invalid as error:
                yield number, error
            else:
                yield number, record


def _object(table: Table, line: str) -> Record | Invalid:
    try:
        said = json.loads(line)
    except ValueError:
        return Invalid("row", "this is no JSON object; write one on each line")
    if not isinstance(said, dict):
        return Invalid("row", "this is no JSON object; write one on each line")
    told = TOLD.get(table, ())
    return {field: value for field, value in said.items() if value not in (None, "", [], {}) and field not in told}
