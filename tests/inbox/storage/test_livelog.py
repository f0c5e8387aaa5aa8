import asyncio
from datetime import timedelta

import pytest

from inbox.model.ids import now
from inbox.storage.livelog import FIRST, LiveLog


@pytest.fixture
def log(database):
    return LiveLog(database)


async def append(log: LiveLog, name: str, count: int) -> None:
    """Append as the feed does: whoever was too late looks where the end is and tries again."""
    while not await log.append(await log.end(), [{"by": name, "n": number} for number in range(count)]):
        await asyncio.sleep(0)


async def test_racing_appenders_leave_no_gap_and_no_overlap(log, database):
    async def work(name: str) -> None:
        for turn in range(12):
            await append(LiveLog(database), name, 1 + turn % 3)

    seen: list[int] = []

    async def watch() -> None:
        """A lower number never becomes visible after a higher one."""
        position = FIRST
        while position < FIRST + 3 * 24:
            for row in await log.since(position):
                assert row["_id"] == position
                seen.extend(range(row["_id"], row["next"]))
                position = row["next"]

    async with asyncio.timeout(60):
        await asyncio.gather(watch(), *(work(name) for name in "abc"))
    assert seen == list(range(FIRST, FIRST + 72))


async def test_who_comes_second_is_told(log):
    assert await log.append(FIRST, [{"x": 1}, {"x": 2}])
    assert not await log.append(FIRST, [{"x": 3}])
    assert await log.end() == FIRST + 2


async def test_finds_the_row_that_holds_a_frame(log):
    await log.append(1, [{"x": 1}, {"x": 2}, {"x": 3}])
    await log.append(4, [{"x": 4}])
    assert [(await log.row_holding(number))["_id"] for number in (1, 2, 3, 4)] == [1, 1, 1, 4]
    assert await log.row_holding(5) is None
    assert await log.row_holding(0) is None


async def test_forgetting_everything_old_keeps_the_numbering(log):
    await log.append(1, [{"x": 1}, {"x": 2}])
    await log.append(3, [{"x": 3}])
    await log.forget(now() + timedelta(seconds=1))
    assert await log.row_holding(1) is None
    assert await log.end() == 4
    assert [row["_id"] for row in await log.since(1)] == [3]


async def test_what_is_young_is_kept(log):
    await log.append(1, [{"x": 1}])
    await log.append(2, [{"x": 2}])
    await log.forget(now() - timedelta(hours=1))
    assert [row["_id"] for row in await log.since(1)] == [1, 2]


async def test_forgetting_an_empty_log_is_nothing(log):
    await log.forget(now())
    assert await log.end() == FIRST
