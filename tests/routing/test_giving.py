"""How conversations are given out by what admins set, and what is remembered of it."""

import asyncio
from datetime import timedelta

import pytest

from inbox.fresh import FRESH_SECONDS
from inbox.model.ids import now
from inbox.model.people import Status
from inbox.timers import Later
from routing.policy import RoutingSettings
from tests.routing.office import BOSS, OWNER


@pytest.mark.parametrize("absence", ["gone", "off_shift"])
async def test_who_is_not_there_gets_nothing_until_they_are_back(office, absence):
    mary = await office.manager()
    await office.set_presence(mary, **{absence: True})
    waiting = await office.conversation()
    await office.house.assigner.drain()
    assert await office.holder(waiting) is None
    await office.set_presence(mary, **{absence: False})
    assert await office.holder(waiting) == mary


@pytest.mark.parametrize(("channels", "taken"), [((), True), (("c1", "c2"), True), (("c2",), False)])
async def test_who_serves_other_channels_only_is_not_eligible(office, channels, taken):
    mary = await office.manager()
    await office.house.database.durable.managers.update_one({"_id": mary}, {"$set": {"channels": list(channels)}})
    waiting = await office.conversation()
    await office.house.assigner.drain()
    assert await office.holder(waiting) == (mary if taken else None)


async def test_by_turns_who_got_nothing_for_longest_is_next_however_much_they_hold(office):
    await office.shop_policy(strategy="round_robin")
    small, large = await office.manager(capacity=3), await office.manager(capacity=30)
    turns = []
    for _ in range(6):
        waiting = await office.conversation(last_manager=large)
        await office.house.assigner.drain()
        turns.append(await office.holder(waiting))
        assert await office.reason(waiting) == "round_robin"
    assert sorted([small, large]) == sorted(turns[:2])
    assert turns == turns[:2] * 3


async def test_where_people_give_and_take_nothing_is_given_out_but_goes_back_to_its_manager(office):
    sales = await office.team("sales", strategy="manual")
    mary, olena = await office.manager(teams=(sales,), capacity=1), await office.manager(teams=(sales,))
    waiting = await office.conversation(team_id=sales, last_manager=mary)
    await office.house.assigner.drain()
    assert await office.holder(waiting) is None
    await office.house.assigner.hand_to(waiting, mary, by=BOSS)
    for resting in ({"status": "closed"}, {"snoozed_until": now() + timedelta(hours=1)}):
        await office.house.conversations.change(waiting, resting)
        await office.house.conversations.change(waiting, {"status": "open"})
        assert await office.holder(waiting) == mary
    await office.house.conversations.change(waiting, {"snoozed_until": now() + timedelta(hours=1)})
    other = await office.conversation(team_id=sales)
    await office.house.assigner.hand_to(other, mary, by=BOSS)
    await office.house.conversations.change(waiting, {"status": "open"})
    assert await office.holder(waiting) is None
    await office.house.assigner.set_status(olena, Status.ONLINE)
    await office.house.conversations.change(waiting, {"add_labels": ["vip"]})
    assert await office.holder(waiting) is None
    await office.check_loads()


async def test_a_policy_that_gives_out_again_finds_what_waits(office):
    await office.shop_policy(strategy="manual")
    mary, waiting = await office.manager(), await office.conversation()
    await office.house.assigner.drain()
    assert await office.holder(waiting) is None
    await office.shop_policy(strategy="balanced")
    await office.house.assigner.drain()
    assert await office.holder(waiting) == mary


@pytest.mark.parametrize("comes_later", [False, True])
async def test_customers_who_wait_go_before_what_nobody_waits_for(office, comes_later):
    answered = {"waiting_since": None, "status": "pending", "priority": 3}
    first = await office.conversation(**({} if comes_later else answered))
    second = await office.conversation(**(answered if comes_later else {}))
    waiting, quiet = (first, second) if comes_later else (second, first)
    mary = await office.manager(capacity=1)
    await office.house.assigner.drain()
    assert [await office.holder(each) for each in (waiting, quiet)] == [mary, None]
    await office.house.conversations.change(waiting, {"status": "closed"})
    assert await office.holder(quiet) == mary
    await office.check_loads()


async def test_what_nobody_waits_for_does_not_overtake_who_waits(office):
    mary = await office.manager()
    waiting, quiet = await office.conversation(), await office.conversation(waiting_since=None, status="pending")
    await office.house.conversations.change(quiet, {"add_labels": ["vip"]})
    assert [await office.holder(each) for each in (waiting, quiet)] == [mary, mary]
    assert (await office.row(waiting))["assignment"]["at"] <= (await office.row(quiet))["assignment"]["at"]
    await office.check_loads()


