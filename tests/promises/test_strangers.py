"""Nobody gets at a stranger's order: each way is gone twice, once at an order that there is, once at one that is not.

What the phone shows is the same byte for byte, buttons and what they carry included, and nothing of the order is in it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import telegram as ptb

from bot.skills.order_answers import WORDS
from channels.email.sandbox import Correspondence
from channels.registry import KINDS
from channels.telegram.sandbox import Bot, Chat
from inbox.disclosure import TRIES, Disclosure
from inbox.model.pipeline import DEFAULT_PIPELINE
from inbox.storage.merging import MergeStore
from inbox.storage.order_tries import OrderTryStore
from inbox.storage.orders import OrderStore
from inbox.storage.people import PeopleStore
from tests.bot.skills.asking import (
    ITEM,
    NUMBER,
    PARCEL,
    PHONE,
    WHERE,
    Shown,
    case_of,
    ordered,
    press,
    proven,
    quiet,
    say,
    shown,
    under_way,
    viber_bot,
)
from tests.channels.email.shop import Case
from tests.flow import Shop, until
from tests.promises.updates import body

EN = WORDS["en"]
OTHER_PHONE = "380670000001"
ABSENT, ABSENT_PHONE = "90045", "380679999999"
MAIL = "oksana@mail.example"


@dataclass
class Target:
    """What a stranger is after: a number and the phone that goes with it."""

    number: str
    phone: str


@dataclass
class World:
    """A shop with an order of Oksana's on her card, and her phone."""

    shop: Shop
    oksana: Chat
    day: str
    second: Bot

    def stranger(self, **fields: Any) -> Chat:
        """Somebody new, with a phone of their own."""
        customer = self.shop.sandbox.telegram.create_customer(
            "Petro", language="en", **{"phone": OTHER_PHONE, **fields}
        )
        return self.shop.bot.chat(customer)

    def secrets(self) -> list[str]:
        """All that nobody but Oksana may read; the number itself is said back to nobody either."""
        titles = [DEFAULT_PIPELINE.title("shipped", (language,)) for language in WORDS]
        return [NUMBER, PARCEL, ITEM, self.day, "771", "1542", "Oksana", "Kovalenko", PHONE[3:], *titles]

    async def card(self, chat: Any) -> str:
        return str((await case_of(self.shop, chat))["customer_id"])

    async def merge(self, survivor: Any, other: Any, **fields: Any) -> str:
        """Have a manager say that two are one; returns the merge's id."""
        first, second = await self.card(survivor), await self.card(other)
        merged = await self.shop.owner.call("POST", f"/customers/{first}/merge", {"other_id": second, **fields})
        assert merged.status == 200, merged
        return str((await self.shop.owner.get(f"/customers/{first}/merges"))["items"][0]["id"])

    async def undo(self, survivor: Any, merge_id: str) -> None:
        path = f"/customers/{await self.card(survivor)}/merges/{merge_id}/undo"
        undone = await self.shop.owner.call("POST", path)
        assert undone.status == 200, undone


@pytest.fixture
async def world(shop: Shop) -> World:
    second = shop.sandbox.telegram.create_bot()
    settings = {"token": second.token, "api_base": shop.sandbox.api_base("telegram")}
    made = await shop.owner.call("POST", "/channels", {"kind": "telegram", "name": "Second", "settings": settings})
    assert made.status == 201, made
    # What is tried here is tried more often than a shop lets the bot speak.
    await shop.owner.call("PATCH", "/settings", {"bot": {"most_per_hour": 100}})
    oksana = shop.bot.chat(
        shop.sandbox.telegram.create_customer("Oksana Kovalenko", username="oksana_k", language="en", phone=PHONE)
    )
    order = await ordered(shop)
    day = await under_way(shop, order)
    await proven(shop, oksana)
    assert (await shop.owner.get(f"/orders/{NUMBER}"))["customer_id"] is not None
    return World(shop, oksana, day, second)


Way = Callable[[World, Target], Awaitable[list[list[Shown]]]]
"""Goes a way after a target; returns what each phone that had a part in it shows at last."""

WAYS: list[Way] = []


def way(one: Way) -> Way:
    WAYS.append(one)
    return one


@way
async def a_number_alone(world, target):
    chat = world.stranger()
    await say(world.shop, chat, f"Where is my order {target.number}?")
    return [shown(chat)]


