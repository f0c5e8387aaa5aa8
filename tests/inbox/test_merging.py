"""Two cards of one person become one, and two again; whatever comes meanwhile lands where it belongs."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from inbox.managers import NewManager
from inbox.model.conversation import unread
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import first_customer_id, identity_id, now, sort_key
from inbox.model.incoming import MessageEdited, Person, ReactionChanged
from inbox.model.people import Author, Role, Viewer
from inbox.replies import Draft
from inbox.storage.schema import COLLECTIONS
from inbox.storage.strays import StrayStore
from inbox.tasks import NewTask
from tests.inbox import customers
from tests.inbox.arrivals import ANN, accepted, at, said, work_off
from tests.people import check, everything
from web.house import House

OWNER = Viewer(id="owner", name="Owner", role=Role.OWNER)
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
    assert (await house.conversations.get(OWNER, absorbed))["_id"] == kept["_id"]
    found, _ = await house.customers.page(OWNER, "", limit=10, cursor=None)
    assert [row["_id"] for row in found] == [A]
    changed = await house.customers.change(B, {"name": "Ann of both"})
    assert (changed["_id"], changed["name"]) == (A, "Ann of both")


async def test_a_note_written_where_the_conversation_was_lands_where_it_is(house):
    await two_cards(house)
    absorbed = (await rows(house, "conversations", customer_id=B))[0]["_id"]
    await merge(house)
    draft = Draft(kind="note", text="Call back", client_token="once")
    note, created = await house.replies.post(absorbed, draft, author=MARY)
    (kept,) = await rows(house, "conversations")
    assert (note["conversation_id"], note["customer_id"], created) == (kept["_id"], A, True)
    again, created = await house.replies.post(absorbed, draft, author=MARY)
    assert (again["_id"], created) == (note["_id"], False)
    await house.conversations.change(absorbed, {"priority": "high"})
    assert (await rows(house, "conversations"))[0]["priority"] == 2


async def test_a_task_for_a_card_that_went_is_for_the_one_that_stayed(house):
    await two_cards(house)
    absorbed = (await rows(house, "conversations", customer_id=B))[0]["_id"]
    await merge(house)
    wanted = NewTask(title="Call", due_at=now() + timedelta(days=1), customer_id=B, conversation_id=absorbed)
    task, _ = await house.tasks.create(wanted, author=MARY, viewer=OWNER)
    (kept,) = await rows(house, "conversations")
    assert (task["customer_id"], task["conversation_id"]) == (A, kept["_id"])


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


async def merge(house: House, survivor: str = A, loser: str = B) -> str:
    """Merge two cards; returns the merge's id."""
    await house.merging.merge(survivor, loser, by=MARY, reason=MANUAL)
    return str((await house.merging.merges(survivor))[0]["_id"])


async def test_what_comes_between_a_merge_and_its_undoing_goes_by_its_identity(house):
    await two_cards(house)
    key = await merge(house)
    await write(house, "c1", 5)
    await write(house, "c2", 6)
    await work_off(
        house.ingest,
        [
            accepted(MessageEdited(person=ANN, external_id="ann:2", at=at(70), text="edited"), channel_id="c2"),
            accepted(ReactionChanged(person=ANN, external_id="ann:1", at=at(71), emoji=("👍",)), channel_id="c1"),
        ],
    )
    await house.merging.undo(A, key, by=MARY)
    await check(house.database)
    threads = {
        card: [row["text"] for row in await rows(house, "messages", customer_id=card, direction="in")]
        for card in (A, B)
    }
    assert threads == {A: ["message 1", "message 3", "message 5"], B: ["edited", "message 4", "message 6"]}
    for card in (A, B):
        (case,) = await rows(house, "conversations", customer_id=card)
        mine = await rows(house, "messages", customer_id=card, direction="in")
        assert case["unanswered"] == [row["sort"] for row in mine]
        assert case["last_message"]["text"] == threads[card][-1]
        assert case["status"] == "open"


async def test_what_somebody_changed_on_the_card_meanwhile_stays_when_the_other_leaves(house):
    await two_cards(house)
    await house.customers.change(A, {"tags": ["vip"]})
    await house.customers.change(B, {"tags": ["wholesale"], "phones": ["0501112233"], "fields": {"city": "Lviv"}})
    key = await merge(house)
    await house.customers.change(A, {"tags": ["vip", "wholesale", "new"], "name": "Ann the first"})
    await house.merging.undo(A, key, by=MARY)
    first, second = await house.customers.get(A), await house.customers.get(B)
    assert (first["name"], first["tags"], first["phones"], first["fields"]) == ("Ann the first", ["vip", "new"], [], {})
    assert (second["tags"], second["fields"]) == (["wholesale"], {"city": "Lviv"})
    assert [row["number"] for row in second["phones"]] == ["+380501112233"]


