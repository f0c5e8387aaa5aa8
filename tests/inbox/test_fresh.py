"""What is read for many is read once, and never older than a change that was made here."""

import asyncio

from inbox.fresh import Fresh


class Source:
    """Something that changes; each reading takes a turn of the loop."""

    def __init__(self) -> None:
        self.value = 1
        self.readings = 0

    async def read(self) -> int:
        self.readings += 1
        value = self.value
        await asyncio.sleep(0)
        return value


async def test_many_who_ask_at_once_cost_one_reading():
    source = Source()
    fresh = Fresh(source.read)
    assert await asyncio.gather(*(fresh.current() for _ in range(10))) == [1] * 10
    assert source.readings == 1


async def test_what_was_changed_here_is_read_anew():
    source = Source()
    fresh = Fresh(source.read)
    await fresh.current()
    source.value = 2
    assert await fresh.current() == 1
    fresh.forget()
    assert await fresh.current() == 2


async def test_a_reading_that_began_before_a_change_is_not_kept():
    source = Source()
    fresh = Fresh(source.read)
    asking = asyncio.create_task(fresh.current())
    await asyncio.sleep(0)
    source.value = 2
    fresh.forget()
    assert await asking == 2
    assert await fresh.current() == 2
