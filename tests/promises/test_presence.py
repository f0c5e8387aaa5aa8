"""A connection that comes and goes reassigns nothing; customers of somebody who has left do not wait for them."""

import asyncio
import contextlib
import itertools
from datetime import timedelta
from typing import Any

from aiohttp import ClientWebSocketResponse

from inbox.model.ids import now
from tests.flow import Person, Shop, until
from tests.promises.neighbour import another_server, at, webhook_at
from tests.promises.updates import post, written

update_ids = itertools.count(1)


async def write(shop: Shop, customer: int, number: int = 1, *, url: str = "") -> None:
    raw = written(next(update_ids), customer, number, f"{customer} says {number}")
    assert await post(shop.http, webhook_at(shop, url or shop.url), raw, shop.bot.webhook.secret) == 200
    await shop.settled()


async def connect(person: Person) -> ClientWebSocketResponse:
    """A page that is open: its first frame has come."""
    socket = await person.http.ws_connect(
        f"{person.url}/api/v1/live", headers={"Authorization": f"Bearer {person.token}"}
    )
    await asyncio.wait_for(socket.receive_json(), 15)
    return socket


async def online(shop: Shop, name: str) -> Person:
    person = await shop.manager(name)
    assert (await person.call("PUT", "/me/status", {"status": "online"})).status == 200
    return person


async def shown(shop: Shop, person: Person) -> dict[str, Any]:
    manager: dict[str, Any] = await shop.owner.get(f"/managers/{person.id}")
    return manager


async def date_back(shop: Shop, person: Person, **fields: timedelta) -> None:
    """Let what the manager's row says have begun so much earlier."""
    managers = shop.house.database.durable.managers
    row = await managers.find_one({"_id": person.id})
    assert row is not None
    await managers.update_one(
        {"_id": person.id}, {"$set": {field: row[field] - span for field, span in fields.items()}}
    )


async def assigned_earlier(shop: Shop, span: timedelta) -> None:
    """Let everybody have got what they hold so much earlier."""
    conversations = shop.house.database.durable.conversations
    async for row in conversations.find({"assignee_id": {"$ne": None}}):
        await conversations.update_one({"_id": row["_id"]}, {"$set": {"assignment.at": row["assignment"]["at"] - span}})


async def holders(shop: Shop) -> list[str | None]:
    return [row["assignee_id"] for row in await shop.conversations()]


async def moves(shop: Shop, person: Person) -> int:
    """How often a conversation was taken from this manager, as the live log has it."""
    log = shop.house.database.durable.live
    frames = [frame async for row in log.find() for frame in row["frames"] if frame["type"] == "conversation.updated"]
    return sum(
        (frame["was"] or {}).get("assignee_id") == person.id and frame["data"]["assignee_id"] != person.id
        for frame in frames
    )


async def moved(shop: Shop, person: Person, times: int) -> bool:
    """Whether that was so often by now; who holds a conversation is written before everybody is told."""
    return await moves(shop, person) == times


async def test_a_connection_that_flaps_between_two_servers_reassigns_nothing(shop, databases):
    oksana = await online(shop, "Oksana")
    await write(shop, 1)
    async with another_server(shop, databases) as url:
        for side in range(20):
            socket = await connect(at(oksana, (shop.url, url)[side % 2]))
            await socket.close()
        await write(shop, 2, url=url)
        assert await holders(shop) == [oksana.id, oksana.id]
        assert await moves(shop, oksana) == 0
        manager = await shown(shop, oksana)
        assert (manager["status"], manager["present"], manager["gone"]) == ("online", True, False)


async def test_whose_connection_is_lost_for_the_grace_gets_nothing_new_until_it_is_back(shop, databases):
    oksana = await online(shop, "Oksana")
    await write(shop, 1)
    async with another_server(shop, databases) as url:
        socket = await connect(at(oksana, url))

        async def present(expected: bool) -> bool:
            return (await shown(shop, oksana))["present"] is expected

        await until(lambda: present(True))
        await socket.close()
        await until(lambda: present(False))
        assert not (await shown(shop, oksana))["gone"]
        await date_back(shop, oksana, lost_at=timedelta(minutes=2))

        async def gone() -> bool:
            return bool((await shown(shop, oksana))["gone"])

        await until(gone)
        await write(shop, 2)
        assert sorted(map(str, await holders(shop))) == sorted([oksana.id, "None"])
        assert (await shown(shop, oksana))["status"] == "online"

        async def both() -> bool:
            return await holders(shop) == [oksana.id, oksana.id]

        # Back at the other server: what waited in the queue is theirs at once.
        async with contextlib.AsyncExitStack() as stack:
            back = await connect(oksana)
            stack.push_async_callback(back.close)
            await until(both, seconds=5)
            assert not await gone()