@way
async def a_wrong_phone(world, target):
    chat = world.stranger()
    await say(world.shop, chat, WHERE, target.number, OTHER_PHONE)
    return [shown(chat)]


@way
async def phones_in_a_row(world, target):
    chat = world.stranger()
    await say(world.shop, chat, WHERE, *(f"{target.number} 067123456{digit}" for digit in (6, 8, 9)))
    return [shown(chat)]


@way
async def a_phone_of_other_countries_and_forms(world, target):
    chats = [world.stranger() for _ in range(4)]
    forms = (f"+48{target.phone[3:]}", f"+1{target.phone[2:]}", target.phone[3:-1] + "0", f"{target.phone}9")
    for chat, form in zip(chats, forms, strict=True):
        await say(world.shop, chat, WHERE, f"{target.number}, {form}")
    return [shown(chat) for chat in chats]


@way
async def the_number_with_the_own_proven_phone(world, target):
    own = f"38067000{target.number}"
    chat = world.stranger(phone=own)
    await proven(world.shop, chat, own)
    await say(world.shop, chat, f"Where is my order {target.number}?", own)
    return [shown(chat)]


@way
async def the_own_contact_as_the_phone(world, target):
    # Two who prove the same phone are one person, to whom the bot does not say the same twice.
    own = f"38067{target.number.zfill(7)}"
    chat = world.stranger(phone=own)
    await say(world.shop, chat, WHERE, target.number)
    await proven(world.shop, chat, own)
    return [shown(chat)]


@way
async def a_shared_contact_of_somebody_else(world, target):
    chat = world.stranger()
    chat.contact(target.phone, "Oksana", own=False)
    await say(world.shop, chat, WHERE, target.number)
    chat.contact(target.phone, "Oksana", own=False)
    await quiet(world.shop)
    return [shown(chat)]


@way
async def a_forwarded_contact(world, target):
    chat = world.stranger()
    await say(world.shop, chat, WHERE, target.number)
    user = ptb.User(chat.customer.id, "Petro", is_bot=False, language_code="en")
    sent_at = datetime.fromtimestamp(chat.messages[-1].date + 1, UTC)
    forwarded = ptb.Message(
        900,
        sent_at,
        ptb.Chat(chat.customer.id, "private", first_name="Petro"),
        from_user=user,
        contact=ptb.Contact(target.phone, "Oksana", user_id=chat.customer.id),
        forward_origin=ptb.MessageOriginUser(sent_at, user),
    )
    await world.shop.bot.deliver(body(ptb.Update(world.shop.bot.next_update_id(), message=forwarded)))
    await quiet(world.shop)
    await say(world.shop, chat, WHERE)
    return [shown(chat)]


@way
async def a_contact_of_viber(world, target):
    bot = await viber_bot(world.shop)
    chat = bot.chat(world.shop.sandbox.viber.create_customer("Petro", language="en"))
    chat.contact(target.phone)
    await quiet(world.shop, bot)
    await say(world.shop, chat, WHERE, target.number)
    chat.contact(target.phone)
    await quiet(world.shop, bot)
    return [[(text, ()) for text in chat.texts()]]


async def pressed_with(world: World, chat: Chat, data: str) -> None:
    """Press a button of the chat's last message as if it carried something else."""
    button = chat.seen()[-1].keyboard[0][0]
    button["callback_data"], kept = data, button["callback_data"]
    chat.press(chat.seen()[-1].id, data)
    await quiet(world.shop)
    button["callback_data"] = kept


@way
async def replayed_buttons_of_the_owners_chat(world, target):
    await ordered(world.shop, "20001", status="new", customer={"phone": f"+{PHONE}"})
    before = len(shown(world.oksana))
    await say(world.shop, world.oksana, WHERE)
    await press(world.shop, world.oksana, f"Order {NUMBER}")
    carried = [data for _, buttons in shown(world.oksana)[before:] for _, data in buttons]
    assert len(set(carried)) == 5
    await over(world, world.oksana)
    wanted = carried if target.number == NUMBER else [data[:-16] + "0" * 16 for data in carried]
    phones = []
    for data, other in zip(carried, wanted, strict=True):
        chat = world.stranger()
        await say(world.shop, chat, WHERE)
        if data.endswith((":person", ":other")):
            other = data  # noqa: PLW2901  # These carry nothing.
        await pressed_with(world, chat, other)
        phones.append(shown(chat))
    return phones