class TestWaitingForTheLastManager:
    @pytest.fixture
    async def sticky(self, office):
        await office.shop_policy(strategy="sticky", wait_for_last=10)
        return office

    async def test_others_do_not_get_it_and_they_get_it_as_soon_as_they_are_back(self, sticky):
        last, other = await sticky.manager("away"), await sticky.manager()
        waiting = await sticky.conversation(last_manager=last)
        await sticky.house.assigner.drain()
        await sticky.house.assigner.drain()
        assert await sticky.holder(waiting) is None
        assert (await sticky.row(waiting))["waiting_for"]["manager_id"] == last
        stranger = await sticky.conversation()
        await sticky.house.assigner.drain()
        assert await sticky.holder(stranger) == other
        await sticky.house.assigner.set_status(last, Status.ONLINE)
        row = await sticky.row(waiting)
        assert (row["assignee_id"], row["assignment"]["reason"]) == (last, "waited_for_last")
        assert row["waiting_for"] is None

    async def test_the_timer_ends_it_in_another_process(self, sticky, other_house):
        last, other = await sticky.manager("offline"), await sticky.manager()
        waiting = await sticky.conversation(last_manager=last)
        await sticky.house.assigner.drain()
        until_then = (await sticky.row(waiting))["waiting_for"]["until"]
        timer = await sticky.house.database.durable.timers.find_one({"kind": "routing.wait"})
        assert timer["due_at"] == until_then
        assert timedelta(minutes=9) < until_then - now() <= timedelta(minutes=10)
        with pytest.raises(Later):
            await other_house.assigner.wait_is_over(timer["data"])
        assert await sticky.holder(waiting) is None
        await sticky.house.database.durable.conversations.update_one(
            {"_id": waiting}, {"$set": {"waiting_for.until": now()}}
        )
        for _ in range(2):
            await other_house.assigner.wait_is_over(timer["data"])
        assert await sticky.holder(waiting) == other
        await sticky.check_loads()

    async def test_nobody_waits_for_who_could_not_take_it_anyhow(self, sticky):
        gone, other = await sticky.manager(), await sticky.manager()
        await sticky.house.managers.change(gone, {"active": False}, by=OWNER)
        for last in (gone, "nobody"):
            waiting = await sticky.conversation(last_manager=last)
            await sticky.house.assigner.drain()
            assert await sticky.holder(waiting) == other

    async def test_a_person_may_take_it_meanwhile(self, sticky):
        last, other = await sticky.manager("away"), await sticky.manager()
        waiting = await sticky.conversation(last_manager=last)
        await sticky.house.assigner.drain()
        await sticky.house.assigner.hand_to(waiting, other, by=BOSS)
        await sticky.house.assigner.wait_is_over({"conversation_id": waiting})
        assert await sticky.holder(waiting) == other

    async def test_waiters_weigh_on_their_manager(self, sticky):
        last, _ = await sticky.manager("away", capacity=4), await sticky.manager()
        await sticky.conversation(last_manager=last)
        await sticky.house.assigner.drain()
        await sticky.house.assigner.reconcile()
        assert (await sticky.house.managers.get(last))["pressure"] == 0.25


class TestRelieving:
    async def test_somebody_else_gets_it_once(self, office, other_house):
        mary = await office.manager()
        held = await office.conversation()
        await office.house.assigner.drain()
        olena = await office.manager()
        houses = (office.house, other_house)
        done = await asyncio.gather(*(each.assigner.relieve(held, held_by=mary, reason="offline") for each in houses))
        assert sorted(done) == [False, True]
        assert await office.holder(held) == olena
        assert not await office.house.assigner.relieve(held, held_by=mary, reason="offline")
        assert await office.holder(held) == olena
        await office.check_loads()

    @pytest.mark.parametrize("back", ["status", "presence"])
    async def test_without_anybody_else_it_waits_until_they_are_available_anew(self, office, back):
        mary = await office.manager()
        held = await office.conversation()
        await office.house.assigner.drain()
        assert await office.house.assigner.relieve(held, held_by=mary, reason="unanswered")
        await office.house.assigner.drain()
        assert await office.holder(held) is None  # They are there, but that is what they were before.
        if back == "status":
            await office.house.assigner.set_status(mary, Status.AWAY)
            await office.house.assigner.set_status(mary, Status.ONLINE)
        else:
            await office.set_presence(mary, gone=True)
            await office.set_presence(mary, gone=False)
        assert await office.holder(held) == mary
        await office.check_loads()

    async def test_somebody_else_goes_first(self, office):
        mary = await office.manager(capacity=1)
        held = await office.conversation()
        await office.house.assigner.drain()
        await office.house.assigner.set_status(mary, Status.OFFLINE)
        assert await office.house.assigner.relieve(held, held_by=mary, reason="offline")
        olena = await office.manager("offline")
        both = office.house.database.durable.managers
        await both.update_many({}, {"$set": {"status": "online", "available_at": now()}})
        await office.house.assigner.drain()
        assert await office.holder(held) == olena

    @pytest.mark.parametrize("fields", [{"status": "snoozed"}, {"status": "closed", "active": False}])
    async def test_what_rests_stays_where_it_is(self, office, fields):
        mary = await office.manager("busy")
        rested = await office.conversation(assignee_id=mary, **fields)
        assert not await office.house.assigner.relieve(rested, held_by=mary, reason="offline")
        assert not await office.house.assigner.relieve("nothing", held_by=mary, reason="offline")
        assert await office.holder(rested) == mary


