"""Two cards of one person become one, and two again; whatever comes meanwhile lands where it belongs."""

from typing import Any

from inbox.model.ids import first_customer_id, identity_id
from inbox.model.incoming import Person
from inbox.model.people import Author
from tests.inbox.arrivals import ANN, accepted, said, work_off
from tests.people import everything
from web.house import House

MARY = Author(type="manager", id="mary", name="Mary")
MANUAL = {"type": "manual"}


def card_of(channel_id: str, person: Person = ANN) -> str:
    return first_customer_id(identity_id(channel_id, person.external_id))


A, B, C = card_of("c1"), card_of("c2"), card_of("c3")


async def write(house: House, channel_id: str, *numbers: int, person: Person = ANN) -> None:
    await work_off(house.ingest, [accepted(said(number, person=person), channel_id=channel_id) for number in numbers])


async def rows(house: House, name: str, **condition: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        await house.database.durable[name].find(condition).sort([("sort", 1), ("_id", 1)]).to_list(None)
    )
    return found


async def two_cards(house: House) -> None:
    """Ann wrote 1 and 3 over one channel, 2 and 4 over another."""
    await write(house, "c1", 1)
    await write(house, "c2", 2)
    await write(house, "c1", 3)
    await write(house, "c2", 4)


async def test_two_cards_become_one_with_one_conversation_in_time_order(house):
    await two_cards(house)
    card = await house.merging.merge(A, B, by=MARY, reason=MANUAL)
    assert card["_id"] == A
    (case,) = await rows(house, "conversations")
    assert (case["customer_id"], case["active"], case["status"]) == (A, True, "open")
    said_now = [row for row in await rows(house, "messages", conversation_id=case["_id"]) if row["direction"] == "in"]
    assert [row["text"] for row in said_now] == [f"message {number}" for number in (1, 2, 3, 4)]
    assert {row["customer_id"] for row in said_now} == {A}
    assert case["unanswered"] == [row["sort"] for row in said_now]
    assert case["last_message"]["text"] == "message 4"
    assert {row["customer_id"] for row in await rows(house, "identities")} == {A}
    gone = await house.database.durable.customers.find_one({"_id": B})
    assert gone["merged_into"] == A


async def test_old_links_lead_to_the_card_and_the_conversation_that_stayed(house):
    await two_cards(house)
    absorbed = (await rows(house, "conversations", customer_id=B))[0]["_id"]
    await house.merging.merge(A, B, by=MARY, reason=MANUAL)
    assert (await house.customers.get(B))["_id"] == A
    kept = (await rows(house, "conversations"))[0]
    owner = _owner()
    assert (await house.conversations.get(owner, absorbed))["_id"] == kept["_id"]
    found, _ = await house.customers.page("", limit=10, cursor=None)
    assert [row["_id"] for row in found] == [A]
    changed = await house.customers.change(B, {"name": "Ann of both"})
    assert (changed["_id"], changed["name"]) == (A, "Ann of both")


async def test_merge_and_undo_leave_every_document_as_it_was(house):
    await two_cards(house)
    await house.customers.change(A, {"phones": ["0671234567"], "tags": ["vip"], "fields": {"size": "M"}})
    await house.customers.change(
        B, {"name": "Anna", "emails": ["a@x.example"], "fields": {"size": "L", "city": "Lviv"}}
    )
    durable = house.database.durable
    await durable.orders.insert_one({"_id": "o1", "customer_id": B, "number": "1", "source": "api"})
    await durable.tasks.insert_one({"_id": "t1", "customer_id": B, "conversation_id": None, "title": "call"})
    before = await everything(house.database)
    await house.merging.merge(A, B, by=MARY, reason=MANUAL)
    merged = await everything(house.database)
    assert {row["customer_id"] for name in ("orders", "tasks", "messages") for row in merged[name].values()} == {A}
    assert merged["customers"][A]["fields"] == {"size": "M", "city": "Lviv"}
    (merge,) = await house.merging.merges(A)
    assert merge["outdone"] == {"name": "Anna", "fields.size": "L"}
    await house.merging.undo(A, merge["_id"], by=MARY)
    assert await everything(house.database) == before


def _owner() -> Any:
    from inbox.model.people import Role, Viewer

    return Viewer(id="owner", name="Owner", role=Role.OWNER)