@way
async def an_invented_button(world, target):
    chat = world.stranger()
    await say(world.shop, chat, WHERE)
    for data in (f"order_status:one:{target.number}", f"order_status:again:{target.number}", "order_status:nothing"):
        await pressed_with(world, chat, data)
    return [shown(chat)]


@way
async def a_merge_that_was_undone(world, target):
    chat = world.stranger()
    await say(world.shop, chat, "Hello")
    await say(world.shop, world.oksana, "Hello")
    merge_id = await world.merge(chat, world.oksana)
    await world.undo(chat, merge_id)
    await say(world.shop, chat, WHERE, target.number)
    return [shown(chat)]


@way
async def a_merge_into_the_owners_card_that_was_undone(world, target):
    chat = world.stranger()
    await say(world.shop, chat, "Hello")
    merge_id = await world.merge(world.oksana, chat)
    await world.undo(world.oksana, merge_id)
    await say(world.shop, chat, WHERE, target.number)
    return [shown(chat)]


@way
async def a_suggestion_that_somebody_believed(world, target):
    chat = world.second.chat(world.shop.sandbox.telegram.create_customer("Oksana Kovalenko", language="en"))
    await say(world.shop, chat, f"my phone is {target.phone}")
    await world.merge(world.oksana, chat, suggested=True)
    await say(world.shop, chat, WHERE, target.number)
    await over(world, chat)
    return [shown(chat)]


@way
async def an_identity_that_was_split_off(world, target):
    chat = world.second.chat(world.shop.sandbox.telegram.create_customer("Petro", language="en"))
    await say(world.shop, chat, "Hello")
    await world.merge(world.oksana, chat)
    card = await world.shop.owner.get(f"/customers/{await world.card(world.oksana)}")
    identity = next(row["id"] for row in card["identities"] if row["external_id"] == chat.user_id)
    split = await world.shop.owner.call("POST", f"/customers/{card['id']}/split", {"identity": identity})
    assert split.status in (200, 201), split
    await say(world.shop, chat, WHERE, target.number)
    return [shown(chat)]


@way
async def what_stays_where_the_proof_was_split_off(world, target):
    """The card keeps the order; whoever stays on it has proven nothing."""
    chat = world.second.chat(world.shop.sandbox.telegram.create_customer("Petro", language="en"))
    await say(world.shop, chat, "Hello")
    await world.merge(world.oksana, chat)
    card = await world.shop.owner.get(f"/customers/{await world.card(world.oksana)}")
    identity = next(row["id"] for row in card["identities"] if row["external_id"] == world.oksana.user_id)
    split = await world.shop.owner.call("POST", f"/customers/{card['id']}/split", {"identity": identity})
    assert split.status in (200, 201), split
    await say(world.shop, chat, WHERE, target.number)
    return [shown(chat)]


@way
async def an_edited_message(world, target):
    chat = world.stranger()
    number = chat.text("Hello")
    await quiet(world.shop)
    chat.edit(number, f"Where is my order {target.number}? My phone is {target.phone}")
    await quiet(world.shop)
    await say(world.shop, chat, WHERE)
    return [shown(chat)]


@way
async def a_number_in_two_messages(world, target):
    chat = world.stranger()
    await say(world.shop, chat, WHERE, target.number[:2], target.number[2:], OTHER_PHONE)
    return [shown(chat)]


@way
async def a_list_of_orders(world, target):
    chat = world.stranger()
    await say(world.shop, chat, f"{WHERE} Show me all orders", "all", "*", "%", ".*", '{"$ne": ""}')
    return [shown(chat)]


@way
async def a_pattern_for_a_number(world, target):
    chat = world.stranger()
    await say(world.shop, chat, WHERE, f"{target.number[:3]}.* {OTHER_PHONE}", f"^{target.number} {OTHER_PHONE}")
    return [shown(chat)]


@way
async def an_order_without_a_phone(world, target):
    if target.number == NUMBER:
        await ordered(world.shop, "30001", customer={"name": "Oksana"})
    chat = world.stranger()
    await say(world.shop, chat, WHERE, f"30001 {target.phone}")
    return [shown(chat)]


@way
async def a_phone_that_was_typed_before(world, target):
    """An order of nobody is suggested to the card, and no more."""
    if target.number == NUMBER:
        await ordered(world.shop, "30002", customer={"phone": "+380671112233"})
    chat = world.stranger()
    await say(world.shop, chat, "My phone is 380671112233", WHERE, "30002")
    return [shown(chat)]


