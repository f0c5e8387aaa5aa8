"""Who gets a conversation, and that nobody's load is ever told wrong."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.model.conversation import Priority, new_conversation
from inbox.model.errors import Conflict, DomainError, Invalid, NotFound
from inbox.model.ids import first_customer_id, identity_id, now
from inbox.model.incoming import Person
from inbox.model.people import Status
from inbox.storage.database import connect
from tests.conftest import SECRET_KEY
from tests.inbox.arrivals import accepted, said, work_off
from tests.routing.commands import Commands
from tests.routing.office import BOSS, OWNER
from web.house import House

ELIGIBILITY = [
    pytest.param({}, {}, True, id="online with room"),
    pytest.param({"status": "busy"}, {}, False, id="busy"),
    pytest.param({"status": "away"}, {}, False, id="away"),
    pytest.param({"status": "offline"}, {}, False, id="offline"),
    pytest.param({"capacity": 0}, {}, False, id="capacity of nothing"),
    pytest.param({}, {"team_id": "sales"}, False, id="in no team"),
    pytest.param({"teams": ("repairs",)}, {"team_id": "sales"}, False, id="in another team"),
    pytest.param({"teams": ("repairs", "sales")}, {"team_id": "sales"}, True, id="in the team"),
    pytest.param({"teams": ("repairs",)}, {}, True, id="in a team, of a conversation that has none"),
    pytest.param({"languages": ("uk",)}, {"language": "en"}, False, id="another language"),
    pytest.param({"languages": ("uk", "en")}, {"language": "en"}, True, id="the language"),
    pytest.param({"languages": ()}, {"language": "en"}, True, id="every language"),
    pytest.param({"languages": ("uk",)}, {"language": ""}, True, id="nobody knows the customer's language"),
    pytest.param({"languages": ("uk",)}, {"language": "ka"}, True, id="a language that the shop does not serve"),
]


@pytest.mark.parametrize(("manager", "conversation", "eligible"), ELIGIBILITY)
async def test_who_is_eligible(office, manager, conversation, eligible):
    for team in ("sales", "repairs"):
        await office.house.team_store.insert({"_id": team, "name": team, "created_at": now()})
    mary = await office.manager(**manager)
    waiting = await office.conversation(**conversation)
    await office.house.assigner.drain()
    assert await office.holder(waiting) == (mary if eligible else None)
    assert await office.load(mary) == eligible


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"status": "pending"}, True),
        ({"status": "snoozed"}, False),
        ({"status": "closed", "active": False}, False),
    ],
)
async def test_what_rests_is_given_to_nobody(office, fields, taken):
    mary = await office.manager()
    waiting = await office.conversation(**fields)
    await office.house.assigner.drain()
    assert await office.holder(waiting) == (mary if taken else None)


async def test_the_last_manager_comes_first_even_if_others_have_less(office):
    known, _ = await office.manager(capacity=2), await office.manager(capacity=10)
    first = await office.conversation(last_manager=known)
    second = await office.conversation(last_assignee_id=known)
    third = await office.conversation(last_manager=known)
    await office.house.assigner.drain()
    assert [await office.holder(each) == known for each in (first, second, third)] == [True, True, False]
    assert [await office.reason(each) for each in (first, second, third)] == [
        "last_manager",
        "last_manager",
        "least_loaded",
    ]


async def test_load_counts_in_proportion_to_capacity(office):
    small, large = await office.manager(capacity=2), await office.manager(capacity=8)
    await office.conversations(10)
    await office.house.assigner.drain()
    assert (await office.load(small), await office.load(large)) == (2, 8)
    for conversation in (await office.store.held_by(large))[:5]:
        await office.house.conversations.change(conversation, {"status": "closed"})
    waiting = await office.conversation()
    await office.house.assigner.drain()
    assert await office.holder(waiting) == large


async def test_of_equals_the_one_who_waited_longest_is_next(office):
    managers = [await office.manager() for _ in range(3)]
    turns = []
    for conversation in await office.conversations(6):
        await office.house.assigner.drain()
        turns.append(await office.holder(conversation))
    assert set(turns[:3]) == set(managers)
    assert turns[3:] == turns[:3]


async def test_the_queue_is_emptied_by_priority_and_then_by_who_waits_longest(office):
    old = await office.conversation()
    new = await office.conversation()
    urgent = await office.conversation(priority=int(Priority.URGENT))
    low = await office.conversation(priority=int(Priority.LOW))
    mary = await office.manager(capacity=1)
    turns = []
    for _ in range(4):
        (held,) = await office.store.held_by(mary)
        turns.append(held)
        await office.house.conversations.change(held, {"status": "closed"})
    assert turns == [urgent, old, new, low]


@pytest.mark.parametrize("event", ["online", "closed", "snoozed", "capacity", "left", "handed"])
async def test_the_queue_moves_the_moment_there_is_room(office, event):
    mary = await office.manager(status="offline" if event == "online" else "online", capacity=1)
    held, waiting = await office.conversation(), None
    if event == "online":
        waiting = held
        await office.house.assigner.set_status(mary, Status.ONLINE)
    else:
        await office.house.assigner.drain()
        waiting = await office.conversation()
        await office.house.assigner.drain()
        assert await office.holder(waiting) is None
    if event == "closed":
        await office.house.conversations.change(held, {"status": "closed"})
    elif event == "snoozed":
        await office.house.conversations.change(held, {"snoozed_until": now() + timedelta(hours=1)})
    elif event == "capacity":
        await office.house.managers.change(mary, {"capacity": 2}, by=OWNER)
    elif event == "left":
        await office.manager(capacity=2)
        await office.house.managers.change(mary, {"active": False}, by=OWNER)
        assert await office.holder(held) is not None
    elif event == "handed":
        olena = await office.manager(status="busy")
        await office.house.assigner.hand_to(held, olena, by=BOSS)
    assert await office.holder(waiting) is not None
    await office.check_loads()


@pytest.mark.parametrize(
    "hopeless", [{"team_id": "empty"}, {"channel_id": "c2"}, {"given_up_by": "mary"}, {"language": "en"}]
)
async def test_conversations_that_nobody_may_take_do_not_hold_up_those_behind_them(office, hopeless):
    await office.house.team_store.insert({"_id": "empty", "name": "empty", "created_at": now()})
    fields = {key: value for key, value in hopeless.items() if key != "language"}
    cards = [{"_id": f"u{number}", "language": hopeless.get("language", "uk")} for number in range(405)]
    await office.house.database.relaxed.customers.insert_many(cards)
    rows = [
        {**new_conversation(f"k{number}", customer_id=f"u{number}", channel_id="c1", at=now()), **fields}
        for number in range(405)
    ]
    await office.store.insert(rows)
    waiting = await office.conversation(priority=int(Priority.LOW))
    serving = {"_id": "mary", "email": "mary@shop.example", "channels": ["c1"], "languages": ["uk"]}
    olena = await office.manager("offline", languages=("uk",))
    mary = {**(await office.house.managers.get(olena)), **serving, "status": "online"}
    await office.house.database.durable.managers.insert_one(mary)
    await office.house.assigner.drain()
    assert await office.holder(waiting) == "mary"
    assert await office.load("mary") == 1


async def test_processes_that_give_out_the_same_queue_give_each_conversation_once(office, other_house):
    """Also where both want the same manager for it: the one who comes second must not take the place back."""
    mary, olena = await office.manager("offline", capacity=6), await office.manager("offline", capacity=3)
    waiting = [await office.conversation(last_manager=mary) for _ in range(12)]
    await office.house.database.durable.managers.update_many({}, {"$set": {"status": "online"}})
    houses = [House(office.house.database, office.house.redis, secret_key=SECRET_KEY, base_url="") for _ in range(4)]
    await asyncio.gather(*(each.assigner.drain() for each in [office.house, other_house, *houses]))
    holders = [await office.holder(each) for each in waiting]
    assert (holders.count(mary), holders.count(olena), holders.count(None)) == (6, 3, 3)
    await office.check_loads()


async def test_a_person_may_assign_beyond_capacity(office):
    mary = await office.manager(capacity=1)
    for conversation in await office.conversations(3):
        await office.house.assigner.hand_to(conversation, mary, by=BOSS)
    assert await office.load(mary) == 3
    await office.check_loads()
    waiting = await office.conversation()
    await office.house.assigner.drain()
    assert await office.holder(waiting) is None


async def test_handing_over_says_by_whom_and_frees_the_other(office):
    mary, olena = await office.manager(), await office.manager("busy")
    held = await office.conversation()
    await office.house.assigner.drain()
    row = await office.house.assigner.hand_to(held, olena, by=BOSS)
    assert (row["assignee_id"], row["assignment"]["reason"], row["assignment"]["by"]) == (olena, "manual", "Boss")
    assert (await office.load(mary), await office.load(olena)) == (0, 1)


async def test_the_next_of_the_queue_takes_a_place_in_the_write_that_frees_it(office, databases, redis):
    commands = Commands()
    watched = connect(databases.mongodb_url, office.house.database.name, listeners=(commands,))
    house = House(watched, redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    mary = await office.manager(capacity=1)
    wants = {"language": "", "last_manager_id": None}
    held, *waiting = [await office.conversation(wants=wants) for _ in range(4)]
    await house.assigner.drain()
    asked = []
    for following in waiting:
        commands.seen.clear()
        await house.conversations.change(held, {"status": "closed"})
        assert await office.holder(following) == mary
        asked.append([each for each in commands.seen if "managers" in each and "findAndModify" in each])
        held = following
    await house.conversations.change(held, {"status": "closed"})
    assert await office.load(mary) == 0
    assert [len(each) for each in asked] == [1, 1, 1]
    await house.channels.close()
    watched.close()


@pytest.mark.parametrize("hindrance", ["full", "away", "another team", "gave it up"])
async def test_a_place_is_not_handed_on_to_who_may_not_have_it(office, hindrance):
    mary = await office.manager(capacity=1)
    held = await office.conversation()
    await office.house.assigner.drain()
    fields: dict[str, Any] = {"another team": {"team_id": "sales"}, "gave it up": {"given_up_by": mary}}.get(
        hindrance, {}
    )
    await office.house.team_store.insert({"_id": "sales", "name": "sales", "created_at": now()})
    waiting = await office.conversation(**fields)
    await office.house.assigner.drain()
    if hindrance == "full":
        await office.house.managers.change(mary, {"capacity": 0}, by=OWNER)
    elif hindrance == "away":
        await office.house.assigner.set_status(mary, Status.AWAY)
    await office.house.conversations.change(held, {"status": "closed"})
    assert await office.holder(waiting) is None
    assert await office.load(mary) == 0


async def test_what_somebody_gave_up_goes_to_the_others_or_waits_for_them(office):
    mary, olena = await office.manager(), await office.manager("away")
    held = await office.conversation()
    await office.house.assigner.drain()
    assert await office.holder(held) == mary
    await office.house.assigner.hand_to(held, None, by=BOSS)
    assert await office.holder(held) is None
    next_one = await office.conversation()
    await office.house.assigner.drain()
    assert await office.holder(next_one) == mary
    await office.house.assigner.set_status(olena, Status.ONLINE)
    assert await office.holder(held) == olena
    await office.house.assigner.hand_to(held, None, by=BOSS)
    assert await office.holder(held) == mary


async def test_who_gave_it_up_may_take_it_after_all(office):
    mary = await office.manager()
    held = await office.conversation()
    await office.house.assigner.drain()
    await office.house.assigner.hand_to(held, None, by=BOSS)
    await office.house.assigner.hand_to(held, mary, by=BOSS)
    assert await office.holder(held) == mary


async def test_handing_over_what_rests_counts_for_nobody_until_it_wakes(office):
    mary = await office.manager("busy")
    rested = await office.conversation(status="snoozed", snoozed_until=now() + timedelta(hours=1))
    await office.house.assigner.hand_to(rested, mary, by=BOSS)
    assert (await office.holder(rested), await office.load(mary)) == (mary, 0)


@pytest.mark.parametrize("gone", [False, True])
async def test_nobody_is_given_to_somebody_who_is_not_there(office, gone):
    stranger = "nobody"
    if gone:
        stranger = await office.manager()
        await office.house.managers.change(stranger, {"active": False}, by=OWNER)
    waiting = await office.conversation()
    with pytest.raises(Invalid, match="assignee_id"):
        await office.house.assigner.hand_to(waiting, stranger, by=BOSS)
    assert await office.holder(waiting) is None


async def test_an_assignment_over_an_older_version_is_refused(office):
    mary, waiting = await office.manager("busy"), await office.conversation()
    await office.house.conversations.change(waiting, {"priority": "high"})
    with pytest.raises(Conflict) as refused:
        await office.house.assigner.hand_to(waiting, mary, by=BOSS, version=1)
    assert refused.value.current == 2
    assert await office.load(mary) == 0
    with pytest.raises(NotFound):
        await office.house.assigner.hand_to("nothing", mary, by=BOSS)


async def test_two_who_assign_to_the_same_manager_at_once_count_it_once(office, other_house):
    mary = await office.manager("busy")
    for waiting in await office.conversations(5):
        houses = (office.house, other_house)
        await asyncio.gather(*(each.assigner.hand_to(waiting, mary, by=BOSS) for each in houses))
        assert await office.holder(waiting) == mary
    assert await office.load(mary) == 5
    await office.check_loads()


async def test_traces_of_a_crash_are_put_right_once_they_are_certain(office):
    mary = await office.manager("busy")
    counted, lost = await office.conversations(2)
    await office.house.assigner.hand_to(counted, mary, by=BOSS)
    await office.house.assigner.hand_to(lost, mary, by=BOSS)
    managers = office.house.database.durable.managers
    await managers.update_one({"_id": mary}, {"$set": {"holding": [counted, "never assigned"]}})
    await office.house.assigner.reconcile()
    assert await office.load(mary) == 2  # It may be an assignment under way: nothing is certain yet.
    async with asyncio.timeout(20):
        while sorted((await office.house.managers.get(mary))["holding"]) != sorted([counted, lost]):
            await asyncio.sleep(0.5)
            await office.house.assigner.reconcile()
    await office.check_loads()


async def test_reopening_gives_a_conversation_back_to_who_held_it(office):
    mary, _ = await office.manager(), await office.manager()
    held = await office.conversation(last_manager=mary)
    await office.house.assigner.drain()
    for resting in ({"status": "closed"}, {"snoozed_until": now() + timedelta(hours=1)}):
        await office.house.conversations.change(held, resting)
        assert await office.load(mary) == 0
        await office.house.conversations.change(held, {"status": "open"})
        assert (await office.holder(held), await office.reason(held)) == (mary, "last_manager")
    await office.check_loads()


@pytest.mark.parametrize("resting", ["closed", "snoozed"])
async def test_a_customer_who_writes_again_gets_their_manager_at_once(office, resting):
    mary = await office.manager()
    await work_off(office.house.ingest, [accepted(said(1))])
    row = await office.house.database.durable.conversations.find_one({})
    assert row["assignee_id"] == mary
    until = now() + timedelta(hours=1) if resting == "snoozed" else None
    await office.house.conversations.change(row["_id"], {"status": resting, "snoozed_until": until})
    assert await office.load(mary) == 0
    await work_off(office.house.ingest, [accepted(said(2))])
    assert await office.holder(row["_id"]) == mary
    await office.check_loads()


async def test_assignments_are_counted_by_their_reason(office):
    mary = await office.manager()
    await office.conversation(last_manager=mary)
    await office.house.assigner.drain()
    await office.conversation()
    await office.house.assigner.drain()
    counted = office.house.metrics.registry.get_sample_value
    assert counted("skrynka_assign_total", {"reason": "last_manager"}) == 1
    assert counted("skrynka_assign_total", {"reason": "least_loaded"}) == 1


STEPS = ("write", "close", "snooze", "open", "pend", "hand", "take back", "status", "capacity")


@settings(
    max_examples=20,
    deadline=None,  # A shared machine pauses as it likes.
    # Each example clears the database for itself; and a database takes its time.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=3),
        max_size=12,
    )
)
async def test_a_load_is_always_what_is_held(office, other_house, turns):
    """Steps of one turn come at once, and from two processes."""
    database = office.house.database.durable
    for name in ("managers", "conversations", "customers", "identities", "messages"):
        await database[name].delete_many({})
    managers = [await office.manager(capacity=capacity) for capacity in (1, 2, 3)]
    for number, turn in enumerate(turns):
        houses = (office.house, other_house)
        await asyncio.gather(
            *(_step(houses[position % 2], managers, step, number * 10 + position) for position, step in enumerate(turn))
        )
        await office.check_loads()


async def _step(house: House, managers: Sequence[str], step: tuple[str, int, int], number: int) -> None:
    what, which, who = step
    if what == "write":
        person = Person(external_id=f"p{which}", name="Ann")
        await work_off(house.ingest, [accepted(said(number, person=person))])
        return
    if what == "status":
        await house.assigner.set_status(managers[who], list(Status)[which % 4])
        return
    if what == "capacity":
        await house.managers.change(managers[who], {"capacity": which}, by=OWNER)
        return
    rows = await house.database.durable.conversations.find().sort("_id", 1).to_list(None)
    if not rows:
        return
    chosen = rows[which % len(rows)]["_id"]
    until = now() + timedelta(hours=1)
    fields: dict[str, dict[str, Any]] = {
        "close": {"status": "closed"},
        "snooze": {"status": "snoozed", "snoozed_until": until},
        "open": {"status": "open"},
        "pend": {"status": "pending"},
    }
    try:
        if what in fields:
            await house.conversations.change(chosen, fields[what])
        elif what == "hand":
            await house.assigner.hand_to(chosen, managers[who], by=BOSS)
        elif what == "take back":
            await house.assigner.hand_to(chosen, None, by=BOSS)
    except DomainError:
        return  # Another conversation of this customer is active: refused, and nothing has changed.


@pytest.mark.parametrize("room", [True, False])
async def test_what_is_woken_by_being_joined_goes_back_to_its_manager_only_where_they_have_room(office, room):
    mary = await office.manager("busy", capacity=2 if room else 1)
    people = [Person(external_id=name, name="Ann") for name in ("ann", "anna")]
    await work_off(office.house.ingest, [accepted(said(1, person=people[0]))])
    (rested,) = await office.house.database.durable.conversations.find().to_list(None)
    await office.house.assigner.hand_to(rested["_id"], mary, by=BOSS)
    await office.house.conversations.change(
        rested["_id"], {"status": "snoozed", "snoozed_until": now() + timedelta(hours=1)}
    )
    await office.house.assigner.hand_to(await office.conversation(), mary, by=BOSS)
    await work_off(office.house.ingest, [accepted(said(2, person=people[1]))])
    first, second = (first_customer_id(identity_id("c1", person.external_id)) for person in people)
    await office.house.merging.merge(first, second, by=BOSS, reason={"type": "manual"})
    (joined,) = await office.house.database.durable.conversations.find({"customer_id": first}).to_list(None)
    assert (joined["status"], joined["assignee_id"]) == ("open", mary if room else None)
    await office.check_loads()
