"""Connected accounts: their secrets at rest, and what becomes of them when the provider says no."""

from datetime import timedelta

import pytest
from bson import encode

from inbox.model.domain_events import ChannelPaused
from inbox.model.errors import Invalid, NotFound, ProviderUnavailable
from inbox.model.failures import CredentialsRejected, Refused, RetryLater, Uncertain
from inbox.model.ids import now
from inbox.secrets import WrongKey
from inbox.timers import Later
from tests.inbox.paper import SECRET, Floor


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


async def test_a_dead_token_pauses_its_channel_tells_the_admins_and_is_tried_again(floor, database):
    told: list[ChannelPaused] = []

    async def hear(event: ChannelPaused) -> None:
        told.append(event)

    floor.bus.subscribe(ChannelPaused, hear)
    channel_id = await floor.connect()
    floor.kind.failure = CredentialsRejected("unauthorised")
    assert (await floor.channels.check(channel_id))["state"] == "paused"
    assert await floor.channels.paused() == [channel_id]
    assert told == [ChannelPaused(channel_id, "unauthorised")]
    timer = await database.durable.timers.find_one({"kind": "channel.check"})
    assert timer["due_at"] > now()
    await floor.channels.check_again(timer["data"])
    again = await database.durable.timers.find_one({"kind": "channel.check"})
    assert again["data"]["seconds"] == 2 * timer["data"]["seconds"]


async def test_a_repaired_token_resumes_by_itself_and_sends_what_waited(floor, database):
    channel_id = await floor.connect()
    await floor.outbox.put([{"_id": "r", "lane": "k:c", "order": "1", "live": True, "channel_id": channel_id}])
    await floor.outbox.release(await floor.outbox.claim([]), now() + timedelta(hours=1))
    floor.kind.failure = CredentialsRejected("unauthorised")
    await floor.channels.check(channel_id)
    floor.kind.failure = None
    await floor.channels.check_again({"channel_id": channel_id})
    assert (await floor.channels.get(channel_id))["state"] == "connected"
    assert await floor.channels.paused() == []
    assert await database.durable.timers.count_documents({}) == 0
    assert (await floor.outbox.claim([]))["_id"] == "k:c"


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