@way
async def a_phone_that_a_manager_wrote_on_the_card(world, target):
    chat = world.stranger()
    await say(world.shop, chat, "Hello")
    path = f"/customers/{await world.card(chat)}"
    changed = await world.shop.owner.call("PATCH", path, {"phones": [f"+{target.phone}"]})
    assert changed.status == 200, changed
    await say(world.shop, chat, WHERE, target.number)
    return [shown(chat)]


@way
async def an_erased_customers_order(world, target):
    if target.number == NUMBER:
        erased = await world.shop.owner.call("DELETE", f"/customers/{await world.card(world.oksana)}")
        assert erased.status in (200, 202), erased

        async def done() -> bool:
            proof = await world.shop.owner.get(f"/erasures/{erased.body['id']}")
            return bool(proof["state"] == "done")

        await until(done)
    chat = world.stranger()
    await say(world.shop, chat, WHERE, f"{target.number} {target.phone}")
    return [shown(chat)]


@way
async def an_answer_after_the_case_was_closed(world, target):
    chat = world.stranger()
    await say(world.shop, chat, WHERE, target.number)
    case = await case_of(world.shop, chat)
    closed = await world.shop.owner.call("PATCH", f"/conversations/{case['_id']}", {"status": "closed"})
    assert closed.status == 200, closed
    await say(world.shop, chat, target.phone)
    return [shown(chat)]


@way
async def more_tries_than_a_person_has(world, target):
    """The last one is right, and too late."""
    chats = [world.stranger(), world.second.chat(world.shop.sandbox.telegram.create_customer("Petro", language="en"))]
    for chat in chats:
        await say(world.shop, chat, "Hello")
    await world.merge(*chats)
    for number in range(TRIES):
        await tried(world, chats[number % 2], f"8000{number} {OTHER_PHONE}")
    return [await tried(world, chats[0], f"{target.number} {target.phone}")]


@way
async def more_tries_than_an_order_has(world, target):
    """Each by another person, each written another way; the last one is right, and too late."""
    for spelling in ("{}", "#{}", "№ {}", "0{}", "AB-{}"):
        await tried(world, world.stranger(), f"{spelling.format(target.number)}, {OTHER_PHONE}")
    return [await tried(world, world.stranger(), f"{target.number} {target.phone}")]


@way
async def many_tries_at_once(world, target):
    chats = [world.stranger() for _ in range(TRIES + 3)]
    for chat in chats:
        await say(world.shop, chat, WHERE)
    for chat in chats:
        chat.text(f"{target.number} {OTHER_PHONE}")
    await quiet(world.shop, world.shop.bot)
    return [*(shown(chat) for chat in chats), await tried(world, world.stranger(), f"{target.number} {target.phone}")]


async def tried(world: World, chat: Chat, text: str) -> list[Shown]:
    """What one try shows in a case of its own, however many the chat has had."""
    before = len(shown(chat))
    await say(world.shop, chat, WHERE, text)
    await over(world, chat)
    return shown(chat)[before:]


async def over(world: World, chat: Chat) -> None:
    """Have a case end, and what was said in it be forgotten."""
    case = await case_of(world.shop, chat)
    await world.shop.owner.call("PATCH", f"/conversations/{case['_id']}", {"status": "closed"})
    # As many days later: the bot says the same words once a day in a case.
    await world.shop.house.database.durable.conversations.update_one(
        {"_id": case["_id"]}, {"$unset": {"automatic": ""}}
    )


@pytest.mark.parametrize("one", WAYS, ids=lambda one: one.__name__)
async def test_no_way_leads_to_a_strangers_order(world, one):
    missed = await one(world, Target(ABSENT, ABSENT_PHONE))
    seen = await one(world, Target(NUMBER, PHONE))
    assert seen == missed
    assert any(seen), "nothing was said: the way was not gone"
    told = [word for phone in seen for text, buttons in phone for word in (text, *sum(buttons, ()))]
    assert [(secret, text) for secret in world.secrets() for text in told if secret.lower() in text.lower()] == []


async def test_the_owner_is_told_what_strangers_are_not(world):
    """So that the other tests may fail: what they look for is there."""
    await say(world.shop, world.oksana, WHERE)
    text = world.oksana.texts()[-1]
    assert all(secret in text for secret in (NUMBER, PARCEL, ITEM, world.day))


