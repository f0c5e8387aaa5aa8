"""Dry runs on what happened before: nothing is sent, nothing changes."""

from datetime import timedelta

import pytest

from inbox.model.errors import Invalid
from inbox.model.ids import now

REPLY = {"type": "reply", "text": {"uk": "Вітаємо!  Чим допомогти?"}}


def draft(**rule):
    return {"name": "Draft", "trigger": "message_received", "conditions": [], "actions": [REPLY], **rule}


async def tried(process, conversation, message_id=None, **rule):
    attempt = await process.dry_runs.attempt(conversation["_id"], message_id, draft(**rule))
    [item] = attempt.items
    return item


async def test_all_rules_in_their_order_with_what_they_do_and_why_they_do_not(shop_process):
    conversation = await shop_process.receive("Where is my parcel?")
    quiet = await shop_process.echo(
        name="Parcels",
        enabled=False,
        conditions=[{"type": "text", "any": ["parcel"]}],
        actions=[REPLY, {"type": "label", "add": ["parcel"], "remove": ["new"]}, {"type": "close"}],
    )
    await shop_process.echo(name="Prices", conditions=[{"type": "text", "any": ["price"]}])
    attempt = await shop_process.dry_runs.attempt(conversation["_id"])
    assert (attempt.silent, attempt.message_id, attempt.skills) == (None, conversation["opened_by"], ())
    first, second = attempt.items
    assert (first.rule_id, first.name, first.enabled, first.would_fire, first.reasons) == (
        quiet["_id"],
        "Parcels",
        False,
        True,
        (),
    )
    assert first.does == (
        "says “Вітаємо! Чим допомогти?”",
        "adds parcel and removes new of the labels",
        "closes the conversation",
    )
    assert (second.would_fire, second.reasons) == (False, ("the message has no such word",))
    assert await shop_process.bot_texts(conversation["_id"]) == []
    assert (await shop_process.library.get(quiet["_id"]))["fired"]["count"] == 0


async def test_a_rule_of_openings_is_tried_on_what_opened_the_conversation(shop_process):
    await shop_process.receive("Is it open?")
    conversation = await shop_process.receive("And tomorrow?")
    for trigger, text in (("conversation_opened", "Is it open?"), ("message_received", "And tomorrow?")):
        condition = {"type": "text", "match": "phrase", "any": [text]}
        assert (await tried(shop_process, conversation, trigger=trigger, conditions=[condition])).would_fire, text


async def test_a_rule_that_is_not_kept_is_tried_alone(shop_process):
    await shop_process.echo(enabled=False)
    conversation = await shop_process.receive("Hello")
    item = await tried(shop_process, conversation, conditions=[{"type": "channel", "in": ["paper"]}])
    assert (item.rule_id, item.name, item.would_fire) == ("", "Draft", True)
    with pytest.raises(Invalid) as refused:
        await tried(shop_process, conversation, trigger="full_moon")
    assert refused.value.field == "trigger"


async def test_an_earlier_message_is_judged_as_it_was_then(shop_process):
    early = now() - timedelta(hours=3)
    conversation = await shop_process.receive("Price?", received_at=early)
    first = conversation["opened_by"]
    await shop_process.manager_writes(conversation["_id"])
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    again = await shop_process.receive("Thanks")
    assert again["_id"] == conversation["_id"]
    await shop_process.manager_writes(conversation["_id"])
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    attempt = await shop_process.dry_runs.attempt(conversation["_id"], first)
    assert attempt.silent is None, "nobody had written yet"
    first_time = {"trigger": "conversation_opened", "conditions": [{"type": "opening", "is": "first"}]}
    assert (await tried(shop_process, again, first, **first_time)).would_fire
    assert not (await tried(shop_process, again, **first_time)).would_fire
    assert (await tried(shop_process, again, trigger="customer_returned")).would_fire
    assert (await tried(shop_process, again, first, trigger="customer_returned")).reasons == (
        "the customer was not here before",
    )
    assert (await tried(shop_process, again, first, conditions=[{"type": "text", "any": ["price"]}])).would_fire


async def test_what_a_person_had_written_keeps_the_bot_silent(shop_process):
    conversation = await shop_process.receive("one", received_at=now() - timedelta(minutes=5))
    await shop_process.manager_writes(conversation["_id"])
    await shop_process.receive("two", received_at=now() + timedelta(seconds=1))
    attempt = await shop_process.dry_runs.attempt(conversation["_id"])
    assert attempt.silent == "a manager has written since the conversation was opened"


async def test_a_wait_is_measured_by_when_a_person_replied(shop_process):
    conversation = await shop_process.receive("Hello?", received_at=now() - timedelta(minutes=40))
    waiting = {"trigger": "no_reply", "when": {"minutes": 30}}
    assert (await tried(shop_process, conversation, **waiting)).would_fire
    later = {"trigger": "no_reply", "when": {"minutes": 60}}
    assert (await tried(shop_process, conversation, **later)).reasons == ("it is not time yet",)
    await shop_process.manager_writes(conversation["_id"])
    assert (await tried(shop_process, conversation, **later)).reasons == (
        "a person replied before 60 minutes had passed",
    )
    assert (await tried(shop_process, conversation, **waiting)).would_fire


async def test_labels_and_orders_are_those_of_now(shop_process):
    conversation = await shop_process.receive()
    vip = {"trigger": "label_added", "when": {"labels": ["vip"]}}
    assert (await tried(shop_process, conversation, **vip)).reasons == ("the conversation has no such label",)
    await shop_process.conversations.label(conversation["_id"], add=["vip"], remove=[])
    assert (await tried(shop_process, conversation, **vip)).would_fire
    moved = await tried(shop_process, conversation, trigger="order_status_changed", when={"to": ["shipped"]})
    assert moved.reasons == ("the customer has no order",)


async def test_a_message_of_another_conversation_is_none(shop_process):
    ann = await shop_process.receive(external_id="ann")
    bob = await shop_process.receive(external_id="bob")
    for wrong in (bob["opened_by"], "nothing"):
        with pytest.raises(Invalid) as refused:
            await shop_process.dry_runs.attempt(ann["_id"], wrong)
        assert refused.value.field == "message_id"
    with pytest.raises(Invalid) as refused:
        await shop_process.dry_runs.attempt("nowhere")
    assert refused.value.field == "conversation_id"
