"""Clocks as they are stored: written with what they follow from, noticed once, whatever crashes in between."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.managers import NewManager
from inbox.model.domain_events import ConversationChanged
from inbox.model.errors import DomainError
from inbox.model.ids import new_id, now
from inbox.model.incoming import Echo, NewMessage, Person
from inbox.model.people import Author, Role, Status, Viewer
from inbox.storage.database import connect
from inbox.tasks import TaskQuery
from inbox.timers import Later
from routing.clocks import STRIKE
from routing.clockwork import Terms, mended, next_look
from routing.handing_over import HandOver
from routing.policy import Policy, RoutingSettings, Targets
from tests.conftest import SECRET_KEY
from tests.flow import until
from tests.inbox.arrivals import ANN, accepted, said, work_off
from tests.routing.commands import Commands
from web.house import House

ALWAYS = {
    "timezone": "UTC",
    "open": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}],
}
OWNER = Viewer(id="boss", name="Boss", role=Role.OWNER)
BOSS = Author.of(OWNER)


def written(number: int, person: Person = ANN, at: datetime | None = None) -> NewMessage:
    """What a customer writes just now, or at a time."""
    return msgspec.structs.replace(said(number, person=person), sent_at=at or now())


class Office:
    """A house whose customers wait as long as is wanted."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.rows = house.database.durable.conversations
        self.timers = house.database.durable.timers
        self._numbers = 0

    async def go_by(self, *, first: int | None = 60, following: int | None = 30, **policy: Any) -> None:
        targets = Targets(first_reply=first, next_reply=following)
        shop = RoutingSettings(policy=Policy(targets=targets, hours=ALWAYS, **policy))
        await self.house.settings.change({"routing": shop.model_dump(mode="json", by_alias=True)})
        self.house.policies.forget()

    async def manager(self, name: str = "Mary", *, status: str = "busy", **fields: Any) -> str:
        wanted = NewManager(email=f"{new_id()}@shop.example", name=name, password_hash="", **fields)
        created = await self.house.managers.create(wanted, by=None)
        await self.house.assigner.set_status(created["_id"], Status(status))
        identifier: str = created["_id"]
        return identifier

    async def write(self, person: Person = ANN) -> str:
        """A customer writes; the id of their conversation."""
        self._numbers += 1
        event = written(self._numbers, person)
        await work_off(self.house.ingest, [accepted(event)])
        row = await self.rows.find_one({"active": True, "last_message.text": event.text})
        assert row is not None
        identifier: str = row["_id"]
        return identifier

    async def row(self, conversation_id: str) -> dict[str, Any]:
        row = await self.rows.find_one({"_id": conversation_id})
        assert row is not None
        return dict(row)

    async def clock(self, conversation_id: str) -> Any:
        return (await self.row(conversation_id))["clock"]

    async def timer(self, conversation_id: str) -> datetime | None:
        """When somebody looks after a conversation."""
        timer = await self.timers.find_one({"_id": f"{STRIKE}:{conversation_id}"})
        return timer["due_at"] if timer is not None else None

    async def pass_time(self, conversation_id: str, minutes: float) -> None:
        """Have all that is known of a wait be so much longer ago."""
        span = timedelta(minutes=minutes)
        row = await self.row(conversation_id)
        clock = row["clock"] and {
            field: value - span if isinstance(value, datetime) else value for field, value in row["clock"].items()
        }
        aged: dict[str, Any] = {"waiting_since": row["waiting_since"] - span, "clock": clock}
        aged["opened_at"] = row["opened_at"] - span
        if row["assignment"]:
            aged["assignment.at"] = row["assignment"]["at"] - span
        if row.get("escalated_at"):
            aged["escalated_at"] = row["escalated_at"] - span
        await self.rows.update_one({"_id": conversation_id}, {"$set": aged})
        async for timer in self.timers.find({"_id": f"{STRIKE}:{conversation_id}"}):
            await self.timers.update_one({"_id": timer["_id"]}, {"$set": {"due_at": timer["due_at"] - span}})

    async def look(self, conversation_id: str, house: House | None = None) -> float | None:
        """Somebody looks after a conversation; in how many seconds they want to look again."""
        try:
            await (house or self.house).clocks.strike({"conversation_id": conversation_id})
        except Later as later:
            return later.seconds
        return None

    async def tasks(self) -> list[dict[str, Any]]:
        found, _ = await self.house.tasks.page(OWNER, TaskQuery())
        return found