async def letters_of(shop: Shop, case: Case, letters: Correspondence) -> list[str]:
    await letters.drained()
    await quiet(shop)
    return letters.texts()


async def test_a_letter_with_a_forged_sender_is_a_strangers(world):
    shop = world.shop
    case = await Case.open(shop)
    mail = shop.sandbox.email
    forged = mail.letters(case.mailbox, mail.create_customer("Oksana Kovalenko", MAIL, language="en"))
    forged.write("Hello", subject="Hello")
    await letters_of(shop, case, forged)
    identity = await shop.house.database.durable.identities.find_one({"external_id": MAIL})
    await shop.house.proofs.prove(identity["_id"], "email", MAIL)
    await ordered(shop, "40001", customer={"email": MAIL})
    assert (await shop.owner.get("/orders/40001"))["customer_id"] == identity["customer_id"]
    forged.write(f"{WHERE}", subject="Order")
    [text] = await letters_of(shop, case, forged)
    assert text.startswith(EN.ask_number)
    assert not any(word in text for word in (PARCEL, ITEM, "40001"))
    verdict = (
        ("X-Spam-Tests", "DKIM_SIGNED,DKIM_VALID,DKIM_VALID_AU"),
        ("Received", "from mail.example (mail.example [192.0.2.1]) by inbound.example"),
        ("DKIM-Signature", "v=1; a=rsa-sha256; d=mail.example; s=s; b=x"),
    )
    true = mail.letters(case.mailbox, mail.create_customer("Oksana Kovalenko", MAIL, language="en"))
    true.write(WHERE, subject="My order", headers=verdict)
    *_, told = await letters_of(shop, case, true)
    assert PARCEL in told


async def test_who_answers_a_letter_to_somebody_else_is_a_stranger(world):
    shop = world.shop
    case = await Case.open(shop)
    case.letters.write("Hello", subject="Hello")
    await letters_of(shop, case, case.letters)
    identity = await shop.house.database.durable.identities.find_one({"external_id": "olena@mail.example"})
    [conversation] = await shop.house.database.durable.conversations.find(
        {"customer_id": identity["customer_id"]}
    ).to_list(None)
    case.id = conversation["_id"]
    await shop.house.proofs.prove(identity["_id"], "email", "olena@mail.example")
    await ordered(shop, "40002", customer={"email": "olena@mail.example"})
    await case.reply("Hello, Olena")
    [ours] = await case.letters.until(lambda letters: [one for one in letters.letters if one.from_shop])
    mail = shop.sandbox.email
    passed_on = mail.letters(case.mailbox, mail.create_customer("Petro", "petro@else.example", language="en"))
    passed_on.letters.append(ours)
    await shop.owner.call("PATCH", f"/conversations/{conversation['_id']}", {"status": "closed"})
    passed_on.write(WHERE, answers=ours.id)
    await letters_of(shop, case, passed_on)
    joined = await shop.house.database.durable.identities.find_one({"external_id": "petro@else.example"})
    assert joined["joined"] == "answer"
    texts = [text for text in (*passed_on.texts(), *case.letters.texts()) if "Hello, Olena" not in text]
    assert not any(word in text for text in texts for word in (PARCEL, ITEM, "40002"))


async def test_what_a_letter_quotes_is_not_asked_by_its_writer(world):
    shop = world.shop
    case = await Case.open(shop)
    mail = shop.sandbox.email
    letters = mail.letters(case.mailbox, mail.create_customer("Petro", "petro@else.example", language="en"))
    letters.write(f"{WHERE}\n\nOn Monday Oksana wrote:\n> my order is {NUMBER}\n> my phone is {PHONE}", subject="Order")
    texts = await letters_of(shop, case, letters)
    assert not any(word in text for text in texts for word in (PARCEL, ITEM, world.day))


async def test_the_same_user_name_elsewhere_is_somebody_else(world):
    shop = world.shop
    account = shop.sandbox.instagram.create_account("box_shop")
    created = await shop.owner.call(
        "POST",
        "/channels",
        {
            "kind": "instagram",
            "name": "Instagram",
            "settings": {
                "account_id": account.id,
                "access_token": account.access_token,
                "app_secret": account.app_secret,
                "verify_token": "verify-me",
                "api_base": shop.sandbox.api_base("instagram"),
            },
        },
    )
    assert created.status == 201, created
    account.webhook_url = account.webhook_url or created.body["webhook_url"]["absolute"]
    chat = account.chat(shop.sandbox.instagram.create_customer("Oksana Kovalenko", username="oksana_k"))
    chat.text(WHERE)
    await account.drained()
    await quiet(shop)
    assert not any(word in text for text in chat.texts() for word in (PARCEL, ITEM, NUMBER))


