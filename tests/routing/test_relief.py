"""Customers who wait for somebody away go to somebody else: when it is time, once, and nobody else's conversations."""

import asyncio
from datetime import timedelta

import pytest

from inbox.model.conversation import new_conversation
from inbox.model.domain_events import ConversationAssigned, MessageReceived
from inbox.model.ids import new_id, now, sort_key
from inbox.model.people import SYSTEM, Status
from inbox.storage.absences import AbsenceStore
from inbox.storage.people import PeopleStore
from inbox.storage.timers import TimerStore
from inbox.timers import Later
from routing.relief import TIMER, Relief

LIMIT = timedelta(minutes=10)  # As the shop's policy has it, until somebody sets another.


class Office:
    """Managers, who holds what, and a clock that is set by hand. `process` looks after it, as many others may."""

    def __init__(self, house):
        self.house = house
        self.time = now()
        self.moves = []
        house.bus.subscribe(ConversationAssigned, self._moved)
        house.relief.subscribe(house.bus)

    async def _moved(self, event):
        self.moves.append((event.before["assignee_id"], event.after["assignee_id"]))

    def process(self):
        return Relief(
            store=AbsenceStore(self.house.database),
            assigner=self.house.assigner,
            policies=self.house.policies,
            timers=TimerStore(self.house.database),
            wakeups=self.house.wakeups,
            clock=lambda: self.time,
        )

    async def manager(self, status="online", **fields):
        row = {"_id": new_id(), "email": new_id(), "name": "Mary", "role": "manager", "status": status}
        served = {"teams": [], "languages": [], "channels": [], "capacity": 5, "active": True}
        made = await self.house.manager_store.insert({**row, **served, "created_at": self.time, **fields})
        return made["_id"]

    async def conversation(self, holder, *, waits=True, **fields):
        """One that this manager has held for a day, with a customer who has waited for an hour."""
        at = self.time - timedelta(days=1)
        customer_id = new_id()
        customer = {"_id": customer_id, "name": "Ann", "language": "", "last_manager_id": None}
        await PeopleStore(self.house.database).insert_customer(customer)
        row = new_conversation(new_id(), customer_id=customer_id, channel_id="c1", at=at)
        since = self.time - timedelta(hours=1) if waits else None
        held = {"assignee_id": holder, "assignment": {"reason": "least_loaded", "at": at}, "waiting_since": since}
        await self.house.database.durable.conversations.insert_one({**row, **held, **fields})
        await self.house.database.durable.managers.update_one({"_id": holder}, {"$push": {"holding": row["_id"]}})
        return row["_id"]

    async def get(self, conversation_id):
        return await self.house.database.durable.conversations.find_one({"_id": conversation_id})

    async def holder(self, conversation_id):
        return (await self.get(conversation_id))["assignee_id"]

    async def timers(self):
        rows = self.house.database.durable.timers.find({"kind": TIMER})
        return [row["data"]["manager_id"] async for row in rows]


@pytest.fixture
def office(house):
    return Office(house)


def absent(reason, since):
    return {
        "offline": {"status": "offline", "status_at": since},
        "gone": {"gone": True, "gone_at": since},
        "off shift": {"off_shift": True, "off_shift_at": since},
        "offline from the first day": {"status": "offline", "created_at": since},
    }[reason]


@pytest.mark.parametrize("reason", ["offline", "gone", "off shift", "offline from the first day"])
async def test_who_is_away_for_long_is_relieved_of_customers_who_wait(office, reason):
    mary = await office.manager(**absent(reason, office.time - LIMIT))
    ann = await office.manager()
    waiting, answered = await office.conversation(mary), await office.conversation(mary, waits=False)
    pending = await office.conversation(mary, status="pending")
    await office.process().relieve({"manager_id": mary})
    assert await office.holder(waiting) == ann
    assert [await office.holder(each) for each in (answered, pending)] == [mary, mary]


@pytest.mark.parametrize("reason", ["offline", "gone", "off shift"])
async def test_not_a_moment_before(office, reason):
    mary = await office.manager(**absent(reason, office.time - LIMIT + timedelta(seconds=2)))
    await office.manager()
    waiting = await office.conversation(mary)
    with pytest.raises(Later) as later:
        await office.process().relieve({"manager_id": mary})
    assert later.value.seconds == pytest.approx(2)
    assert await office.holder(waiting) == mary


