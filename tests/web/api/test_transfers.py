"""Lists out and in over the API: round trips, trials, refusals, and who may."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import pytest
from aiohttp import FormData

from inbox.model.orders import Contact
from inbox.storage.database import Document
from tests.inbox.customers import case, customer, order
from tests.web.api.desk import Answer, Caller, Desk
from web.api.shapes import Page
from web.api.transfers import ImportShape


async def send(caller: Caller, content: bytes | str, query: str, name: str = "list.csv") -> Answer:
    form = FormData()
    form.add_field("file", content if isinstance(content, bytes) else content.encode(), filename=name)
    return await caller.call("POST", f"/imports?{query}", data=form)


async def read_in(desk: Desk, content: bytes | str, query: str) -> dict[str, Any]:
    """Have a file read in as the worker does it; the import as it ends."""
    begun = (await send(desk.admin, content, query)).fits(ImportShape)
    assert begun.status == 202, begun
    await desk.house.imports.run({"import_id": begun.body["id"]})
    ended: dict[str, Any] = await desk.admin.get(f"/imports/{begun.body['id']}")
    assert ended["done"] == ended["total"]
    return ended


def counts(told: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in told["counts"].items() if count}


async def refused(desk: Desk, told: dict[str, Any]) -> list[list[str]]:
    report = await desk.admin.call("GET", f"/imports/{told['id']}/refusals")
    return list(csv.reader(io.StringIO(report.raw.decode(), newline="")))[1:]


async def filled(desk: Desk) -> None:
    """A shop with something of everything, awkward texts among it."""
    await desk.admin.call(
        "POST",
        "/customers",
        {
            "name": '=HYPERLINK("http://evil.example")',
            "phones": ["+380671112277", "+380671112278"],
            "emails": ["ann@shop.example"],
            "tags": ["a;b", "-vip"],
            "languages": ["uk", "en"],
        },
    )
    await customer(desk.house, name="Ім'я, «лапки»\nі рядок", language="")
    await order(desk.house, None, "A-1", contact=Contact(phone="+380671112277", name="@Ann"))
    body = {"name": "Thanks", "text": {"uk": "Дякуємо!", "en": "+1"}, "shortcut": "ty"}
    made = await desk.admin.call("POST", "/macros", {**body, "buttons": [{"title": "Yes", "data": "y"}]})
    assert made.status == 201, made


async def documents(desk: Desk, name: str) -> list[Document]:
    return await desk.house.database.durable[name].find().sort("_id", 1).to_list(None)


@pytest.mark.parametrize("table", ["customers", "orders", "macros"])
@pytest.mark.parametrize("query", ["format=csv", "format=csv&delimiter=semicolon&mark=true", "format=jsonl"])
async def test_what_goes_out_comes_in_again_and_changes_nothing(desk, table, query):
    await filled(desk)
    out = await desk.admin.call("GET", f"/export/{table}?{query}")
    assert out.status == 200
    before = await documents(desk, table)
    told = await read_in(desk, out.raw, f"table={table}")
    assert counts(told) == {"unchanged": len(before)}, await refused(desk, told)
    assert await documents(desk, table) == before
    await desk.house.database.durable[table].delete_many({})
    assert counts(await read_in(desk, out.raw, f"table={table}")) == {"created": len(before)}
    assert counts(await read_in(desk, out.raw, f"table={table}")) == {"unchanged": len(before)}
    assert await desk.house.database.durable.notices.find_one() is None


async def test_customers_go_out_with_what_they_ordered_and_when_they_wrote(desk):
    channel_id = "channel"
    key = await customer(desk.house, name="Olena")
    said = await case(desk.house, key, channel_id)
    await order(desk.house, key, "A-1")
    out = await desk.admin.call("GET", "/export/customers?format=jsonl")
    told = json.loads(out.raw)
    assert (told["order_count"], told["order_sums"]) == (1, "300.00 UAH")
    assert datetime.fromisoformat(told["last_contact_at"]) == said["last_message"]["at"]
    (row,) = csv.DictReader(io.StringIO((await desk.admin.call("GET", "/export/customers")).raw.decode(), newline=""))
    assert (row["order_count"], row["last_contact_at"]) == ("1", told["last_contact_at"])


async def test_no_cell_is_a_formula(desk):
    await filled(desk)
    for table in ("customers", "orders", "macros"):
        out = await desk.admin.call("GET", f"/export/{table}")
        for cells in csv.reader(io.StringIO(out.raw.decode(), newline="")):
            assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


async def test_a_trial_changes_nothing_and_is_applied_as_it_was_tried(desk):
    content = "ПІБ;Телефон;Взуття\nОлена;067 111 22 77;38\nНіхто;12;39\n".encode("cp1251")
    tried = await read_in(desk, content, "table=customers&dry_run=true")
    assert (counts(tried), tried["can_apply"]) == ({"created": 1, "refused": 1}, True)
    assert tried["columns"] == ["name", "phones", None]
    assert await documents(desk, "customers") == []
    ((row, field, reason),) = await refused(desk, tried)
    assert (row, field) == ("3", "phones")
    assert reason.startswith("this is not a phone number; write it as +380")
    applied = await desk.admin.call("POST", f"/imports/{tried['id']}/apply")
    assert applied.status == 202
    await desk.house.imports.run({"import_id": applied.body["id"]})
    (card,) = await documents(desk, "customers")
    assert (card["name"], card["phones"]) == ("Олена", [{"number": "+380671112277", "proven": False}])
    assert (await desk.admin.call("POST", f"/imports/{tried['id']}/apply")).status == 409
    assert await desk.house.database.durable["media.files"].find_one() is None, "the file is not kept"


async def say_columns(desk: Desk, told: dict[str, Any], columns: list[str | None]) -> Answer:
    return await desk.admin.call("POST", f"/imports/{told['id']}/columns", {"columns": columns})


async def test_a_file_that_says_nothing_known_is_tried_and_then_told_what_it_is(desk):
    content = "Хто;Моб.;Взуття;Ще\nОлена;067 111 22 77;38;x\nНіхто;12;39;y\n"
    tried = await read_in(desk, content, "table=customers&dry_run=true")
    assert (tried["columns"], counts(tried)) == ([None] * 4, {"refused": 2})
    assert (await desk.admin.call("POST", f"/imports/{tried['id']}/apply")).fields == ["columns"]
    again = await say_columns(desk, tried, ["name", "phones", "field:size", None])
    assert again.fits(ImportShape).status == 202, again
    assert (again.body["id"], again.body["state"], again.body["done"]) == (tried["id"], "waiting", 0)
    await desk.house.imports.run({"import_id": tried["id"]})
    told = await desk.admin.get(f"/imports/{tried['id']}")
    assert (counts(told), told["can_apply"]) == ({"created": 1, "refused": 1}, True)
    assert [row[:2] for row in await refused(desk, told)] == [["3", "phones"]], "the first try's refusals are gone"
    assert await documents(desk, "customers") == []
    applied = await desk.admin.call("POST", f"/imports/{tried['id']}/apply")
    await desk.house.imports.run({"import_id": applied.body["id"]})
    (card,) = await documents(desk, "customers")
    assert (card["name"], card["fields"]) == ("Олена", {"size": "38"})
    assert (await say_columns(desk, tried, ["name", None, None, None])).status == 409, "its file is not kept"
    fresh = await read_in(desk, content, "table=customers&dry_run=true")
    assert fresh["columns"] == [None] * 4, "nothing is remembered for the next file"


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        (["name"], "columns"),
        (["name", "pigeons"], "columns.1"),
        (["name", "name"], "columns.1"),
        (["tags", None], "columns"),
        ([1, None], "columns.0"),
    ],
)
async def test_columns_that_cannot_be_are_refused_and_the_try_stays(desk, columns, field):
    tried = await read_in(desk, "name,b\nAnn,1\n", "table=customers&dry_run=true")
    answer = await say_columns(desk, tried, columns)
    assert (answer.status, answer.fields) == (422, [field])
    assert await desk.admin.get(f"/imports/{tried['id']}") == tried


async def test_only_a_table_that_was_tried_to_its_end_has_columns_to_say(desk):
    lines = await read_in(desk, '{"name": "Ann"}\n', "table=customers&dry_run=true")
    assert (await say_columns(desk, lines, [])).fields == ["columns"]
    begun = await send(desk.admin, "name\nAnn\n", "table=customers&dry_run=true")
    assert (await say_columns(desk, begun.body, ["name"])).status == 409
    done = await read_in(desk, "name\nAnn\n", "table=customers")
    assert (await say_columns(desk, done, ["name"])).status == 409
    assert (await desk.admin.call("POST", "/imports/nothing/columns", {"columns": ["name"]})).status == 404
    assert (await desk.manager.call("POST", f"/imports/{lines['id']}/columns", {"columns": []})).status == 403


async def test_a_card_is_found_by_its_contact_and_grows(desk):
    key = await customer(desk.house, phones=[{"number": "+380671112277", "proven": True}], name="Olena")
    told = await read_in(desk, "name,phone,tags\nOlena K,+380671112277,vip\n", "table=customers")
    assert counts(told) == {"updated": 1}
    (card,) = await documents(desk, "customers")
    assert (card["_id"], card["name"], card["tags"]) == (key, "Olena K", ["vip"])
    assert card["phones"] == [{"number": "+380671112277", "proven": True}]
    await customer(desk.house, phones=[{"number": "+380671112278", "proven": False}])
    both = await read_in(desk, "name,phones\nX,+380671112277; +380671112278\n", "table=customers")
    assert [field for _, field, _ in await refused(desk, both)] == ["id"]


async def test_orders_that_cannot_be_say_why(desk):
    lines = [
        {"number": "1", "status": "new", "total": "10.00", "currency": "UAH"},
        {"number": "2", "status": "flying", "total": "10.00", "currency": "UAH"},
        {"number": "3", "status": "new", "total": "ten", "currency": "UAH"},
        {"number": "4", "status": "new", "total": "10.00", "currency": "UAH", "source": "nowhere"},
        {"number": "5", "status": "new", "total": "10.00", "currency": "UAH", "items": [{"name": "Mug"}]},
        {"number": "1", "status": "delivered", "total": "10.00", "currency": "UAH"},
    ]
    told = await read_in(desk, "\n".join(map(json.dumps, lines)) + "\nrubbish\n", "table=orders")
    assert counts(told) == {"created": 1, "refused": 6}
    reasons = await refused(desk, told)
    assert [(row, field) for row, field, _ in reasons] == [
        ("2", "status"),
        ("3", "total"),
        ("4", "source"),
        ("5", "items"),
        ("6", ""),
        ("7", "row"),
    ]
    assert "confirmed" in reasons[4][2], "a forbidden move names the allowed ones"


async def test_a_worker_that_died_is_followed_by_another_one(desk):
    content = "name\n" + "".join(f"Customer {number}\n" for number in range(5))
    begun = await send(desk.admin, content, "table=customers")
    row = await desk.house.imports.get(begun.body["id"])
    reader = desk.house.imports
    await reader.run({"import_id": row["_id"]})
    again = {"state": "running", "next": 2, "counts": {"created": 2, "updated": 0, "unchanged": 0, "refused": 0}}
    begun = await send(desk.admin, content, "table=customers")
    await desk.house.database.durable.imports.update_one({"_id": begun.body["id"]}, {"$set": again})
    await reader.run({"import_id": begun.body["id"]})
    told = await desk.admin.get(f"/imports/{begun.body['id']}")
    assert counts(told) == {"created": 2, "unchanged": 3}
    assert len(await documents(desk, "customers")) == 5


@pytest.mark.parametrize(
    ("content", "query", "field"),
    [
        ("a,b\n1,2\n", "table=customers", "file"),
        ("name\n", "table=customers", "file"),
        ("name\nx\n", "table=pigeons", "table"),
        ("name\nx\n", "table=customers&encoding=klingon", "encoding"),
        (b"name\n\xff\n", "table=customers&encoding=utf-8", "encoding"),
    ],
)
async def test_what_is_no_such_table_is_refused_at_once(desk, content, query, field):
    answer = await send(desk.admin, content, query)
    assert (answer.status, answer.fields) == (422, [field])


async def test_only_admins(desk):
    begun = await send(desk.admin, "name\nAnn\n", "table=customers&dry_run=true")
    assert (await send(desk.manager, "name\nAnn\n", "table=customers")).status == 403
    for path in (
        "/export/customers",
        "/imports",
        f"/imports/{begun.body['id']}",
        f"/imports/{begun.body['id']}/refusals",
    ):
        assert (await desk.manager.call("GET", path)).status == 403
        assert (await desk.anonymous.call("GET", path)).status == 401
    assert (await desk.manager.call("POST", f"/imports/{begun.body['id']}/apply")).status == 403
    assert (await desk.admin.call("GET", "/export/pigeons")).status == 404
    assert (await desk.admin.call("GET", "/imports/nothing/refusals")).status == 404
    assert (await desk.admin.call("POST", "/imports?table=customers", {})).status == 415
    (await desk.admin.call("GET", "/imports")).fits(Page[ImportShape])
