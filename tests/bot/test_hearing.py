"""What pulls the triggers that are no customer's message of this moment."""

import asyncio
from datetime import timedelta

import pytest

from bot.hearing import NO_REPLY
from bot.occasions import MAX_DEPTH
from inbox.model.domain_events import OrderStatusChanged, ParcelWaiting
from inbox.model.ids import now
from inbox.model.people import SYSTEM
from inbox.timers import Timers
from tests.flow import until


def labelling(label, **rule):
    return {"name": label, "actions": [{"type": "label", "add": [label]}], **rule}


async def waited(process, conversation, minutes):
    """Have a customer wait since so many minutes ago, as far as the database knows."""
    await process.database.durable.conversations.update_one(
        {"_id": conversation["_id"]}, {"$set": {"waiting_since": now() - timedelta(minutes=minutes)}}
    )


async def timer(process, conversation):
    return await process.database.durable.timers.find_one({"_id": f"{NO_REPLY}:{conversation['_id']}"})


async def strike(process, conversation):
    """The timer strikes; returns it as it is set after that."""
    row = await timer(process, conversation)
    await process.timers.clear(row["_id"])
    await process.hearing.strike(row["data"])
    return await timer(process, conversation)


async def test_nobody_is_waited_for_where_no_rule_wants_to_know(shop_process):
    await shop_process.greet(**labelling("late", trigger="no_reply", when={"minutes": 10}, enabled=False))
    conversation = await shop_process.receive()
    assert await timer(shop_process, conversation) is None


async def test_rules_hear_one_after_the_other_how_long_a_customer_waits(shop_process):
    await shop_process.greet(**labelling("hour", trigger="no_reply", when={"minutes": 60}))
    await shop_process.greet(**labelling("ten", trigger="no_reply", when={"minutes": 10}))
    conversation = await shop_process.receive()
    set_for = await timer(shop_process, conversation)
    assert set_for["due_at"] == conversation["waiting_since"] + timedelta(minutes=10)
    await waited(shop_process, conversation, 11)
    again = await strike(shop_process, conversation)
    row = await shop_process.conversation(conversation["_id"])
    assert row["labels"] == ["ten"]
    assert again["due_at"] == row["waiting_since"] + timedelta(minutes=60)
    await waited(shop_process, conversation, 61)
    row = await shop_process.conversation(conversation["_id"])
    # The same wait: only what was not told of yet is told now.
    await shop_process.timers.set(
        again["_id"], NO_REPLY, now(), {**again["data"], "since": row["waiting_since"], "passed": 10}
    )
    await shop_process.conversations.label(conversation["_id"], add=[], remove=["ten"])
    assert await strike(shop_process, conversation) is None
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["hour"]


async def test_who_was_answered_waits_no_more(shop_process):
    await shop_process.greet(**labelling("late", trigger="no_reply", when={"minutes": 10}))
    conversation = await shop_process.receive()
    await shop_process.manager_writes(conversation["_id"])
    assert await strike(shop_process, conversation) is None
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == []


async def test_a_wait_that_began_anew_is_counted_from_its_beginning(shop_process):
    await shop_process.greet(**labelling("late", trigger="no_reply", when={"minutes": 10}))
    conversation = await shop_process.receive()
    first = await timer(shop_process, conversation)
    await shop_process.manager_writes(conversation["_id"])
    conversation = await shop_process.receive("And now?", received_at=now() + timedelta(minutes=1))
    await shop_process.timers.set(first["_id"], NO_REPLY, now(), {**first["data"], "passed": 10})
    again = await strike(shop_process, conversation)
    assert again["data"] == {
        "conversation_id": conversation["_id"],
        "since": conversation["waiting_since"],
        "passed": 0,
    }
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == []


async def test_two_processes_tell_of_a_wait_once(shop_process, other_process):
    await shop_process.greet(
        trigger="no_reply", when={"minutes": 10}, actions=[{"type": "reply", "text": "Still looking."}]
    )
    conversation = await shop_process.receive()
    await waited(shop_process, conversation, 11)
    row = await timer(shop_process, conversation)
    data = {**row["data"], "since": (await shop_process.conversation(conversation["_id"]))["waiting_since"]}
    await asyncio.gather(*(process.hearing.strike(data) for process in [shop_process, other_process] * 4))
    assert await shop_process.bot_texts(conversation["_id"]) == ["Still looking."]


