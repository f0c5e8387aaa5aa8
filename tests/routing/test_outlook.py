"""What somebody in the queue is told of their place and of how long it may last."""

from datetime import UTC, datetime, timedelta

import pytest

from inbox.model.conversation import new_conversation
from inbox.model.ids import new_id, now
from inbox.storage.conversations import ConversationStore
from inbox.storage.waiting import WaitingStore
from routing.outlook import ENOUGH, LATELY, LOOK_BACK, Outlook, Outlooks, expected_minutes

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def every(minutes: float, count: int) -> list[datetime]:
    """Moments so far apart, the last of them just so long ago, newest first."""
    return [NOON - timedelta(minutes=minutes * number) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("place", "given_out", "minutes"),
    [
        (1, every(3, LATELY), 3),
        (3, every(3, LATELY), 9),
        (4, every(3, LATELY), 15),
        (10, every(2.05, LATELY), 25),
        (1, every(0.01, LATELY), 1),
        (2, every(1.1, ENOUGH), 3),
        (1, every(1, ENOUGH - 1), None),
        (1, [], None),
    ],
)
def test_a_wait_is_reckoned_from_how_fast_others_were_given_out(place, given_out, minutes):
    assert expected_minutes(place, given_out, NOON) == minutes


class Queue:
    def __init__(self, database):
        self.store = ConversationStore(database)
        self.outlooks = Outlooks(WaitingStore(database))
        self.present = now()

    async def add(self, waited: float, **fields):
        """A conversation whose customer has waited for so many minutes."""
        at = self.present - timedelta(minutes=waited)
        row = new_conversation(new_id(), customer_id=new_id(), channel_id="c1", at=at)
        row |= {"waiting_since": at, **fields}
        await self.store.insert([row])
        return row

    async def given(self, ago: float, **fields):
        return await self.add(
            ago, assignee_id="mary", assignment={"at": self.present - timedelta(minutes=ago)}, **fields
        )

    async def place(self, row):
        outlook = await self.outlooks.of(row)
        assert outlook is not None
        return outlook.place


@pytest.fixture
def queue(database):
    return Queue(database)


async def test_a_place_counts_who_stands_before_in_the_same_teams_queue(queue):
    mine = await queue.add(10)
    assert await queue.place(mine) == 1
    longer = await queue.add(20)
    urgent = await queue.add(1, priority=3)
    twin = await queue.add(10, _id="0")
    await queue.add(30, priority=0)
    await queue.add(30, team_id="repairs")
    await queue.add(30, status="snoozed")
    await queue.add(30, status="closed", active=False)
    await queue.given(30)
    assert [await queue.place(row) for row in (urgent, longer, twin, mine)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "fields", [{"assignee_id": "mary"}, {"status": "snoozed"}, {"status": "closed", "active": False}], ids=str
)
async def test_who_does_not_stand_in_the_queue_has_no_place(queue, fields):
    assert await queue.outlooks.of(await queue.add(10, **fields)) is None


async def test_only_what_the_same_team_took_lately_tells_how_long_it_lasts(queue):
    mine = await queue.add(10)
    for number in range(ENOUGH - 1):
        await queue.given(number + 1)
    await queue.given(1, team_id="repairs")
    await queue.given(LOOK_BACK / timedelta(minutes=1) + 1)
    assert await queue.outlooks.of(mine) == Outlook(1, None)
    await queue.given(ENOUGH * 2)
    assert await queue.outlooks.of(mine) == Outlook(1, 3)
