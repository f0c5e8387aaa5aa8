"""Every conversation finds a manager with room or waits its turn, however many servers decide at the same instant."""

import asyncio
import itertools
from typing import Any

from tests.flow import Person, Shop, until
from tests.promises.neighbour import another_server, at, webhook_at
from tests.promises.updates import post, written

update_ids = itertools.count(1)
customers = itertools.count(1)


async def write(shop: Shop, text: str, *, url: str = "", customer: int = 0, number: int = 1) -> str:
    """A customer writes; the id of their conversation comes with `conversation_of`."""
    raw = written(next(update_ids), customer or next(customers), number, text)
    assert await post(shop.http, webhook_at(shop, url or shop.url), raw, shop.bot.webhook.secret) == 200
    return text


async def conversation_of(shop: Shop, text: str) -> dict[str, Any]:
    await shop.settled()
    (found,) = [row for row in await shop.conversations() if row["last_message"]["text"] == text]
    return found


async def online(person: Person, status: str = "online") -> None:
    answer = await person.call("PUT", "/me/status", {"status": status})
    assert answer.status == 200, answer


async def load(shop: Shop, person: Person) -> int:
    return int((await shop.owner.get(f"/managers/{person.id}"))["load"])


async def assignee(shop: Shop, conversation: dict[str, Any]) -> Any:
    return (await shop.owner.get(f"/conversations/{conversation['id']}"))["assignee_id"]


async def patch(shop: Shop, conversation: dict[str, Any], **changes: Any) -> Any:
    return await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", changes)


async def test_60_conversations_at_once_on_two_servers_fill_8_managers_and_nobody_beyond(shop, databases):
    managers = [await shop.manager(f"Manager{number}", capacity=5) for number in range(8)]
    for manager in managers:
        await online(manager)
    async with another_server(shop, databases) as url:
        await asyncio.gather(*(write(shop, f"case {number}", url=(shop.url, url)[number % 2]) for number in range(60)))
        await shop.settled()
        await until(lambda: held(shop, 40), seconds=30)
        await asyncio.sleep(1)
        conversations = await shop.conversations()
        held_by = [row["assignee_id"] for row in conversations]
        assert len(conversations) == 60
        assert {manager.id: held_by.count(manager.id) for manager in managers} == {
            manager.id: 5 for manager in managers
        }
        assert held_by.count(None) == 20
        assert [await load(shop, manager) for manager in managers] == [5] * 8
        assert len(await shop.conversations(assignee="none")) == 20

        # Both servers free places at the same instant: they go to those who wait longest, each once.
        queue = sorted(await shop.conversations(assignee="none"), key=lambda row: (row["waiting_since"], row["id"]))
        closing = [row for row in conversations if row["assignee_id"]][:10]
        sides = [shop.owner, at(shop.owner, url)]
        answers = await asyncio.gather(
            *(
                sides[number % 2].call("PATCH", f"/conversations/{row['id']}", {"status": "closed"})
                for number, row in enumerate(closing)
            )
        )
        assert {answer.status for answer in answers} == {200}
        await until(lambda: queued(shop, 10), seconds=30)
        left = {row["id"] for row in await shop.conversations(assignee="none")}
        assert left == {row["id"] for row in queue[10:]}
        assert [await load(shop, manager) for manager in managers] == [5] * 8


async def held(shop: Shop, count: int) -> bool:
    return [row["assignee_id"] is not None for row in await shop.conversations()].count(True) == count


async def queued(shop: Shop, count: int) -> bool:
    return len(await shop.conversations(assignee="none")) == count


async def test_closing_frees_a_place_for_who_waits_longest(shop):
    manager = await shop.manager("Oksana", capacity=1)
    await online(manager)
    texts = ["first", "second", "third"]
    for text in texts:
        await write(shop, text)
        await shop.settled()
    first, second, third = [await conversation_of(shop, text) for text in texts]
    assert [await assignee(shop, row) for row in (first, second, third)] == [manager.id, None, None]
    assert (await patch(shop, first, status="closed")).status == 200
    assert [await assignee(shop, row) for row in (second, third)] == [manager.id, None]
    assert await load(shop, manager) == 1


async def test_priority_goes_before_age(shop):
    for text in ("older", "urgent"):
        await write(shop, text)
        await shop.settled()
    older, urgent = await conversation_of(shop, "older"), await conversation_of(shop, "urgent")
    assert (await patch(shop, urgent, priority="urgent")).status == 200
    manager = await shop.manager("Oksana", capacity=1)
    await online(manager)
    assert [await assignee(shop, row) for row in (older, urgent)] == [None, manager.id]


async def test_coming_online_drains_the_queue_and_leaving_takes_nothing_new(shop):
    manager = await shop.manager("Oksana", capacity=3)
    for number in range(4):
        await write(shop, f"case {number}")
    await shop.settled()
    assert len(await shop.conversations(assignee="none")) == 4
    await online(manager)
    assert len(await shop.conversations(assignee=manager.id)) == 3
    await online(manager, "busy")
    (first, *_) = await shop.conversations(assignee=manager.id)
    assert (await patch(shop, first, status="closed")).status == 200
    assert len(await shop.conversations(assignee="none")) == 1
    assert await load(shop, manager) == 2


