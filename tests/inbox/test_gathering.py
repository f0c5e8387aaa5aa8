"""Who is at which conversation: over processes, until they fall silent, and without Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from redis.asyncio import Redis

from inbox.gathering import SILENT_SECONDS, Gathering
from inbox.model.people import Role, Viewer
from tests.flow import until
from web.house import connect_redis

BOSS = Viewer(id="boss", name="Boss", role=Role.OWNER)
IHOR = Viewer(id="ihor", name="Ihor", role=Role.MANAGER)
OKSANA = Viewer(id="oksana", name="Oksana", role=Role.MANAGER, teams=frozenset({"returns"}))

OPEN = {"_id": "c1", "team_id": None, "assignee_id": None}
RETURNS = {"_id": "c2", "team_id": "returns", "assignee_id": None}


@contextlib.asynccontextmanager
async def running(gathering: Gathering) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(gathering.run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def process(redis: Redis, **options: float) -> tuple[Gathering, AbstractAsyncContextManager[asyncio.Task[None]]]:
    gathering = Gathering(redis, "test", **options)
    return gathering, running(gathering)


async def seen(
    gathering: Gathering, expected: dict[str, bool], *, conversation_id: str = "c1", seconds: float = 15
) -> None:
    """Wait until the boss sees these people at c1, by id, each with whether they type."""

    async def there() -> bool:
        return {one.id: one.typing for one in gathering.guests("c1", BOSS)} == expected

    await until(there, seconds=seconds)


async def test_processes_tell_each_other_at_once(redis):
    (here, working_here), (there, working_there) = process(redis), process(redis)
    async with working_here, working_there:
        here.enter("a", IHOR, OPEN, typing=False)
        # The first word may be said before the other one listens: then it comes with the next round.
        await seen(there, {"ihor": False})
        there.enter("b", OKSANA, OPEN, typing=False)
        await seen(here, {"ihor": False, "oksana": False}, seconds=1)
        there.type("b", typing=True)
        await seen(here, {"ihor": False, "oksana": True}, seconds=1)
        there.leave("b")
        await seen(here, {"ihor": False}, seconds=1)


async def test_who_starts_later_catches_up(redis):
    here, working_here = process(redis)
    async with working_here:
        here.enter("a", IHOR, OPEN, typing=False)
        await asyncio.sleep(0)
        late, working_late = process(redis)
        async with working_late:
            await seen(late, {"ihor": False})


async def test_what_a_process_told_is_forgotten_when_it_falls_silent(redis):
    (here, working_here), (dying, working_dying) = process(redis), process(redis)
    async with working_here:
        with here.follow() as changes:
            async with working_dying:
                dying.enter("a", IHOR, OPEN, typing=True)
                await seen(here, {"ihor": True})
                assert await changes.next() == ["c1"]
            await seen(here, {}, seconds=SILENT_SECONDS + 3)
            assert await asyncio.wait_for(changes.next(), 1) == ["c1"]


async def test_typing_ends_by_itself(redis):
    here, working = process(redis, typing_seconds=0.2)
    async with working:
        here.enter("a", IHOR, OPEN, typing=True)
        await seen(here, {"ihor": True})
        await seen(here, {"ihor": False}, seconds=2)


async def test_without_redis_one_process_knows_its_own(redis):
    away = connect_redis("redis://127.0.0.1:1")
    (here, working_here), (there, working_there) = process(away), process(redis)
    async with working_here as task, working_there:
        there.enter("b", OKSANA, OPEN, typing=False)
        with here.follow() as changes:
            here.enter("a", IHOR, OPEN, typing=True)
            assert await asyncio.wait_for(changes.next(), 1) == ["c1"]
            await seen(here, {"ihor": True})
        assert not task.done()
    await away.aclose()


async def test_what_is_no_word_of_ours_is_passed_over(redis):
    (here, working_here), (there, working_there) = process(redis), process(redis)
    async with working_here as task, working_there:
        await redis.publish("skrynka:gathering:test", b"nonsense")
        await redis.publish("skrynka:gathering:test", b'{"process": "x"}')
        there.enter("b", OKSANA, OPEN, typing=False)
        await seen(here, {"oksana": False})
        assert not task.done()


async def test_only_who_may_see_it_is_told(redis):
    here, _ = process(redis)
    here.enter("a", OKSANA, RETURNS, typing=False)
    assert [one.id for one in here.guests("c2", BOSS)] == ["oksana"]
    assert here.guests("c2", IHOR) == []
    assert here.guests("c2", OKSANA) == []
    here.rescope("a", {**RETURNS, "assignee_id": "ihor"})
    assert [one.id for one in here.guests("c2", IHOR)] == ["oksana"]
    here.enter("a", OKSANA, OPEN, typing=False)
    assert here.guests("c2", BOSS) == []
    assert [one.id for one in here.guests("c1", IHOR)] == ["oksana"]


async def test_one_person_at_two_tabs_is_one_guest_who_types_where_any_of_them_does(redis):
    here, _ = process(redis)
    here.enter("a", IHOR, OPEN, typing=True)
    here.enter("b", IHOR, OPEN, typing=False)
    (guest,) = here.guests("c1", BOSS)
    assert guest.typing
    here.leave("a")
    (guest,) = here.guests("c1", BOSS)
    assert not guest.typing
    here.leave("b")
    here.leave("b")
    assert here.guests("c1", BOSS) == []


async def test_it_ends_at_whatever_moment_it_is_told_to(databases):
    assert databases.redis_url is not None
    for steps in range(24):
        client = connect_redis(databases.redis_url)
        task = asyncio.create_task(Gathering(client, "test").run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.done(), steps
        await client.aclose()