async def test_whose_server_died_is_gone_and_whose_is_alive_is_not(shop):
    oksana, taras = await online(shop, "Oksana"), await online(shop, "Taras")
    socket = await connect(taras)
    stored = shop.house.database.durable
    # What a server leaves behind that died a moment ago.
    await stored.presences.insert_one({"_id": "dead", "manager_id": oksana.id, "process": "dead", "closed_at": None})
    await stored.processes.insert_one({"_id": "dead", "lease_until": now() - timedelta(seconds=1)})
    await stored.managers.update_one({"_id": oksana.id}, {"$set": {"present": True}})

    async def lost() -> bool:
        return not (await shown(shop, oksana))["present"]

    await until(lost)
    assert (await shown(shop, taras))["present"]
    await socket.close()


async def test_customers_of_somebody_offline_for_too_long_go_on_once_within_seconds(shop, databases):
    oksana, taras = await online(shop, "Oksana"), await shop.manager("Taras", capacity=2)
    for customer in range(1, 5):
        await write(shop, customer)
    answered = (await shop.conversations())[0]
    said = await oksana.call("POST", f"/conversations/{answered['id']}/messages", {"text": "Good evening"})
    assert said.status == 201, said
    assert await holders(shop) == [oksana.id] * 4
    await taras.call("PUT", "/me/status", {"status": "online"})
    async with another_server(shop, databases):
        await oksana.call("PUT", "/me/status", {"status": "offline"})
        timers = shop.house.database.durable.timers
        timer = {"kind": "manager.relieve", "data.manager_id": oksana.id}
        await until(lambda: timers.find_one({**timer, "lease_until": None, "due_at": {"$gt": now()}}))
        # The ten minutes have passed.
        await date_back(shop, oksana, status_at=timedelta(minutes=10))
        await assigned_earlier(shop, timedelta(minutes=10))
        await timers.update_one(timer, {"$set": {"due_at": now()}})

        async def gone_on() -> bool:
            return sorted(map(str, await holders(shop))) == sorted([oksana.id, taras.id, taras.id, "None"])

        await until(gone_on, seconds=5)
        await until(lambda: moved(shop, oksana, 3), seconds=5)
        kept = await shop.owner.get(f"/conversations/{answered['id']}")
        assert kept["assignee_id"] == oksana.id

        # And the one that waited for its customer, when they write, long after they were answered.
        conversations = shop.house.database.durable.conversations
        await conversations.update_one({"_id": answered["id"]}, {"$set": {"last_reply_sort": "0" * 13}})
        (customer,) = [n for n in range(1, 5) if f"{n} says" in answered["last_message"]["text"]]
        await write(shop, customer, 2)

        async def left() -> bool:
            return oksana.id not in await holders(shop)

        await until(left, seconds=5)
        await until(lambda: moved(shop, oksana, 4), seconds=5)


async def test_a_shift_that_ends_takes_nothing_away_and_one_that_begins_drains_the_queue(shop):
    oksana = await online(shop, "Oksana")
    await write(shop, 1)
    today = now().date()
    days_off = [{"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}]
    changed = await shop.owner.call("PATCH", f"/managers/{oksana.id}", {"days_off": days_off})
    assert (changed.status, changed.body["off_shift"]) == (200, True)
    await write(shop, 2)
    assert sorted(map(str, await holders(shop))) == sorted([oksana.id, "None"])

    # The days off pass, and the timer that stands at their end finds it so.
    managers, timers = shop.house.database.durable.managers, shop.house.database.durable.timers
    past = [{"from": "2020-01-01", "to": "2020-01-01"}]
    await managers.update_one({"_id": oksana.id}, {"$set": {"days_off": past}})
    moved = await timers.update_one({"kind": "manager.shift"}, {"$set": {"due_at": now()}})
    assert moved.matched_count == 1

    async def both() -> bool:
        return await holders(shop) == [oksana.id, oksana.id]

    await until(both, seconds=5)
    assert not (await shown(shop, oksana))["off_shift"]


async def test_what_is_due_while_no_server_runs_is_done_when_one_does(shop, databases):
    """Timers, and who was lost, are rows: another process finds them."""
    oksana = await online(shop, "Oksana")
    async with another_server(shop, databases) as url:
        socket = await connect(at(oksana, url))
        presences = shop.house.database.durable.presences
        await until(lambda: presences.find_one({"manager_id": oksana.id, "closed_at": None}))
        await socket.close()
    # The second server has stopped, and said so.
    assert await presences.find_one({"manager_id": oksana.id, "closed_at": None}) is None
    await presences.update_many({}, {"$set": {"closed_at": now() - timedelta(minutes=3)}})

    async def gone() -> bool:
        return bool((await shown(shop, oksana))["gone"])

    await until(gone)
