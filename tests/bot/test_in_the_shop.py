"""The bot in a whole shop: over webhooks, beside routing, on the customer's phone."""

import asyncio
from functools import partial

from tests.flow import until

ECHO = {"name": "Echo", "trigger": "message_received", "actions": [{"type": "reply", "text": "Noted"}]}


async def enable(shop, name):
    rules = (await shop.owner.get("/rules"))["items"]
    [rule] = [rule for rule in rules if rule["name"] == name]
    enabled = await shop.owner.call("PATCH", f"/rules/{rule['id']}", {"enabled": True})
    assert enabled.status == 200, enabled


async def the_conversation(shop):
    await shop.settled()
    [conversation] = await shop.conversations()
    return conversation["id"]


async def said(shop, conversation_id):
    return {message["text"] for message in await shop.messages(conversation_id)}


def answers(chat, number):
    return chat.until(lambda seen: len(seen.texts()) >= number)


async def write(manager, conversation_id, text):
    posted = await manager.call("POST", f"/conversations/{conversation_id}/messages", {"text": text})
    assert posted.status == 201, posted


async def test_a_new_customer_is_greeted_on_the_phone_and_gets_a_manager(shop):
    mary = await shop.manager("Mary")
    await mary.call("PUT", "/me/status", {"status": "online"})
    await enable(shop, "Greeting")
    chat = shop.customer()
    chat.text("Hi")
    await answers(chat, 1)
    chat.text("Anybody?")
    conversation = await shop.owner.get(f"/conversations/{await the_conversation(shop)}")
    assert conversation["assignee_id"] == mary.id
    assert len(chat.texts()) == 1


async def test_the_same_update_ten_times_at_once_is_one_greeting(shop):
    await enable(shop, "Greeting")
    chat = shop.customer()
    chat.text("Hi")
    update = chat.pending[0].body
    assert await asyncio.gather(*(shop.bot.deliver(update) for _ in range(10))) == [""] * 10
    await answers(chat, 1)
    assert len(await shop.messages(await the_conversation(shop))) == 2
    assert len(chat.texts()) == 1


async def test_who_writes_into_a_closed_conversation_has_it(shop):
    mary = await shop.manager("Mary")
    chat = shop.customer()
    chat.text("Hi")
    conversation_id = await the_conversation(shop)
    assert (await shop.owner.call("POST", "/rules", ECHO)).status == 201
    await shop.owner.call("PATCH", f"/conversations/{conversation_id}", {"status": "closed"})
    await write(mary, conversation_id, "Your parcel is here")
    chat.text("Thank you")
    await shop.settled()
    assert await said(shop, conversation_id) == {"Hi", "Your parcel is here", "Thank you"}


async def test_who_is_answering_the_shop_is_not_greeted(shop):
    """Where the shop wrote first, the customer's answer opens the conversation, and a manager has it already."""
    mary = await shop.manager("Mary")
    chat = shop.customer()
    chat.text("Hi")
    first = await the_conversation(shop)
    customer_id = (await shop.owner.get(f"/conversations/{first}"))["customer_id"]
    await shop.owner.call("PATCH", f"/conversations/{first}", {"status": "closed"})
    await enable(shop, "Greeting")
    begun = await mary.call(
        "POST",
        "/conversations",
        {"customer_id": customer_id, "channel_id": shop.channel_id, "text": "Your parcel is here"},
    )
    assert begun.status == 201, begun
    await answers(chat, 1)
    chat.text("Thank you")
    await shop.settled()
    [second] = [row["id"] for row in await shop.conversations() if row["id"] != first]
    assert await said(shop, second) == {"Your parcel is here", "Thank you"}


async def test_a_rule_uses_a_macro_with_its_buttons_and_actions(shop):
    text = {"uk": "Вітаю, {{ customer.first_name }}! Це питання про замовлення?"}
    macro = {
        "name": "Ask",
        "text": text,
        "buttons": [{"title": "Так", "data": "order"}, {"title": "Ні", "data": "other"}],
    }
    made = await shop.owner.call("POST", "/macros", {**macro, "actions": [{"type": "label", "add": ["asked"]}]})
    rule = {"name": "Ask", "trigger": "message_received", "actions": [{"type": "macro", "macro_id": made.body["id"]}]}
    assert (await shop.owner.call("POST", "/rules", rule)).status == 201
    chat = shop.customer("Олена Мельник")
    chat.text("Добрий день")
    await answers(chat, 1)
    assert chat.texts() == ["Вітаю, Олена! Це питання про замовлення?"]
    assert [button["text"] for row in chat.seen()[-1].keyboard for button in row] == ["Так", "Ні"]
    conversation = await shop.owner.get(f"/conversations/{await the_conversation(shop)}")
    assert conversation["labels"] == ["asked"]


async def test_a_rule_says_nothing_where_its_macro_has_a_gap(shop):
    made = await shop.owner.call("POST", "/macros", {"name": "Parcel", "text": "№ {{ order.tracking_number }}"})
    parcel = {"type": "macro", "macro_id": made.body["id"]}
    rule = {"name": "Parcel", "trigger": "message_received", "actions": [parcel, {"type": "reply", "text": "Noted"}]}
    assert (await shop.owner.call("POST", "/rules", rule)).status == 201
    chat = shop.customer()
    chat.text("Добрий день")
    await answers(chat, 1)
    assert chat.texts() == ["Noted"]


async def test_a_rule_uses_only_macros_that_are_there_for_everybody(shop):
    mary = await shop.manager("Mary")
    own = (await mary.call("POST", "/macros", {"name": "Mine", "text": "Hi"})).body["id"]
    for macro_id in (own, "nothing"):
        rule = {"name": "No", "trigger": "message_received", "actions": [{"type": "macro", "macro_id": macro_id}]}
        refused = await shop.owner.call("POST", "/rules", rule)
        assert refused.status == 422
        assert refused.body["errors"][0]["field"] == "actions.0.macro_id"


async def test_a_loop_with_another_bot_ends_within_three_messages_and_is_left_to_a_person(shop):
    """The other one answers whatever it hears, each time with other words, and ours has an answer to each of them."""
    for number in range(8):
        ticket = {"type": "text", "match": "phrase", "any": [f"ticket {number}"]}
        reply = {"type": "reply", "text": f"Thank you for ticket {number}"}
        rule = {"name": f"Answer {number}", "trigger": "message_received", "conditions": [ticket], "actions": [reply]}
        assert (await shop.owner.call("POST", "/rules", rule)).status == 201
    chat = shop.customer()
    chat.text("You have opened ticket 0")
    conversation_id = await the_conversation(shop)
    for number in range(1, 8):
        await until(partial(answered_or_left, shop, chat, conversation_id, number))
        if await left(shop, conversation_id):
            break
        chat.text(f"You have opened ticket {number}")
        await shop.settled()
    assert len(chat.texts()) <= 3
    conversation = await shop.owner.get(f"/conversations/{conversation_id}")
    assert (conversation["status"], conversation["waiting_since"] is None) == ("open", False)
    timeline = await shop.owner.get(f"/customers/{conversation['customer_id']}/timeline?include=all")
    assert [entry["reason"] for entry in timeline["items"] if entry["kind"] == "handoff"] == ["loop"]


async def left(shop, conversation_id):
    stored = await shop.house.database.durable.conversations.find_one({"_id": conversation_id})
    return bool(stored.get("handed_off"))


async def answered_or_left(shop, chat, conversation_id, number):
    return len(chat.texts()) >= number or await left(shop, conversation_id)