async def test_who_waits_longer_than_the_bot_may_be_late_is_spoken_to_all_the_same(shop_process):
    """Late is what comes late, not what was waited for."""
    await shop_process.greet(
        trigger="no_reply", when={"minutes": 120}, actions=[{"type": "reply", "text": "We are sorry."}]
    )
    conversation = await shop_process.receive(received_at=now() - timedelta(minutes=121))
    await strike(shop_process, conversation)
    assert await shop_process.bot_texts(conversation["_id"]) == ["We are sorry."]


async def test_a_manager_who_took_a_conversation_and_is_silent_is_waited_for_too(shop_process):
    await shop_process.greet(**labelling("late", trigger="no_reply", when={"minutes": 10}))
    await shop_process.greet(
        trigger="no_reply", when={"minutes": 10}, actions=[{"type": "reply", "text": "Still looking."}]
    )
    conversation = await shop_process.receive()
    taken = {"assignee_id": "mary", "assignment": {"by": {"type": "manager"}, "at": now()}}
    await shop_process.database.durable.conversations.update_one({"_id": conversation["_id"]}, {"$set": taken})
    await waited(shop_process, conversation, 11)
    await strike(shop_process, conversation)
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["late"]
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_a_label_is_heard_of_when_it_is_new(shop_process):
    await shop_process.greet(**labelling("seen", trigger="label_added", when={"labels": ["vip", "angry"]}))
    conversation = await shop_process.receive()
    await shop_process.conversations.label(conversation["_id"], add=["new"], remove=[])
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["new"]
    await shop_process.conversations.change(conversation["_id"], {"add_labels": ["vip"]})
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["new", "seen", "vip"]
    await shop_process.conversations.label(conversation["_id"], add=["vip"], remove=["seen"])
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["new", "vip"]


async def test_rules_that_set_each_other_off_come_to_an_end(shop_process):
    for own, other in (("ping", "pong"), ("pong", "ping")):
        await shop_process.greet(
            name=own,
            trigger="label_added",
            when={"labels": [other]},
            actions=[{"type": "label", "add": [own], "remove": [other]}],
        )
    conversation = await shop_process.receive()
    after = await shop_process.conversations.label(conversation["_id"], add=["ping"], remove=[])
    row = await shop_process.conversation(conversation["_id"])
    assert row["version"] == after["version"] + MAX_DEPTH
    assert row["labels"] == ["pong"]


async def test_who_comes_back_is_told_from_who_is_new(shop_process):
    await shop_process.greet(**labelling("back", trigger="customer_returned"))
    conversation = await shop_process.receive()
    assert conversation["labels"] == []
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    reopened = await shop_process.receive()
    assert (reopened["_id"], reopened["labels"]) == (conversation["_id"], ["back"])
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    await shop_process.settings.change({"reopen_window_days": 0})
    another = await shop_process.receive()
    assert another["_id"] != conversation["_id"]
    assert another["labels"] == ["back"]
    stranger = await shop_process.receive(external_id="bob")
    assert stranger["labels"] == []


def moved(conversation, status="shipped", **order):
    told = {"_id": "api:1", "version": 2, "customer_id": conversation["customer_id"], "status": status, **order}
    return OrderStatusChanged(order=told, before="new", author=SYSTEM)


async def test_an_order_that_moves_is_heard_of_where_its_customer_talks(shop_process):
    await shop_process.greet(**labelling("sent", trigger="order_status_changed", when={"to": ["shipped"]}))
    await shop_process.greet(**labelling("moved", trigger="order_status_changed"))
    conversation = await shop_process.receive()
    await shop_process.bus.announce(moved(conversation, "packed"))
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["moved"]
    await shop_process.bus.announce(moved(conversation))
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["moved", "sent"]


