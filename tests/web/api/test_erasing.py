"""Erasing over the API: who may, what the proof says, what is refused."""

from tests.web.api.desk import written
from web.api.erasing import ErasureShape
from web.api.shapes import Page


async def test_the_proof_says_how_much_and_nothing_of_whom(desk):
    conversation = await written(desk.house.database, "one", "two")
    card = f"/customers/{conversation['customer_id']}"
    proof = (await desk.admin.call("DELETE", card)).fits(ErasureShape)
    assert (proof.status, proof.body["state"]) == (200, "done")
    assert proof.body["by"] == {"type": "manager", "id": desk.admin.id, "name": "Admin"}
    counts = proof.body["counts"]
    assert counts == {"customers": 1, "identities": 1, "conversations": 1, "messages": 2} | counts
    assert b"Taras" not in proof.raw
    assert conversation["customer_id"].encode() not in proof.raw
    assert (await desk.owner.call("GET", card)).status == 404
    assert (await desk.owner.call("GET", f"/conversations/{conversation['_id']}")).status == 404
    again = await desk.owner.get(f"/erasures/{proof.body['id']}")
    assert again == proof.body
    listed = (await desk.owner.call("GET", "/erasures")).fits(Page[ErasureShape])
    assert [row["id"] for row in listed.body["items"]] == [proof.body["id"]]
    (entry,) = (await desk.owner.get("/audit?action=customer.erase"))["items"]
    assert entry["object_id"] == proof.body["id"]


async def test_what_waits_in_the_journal_makes_it_wait(desk):
    """Twice asked for is one erasure; the timer finishes it."""
    conversation = await written(desk.house.database)
    card = f"/customers/{conversation['customer_id']}"
    row = {"_id": "waiting", "channel_id": "channel", "kind": "telegram", "state": "pending", "raw": b""}
    event = {**row, "received_at": conversation["created_at"], "lease_until": conversation["created_at"]}
    await desk.house.database.durable.journal.insert_one(event)
    asked = [await desk.admin.call("DELETE", card) for _ in range(2)]
    assert [answer.status for answer in asked] == [202, 202]
    assert asked[0].body["id"] == asked[1].body["id"]
    assert asked[0].body["done_at"] is None
    await desk.house.database.durable.journal.update_one({"_id": "waiting"}, {"$set": {"state": "done"}})
    finished = await desk.admin.call("DELETE", card)
    assert (finished.status, finished.body["id"]) == (200, asked[0].body["id"])


async def test_managers_erase_nobody_and_see_no_proofs(desk):
    conversation = await written(desk.house.database)
    card = f"/customers/{conversation['customer_id']}"
    assert (await desk.manager.call("DELETE", card)).status == 403
    assert (await desk.anonymous.call("DELETE", card)).status == 401
    assert (await desk.manager.call("GET", "/erasures")).status == 403
    assert (await desk.manager.call("GET", "/erasures/nothing")).status == 403
    assert (await desk.manager.call("GET", card)).status == 200


async def test_nobody_and_nothing_is_said_so(desk):
    assert (await desk.admin.call("DELETE", "/customers/nobody")).status == 404
    assert (await desk.admin.call("GET", "/erasures/nothing")).status == 404
    wrong = await desk.admin.call("GET", "/erasures?cursor=x")
    assert (wrong.status, wrong.fields) == (422, ["cursor"])
