"""Who asks for a person gets one, and the bot says no more."""

import pytest


async def closed_for_good(shop):
    await shop.owner.call("PATCH", "/settings", {"hours": {"open": []}, "languages": ["en"]})


async def open_always(shop):
    day = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}
    await shop.owner.call("PATCH", "/settings", {"hours": {"open": [day]}, "languages": ["en"]})


async def the_conversation(shop):
    [conversation] = await shop.conversations()
    return conversation


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("Operator", "en", "I hand you over to a person, who will answer you here."),
        ("Оператор!", "uk", "Передаю розмову менеджеру: він відповість вам тут."),
    ],
)
async def test_who_asks_for_a_person_is_handed_over_at_once(shop, text, language, said):
    await open_always(shop)
    rule = {"name": "Echo", "trigger": "message_received", "actions": [{"type": "reply", "text": "Noted"}]}
    assert (await shop.owner.call("POST", "/rules", rule)).status == 201
    chat = shop.customer()
    chat.customer.language = language
    chat.text(text)
    await chat.until(lambda seen: len(seen.texts()) == 1)
    chat.text("Hello?")
    await shop.settled()
    assert chat.texts() == [said]
    assert (await the_conversation(shop))["status"] == "open"


async def test_while_the_shop_is_closed_it_says_so(shop):
    await closed_for_good(shop)
    chat = shop.customer()
    chat.text("Operator")
    await chat.until(lambda seen: len(seen.texts()) == 1)
    assert chat.texts() == ["I hand you over to a person. We are closed now: they will answer as soon as we open."]