async def test_a_case_that_was_closed_while_two_were_one_is_closed_for_both(house):
    await two_cards(house)
    key = await merge(house)
    (case,) = await rows(house, "conversations")
    await house.conversations.change(case["_id"], {"status": "closed"})
    await house.merging.undo(A, key, by=MARY)
    assert [row["status"] for row in await rows(house, "conversations")] == ["closed", "closed"]
    await check(house.database)


async def test_a_chain_of_merges_is_undone_from_its_end(house):
    await two_cards(house)
    await write(house, "c3", 5)
    before = await everything(house.database)
    first = await merge(house, B, C)
    between = await everything(house.database)
    second = await merge(house, A, B)
    assert (await house.customers.get(C))["_id"] == A
    with pytest.raises(Conflict, match="undo that first"):
        await house.merging.undo(B, first, by=MARY)
    await house.merging.undo(A, second, by=MARY)
    assert await everything(house.database) == between
    await house.merging.undo(B, first, by=MARY)
    assert await everything(house.database) == before


async def test_merges_of_the_same_cards_at_once_are_one(house):
    await two_cards(house)
    await write(house, "c3", 5)
    pairs = [(A, B), (B, A), (B, C), (C, A), (A, C)]
    merges = (house.merging.merge(*pair, by=MARY, reason=MANUAL) for pair in pairs)
    outcomes = await asyncio.gather(*merges, return_exceptions=True)
    assert all(isinstance(outcome, dict | Invalid) for outcome in outcomes)
    living = await rows(house, "customers", merged_into=None)
    assert len(living) == 1
    assert await house.database.durable.merges.count_documents({}) == 2
    await check(house.database)


async def test_the_manager_of_the_joined_case_holds_one_place(house):
    await two_cards(house)
    mary = await house.managers.create(
        NewManager(email="mary@shop.example", name="Mary", password_hash="x", role=Role.MANAGER), by=None
    )
    for case in await rows(house, "conversations"):
        await house.assigner.hand_to(case["_id"], mary["_id"], by=MARY)
    key = await merge(house)
    (case,) = await rows(house, "conversations")
    assert (await house.manager_store.get(mary["_id"]))["holding"] == [case["_id"]]
    await house.merging.undo(A, key, by=MARY)
    held = set((await house.manager_store.get(mary["_id"]))["holding"])
    assert held == {row["_id"] for row in await rows(house, "conversations")}


async def test_a_snooze_goes_along_and_comes_back(house):
    await two_cards(house)
    until = now() + timedelta(days=1)
    for case in await rows(house, "conversations"):
        await house.conversations.change(case["_id"], {"status": "snoozed", "snoozed_until": until})
    snoozed = {row["_id"] for row in await rows(house, "timers", kind="conversation.wake")}
    key = await merge(house)
    (case,) = await rows(house, "conversations")
    assert (case["status"], case["snoozed_until"]) == ("snoozed", until)
    assert {row["_id"] for row in await rows(house, "timers", kind="conversation.wake")} == {
        f"conversation.wake:{case['_id']}"
    }
    await house.merging.undo(A, key, by=MARY)
    assert {row["_id"] for row in await rows(house, "timers", kind="conversation.wake")} == snoozed


async def test_notes_under_the_same_client_token_stay_two(house):
    await two_cards(house)
    for case in await rows(house, "conversations"):
        draft = Draft(kind="note", text=f"for {case['customer_id']}", client_token="the same")
        await house.replies.post(case["_id"], draft, author=MARY)
    before = await everything(house.database)
    key = await merge(house)
    assert len(await rows(house, "messages", direction="note")) == 2
    await check(house.database)
    await house.merging.undo(A, key, by=MARY)
    assert await everything(house.database) == before


