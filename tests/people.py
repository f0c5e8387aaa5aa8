"""What tests of merged cards look at: every document that belongs to somebody, and what must always hold of them."""

from collections import Counter
from typing import Any

from inbox.storage.database import Database
from inbox.storage.erasing import TIMER as ERASE
from inbox.storage.merging import TIMER
from inbox.storage.schema import COLLECTIONS
from inbox.timers import Later
from web.house import House

Documents = dict[str, dict[str, dict[str, Any]]]

OWNED = tuple(sorted({row.name for row in COLLECTIONS if row.of_customer or row.of_conversation} | {"customers"}))


async def everything(database: Database) -> Documents:
    """Every card and whatever belongs to one, by collection and id."""
    return {name: {row["_id"]: row async for row in database.durable[name].find()} for name in OWNED}


async def settle(house: House) -> None:
    """Finish what merges, undoes and splits left behind, as the timers do it in a working server."""
    async for timer in house.database.durable.timers.find({"kind": TIMER}):
        try:
            await house.merging.settle(timer["data"])
        except Later:
            continue


async def finish_erasures(house: House) -> None:
    """Finish what erasures have begun, as the timers do it in a working server."""
    async for timer in house.database.durable.timers.find({"kind": ERASE}):
        try:
            await house.erasing.finish(timer["data"])
        except Later:
            continue


async def check(database: Database) -> None:
    """What holds of cards at rest, whatever was merged, parted or split."""
    found = await everything(database)
    living = {key for key, card in found["customers"].items() if card.get("merged_into") is None}
    for name, documents in found.items():
        for key, row in documents.items():
            if row.get("customer_id") is not None:
                assert row["customer_id"] in living, f"{name} {key} is on no living card"
            if name != "conversations" and row.get("conversation_id") is not None:
                home = found["conversations"].get(row["conversation_id"])
                assert home is not None, f"{name} {key} is in no conversation"
                assert row.get("customer_id") in (None, home["customer_id"]), f"{name} {key} is on another card"
    active = Counter(row["customer_id"] for row in found["conversations"].values() if row["active"])
    assert all(count == 1 for count in active.values()), f"more than one active conversation: {active}"
    for key, case in found["conversations"].items():
        within = [row for row in found["messages"].values() if row["conversation_id"] == key]
        last = case["last_message"]
        assert last is None or last["id"] in {row["_id"] for row in within}, f"{key} shows what was said elsewhere"
        assert set(case["unanswered"]) <= {row["sort"] for row in within}, f"{key} waits for what was said elsewhere"
    for row in found["messages"].values():
        identity = found["identities"].get(row["identity_id"])
        assert identity is None or identity["customer_id"] == row["customer_id"], f"message {row['_id']} is not home"