async def test_another_shops_order_of_the_same_number_tells_nothing_of_this_one(world):
    shop = world.shop
    source = await shop.owner.call("POST", "/order-sources", {"name": "Boutique", "kind": "generic"})
    other = {
        "status": "new",
        "delivery": {"carrier": "", "tracking_number": ""},
        "customer": {"phone": f"+{OTHER_PHONE}"},
    }
    put = await shop.owner.call(
        "PUT",
        f"/orders/{NUMBER}?source={source.body['id']}",
        {**other, "items": [], "total": "1.00", "currency": "UAH"},
    )
    assert put.status == 201, put
    chat = world.stranger()
    await say(shop, chat, WHERE, f"{NUMBER} {OTHER_PHONE}")
    text = chat.texts()[-1]
    assert DEFAULT_PIPELINE.title("new", ("en",)) in text
    assert not any(word in text for word in (PARCEL, ITEM, "Shipped", world.day))


async def test_tries_are_remembered_by_whoever_serves_next(world):
    database = world.shop.house.database
    message = {"_id": "m", "identity_id": "stranger"}

    def restarted() -> Disclosure:
        people, orders = PeopleStore(database), OrderStore(database)
        return Disclosure(
            orders=orders, people=people, merges=MergeStore(database), tries=OrderTryStore(database), kinds=KINDS
        )

    for number in range(TRIES):
        told = await restarted().matching({**message, "_id": f"m{number}"}, [NUMBER], f"+{OTHER_PHONE}")
        assert told is None
    assert await restarted().matching({**message, "_id": "late"}, [NUMBER], f"+{PHONE}") is None
    await database.durable.order_tries.delete_many({})
    # The same message again is one try; one that was right is none.
    for _ in range(3 * TRIES):
        assert await restarted().matching(message, [NUMBER], f"+{PHONE}") is not None
    for _ in range(3 * TRIES):
        assert await restarted().matching(message, [NUMBER], f"+{OTHER_PHONE}") is None
    assert await restarted().matching({**message, "_id": "next"}, [NUMBER], f"+{PHONE}") is not None


async def test_tries_hold_nobodys_number_nor_name(world):
    chat = world.stranger()
    await say(world.shop, chat, WHERE, f"{NUMBER} {OTHER_PHONE}")
    [row] = await world.shop.house.database.durable.order_tries.find().to_list(None)
    assert set(row) == {"_id", "who", "order", "at"}
    assert not any(word in str(row) for word in (NUMBER, OTHER_PHONE, chat.user_id))


async def test_answering_a_stranger_proves_nothing_for_their_card(world):
    await ordered(world.shop, "40003", customer={"phone": "+380671112244"})
    chat = world.stranger()
    await say(world.shop, chat, WHERE, "40003 380671112244")
    assert PARCEL in chat.texts()[-1]
    card = await world.shop.owner.get(f"/customers/{await world.card(chat)}")
    assert card["proven"] == []
    assert (await world.shop.owner.get("/orders/40003"))["customer_id"] is None


async def test_a_missed_phone_takes_about_as_long_as_a_missed_number(world):
    """Everything that is asked of the database is asked in both cases."""
    people, orders = PeopleStore(world.shop.house.database), OrderStore(world.shop.house.database)
    database = world.shop.house.database
    disclosure = Disclosure(
        orders=orders, people=people, merges=MergeStore(database), tries=OrderTryStore(database), kinds=KINDS
    )
    loop = asyncio.get_running_loop()

    async def taken(number: str, turn: int) -> float:
        began = loop.time()
        message = {"_id": f"{number}:{turn}", "identity_id": f"s{turn}"}
        await disclosure.matching(message, [number], f"+{OTHER_PHONE}")
        return loop.time() - began

    spent = {number: sorted([await taken(number, turn) for turn in range(40)])[20] for number in (ABSENT, NUMBER)}
    assert max(spent.values()) < 4 * min(spent.values())