async def test_an_answered_question_hides_no_other_and_a_closed_case_stays_its_own(house):
    await write(house, "c2", 1)
    (old,) = await rows(house, "conversations")
    await house.conversations.change(old["_id"], {"status": "closed"})
    await house.database.durable.conversations.update_one(
        {"_id": old["_id"]}, {"$set": {"closed_at": now() - timedelta(days=40)}}
    )
    await two_cards(house)
    (answered_case,) = await rows(house, "conversations", customer_id=A)
    reply = sort_key(at(10))
    await house.database.durable.conversations.update_one(
        {"_id": answered_case["_id"]}, {"$set": {"last_reply_sort": reply, "unanswered": [], "waiting_since": None}}
    )
    await merge(house)
    cases = {row["_id"]: row for row in await rows(house, "conversations", customer_id=A)}
    assert set(cases) == {answered_case["_id"], old["_id"]}
    joined = cases[answered_case["_id"]]
    assert unread(joined, "mary") == 2
    assert joined["waiting_since"] is not None


async def test_a_split_takes_along_what_was_said_and_what_was_proven(house):
    await two_cards(house)
    identity = identity_id("c2", "ann")
    await house.proofs.prove(identity, "phone", "+380671234567")
    await merge(house)
    await house.customers.change(A, {"emails": ["ann@x.example"]})
    card = await house.merging.split(A, identity, by=MARY)
    left = await house.customers.get(A)
    assert card["phones"] == [{"number": "+380671234567", "proven": True}]
    assert (left["phones"], [row["address"] for row in left["emails"]]) == ([], ["ann@x.example"])
    said_there = [row["text"] for row in await rows(house, "messages", customer_id=card["_id"])]
    assert said_there == ["message 2", "message 4"]
    await check(house.database)
    await write(house, "c2", 8)
    assert (await rows(house, "messages", customer_id=card["_id"]))[-1]["text"] == "message 8"
    with pytest.raises(Conflict, match="only identity"):
        await house.merging.split(card["_id"], identity, by=MARY)


async def test_a_person_who_said_that_two_are_two_is_not_overruled_by_a_proof(house):
    await two_cards(house)
    await house.suggestions.dismiss(A, B, by=MARY)
    for channel_id in ("c1", "c2"):
        await house.proofs.prove(identity_id(channel_id, "ann"), "phone", "+380671234567")
    assert len(await rows(house, "customers", merged_into=None)) == 2
    await merge(house)
    assert len(await rows(house, "customers", merged_into=None)) == 1


async def test_two_who_prove_the_same_at_once_become_one(house):
    await two_cards(house)
    await write(house, "c3", 5)
    proofs = [
        house.proofs.prove(identity_id(channel_id, "ann"), "email", "ann@x.example")
        for channel_id in ("c1", "c2", "c3", "c2")
    ]
    await asyncio.gather(*proofs)
    (card,) = await rows(house, "customers", merged_into=None)
    assert card["emails"] == [{"address": "ann@x.example", "proven": True}]
    await check(house.database)


async def test_every_collection_whose_documents_have_a_customer_or_a_conversation_is_declared(house):
    await two_cards(house)
    await merge(house)
    await house.tasks.create(
        NewTask(title="Call", due_at=now() + timedelta(days=1), customer_id=A, assignee_id=None),
        author=MARY,
        viewer=OWNER,
    )
    durable = house.database.durable
    declared = {"customer_id": set[str](), "conversation_id": set[str]()}
    for row in COLLECTIONS:
        declared["customer_id"] |= {row.name} if row.of_customer else set()
        declared["conversation_id"] |= {row.name} if row.of_conversation else set()
    for name in await durable.list_collection_names():
        for field, names in declared.items():
            if await durable[name].find_one({field: {"$exists": True}}) is not None:
                assert name in names, f"{name} has documents with {field} and does not say so in the schema"


@pytest.mark.parametrize("both", [(A, "nobody"), ("nobody", A)])
async def test_nobody_cannot_be_merged(house, both):
    await two_cards(house)
    with pytest.raises(NotFound):
        await house.merging.merge(*both, by=MARY, reason=MANUAL)


async def test_what_the_bot_answered_stays_answered_when_a_conversation_is_counted_anew(house):
    channel = await customers.channel(house)
    card = await customers.customer(house, channel)
    case = await customers.case(house, card, channel)
    stored = house.database.durable
    asked = await stored.messages.find_one({"conversation_id": case["_id"]})
    answer = {**asked, "_id": "answer", "direction": "out", "sort": sort_key(now()), "answers": [asked["sort"]]}
    answer["author"] = {"type": "bot", "id": None, "name": "Bot", "machine": False}
    await stored.messages.insert_one(answer)
    await StrayStore(house.database).recount(case["_id"])
    counted = await stored.conversations.find_one({"_id": case["_id"]})
    assert (counted["unanswered"], counted["waiting_since"], counted["settled"]) == ([], None, [asked["sort"]])
    assert counted["last_reply_sort"] == ""
