"""The same person on several channels of a running shop: what makes one card of two, and what never does."""

import re
import time
from functools import partial
from typing import Any

import pytest

from channels.telegram.sandbox import Chat
from tests.flow import Shop, until
from tests.people import check

PHONE = "380671234567"


async def connect(shop: Shop, kind: str, bot: Any) -> None:
    """Another account of the shop's."""
    settings = {"token": bot.token, "api_base": shop.sandbox.api_base(kind)}
    if kind == "viber":
        settings["sender_name"] = "Shop"
    created = await shop.owner.call(
        "POST", "/channels", {"kind": kind, "name": f"Another {kind}", "settings": settings}
    )
    assert created.status == 201, created


@pytest.fixture
async def second_bot(shop: Shop) -> Any:
    bot = shop.sandbox.telegram.create_bot()
    await connect(shop, "telegram", bot)
    return bot


@pytest.fixture
async def viber(shop: Shop) -> Any:
    bot = shop.sandbox.viber.create_bot()
    await connect(shop, "viber", bot)
    return bot


async def at_rest(shop: Shop, *bots: Any) -> None:
    """Everything that was said has arrived, and what follows from it is done."""
    for bot in bots:
        await bot.drained()
    await shop.settled()

    async def nothing_due() -> bool:
        kinds = {"$in": ["contact.proven", "contact.told", "code.send", "code.typed"]}
        return await shop.house.database.durable.timers.count_documents({"kind": kinds}) == 0

    await until(nothing_due)


async def cards(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shop.owner.get("/customers?limit=100"))["items"]
    return found


async def texts(shop: Shop, conversation_id: str) -> list[str]:
    return [row["text"] for row in await shop.messages(conversation_id) if row["direction"] == "in" and row["text"]]


async def test_who_shares_their_own_phone_with_two_bots_has_one_card_and_one_conversation(shop, second_bot):
    customer = shop.sandbox.telegram.create_customer("Ann Petrenko")
    first, second = shop.bot.chat(customer), second_bot.chat(customer)
    for number, chat in enumerate((first, second, first, second)):
        # Telegram tells the time to the second.
        chat.clock = partial(float, time.time() - 60 + number)
        chat.text(f"message {number}")
        await at_rest(shop, shop.bot, second_bot)
    assert len(await cards(shop)) == 2
    first.clock = second.clock = time.time
    first.contact(PHONE)
    await at_rest(shop, shop.bot)
    assert [card["proven"] for card in await cards(shop) if card["proven"]] == [[f"+{PHONE}"]]
    second.contact(PHONE)
    await at_rest(shop, second_bot)

    async def one() -> Any:
        return [card for card in await cards(shop) if len(card["identities"]) == 2]

    [card] = await until(one)
    assert (len(await cards(shop)), card["proven"]) == (1, [f"+{PHONE}"])
    [conversation] = await shop.conversations()
    assert await texts(shop, conversation["id"]) == [f"message {number}" for number in range(4)]
    second.text("And one more")
    await at_rest(shop, second_bot)
    assert (await shop.conversations())[0]["last_message"]["text"] == "And one more"
    assert len(await shop.conversations()) == 1
    await check(shop.house.database)


async def test_a_foreign_a_forwarded_and_a_viber_contact_merge_nobody_and_are_suggested(shop, second_bot, viber):
    owner = shop.customer("Ann")
    owner.contact(PHONE)
    stranger = second_bot.chat(shop.sandbox.telegram.create_customer("Somebody"))
    stranger.contact(PHONE, "Ann", own=False)
    caller = viber.chat(shop.sandbox.viber.create_customer("Hanna"))
    caller.contact(PHONE)
    await at_rest(shop, shop.bot, second_bot, viber)
    found = {card["name"]: card for card in await cards(shop)}
    assert set(found) == {"Ann", "Somebody", "Hanna"}
    assert [found["Ann"]["proven"], found["Somebody"]["proven"], found["Hanna"]["proven"]] == [[f"+{PHONE}"], [], []]
    suggested = (await shop.owner.get(f"/customers/{found['Hanna']['id']}/suggestions"))["items"]
    ann = next(row for row in suggested if row["customer"]["id"] == found["Ann"]["id"])
    assert any("nothing proves whose it is" in reason for reason in ann["reasons_for"])
    merged = await shop.owner.call(
        "POST", f"/customers/{found['Ann']['id']}/merge", {"other_id": found["Hanna"]["id"], "suggested": True}
    )
    assert {row["kind"] for row in merged.body["identities"]} == {"telegram", "viber"}
    assert len(await shop.conversations()) == 2