@pytest.fixture
async def office(house):
    built = Office(house)
    await built.go_by()
    return built


@pytest.fixture
async def other_house(house):
    """Another process of the same shop."""
    other = House(house.database, house.redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    yield other
    await other.channels.close()


def minutes(later: datetime, earlier: datetime) -> float:
    return (later - earlier) / timedelta(minutes=1)


async def test_a_message_starts_the_clock_in_the_same_write_and_a_timer_stands_before(office):
    waiting = await office.write()
    row = await office.row(waiting)
    assert (row["clock"]["kind"], row["clock"]["since"]) == ("first", row["waiting_since"])
    assert minutes(row["clock"]["due_at"], row["waiting_since"]) == 60
    assert await office.timer(waiting) == row["clock"]["warn_at"]
    await office.write()
    assert await office.clock(waiting) == row["clock"]


async def test_what_was_answered_elsewhere_has_no_clock_and_the_next_message_has_another(office):
    waiting = await office.write()
    echo = Echo(person=ANN, external_id="e1", sent_at=now(), text="From the phone")
    await work_off(office.house.ingest, [accepted(echo)])
    assert await office.clock(waiting) is None
    await work_off(office.house.ingest, [accepted(written(2, at=now() + timedelta(seconds=1)))])
    assert (await office.clock(waiting))["kind"] == "next"


async def test_rest_and_waking_stop_and_go_on_with_the_clock(office):
    waiting = await office.write()
    await office.pass_time(waiting, 20)
    await office.house.conversations.change(waiting, {"snoozed_until": now() + timedelta(hours=1)})
    clock = await office.clock(waiting)
    assert (clock["due_at"], round(clock["left"]["due"] / 60)) == (None, 40)
    await office.house.conversations.change(waiting, {"status": "open"})
    clock = await office.clock(waiting)
    assert round(minutes(clock["due_at"], now())) == 40
    assert (await office.timer(waiting)) <= clock["warn_at"]
    await office.house.conversations.change(waiting, {"status": "closed"})
    assert await office.clock(waiting) is None


async def test_another_team_brings_the_timer_forward(office):
    policy = Policy(targets=Targets(first_reply=10), hours=ALWAYS).model_dump(mode="json", by_alias=True)
    await office.house.team_store.insert({"_id": "fast", "name": "Fast", "policy": policy, "created_at": now()})
    waiting = await office.write()
    before = await office.timer(waiting)
    await office.house.conversations.change(waiting, {"team_id": "fast"})
    row = await office.row(waiting)
    assert minutes(row["clock"]["due_at"], row["waiting_since"]) == 10
    assert await office.timer(waiting) == row["clock"]["warn_at"] < before


async def test_whoever_is_handed_a_wait_goes_by_their_teams_target(office):
    policy = Policy(targets=Targets(first_reply=10), hours=ALWAYS).model_dump(mode="json", by_alias=True)
    await office.house.team_store.insert({"_id": "fast", "name": "Fast", "policy": policy, "created_at": now()})
    waiting = await office.write()
    mary = await office.manager("Mary", teams=("fast",))
    await office.house.assigner.hand_to(waiting, mary, by=BOSS)
    assert minutes((await office.clock(waiting))["due_at"], now()) > 50
    await office.house.handing_over.hand_over(OWNER, waiting, HandOver(team_id="fast"))
    row = await office.row(waiting)
    assert (row["team_id"], minutes(row["clock"]["due_at"], row["waiting_since"])) == ("fast", 10)


async def test_a_wait_warns_then_is_late_and_goes_before_others(office):
    waiting = await office.write()
    heard: list[ConversationChanged] = []

    async def hear(event: ConversationChanged) -> None:
        heard.append(event)

    office.house.bus.subscribe(ConversationChanged, hear)
    assert await office.look(waiting) == pytest.approx(45 * 60, abs=30)
    await office.pass_time(waiting, 50)
    assert await office.look(waiting) == pytest.approx(10 * 60, abs=30)
    row = await office.row(waiting)
    assert (row["clock"]["warned_at"] is None, row["clock"]["breached_at"], row["priority"]) == (False, None, 1)
    await office.pass_time(waiting, 11)
    assert await office.look(waiting) is None
    row = await office.row(waiting)
    assert (row["clock"]["breached_at"] is None, row["priority"]) == (False, 2)
    assert [(event.before["priority"], event.after["priority"], event.author.type) for event in heard] == [
        (1, 2, "system")
    ]
    log = office.house.database.durable.live.find({"frames.data._id": waiting}).sort("_id", 1)
    told = [frame["data"] async for row in log for frame in row["frames"] if frame["type"] == "conversation.updated"]
    at_risk, late = [each["clock"] for each in told[-2:]]
    assert (at_risk["warned_at"] is None, at_risk["breached_at"], late) == (False, None, row["clock"])


async def test_looking_too_early_too_late_or_at_nothing_does_nothing(office):
    waiting = await office.write()
    await office.house.conversations.change(waiting, {"status": "closed"})
    row = await office.row(waiting)
    assert await office.look(waiting) is None
    assert await office.look("gone") is None
    assert await office.row(waiting) == row


async def test_leads_hear_of_it_once_however_many_processes_notice(office, other_house):
    olena, petro = await office.manager("Olena", role=Role.ADMIN), await office.manager("Petro")
    left = await office.manager("Left")
    await office.house.managers.change(left, {"active": False}, by=OWNER)
    await office.go_by(leads=(olena, petro, left))
    waiting = await office.write(Person(external_id="bob", name="Bob"))
    await office.pass_time(waiting, 61)
    await asyncio.gather(*(office.look(waiting, house) for house in (office.house, other_house) for _ in range(4)))
    await office.look(waiting)
    row, tasks = await office.row(waiting), await office.tasks()
    assert (row["priority"], row["escalated_at"]) == (2, row["clock"]["breached_at"])
    assert {task["assignee_id"] for task in tasks} == {olena, petro}
    assert {(task["title"], task["conversation_id"]) for task in tasks} == {("Not answered in time: Bob", waiting)}
    assert len(tasks) == 2
    # A task that is done or taken away does not come back.
    for task in tasks:
        await office.house.tasks.delete(OWNER, task["_id"])
    await office.look(waiting)
    assert await office.tasks() == []


async def test_whoever_comes_after_a_crash_tells_the_leads_all_the_same(office):
    olena = await office.manager("Olena", role=Role.ADMIN)
    await office.go_by(leads=(olena,))
    waiting = await office.write()
    await office.pass_time(waiting, 61)
    noticed = {**await office.clock(waiting), "warned_at": now(), "breached_at": now(), "raised": True}
    await office.rows.update_one({"_id": waiting}, {"$set": {"clock": noticed, "priority": 2}})
    await office.look(waiting)
    assert [task["assignee_id"] for task in await office.tasks()] == [olena]
    assert (await office.row(waiting))["priority"] == 2


async def test_who_does_not_answer_loses_the_conversation_with_a_word_to_whoever_gets_it(office, other_house):
    mary = await office.manager("Mary", status="online", capacity=1)
    await office.go_by(first=None, following=None, unanswered=15)
    waiting = await office.write()
    assert (await office.row(waiting))["assignee_id"] == mary
    assert minutes(await office.timer(waiting), now()) == pytest.approx(15, abs=0.5)
    assert await office.look(waiting) == pytest.approx(15 * 60, abs=30)
    olga = await office.manager("Olga", status="online")
    await office.pass_time(waiting, 16)
    await asyncio.gather(*(office.look(waiting, house) for house in (office.house, other_house)))
    row = await office.row(waiting)
    assert (row["assignee_id"], row["assignment"]["reason"] != "manual") == (olga, True)
    notes = await office.house.database.durable.messages.find({"direction": "note"}).to_list(None)
    assert [note["text"] for note in notes] == ["Mary did not answer within 15 min: it goes to somebody else."]
    assert await office.look(waiting) == pytest.approx(15 * 60, abs=30)


async def test_in_the_queue_nobody_is_relieved_and_whoever_gets_it_has_the_whole_time(office):
    await office.go_by(first=None, following=None, unanswered=15)
    waiting = await office.write()
    await office.pass_time(waiting, 40)
    assert await office.look(waiting) == pytest.approx(15 * 60, abs=30)
    mary = await office.manager("Mary", status="online")
    assert (await office.row(waiting))["assignee_id"] == mary
    assert await office.look(waiting) == pytest.approx(15 * 60, abs=30)


async def test_a_restart_finds_what_became_due_meanwhile_and_does_it_once(office, other_house):
    """Nobody works while it becomes due: two processes come up at the same moment."""
    olena = await office.manager("Olena", role=Role.ADMIN)
    await office.go_by(leads=(olena,))
    people = [Person(external_id=f"p{number}", name=f"P{number}") for number in range(6)]
    waiting = [await office.write(person) for person in people]
    for each in waiting:
        await office.pass_time(each, 61)

    async def done() -> bool:
        rows = [await office.row(each) for each in waiting]
        return (
            all(row.get("escalated_at") for row in rows) and await office.timers.count_documents({"kind": STRIKE}) == 0
        )

    running = [asyncio.create_task(each.timers.run()) for each in (office.house, other_house)]
    await until(done)
    for each in (office.house, other_house):
        await each.timers.stop()
    await asyncio.gather(*running)
    assert [(await office.row(each))["priority"] for each in waiting] == [2] * 6
    assert len(await office.tasks()) == 6


async def test_whose_timer_was_lost_is_found(office):
    late, in_time = await office.write(), await office.write(Person(external_id="bob", name="Bob"))
    await office.pass_time(late, 62)
    await office.pass_time(in_time, 50)
    await office.timers.delete_many({})
    await office.house.clocks.look_after_all()
    assert [await office.timer(each) is not None for each in (late, in_time)] == [True, False]
    await office.look(late)
    await office.timers.delete_many({})
    await office.house.clocks.look_after_all()
    assert await office.timer(late) is None


async def test_what_became_one_conversation_has_the_clock_of_who_waited_longer(office):
    ann, bob = await office.write(), await office.write(Person(external_id="bob", name="Bob"))
    await office.pass_time(bob, 30)
    rows = {key: await office.row(key) for key in (ann, bob)}
    cards = [rows[key]["customer_id"] for key in (ann, bob)]
    await office.house.merging.merge(*cards, by=BOSS, reason={"type": "manual"})
    kept = await office.rows.find_one({"active": True})
    assert kept["clock"]["since"] == rows[bob]["clock"]["since"] == kept["waiting_since"]
    assert kept["clock"]["due_at"] == rows[bob]["clock"]["due_at"]
    assert (await office.timer(kept["_id"])) <= kept["clock"]["warn_at"]
    gone = ann if kept["_id"] == bob else bob
    assert await office.look(gone) is None
    (merge,) = await office.house.merging.merges(cards[0])
    await office.house.merging.undo(cards[0], merge["_id"], by=BOSS)
    for key in (ann, bob):
        row = await office.row(key)
        assert (row["clock"]["since"], row["clock"]["due_at"]) == (
            row["waiting_since"],
            row["waiting_since"] + timedelta(hours=1),
        )


async def test_over_the_api_a_lead_hears_of_who_is_late_and_an_answer_ends_it(shop):
    lead = await shop.manager("Olena", role="admin")
    policy = {"targets": {"first_reply": 60, "next_reply": 30}, "hours": ALWAYS, "leads": [lead.id]}
    assert (await shop.owner.call("PUT", "/routing", {"policy": policy})).status == 200
    customer = shop.customer("Bob")
    customer.text("Is it in stock?")
    await shop.settled()
    (row,) = await shop.conversations()
    assert (row["clock"]["kind"], row["clock"]["state"]) == ("first", "running")
    office = Office(shop.house)
    await office.pass_time(row["id"], 61)

    async def told() -> Any:
        return (await lead.get("/tasks?mine=true"))["items"]

    (task,) = await until(told)
    assert (task["title"], task["conversation_id"]) == ("Not answered in time: Bob", row["id"])
    (row,) = await shop.conversations(sort="due")
    assert (row["clock"]["state"], row["priority"]) == ("late", "high")
    answer = {"kind": "reply", "text": "It is"}
    assert (await shop.owner.call("POST", f"/conversations/{row['id']}/messages", answer)).status == 201
    (row,) = await shop.conversations()
    assert row["clock"] is None
    replied = now().replace(microsecond=0)

    async def a_second_later() -> bool:
        """This provider's clock shows whole seconds."""
        return now().replace(microsecond=0) > replied

    await until(a_second_later)
    customer.text("Good")
    await shop.settled()
    (row,) = await shop.conversations()
    assert (row["clock"]["kind"], row["clock"]["state"], row["priority"]) == ("next", "running", "high")


async def test_a_batch_costs_one_command_more_with_targets_and_none_without(office, databases, redis):
    commands = Commands()
    watched = connect(databases.mongodb_url, office.house.database.name, listeners=(commands,))
    house = House(watched, redis, secret_key=SECRET_KEY, base_url="http://127.0.0.1:1")
    costs: dict[str, list[str]] = {}
    for number, targets in enumerate(("none", "some", "some", "none")):
        await office.go_by(**({} if targets == "some" else {"first": None, "following": None}))
        house.policies.forget()
        await house.policies.shop()
        people = [Person(external_id=f"{number} {each}", name="Ann") for each in range(20)]
        commands.seen.clear()
        await house.ingest._batches.process(  # One batch, and nothing beside it.
            [accepted(written(1, person)) for person in people]
        )
        costs[targets] = [each for each in commands.seen if "conversations" in each or "timers" in each]
    await house.channels.close()
    watched.close()
    assert sorted([*costs["none"], "update timers"]) == sorted(costs["some"])


STEPS = ("write", "again", "echo", "snooze", "open", "close", "team", "look")


@settings(
    max_examples=15,
    deadline=None,  # A shared machine pauses as it likes.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2)), min_size=1, max_size=3), min_size=1, max_size=12
    )
)
async def test_whatever_happens_at_once_a_clock_is_that_of_its_wait_and_somebody_looks_after_it(
    office, other_house, turns
):
    """Steps of one turn come at once, and from two processes; a message may be heard of again at any time."""
    database = office.house.database.durable
    for name in ("conversations", "customers", "identities", "messages", "timers", "teams"):
        await database[name].delete_many({})
    policy = Policy(targets=Targets(first_reply=20, next_reply=10), hours=ALWAYS).model_dump(mode="json", by_alias=True)
    await office.house.team_store.insert({"_id": "fast", "name": "Fast", "policy": policy, "created_at": now()})
    for house in (office.house, other_house):
        house.policies.forget()
    said_at: list[Any] = []
    base = now() - timedelta(minutes=9)
    for number, turn in enumerate(turns):
        houses = (office.house, other_house)
        await asyncio.gather(
            *(
                _step(houses[position % 2], step, base + timedelta(seconds=number * 10 + position), said_at)
                for position, step in enumerate(turn)
            )
        )
        for row in await office.rows.find().to_list(None):
            policies = office.house.policies
            await _check(office, row, Terms(await policies.of(row["team_id"]), await policies.hours(row["team_id"])))


