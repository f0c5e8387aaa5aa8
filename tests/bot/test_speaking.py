"""What the bot says, and when it rather says nothing."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.occasions import Occasion
from inbox.model.conversation import ConversationStatus
from inbox.model.ids import new_id, now
from inbox.model.incoming import ButtonPress
from inbox.model.people import Author
from inbox.replies import Draft

MARY = Author(type="manager", id="m1", name="Mary")


async def test_the_same_words_are_said_once_in_a_case(shop_process):
    await shop_process.echo()
    conversation = await shop_process.receive("Hi")
    await shop_process.receive("Anybody there?")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted"]


async def test_two_rules_do_not_say_the_same(shop_process):
    await shop_process.greet()
    await shop_process.greet(name="Another", actions=[{"type": "reply", "text": "WELCOME! "}])
    conversation = await shop_process.receive()
    assert await shop_process.bot_texts(conversation["_id"]) == ["Welcome!"]


async def test_the_next_case_begins_anew(shop_process):
    await shop_process.greet()
    conversation = await shop_process.receive()
    await shop_process.conversations.change(conversation["_id"], {"status": ConversationStatus.CLOSED}, by=MARY)
    again = await shop_process.receive("Hi again")
    assert again["_id"] == conversation["_id"]
    assert await shop_process.bot_texts(conversation["_id"]) == ["Welcome!", "Welcome!"]


async def test_a_day_later_the_same_may_be_said_again(shop_process):
    await shop_process.echo()
    conversation = await shop_process.receive()
    conversations = shop_process.database.durable.conversations
    earlier = now() - timedelta(hours=25)
    backdated = {"opened_at": earlier, "automatic.0.at": earlier}
    await conversations.update_one({"_id": conversation["_id"]}, {"$set": backdated})
    await shop_process.receive("Hi again")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted", "Noted"]


async def test_the_shop_says_how_much_an_hour(shop_process):
    await shop_process.settings.change({"bot": {"most_per_hour": 2}})
    for number in range(4):
        await shop_process.echo(actions=[{"type": "reply", "text": f"Noted by {number}"}])
    conversation = await shop_process.receive()
    assert len(await shop_process.bot_texts(conversation["_id"])) == 2


async def test_who_wants_no_automatic_messages_gets_none(shop_process):
    await shop_process.echo(actions=[{"type": "reply", "text": "Noted"}, {"type": "label", "add": ["seen"]}])
    conversation = await shop_process.receive()
    cards = shop_process.database.durable.customers
    await cards.update_one(
        {"_id": conversation["customer_id"]}, {"$set": {"opting": {"out": True, "at": now(), "sort": ""}}}
    )
    await shop_process.greet(trigger="message_received")
    again = await shop_process.receive("And now?")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted"]
    assert again["labels"] == ["seen"]


@pytest.mark.parametrize(("enabled", "said"), [(True, []), (False, ["Your order moves"])])
async def test_in_quiet_hours_the_bot_begins_nothing_and_still_answers(shop_process, enabled, said):
    always = {"enabled": enabled, "from": "00:00", "to": "23:59"}
    await shop_process.settings.change({"quiet_hours": always, "timezone": "Asia/Tokyo"})
    conversation = await shop_process.receive("Hi")
    moved = Occasion(trigger="order_status_changed", key="o1", at=now(), conversation=conversation)
    assert await shop_process.speaker.say(moved, Draft(text="Your order moves"), token="t1") is not enabled
    await shop_process.greet(trigger="message_received")
    await shop_process.receive("Are you there?")
    assert await shop_process.bot_texts(conversation["_id"]) == [*said, "Welcome!"]


async def test_another_bot_hears_three_things_at_most(shop_process):
    """Each of ours is another sentence, and theirs come at once: only speed tells."""
    for number in range(8):
        text = f"message {number}"
        condition = {"type": "text", "match": "phrase", "any": [text]}
        await shop_process.echo(conditions=[condition], actions=[{"type": "reply", "text": f"Noted {number}"}])
    received = [await shop_process.receive(f"message {number}") for number in range(8)]
    conversation = received[-1]
    assert len(await shop_process.bot_texts(conversation["_id"])) <= 3
    assert (conversation["handed_off"]["reason"], conversation["status"]) == ("loop", "open")


STEPS = st.lists(st.sampled_from(["customer", "bot", "reply", "note", "take", "close"]), min_size=3, max_size=7)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_whatever_comes_in_between_the_bot_is_silent_from_a_managers_word_until_the_next_case(
    shop_process, steps
):
    """The bot answers a customer's message exactly where no manager wrote or took over since the case was opened."""
    if not (await shop_process.library.playbook()).rules["message_received"]:
        for number in range(8):
            condition = {"type": "text", "any": [f"n{number}"]}
            await shop_process.echo(
                name=f"Echo {number}", conditions=[condition], actions=[{"type": "reply", "text": f"Noted {number}"}]
            )
    # Presses are a person's, however quickly they come: it is the manager who makes the bot silent here.
    press = ButtonPress(data="on")
    who = new_id()
    conversation = await shop_process.receive("begin", external_id=who)
    key = conversation["_id"]
    held = closed = False
    expected: list[str] = []
    for step in steps:
        if step in ("customer", "bot"):
            held, closed = held and not closed, False
            text = f"n{len(expected)}"
            await shop_process.receive(text, external_id=who, content=press, machine=step == "bot")
            if step == "customer" and not held:
                expected.append(f"Noted {len(expected)}")
        elif step in ("reply", "note"):
            await shop_process.manager_writes(key, step)
            held, closed = held or step == "reply", closed and step == "note"
        elif step == "take" and not closed:
            taken = {"assignee_id": "m1", "assignment": {"reason": "taken", "by": "Mary", "at": now()}}
            await shop_process.conversation_store.change(key, taken, expected={})
            held = True
        elif step == "close" and not closed:
            await shop_process.conversations.change(key, {"status": ConversationStatus.CLOSED}, by=MARY)
            closed = True
    assert await shop_process.bot_texts(key) == expected