def code_in(chat: Chat) -> str | None:
    """The code that came to a phone."""
    found = [match.group() for text in chat.texts() for match in re.finditer(r"\b\d{6}\b", text)]
    return found[-1] if found else None


@pytest.fixture
async def known(shop: Shop) -> Chat:
    """Somebody whose phone is proven."""
    chat = shop.customer("Ann")
    chat.contact(PHONE)
    await at_rest(shop, shop.bot)
    return chat


@pytest.fixture
async def claiming(shop: Shop, viber: Any) -> tuple[Any, dict[str, Any]]:
    """Somebody on Viber, and their card."""
    chat = viber.chat(shop.sandbox.viber.create_customer("Hanna"))
    chat.text("It is me, Ann")
    await at_rest(shop, viber)
    card = next(card for card in await cards(shop) if card["name"] == "Hanna")
    return chat, card


async def ask(shop: Shop, card: dict[str, Any], contact: str = f"+{PHONE}") -> Any:
    body = {"contact": contact, "identity": card["identities"][0]["id"]}
    answer = await shop.owner.call("POST", f"/customers/{card['id']}/codes", body)
    assert answer.status == 202, answer
    await at_rest(shop)
    return answer.body


async def test_a_code_read_on_the_proven_channel_and_typed_on_the_new_one_makes_one_card(shop, viber, known, claiming):
    chat, card = claiming
    await ask(shop, card)
    await known.until(lambda known: code_in(known) is not None)
    code = code_in(known)
    assert code is not None
    ours = [row["text"] for case in await shop.conversations() for row in await shop.messages(case["id"])]
    assert not any(code in text for text in ours), "managers read the code"
    chat.text(f" {code[:3]} {code[3:]}")
    await at_rest(shop, viber)

    async def one() -> bool:
        return len(await cards(shop)) == 1

    await until(one)
    [card] = await cards(shop)
    assert {row["kind"] for row in card["identities"]} == {"telegram", "viber"}
    [merge] = (await shop.owner.get(f"/customers/{card['id']}/merges"))["items"]
    assert merge["reason"] == {"type": "code", "value": f"+{PHONE}"}


async def test_five_wrong_codes_are_enough_and_nobody_is_told(shop, viber, known, claiming):
    chat, card = claiming
    await ask(shop, card)
    await known.until(lambda known: code_in(known) is not None)
    code = code_in(known)
    assert code is not None
    for number in range(5):
        chat.text(f"{(int(code) + number + 1) % 10**6:06d}")
        await at_rest(shop, viber)
    chat.text(code)
    await at_rest(shop, viber)
    assert len(await cards(shop)) == 2
    assert chat.texts() == []


async def test_nobody_is_sent_a_code_for_a_contact_that_nobody_proved(shop, known, claiming):
    _, card = claiming
    told = await ask(shop, card)
    assert await ask(shop, card, "+380500000001") == told
    outgoing = await shop.house.database.durable.outbox.count_documents({})
    assert outgoing == 1


async def test_a_code_of_yesterday_and_a_used_one_prove_nothing(shop, viber, known, claiming):
    chat, card = claiming
    await ask(shop, card)
    await known.until(lambda known: code_in(known) is not None)
    code = code_in(known)
    assert code is not None
    codes = shop.house.database.durable.one_time_codes
    row = await codes.find_one({})
    await codes.update_one({}, {"$set": {"expires_at": row["created_at"]}})
    chat.text(code)
    await at_rest(shop, viber)
    assert len(await cards(shop)) == 2
