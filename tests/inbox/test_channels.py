"""Connected accounts: their secrets at rest, and what becomes of them when the provider says no."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from bson import encode
from pydantic import SecretStr

from inbox.channels import CHECK_SECONDS, HELD, LOOK_SECONDS, MAX_CHECK_SECONDS
from inbox.model.domain_events import ChannelPaused, MessageReceived
from inbox.model.errors import Invalid, NotFound, ProviderUnavailable
from inbox.model.failures import CredentialsRejected, Refused, RetryLater, Uncertain
from inbox.model.ids import now
from inbox.model.incoming import AccountChanged
from inbox.secrets import WrongKey
from inbox.timers import Later
from tests.inbox.arrivals import at
from tests.inbox.paper import SECRET, Floor, PaperSettings


async def raw(floor: Floor) -> bytes:
    """Everything that is kept, byte for byte."""
    kept = b""
    for name in await floor.database.durable.list_collection_names():
        async for row in floor.database.durable[name].find():
            kept += encode(row)
    return kept


async def test_nothing_of_a_secret_is_kept_in_clear(floor):
    channel_id = await floor.connect(address="front desk")
    kept = await raw(floor)
    assert b"front desk" in kept
    assert SECRET.encode() not in kept
    assert b"a-token" not in kept
    opened = await floor.channels.open(channel_id)
    assert opened.settings.token.get_secret_value() == SECRET
    assert SECRET not in repr(opened)


async def test_another_key_opens_no_channel(floor, database, redis):
    channel_id = await floor.connect()
    stranger = Floor(database, redis, key="another key, also 32 bytes long.")
    with pytest.raises(WrongKey, match="SKRYNKA_SECRET_KEY"):
        await stranger.channels.open(channel_id)
    await stranger.channels.warm()  # Logs it and lets the others work.


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (CredentialsRejected("unauthorised"), Invalid),
        (Refused("bad webhook"), Invalid),
        (RetryLater("down"), ProviderUnavailable),
        (Uncertain("no answer"), ProviderUnavailable),
        (RuntimeError("a bug"), RuntimeError),
    ],
)
async def test_what_the_provider_does_not_take_is_not_kept(floor, failure, raised):
    floor.kind.failure = failure
    with pytest.raises(raised) as refused:
        await floor.connect()
    assert SECRET not in str(refused.value)
    assert await floor.channels.all() == []
    assert b"paper" not in await raw(floor)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "settings.token"),
        ({"token": 5}, "settings.token"),
        ({"token": SECRET, "address": [SECRET]}, "settings.address"),
        ({"token": SECRET, "address": "no desk"}, "settings.address"),
        ({"token": SECRET, "address": "token"}, "settings.token"),
        ({"token": SECRET, "address": "nowhere"}, "settings"),
    ],
)
async def test_wrong_settings_are_named_and_not_repeated(floor, settings, field):
    with pytest.raises(Invalid) as refused:
        await floor.channels.create("paper", "Letter box", settings)
    assert refused.value.field == field
    assert SECRET not in str(refused.value)
    assert await floor.channels.all() == []


async def test_an_unknown_kind_names_those_there_are(floor):
    with pytest.raises(Invalid, match="kind: is one of paper"):
        await floor.channels.create("pigeon", "Coop", {})


async def test_a_channel_is_registered_under_its_own_address(floor):
    channel_id = await floor.connect()
    assert floor.kind.done == [("register", f"https://shop.example/webhooks/paper/{channel_id}")]
    channel = await floor.channels.get(channel_id)
    assert (channel["state"], channel["state_reason"]) == ("connected", "")


async def test_a_change_that_the_provider_refuses_changes_nothing(floor):
    channel_id = await floor.connect(address="front desk")
    floor.kind.failure = CredentialsRejected("unauthorised")
    with pytest.raises(Invalid):
        await floor.channels.change(channel_id, name="New", settings={"token": "other"})
    floor.kind.failure = None
    opened = await floor.channels.open(channel_id)
    assert opened.document["name"] == "Letter box"
    assert opened.settings.token.get_secret_value() == SECRET


async def test_a_change_keeps_what_it_leaves_out_and_counts_at_once(floor):
    channel_id = await floor.connect(address="front desk")
    await floor.channels.open(channel_id)
    await floor.channels.change(channel_id, name=None, settings={"token": "other"})
    opened = await floor.channels.open(channel_id)
    assert (opened.settings.token.get_secret_value(), opened.settings.address) == ("other", "front desk")


async def timer(floor: Floor) -> dict[str, Any]:
    """The one timer by which the one channel is looked after."""
    (found,) = await floor.database.durable.timers.find({"kind": "channel.check"}).to_list(None)
    return dict(found)


def due_in(found: dict[str, Any]) -> float:
    return float((found["due_at"] - now()).total_seconds())


async def test_a_dead_token_pauses_its_channel_tells_the_admins_once_and_is_tried_again(floor):
    told: list[ChannelPaused] = []

    async def hear(event: ChannelPaused) -> None:
        told.append(event)

    floor.bus.subscribe(ChannelPaused, hear)
    channel_id = await floor.connect()
    floor.kind.failure = CredentialsRejected("unauthorised")
    assert (await floor.channels.check(channel_id))["state"] == "paused"
    assert await floor.channels.paused() == [channel_id]
    assert 0 < due_in(await timer(floor)) <= 1.1 * CHECK_SECONDS
    for pause in (2, 4, 8):
        await floor.channels.check_again((await timer(floor))["data"])
        assert (await timer(floor))["data"]["seconds"] == pause * CHECK_SECONDS
    for _ in range(5):
        await floor.channels.check_again((await timer(floor))["data"])
    assert due_in(await timer(floor)) <= 1.1 * MAX_CHECK_SECONDS
    assert told == [ChannelPaused(channel_id, "unauthorised")]


async def test_a_repaired_token_resumes_by_itself_and_sends_what_waited(floor):
    channel_id = await floor.connect()
    await floor.outbox.put([{"_id": "r", "lane": "k:c", "order": "1", "live": True, "channel_id": channel_id}])
    await floor.outbox.release(await floor.outbox.claim([]), now() + timedelta(hours=1))
    floor.kind.failure = CredentialsRejected("unauthorised")
    await floor.channels.check(channel_id)
    floor.kind.failure = None
    await floor.channels.check_again({"channel_id": channel_id})
    assert (await floor.channels.get(channel_id))["state"] == "connected"
    assert await floor.channels.paused() == []
    assert due_in(await timer(floor)) > 0.8 * LOOK_SECONDS
    assert (await floor.outbox.claim([]))["_id"] == "k:c"


async def test_a_channel_that_works_is_looked_after_and_what_waits_for_its_time_goes_on_waiting(floor):
    channel_id = await floor.connect()
    assert 0.8 * LOOK_SECONDS < due_in(await timer(floor)) <= 1.1 * LOOK_SECONDS
    await floor.outbox.put([{"_id": "r", "lane": "k:c", "order": "1", "live": True, "channel_id": channel_id}])
    await floor.outbox.release(await floor.outbox.claim([]), now() + timedelta(hours=1))
    await floor.channels.check_again((await timer(floor))["data"])
    assert floor.kind.done[-1] == ("check", f"https://shop.example/webhooks/paper/{channel_id}")
    assert await floor.outbox.claim([]) is None
    await floor.channels.all()
    assert (await floor.channels.get(channel_id))["checked_at"] <= now()


async def test_every_channel_gets_its_timer_and_keeps_the_one_it_has(floor):
    await floor.connect()
    before = await timer(floor)
    await floor.channels.look_after_all()
    assert await timer(floor) == before
    await floor.timers.clear(before["_id"])
    await floor.channels.look_after_all()
    assert due_in(await timer(floor)) <= 0
    await floor.channels.delete(before["data"]["channel_id"])
    assert await floor.database.durable.timers.count_documents({}) == 0
    await floor.channels.look_after_all()
    assert await floor.database.durable.timers.count_documents({}) == 0


@pytest.mark.parametrize(
    ("failure", "needs_person"),
    [
        (RetryLater("away"), False),
        (Uncertain("no answer"), False),
        (Refused("this token is another account's"), True),
        (CredentialsRejected("dead"), True),
    ],
)
async def test_a_state_tells_whether_somebody_has_to_put_it_right(floor, failure, needs_person):
    channel_id = await floor.connect()
    floor.kind.failure = failure
    assert (await floor.channels.check(channel_id))["state_needs_person"] == needs_person
    floor.kind.failure = None
    assert (await floor.channels.check(channel_id))["state_needs_person"] is False


async def test_what_the_provider_says_of_an_account_waits_for_a_person(floor):
    channel_id = await floor.connect()
    taken = AccountChanged(account="biz", at=now(), trouble="Oksana took the bot away")
    await floor.channels.note_account(channel_id, taken)
    degraded = await floor.channels.check(channel_id)
    assert (degraded["state_reason"], degraded["state_needs_person"]) == ("Oksana took the bot away", True)


async def test_a_state_tells_since_when_it_is_so(floor):
    channel_id = await floor.connect()
    connected = await floor.channels.check(channel_id)
    floor.kind.failure = RetryLater("$down")
    degraded = await floor.channels.check(channel_id)
    assert degraded["state_reason"] == "$down"
    assert degraded["state_since"] >= connected["state_since"]
    floor.kind.failure = RetryLater("still down")
    still = await floor.channels.check(channel_id)
    assert (still["state_reason"], still["state_since"]) == ("still down", degraded["state_since"])
    floor.kind.failure = None
    well = await floor.channels.check(channel_id)
    assert (well["state"], well["state_reason"]) == ("connected", "")


async def test_credentials_are_renewed_ahead_of_time_and_kept_sealed(floor):
    channel_id = await floor.connect(address="front desk")
    floor.kind.fresh = PaperSettings(token=SecretStr("a-fresh-token"), address="front desk")
    await floor.channels.check_again({"channel_id": channel_id})
    assert b"a-fresh-token" not in await raw(floor)
    opened = await floor.channels.open(channel_id)
    assert opened.settings.token.get_secret_value() == "a-fresh-token"
    assert opened.document["state"] == "connected"


async def test_a_renewal_does_not_undo_what_an_admin_gave_meanwhile(floor, database, redis):
    channel_id = await floor.connect()
    await floor.channels.open(channel_id)
    neighbour = Floor(database, redis, kind=floor.kind)
    await neighbour.channels.change(channel_id, name=None, settings={"token": "from the admin"})
    floor.kind.fresh = PaperSettings(token=SecretStr("a-fresh-token"))
    await floor.channels.check(channel_id)
    assert (await floor.channels.open(channel_id)).settings.token.get_secret_value() == "from the admin"


async def test_a_channel_paused_by_hand_stays_so_whatever_its_provider_says_until_it_is_resumed(floor):
    channel_id = await floor.connect()
    held = await floor.channels.hold(channel_id)
    assert (held["state"], held["state_reason"]) == ("paused", HELD)
    assert await floor.channels.paused() == [channel_id]
    floor.kind.done.clear()
    for failure in (None, RetryLater("down"), CredentialsRejected("dead")):
        floor.kind.failure = failure
        await floor.channels.check(channel_id)
        await floor.channels.check_again({"channel_id": channel_id})
        await floor.channels.pause(channel_id, "dead")
        assert (await floor.channels.hold(channel_id))["state_reason"] == HELD
    assert floor.kind.done == []
    floor.kind.failure = None
    await floor.channels.change(channel_id, name="New", settings={"token": "other"})
    assert await floor.channels.paused() == [channel_id]
    assert (await floor.channels.resume(channel_id))["state"] == "connected"
    assert await floor.channels.paused() == []


async def test_who_resumes_a_channel_with_a_dead_token_is_told(floor):
    channel_id = await floor.connect()
    await floor.channels.hold(channel_id)
    floor.kind.failure = CredentialsRejected("dead")
    resumed = await floor.channels.resume(channel_id)
    assert (resumed["state"], resumed["state_reason"], resumed["held"]) == ("paused", "dead", False)


WELL, TAKEN = ("connected", ""), ("degraded", "Mary took it away")


def account(second: int, trouble: str = "", name: str = "mary", *, sequence: int = 0) -> AccountChanged:
    return AccountChanged(account=name, at=at(second), sequence=sequence, trouble=trouble)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([account(1), account(2, "Mary took it away")], TAKEN),
        ([account(1, "Mary took it away"), account(2)], WELL),
        ([account(1, sequence=8), account(1, "Mary took it away", sequence=9)], TAKEN),
        (
            [account(1, "Bob", "bob.$x"), account(2, "Mary took it away")],
            ("degraded", "Bob; Mary took it away"),
        ),
    ],
)
async def test_a_channel_says_what_is_wrong_with_the_accounts_behind_it_in_whatever_order(floor, told, found):
    for order in permutations(told):
        channel_id = await floor.connect()
        for event in [*order, order[0]]:
            await floor.channels.note_account(channel_id, event)
        channel = await floor.channels.get(channel_id)
        assert (channel["state"], channel["state_reason"]) == found
        checked = await floor.channels.check(channel_id)
        assert (checked["state"], checked["state_reason"]) == found


async def test_what_a_person_has_seen_of_an_account_is_forgotten(floor):
    channel_id = await floor.connect()
    await floor.channels.note_account(channel_id, account(1, "Mary took it away"))
    checked = await floor.channels.check(channel_id, seen=True)
    assert (checked["state"], checked["state_reason"]) == WELL


async def test_an_account_changes_nothing_where_the_channel_itself_is_in_trouble_or_gone(floor):
    await floor.channels.note_account("gone", account(1, "Mary took it away"))
    channel_id = await floor.connect()
    await floor.channels.pause(channel_id, "dead")
    await floor.channels.note_account(channel_id, account(1, "Mary took it away"))
    channel = await floor.channels.get(channel_id)
    assert (channel["state"], channel["state_reason"]) == ("paused", "dead")
    found = await floor.channels.check(channel_id)
    assert (found["state"], found["state_reason"]) == TAKEN


async def test_a_channel_whose_secrets_cannot_be_read_says_so(floor, database, redis):
    channel_id = await floor.connect()
    stranger = Floor(database, redis, key="another key, also 32 bytes long.")
    found = await stranger.channels.check(channel_id)
    assert found["state"] == "degraded"
    assert "SKRYNKA_SECRET_KEY" in found["state_reason"]


async def test_when_the_last_message_came_is_noted_once_in_a_while(floor):
    channel_id = await floor.connect()
    times = [now() - timedelta(minutes=minutes) for minutes in (3, 1, 2)]
    for heard_at in times:
        await floor.channels.hear(MessageReceived({}, {"channel_id": channel_id, "received_at": heard_at}))
    await floor.channels.note_heard()
    (kept,) = await floor.channels.all()
    assert kept["last_message_at"] == times[1]
    await floor.channels.hear(MessageReceived({}, {"channel_id": channel_id, "received_at": times[0]}))
    await floor.channels.note_heard()
    (kept,) = await floor.channels.all()
    assert kept["last_message_at"] == times[1]


async def test_a_provider_in_trouble_is_no_dead_token(floor):
    channel_id = await floor.connect()
    floor.kind.failure = RetryLater("down")
    channel = await floor.channels.check(channel_id)
    assert (channel["state"], channel["state_reason"]) == ("degraded", "down")
    assert await floor.channels.paused() == []


async def test_a_removed_channel_is_gone_even_if_the_provider_does_not_answer(floor):
    channel_id = await floor.connect()
    floor.kind.failure = RetryLater("down")
    await floor.channels.delete(channel_id)
    with pytest.raises(NotFound):
        await floor.channels.get(channel_id)
    await floor.channels.check_again({"channel_id": channel_id})
    with pytest.raises(NotFound):
        await floor.channels.delete(channel_id)


async def test_a_button_is_confirmed_later_where_the_provider_is_slow_and_never_where_it_refuses(floor):
    channel_id = await floor.connect()
    data = {"channel_id": channel_id, "token": "q1"}
    await floor.channels.acknowledge(data)
    assert floor.kind.done[-1] == ("acknowledge", "q1")
    floor.kind.failure = RetryLater("slow", after=7)
    with pytest.raises(Later) as later:
        await floor.channels.acknowledge(data)
    assert later.value.seconds == 7
    floor.kind.failure = Refused("query is too old")
    await floor.channels.acknowledge(data)
    await floor.channels.acknowledge({"channel_id": "gone", "token": "q1"})