async def test_more_capacity_drains_the_queue(shop):
    manager = await shop.manager("Oksana", capacity=1)
    await online(manager)
    for number in range(3):
        await write(shop, f"case {number}")
    await shop.settled()
    assert len(await shop.conversations(assignee="none")) == 2
    assert (await shop.owner.call("PATCH", f"/managers/{manager.id}", {"capacity": 3})).status == 200
    await until(lambda: queued(shop, 0), seconds=3)


async def test_deactivation_gives_everything_back_to_the_queue_and_to_who_has_room(shop):
    leaving = await shop.manager("Oksana", capacity=5)
    await online(leaving)
    for number in range(4):
        await write(shop, f"case {number}")
    await shop.settled()
    assert len(await shop.conversations(assignee=leaving.id)) == 4
    staying = await shop.manager("Taras", capacity=3)
    await online(staying)
    assert (await shop.owner.call("PATCH", f"/managers/{leaving.id}", {"active": False})).status == 200
    assert await shop.conversations(assignee=leaving.id) == []
    assert len(await shop.conversations(assignee=staying.id)) == 3
    assert len(await shop.conversations(assignee="none")) == 1
    assert await load(shop, leaving) == 0
    assert (await leaving.call("GET", "/me")).status == 401


async def test_what_a_deactivated_manager_still_holds_after_a_crash_is_given_back(shop):
    leaving = await shop.manager("Oksana")
    await online(leaving)
    await write(shop, "Hello")
    conversation = await conversation_of(shop, "Hello")
    assert await assignee(shop, conversation) == leaving.id
    # The process that deactivated them died before it gave back what they held.
    await shop.house.database.durable.managers.update_one(
        {"_id": leaving.id}, {"$set": {"active": False, "status": "offline"}}
    )
    await until(lambda: queued(shop, 1), seconds=30)


async def test_what_a_crash_left_miscounted_is_put_right(shop):
    people = [await shop.manager(name, capacity=2) for name in ("Oksana", "Taras")]
    for person in people:
        await online(person)
        await write(shop, f"for {person.id}")
        await shop.settled()
    managers = shop.house.database.durable.managers
    await managers.update_one({"_id": people[0].id}, {"$push": {"holding": "no conversation"}})
    await managers.update_one({"_id": people[1].id}, {"$set": {"holding": []}})
    assert [await load(shop, person) for person in people] == [2, 0]

    async def right() -> bool:
        return [await load(shop, person) for person in people] == [1, 1]

    await until(right, seconds=30)


async def test_a_reply_takes_a_conversation_that_nobody_holds(shop):
    manager = await shop.manager("Oksana", capacity=0)
    await write(shop, "Hello")
    conversation = await conversation_of(shop, "Hello")
    assert conversation["assignee_id"] is None
    answered = await manager.call("POST", f"/conversations/{conversation['id']}/messages", {"text": "Good evening"})
    assert answered.status == 201, answered
    assert await assignee(shop, conversation) == manager.id
    assert await load(shop, manager) == 1


async def test_a_person_may_assign_beyond_capacity(shop):
    manager = await shop.manager("Oksana", capacity=1)
    await online(manager)
    for text in ("one", "two"):
        await write(shop, text)
        await shop.settled()
    two = await conversation_of(shop, "two")
    assert (await patch(shop, two, assignee_id=manager.id)).status == 200
    assert await load(shop, manager) == 2


async def test_a_customer_who_comes_back_gets_their_last_manager(shop):
    first, second = await shop.manager("Oksana"), await shop.manager("Taras")
    await online(first)
    await write(shop, "Hello", customer=900)
    conversation = await conversation_of(shop, "Hello")
    assert await assignee(shop, conversation) == first.id
    assert (await patch(shop, conversation, status="closed")).status == 200
    for text in ("one", "two"):
        await write(shop, text)
    await shop.settled()
    await online(second)  # Holds nothing, so that they would be next.
    await write(shop, "It is me again", customer=900, number=2)
    again = await conversation_of(shop, "It is me again")
    assert again["id"] == conversation["id"]
    assert again["assignee_id"] == first.id


async def test_a_stale_version_is_refused_and_names_the_present_one(shop):
    await write(shop, "Hello")
    conversation = await conversation_of(shop, "Hello")
    version = conversation["version"]
    assert (await patch(shop, conversation, priority="high", version=version)).status == 200
    for changes in ({"status": "closed"}, {"assignee_id": shop.owner.id}):
        refused = await patch(shop, conversation, version=version, **changes)
        assert refused.status == 409
        assert refused.body["current_version"] == version + 1
    racing = await asyncio.gather(
        *(patch(shop, conversation, labels=[f"label {number}"], version=version + 1) for number in range(8))
    )
    assert sorted(answer.status for answer in racing) == [200] + [409] * 7


async def test_writing_into_a_closed_conversation_opens_it_for_who_wrote(shop):
    marta = await shop.manager("Marta")
    await marta.call("PUT", "/me/status", {"status": "online"})
    shop.customer().text("Good evening")
    await shop.settled()
    (conversation,) = await shop.conversations()
    path = f"/conversations/{conversation['id']}"
    assert conversation["assignee_id"] == marta.id
    await shop.owner.call("PATCH", path, {"status": "closed"})
    await shop.owner.call("POST", f"{path}/messages", {"text": "One more thing"})
    reopened = await shop.owner.get(path)
    assert (reopened["status"], reopened["assignee_id"]) == ("open", shop.owner.id)
    loads = {row["id"]: row["load"] for row in (await shop.owner.get("/managers"))["items"]}
    assert loads == {marta.id: 0, shop.owner.id: 1}
