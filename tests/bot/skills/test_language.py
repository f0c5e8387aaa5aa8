"""The language is asked for once, where nothing tells it."""

import pytest

from tests.flow import until

QUESTION = "Якою мовою вам зручніше?\nWhich language suits you best?"


@pytest.fixture
async def asking(shop):
    """A shop of two languages that asks for them."""
    settings = {"languages": ["uk", "en"], "bot": {"skills": {"language": True}}}
    await shop.owner.call("PATCH", "/settings", settings)

    async def asks():
        return (await shop.house.rules.playbook()).bot.has("language")

    await until(asks)
    return shop


def stranger(shop, language=""):
    chat = shop.customer()
    chat.customer.language = language
    return chat


async def card_of(shop):
    [conversation] = await shop.conversations()
    return await shop.owner.get(f"/customers/{conversation['customer_id']}")


async def test_the_choice_stands_on_the_card(asking):
    chat = stranger(asking)
    chat.text("👋")
    await chat.until(lambda seen: seen.texts() == [QUESTION])
    chat.press(chat.seen()[0].id, "English")
    await chat.until(lambda seen: seen.texts()[-1] == "All right, in English then.")
    assert (await card_of(asking))["language"] == "en"


async def test_a_title_that_is_typed_is_a_choice_and_other_words_are_none(asking):
    chat = stranger(asking)
    chat.text("👋")
    await chat.until(lambda seen: len(seen.texts()) == 1)
    chat.text("What is it about?")
    await asking.settled()
    chat.text("українська")
    await chat.until(lambda seen: seen.texts()[-1] == "Добре, пишемо українською.")
    assert chat.texts().count(QUESTION) == 1


async def test_who_speaks_a_known_language_is_not_asked(asking):
    chat = stranger(asking, "uk")
    chat.text("Привіт")
    await asking.settled()
    assert chat.texts() == []


async def test_nobody_is_asked_twice(asking):
    chat = stranger(asking)
    chat.text("👋")
    await chat.until(lambda seen: len(seen.texts()) == 1)
    [conversation] = await asking.conversations()
    await asking.owner.call("PATCH", f"/conversations/{conversation['id']}", {"status": "closed"})
    chat.text("👋👋")
    await asking.settled()
    assert chat.texts() == [QUESTION]


async def test_one_language_is_no_choice(asking):
    await asking.owner.call("PATCH", "/settings", {"languages": ["en"]})

    async def known():
        return list((await asking.house.rules.playbook()).languages) == ["en"]

    await until(known)
    chat = stranger(asking)
    chat.text("👋")
    await asking.settled()
    assert chat.texts() == []