async def test_a_decision_tells_why_this_one_and_not_another(office):
    sales = await office.team("sales")
    chosen = await office.manager(teams=(sales,), capacity=4)
    loaded = await office.manager(teams=(sales,), capacity=1)
    others = {
        await office.manager("busy", teams=(sales,)): "busy",
        await office.manager(): "other_team",
        await office.manager(teams=(sales,), languages=("uk",)): "other_language",
    }
    await office.manager("offline")
    held = await office.conversation(team_id=sales, last_manager=loaded)
    await office.house.assigner.drain()
    assert await office.holder(held) == loaded
    await asyncio.sleep(FRESH_SECONDS)
    waiting = await office.conversation(team_id=sales, language="en")
    await office.house.assigner.drain()
    told = (await office.row(waiting))["assignment"]
    assert (told["reason"], told["strategy"], told["considered"]) == ("least_loaded", "balanced", 6)
    first, *rest = told["candidates"]
    assert first == {"manager_id": chosen, "name": "Mary", "load": 1, "capacity": 4, "note": "chosen"}
    notes = {row["manager_id"]: row["note"] for row in rest}
    assert len(rest) == 4
    assert notes[loaded] == "full"
    assert all(notes[key] == others[key] for key in notes.keys() & others.keys())


async def test_a_team_that_changes_brings_what_waits_to_its_members(office):
    for name in ("sales", "repairs"):
        await office.team(name)
    mary = await office.manager(teams=("repairs",))
    waiting = await office.conversation(team_id="sales")
    await office.house.assigner.drain()
    assert await office.holder(waiting) is None
    await office.house.conversations.change(waiting, {"team_id": "repairs"})
    assert await office.holder(waiting) == mary
    other = await office.conversation(team_id="sales")
    await office.house.managers.change(mary, {"teams": ["sales"]}, by=OWNER)
    assert await office.holder(other) == mary
    assert await office.holder(waiting) == mary


async def test_one_process_at_a_time_looks_for_what_crashes_left(office, other_house):
    meta = office.house.database.durable.meta
    await office.house.assigner.reconcile()
    holder = (await meta.find_one({"_id": "reconciler"}))["holder"]
    await other_house.assigner.reconcile()
    assert (await meta.find_one({"_id": "reconciler"}))["holder"] == holder


async def test_channels_that_weigh_more_break_ties_only(office):
    light, heavy = await office.manager(), await office.manager()
    for manager, channel in ((light, "c1"), (heavy, "c2")):
        held = await office.conversation(channel_id=channel)
        await office.house.assigner.hand_to(held, manager, by=BOSS)
    weights = RoutingSettings(weights={"c2": 3.0}).model_dump(mode="json", by_alias=True)
    await office.house.settings.change({"routing": weights})
    office.house.policies.forget()
    await office.house.assigner.reconcile()
    assert (await office.house.managers.get(heavy))["pressure"] == pytest.approx(0.2)
    waiting = await office.conversations(2)
    await office.house.assigner.drain()
    assert [await office.holder(each) for each in waiting] == [light, heavy]


async def test_a_customer_whose_language_somebody_sets_is_looked_at_anew(office):
    mary = await office.manager("offline", languages=("uk",))
    waiting = await office.conversation(language="en")
    await office.house.assigner.set_status(mary, Status.ONLINE)
    assert await office.holder(waiting) is None
    customer_id = (await office.row(waiting))["customer_id"]
    await office.house.database.durable.customers.update_one(
        {"_id": customer_id}, {"$set": {"tags": [], "phones": [], "emails": []}}
    )
    await office.house.customers.change(customer_id, {"languages": ["uk"]})
    await office.house.assigner.drain()
    assert await office.holder(waiting) == mary
