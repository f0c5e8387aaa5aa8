"""After an erasure nothing of the person is anywhere: every collection, every file and the bucket is looked through."""

import asyncio
import hashlib
import re
import urllib.request
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import bson
import pytest

from channels.sandbox import Sandbox
from inbox.model.ids import now
from inbox.storage.database import Database
from inbox.storage.s3 import BucketAddress, Buckets
from tests.conftest import SECRET_KEY
from tests.flow import Shop, until

NAME = "Zlatovira Markerenko"
USERNAME = "markerhandle77"
PHONE = "380671112277"
EMAIL = "marker.mail@markerbox.example"
WORDS = (
    "Zlatovira",
    "Markerenko",
    USERNAME,
    PHONE,
    "671112277",
    EMAIL,
    "markertext",
    "markerfile",
    "markerbytes",
    "markernote",
    "markerreply",
    "markertask",
    "markerfield",
    "markertag",
    "markerraw",
    "markerold",
)
FILE = b"%PDF-1.4 markerbytes " + b"x" * 400_000 + b" markerbytes"


async def found_anywhere(database: Database, words: tuple[str, ...] = WORDS) -> list[str]:
    """Where any of these words stands, in whatever collection, in names and in bytes, large or small letters."""
    sought = re.compile("|".join(map(re.escape, words)).encode(), re.IGNORECASE)
    places = []
    for name in await database.durable.list_collection_names():
        async for row in database.durable[name].find():
            hit = sought.search(bson.encode(row))
            if hit:
                places.append(f"{name} {row['_id']}: {hit.group()!r}")
    return places


async def erased(shop: Shop, customer_id: str) -> dict[str, Any]:
    answer = await shop.owner.call("DELETE", f"/customers/{customer_id}")
    assert answer.status in (200, 202), answer

    async def done() -> Any:
        proof = await shop.owner.get(f"/erasures/{answer.body['id']}")
        return proof if proof["state"] == "done" else None

    proof: dict[str, Any] = await until(done)
    return proof


async def life(shop: Shop, chat: Any) -> str:
    """Everything that may come to be known of somebody; returns their card's id."""
    chat.text("markertext one")
    chat.contact(PHONE)
    chat.document("markerfile.pdf", FILE, content_type="application/pdf", caption="markertext two")
    chat.photo(caption="markertext three")
    await shop.settled()
    (case,) = await shop.conversations()
    card = f"/customers/{case['customer_id']}"
    other = await shop.owner.call("POST", "/customers", {"name": "markerold", "phones": ["+380671112288"]})
    assert (await shop.owner.call("POST", f"{card}/merge", {"other_id": other.body["id"]})).status == 200
    noted = await shop.owner.call("POST", f"{card}/notes", {"text": "markernote", "pinned": True})
    assert noted.status == 201, noted
    changed = await shop.owner.call(
        "PATCH", card, {"emails": [EMAIL], "tags": ["markertag"], "name": NAME, "fields": {"size": "markerfield"}}
    )
    assert changed.status == 200, changed
    for body in (
        {"text": "markerreply", "kind": "reply", "client_token": "1"},
        {"text": "markernote", "kind": "note", "client_token": "2"},
    ):
        posted = await shop.owner.call("POST", f"/conversations/{case['id']}/messages", body)
        assert posted.status == 201, posted
    await until(lambda: _said(chat, "markerreply"))
    due = (now() + timedelta(days=1)).isoformat()
    task = {"title": "markertask", "customer_id": case["customer_id"], "due_at": due}
    assert (await shop.owner.call("POST", "/tasks", task)).status == 201
    order = {
        "status": "new",
        "items": [{"name": "Mug", "quantity": 2, "price": "150.00"}],
        "total": "300.00",
        "currency": "UAH",
        "customer_id": case["customer_id"],
        "customer": {"phone": f"+{PHONE}", "email": EMAIL, "name": NAME},
        "payment": {"state": "paid", "by": NAME},
        "delivery": {"carrier": "nova_poshta", "tracking_number": "20450000markerraw"},
    }
    assert (await shop.owner.call("PUT", "/orders/M-1", order)).status == 201
    order["customer"]["name"] = f"{NAME} junior"
    order["payment"] = {"state": "refunded", "by": f"{NAME} junior"}
    assert (await shop.owner.call("PUT", "/orders/M-1", order)).status == 200
    assert (await shop.owner.call("PUT", "/orders/M-2", {**order, "customer_id": None})).status == 201
    await _quarantine(shop, chat)
    await until(lambda: _fetched(shop))
    return str(case["customer_id"])


async def _said(chat: Any, text: str) -> bool:
    return text in chat.texts()


async def _fetched(shop: Shop) -> bool:
    return await shop.house.database.durable.attachments.count_documents({"state": "stored"}) == 2


async def _quarantine(shop: Shop, chat: Any) -> None:
    """Events that nobody can read: two of theirs, a large one in GridFS among them, and one of somebody else's."""
    store = shop.house.journal_store
    large: dict[str, Any] = {"raw": b'{"markerraw": "' + b"y" * 1_200_000 + f'", "from": {chat.customer.id}}}'.encode()}
    bodies = [
        f'{{"update_id": "x", "from": {{"id": {chat.customer.id}}}, "markerraw": 1}}'.encode(),
        b"From: Z <Marker.Mail@Markerbox.example>, +38 (067) 111-22-77",
        b'{"update_id": "of somebody else"}',
    ]
    rows: list[dict[str, Any]] = [*({"raw": body} for body in bodies), large]
    for number, row in enumerate(rows):
        row |= {
            "_id": f"quarantined-{number}",
            "channel_id": shop.channel_id,
            "kind": "telegram",
            "key": f"k{number}",
            "state": "quarantined",
            "reason": "nobody can read this",
            "received_at": now(),
            "request_id": "r",
        }
    await store.set_down(large, within=10.0)
    assert await store.insert(rows, within=5.0) == set()