async def _check(office: Office, row: dict[str, Any], terms: Terms) -> None:
    clock = row["clock"]
    waits = row["active"] and row["waiting_since"] is not None
    assert (clock is not None) == waits
    if clock is None:
        return
    assert clock["since"] == row["waiting_since"] or clock["left"] is not None
    assert (clock["left"] is not None) == (row["status"] == "snoozed")
    assert mended(row, terms, now()) == clock
    if clock["left"] is None:
        minutes_of = {"first": terms.policy.targets.first_reply, "next": terms.policy.targets.next_reply}
        # Between waking and winding pass some milliseconds.
        assert clock["due_at"] - clock["since"] <= timedelta(minutes=minutes_of[clock["kind"]] or 0, seconds=1)
        look = next_look(row, terms, now())
        assert look is None or (await office.timer(row["_id"]) or look + timedelta(1)) <= look


async def _step(house: House, step: tuple[str, int], at: datetime, said_at: list[Any]) -> None:
    what, which = step
    person = Person(external_id=f"p{which}", name="Ann")
    if what == "write":
        said_at.append(written(len(said_at) + 1, person, at))
        await work_off(house.ingest, [accepted(said_at[-1], received_at=at)])
        return
    if what == "again" and said_at:
        await work_off(house.ingest, [accepted(said_at[which % len(said_at)], repeated=True, received_at=at)])
        return
    if what == "echo":
        echo = Echo(person=person, external_id=f"e{at.isoformat()}{which}", sent_at=at, text="From the phone")
        await work_off(house.ingest, [accepted(echo, received_at=at)])
        return
    rows = await house.database.durable.conversations.find().sort("_id", 1).to_list(None)
    if not rows:
        return
    chosen = rows[which % len(rows)]["_id"]
    fields: dict[str, dict[str, Any]] = {
        "close": {"status": "closed"},
        "snooze": {"snoozed_until": now() + timedelta(hours=1)},
        "open": {"status": "open"},
        "team": {"team_id": "fast"},
    }
    try:
        if what in fields:
            await house.conversations.change(chosen, fields[what])
        elif what == "look":
            await house.clocks.strike({"conversation_id": chosen})
    except (DomainError, Later):
        return  # Another conversation of this customer is active: refused; or there is nothing to do yet.