async def test_after_the_case_a_rule_still_works_and_says_nothing(shop_process):
    await shop_process.greet(**labelling("sent", trigger="order_status_changed"))
    await shop_process.greet(trigger="order_status_changed", actions=[{"type": "reply", "text": "It is on its way!"}])
    conversation = await shop_process.receive()
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    await shop_process.bus.announce(moved(conversation))
    row = await shop_process.conversation(conversation["_id"])
    assert (row["labels"], row["status"]) == (["sent"], "closed")
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_an_order_speaks_in_an_open_conversation_once(shop_process, other_process):
    await shop_process.greet(trigger="order_status_changed", actions=[{"type": "reply", "text": "It is on its way!"}])
    conversation = await shop_process.receive()
    event = moved(conversation)
    await asyncio.gather(*(process.bus.announce(event) for process in [shop_process, other_process] * 3))
    assert await shop_process.bot_texts(conversation["_id"]) == ["It is on its way!"]


@pytest.mark.parametrize("owner", [None, "nobody"])
async def test_an_order_whose_customer_never_wrote_has_nowhere_to_be_heard_of(shop_process, owner):
    await shop_process.greet(**labelling("moved", trigger="order_status_changed"))
    conversation = await shop_process.receive()
    await shop_process.bus.announce(moved(conversation, customer_id=owner))
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == []


async def test_a_parcel_that_waits_is_heard_of_once_a_stay(shop_process):
    await shop_process.greet(trigger="parcel_waiting", actions=[{"type": "reply", "text": "Your parcel waits."}])
    conversation = await shop_process.receive()
    order = {"_id": "api:1", "version": 2, "customer_id": conversation["customer_id"], "status": "shipped"}
    first = now()
    for arrived in (first, first, first + timedelta(days=9)):
        await shop_process.bus.announce(ParcelWaiting(order=order, parcel={"arrived_at": arrived}))
    row = await shop_process.conversation(conversation["_id"])
    assert len({reply["token"] for reply in row["automatic"]}) == 1, "the same words are not said again within a day"
    assert await shop_process.bot_texts(conversation["_id"]) == ["Your parcel waits."]


async def test_the_timer_strikes_once_among_the_workers_of_two_processes(shop_process, other_process):
    """Also where the process that set it is gone: nothing but the database knows of the wait."""
    await shop_process.greet(
        trigger="no_reply", when={"minutes": 10}, actions=[{"type": "reply", "text": "Still looking."}]
    )
    conversation = await shop_process.receive(received_at=now() - timedelta(minutes=11))
    workers = []
    for process in (shop_process, other_process):
        timers = Timers(process.timers, process.wakeups)
        timers.handle(NO_REPLY, process.hearing.strike)
        workers.append(timers)
    running = [asyncio.create_task(timers.run()) for timers in workers]
    await until(lambda: shop_process.bot_texts(conversation["_id"]))
    await until(lambda: _is_done(shop_process, conversation))
    await asyncio.gather(*(timers.stop() for timers in workers))
    await asyncio.gather(*running)
    assert await shop_process.bot_texts(conversation["_id"]) == ["Still looking."]


async def _is_done(process, conversation):
    return await timer(process, conversation) is None


async def test_who_waits_again_after_a_case_was_opened_anew_is_waited_for(shop_process):
    await shop_process.greet(**labelling("late", trigger="no_reply", when={"minutes": 10}))
    conversation = await shop_process.receive()
    row = await timer(shop_process, conversation)
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    assert await strike(shop_process, conversation) is None
    opened = await shop_process.conversations.change(conversation["_id"], {"status": "open"})
    assert opened["waiting_since"] > conversation["waiting_since"]
    again = await timer(shop_process, conversation)
    assert again["due_at"] == opened["waiting_since"] + timedelta(minutes=10) > row["due_at"]


async def test_a_rule_that_was_changed_while_a_customer_waits_counts_as_it_is_then(shop_process):
    rule = await shop_process.greet(**labelling("late", trigger="no_reply", when={"minutes": 10}))
    conversation = await shop_process.receive(received_at=now() - timedelta(minutes=11))
    await shop_process.library.change(rule["_id"], {"when": {"minutes": 60}})
    again = await strike(shop_process, conversation)
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == []
    assert again["due_at"] == conversation["waiting_since"] + timedelta(minutes=60)
    await shop_process.library.change(rule["_id"], {"enabled": False})
    assert await strike(shop_process, conversation) is None