async def test_nothing_of_the_person_is_anywhere(shop, database):
    chat = shop.bot.chat(shop.sandbox.telegram.create_customer(NAME, username=USERNAME, phone=PHONE))
    customer_id = await life(shop, chat)
    assert {place.split()[0] for place in await found_anywhere(database)} >= {
        "customers",
        "identities",
        "messages",
        "outbox",
        "live",
        "journal",
        "orders",
        "tasks",
        "media.chunks",
        "events.chunks",
    }
    somebody = shop.customer("Ann")
    somebody.text("of no interest")
    await shop.settled()
    proof = await erased(shop, customer_id)
    assert await found_anywhere(database) == []
    assert customer_id not in str(proof)
    digest = hashlib.sha256(f"{proof['salt']}:{customer_id}".encode()).hexdigest()
    assert proof["digest"] == digest
    assert proof["by"]["id"] == shop.owner.id
    counts = proof["counts"]
    assert counts["identities"] == counts["conversations"] == counts["tasks"] == counts["merges"] == 1
    assert (counts["customers"], counts["customer_notes"]) == (2, 1)
    assert (counts["messages"], counts["files"], counts["orders_cleared"], counts["journal"]) == (7, 2, 2, 3)
    assert (await shop.owner.call("GET", f"/customers/{customer_id}")).status == 404
    order = await shop.owner.get("/orders/M-1")
    assert (order["total"], order["items"][0]["name"], order["customer_id"]) == ("300.00", "Mug", None)
    assert [case["last_message"]["text"] for case in await shop.conversations()] == ["of no interest"]
    assert (await shop.owner.get("/me"))["load"] == 0
    quarantined = await database.durable.journal.find({"state": "quarantined"}).to_list(None)
    assert [row["_id"] for row in quarantined] == ["quarantined-2"]
    ends = [row["next"] async for row in database.durable.live.find().sort("_id", 1)]
    begins = [row["_id"] async for row in database.durable.live.find().sort("_id", 1)]
    assert begins[1:] == ends[:-1], "the numbers of live frames have a gap"


async def test_who_writes_again_has_a_new_card_and_the_shop_brings_nobody_back(shop, database):
    chat = shop.bot.chat(shop.sandbox.telegram.create_customer(NAME, username=USERNAME, phone=PHONE))
    customer_id = await life(shop, chat)
    await erased(shop, customer_id)
    order = {
        "status": "confirmed",
        "items": [{"name": "Mug", "quantity": 2, "price": "150.00"}],
        "total": "300.00",
        "currency": "UAH",
        "customer": {"phone": f"+{PHONE}", "email": EMAIL, "name": NAME},
        "delivery": {"carrier": "nova_poshta", "tracking_number": "20450000markerraw"},
    }
    again = await shop.owner.call("PUT", "/orders/M-1", order)
    assert (again.status, again.body["status"]) == (200, "confirmed")
    linking = await shop.owner.call("POST", "/orders/M-1/link", {"customer_id": None})
    assert linking.status == 409
    assert await found_anywhere(database) == []
    chat.text("hello again")
    await shop.settled()
    (case,) = await shop.conversations()
    assert [message["text"] for message in await shop.messages(case["id"])] == ["hello again"]
    assert (await shop.owner.get(f"/customers/{case['customer_id']}"))["phones"] == []


async def test_what_was_accepted_before_brings_nobody_back(shop, database):
    """An event that waits in the journal is worked off first, and what it brought goes with the rest."""
    chat = shop.bot.chat(shop.sandbox.telegram.create_customer(NAME, username=USERNAME, phone=PHONE))
    chat.text("markertext one")
    await shop.settled()
    (case,) = await shop.conversations()
    chat.text("markertext two")
    await shop.bot.drained()
    proof = await erased(shop, case["customer_id"])
    assert proof["counts"]["messages"] == 2
    assert await found_anywhere(database) == []
    assert await shop.conversations() == []


@pytest.fixture
async def bucket_shop(database: Database, redis: Any, sandbox: Sandbox, s3: str) -> AsyncIterator[Shop]:
    address = BucketAddress(url=s3, region="us-east-1", access_key="key", secret_key="secret")
    async with Shop.open(database, redis, sandbox, SECRET_KEY, buckets=Buckets(address, "media")) as opened:
        yield opened


def keys(s3: str) -> frozenset[bytes]:
    """The files in the bucket."""
    with urllib.request.urlopen(f"{s3}/media") as listing:
        return frozenset(re.findall(rb"<Key>(.*?)</Key>", listing.read()))


async def test_files_go_from_the_bucket_too(bucket_shop, s3):
    others = await asyncio.to_thread(keys, s3)
    chat = bucket_shop.bot.chat(bucket_shop.sandbox.telegram.create_customer(NAME))
    chat.document("markerfile.pdf", FILE, content_type="application/pdf")
    await bucket_shop.settled()
    (case,) = await bucket_shop.conversations()

    async def stored() -> bool:
        return await asyncio.to_thread(keys, s3) > others

    await until(stored)
    await erased(bucket_shop, case["customer_id"])
    assert await asyncio.to_thread(keys, s3) == others