@pytest.mark.parametrize("fields", [{"status": "busy"}, {"status": "away"}, {"status": "online"}])
async def test_who_is_there_is_relieved_of_nothing(office, fields):
    mary = await office.manager(status_at=office.time - timedelta(days=1), **fields)
    await office.manager()
    waiting = await office.conversation(mary)
    await office.process().relieve({"manager_id": mary})
    assert await office.holder(waiting) == mary


async def test_with_nobody_eligible_they_wait_in_the_queue(office):
    mary = await office.manager(**absent("offline", office.time - LIMIT))
    waiting = await office.conversation(mary)
    await office.process().relieve({"manager_id": mary})
    assert await office.holder(waiting) is None
    assert (await office.house.managers.get(mary))["holding"] == []


async def test_however_many_processes_look_it_is_done_once(office):
    mary = await office.manager(**absent("gone", office.time - LIMIT))
    await office.manager(), await office.manager()
    waiting = [await office.conversation(mary) for _ in range(4)]
    await asyncio.gather(*(office.process().relieve({"manager_id": mary}) for _ in range(4)))
    assert office.moves.count((mary, None)) == len(waiting)
    assert len(office.moves) == 2 * len(waiting)


async def test_each_team_has_a_limit_of_its_own(office):
    teams = office.house.team_store
    for team, policy in (("quick", {"offline": 1}), ("patient", {"offline": None})):
        await teams.insert({"_id": team, "name": team, "created_at": office.time, "policy": policy})
    mary = await office.manager(**absent("gone", office.time - timedelta(minutes=5)))
    quick = await office.conversation(mary, team_id="quick")
    patient = await office.conversation(mary, team_id="patient")
    shops = await office.conversation(mary)
    with pytest.raises(Later):
        await office.process().relieve({"manager_id": mary})
    assert [await office.holder(each) for each in (quick, patient, shops)] == [None, mary, mary]


@pytest.mark.parametrize("sign", ["was given it", "answered"])
async def test_who_shows_a_sign_of_life_is_given_the_same_time_again(office, sign):
    mary = await office.manager(**absent("offline", office.time - timedelta(days=1)))
    moment = office.time - LIMIT + timedelta(seconds=5)
    given = {"assignment": {"reason": "manual", "at": moment}}
    answered = {"last_reply_sort": sort_key(moment, 1)}
    waiting = await office.conversation(mary, **(given if sign == "was given it" else answered))
    with pytest.raises(Later):
        await office.process().relieve({"manager_id": mary})
    assert await office.holder(waiting) == mary
    office.time += timedelta(seconds=5)
    await office.process().relieve({"manager_id": mary})
    assert await office.holder(waiting) is None


async def test_whose_customer_writes_later_goes_on_then(office):
    mary = await office.manager(**absent("offline", office.time - timedelta(days=1)))
    answered = await office.conversation(mary, waits=False)
    await office.process().relieve({"manager_id": mary})
    assert await office.timers() == []
    await office.house.database.durable.conversations.update_one(
        {"_id": answered}, {"$set": {"waiting_since": office.time}}
    )
    await office.house.bus.announce(MessageReceived(await office.get(answered), {}))
    assert await office.timers() == [mary]
    await office.process().relieve({"manager_id": mary})
    assert await office.holder(answered) is None


async def test_messages_to_somebody_who_is_there_set_no_timer(office):
    mary = await office.manager()
    waiting = await office.conversation(mary)
    await office.house.bus.announce(MessageReceived(await office.get(waiting), {}))
    assert await office.timers() == []


async def test_the_time_begins_with_the_chosen_status_and_saying_it_again_changes_nothing(office):
    mary = await office.manager()
    await office.conversation(mary)
    await office.house.assigner.set_status(mary, Status.OFFLINE)
    assert await office.timers() == [mary]
    left_at = office.time - timedelta(minutes=1)
    await office.house.manager_store.change(mary, {"status_at": left_at})
    again = await office.house.assigner.set_status(mary, Status.OFFLINE)
    assert again["status_at"] == left_at


async def test_being_given_a_conversation_while_away_begins_the_time_anew(office):
    mary, ann = await office.manager("offline"), await office.manager()
    waiting = await office.conversation(ann)
    await office.house.assigner.hand_to(waiting, mary, by=SYSTEM)
    assert await office.timers() == [mary]


async def test_what_a_crash_left_undone_is_done_within_a_look(office):
    mary = await office.manager(**absent("gone", office.time - LIMIT))
    ann = await office.manager(**absent("gone", office.time - LIMIT))
    await office.conversation(mary)
    await office.conversation(ann, waits=False)
    await office.process().look_after_all()
    assert await office.timers() == [mary]
