"""The order question in a whole shop: answered at once to its customer, in their language, and then nobody waits."""

import pytest

from bot.skills.order_answers import WORDS
from inbox.model.pipeline import DEFAULT_PIPELINE
from tests.bot.skills.asking import (
    ITEM,
    NUMBER,
    PARCEL,
    PHONE,
    WHERE,
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

ASKED = {
    "uk": "Де моє замовлення?",
    "ru": "Где мой заказ?",
    "en": WHERE,
    "ka": "სად არის ჩემი შეკვეთა?",
}


def known(shop, language="en"):
    """A new customer's chat, whose program speaks this language."""
    return shop.bot.chat(shop.sandbox.telegram.create_customer("Oksana Kovalenko", language=language))


def title(status, language="en"):
    return DEFAULT_PIPELINE.title(status, (language,))


@pytest.fixture
async def oksana(shop):
    """Somebody whose phone is proven, and is that of an order."""
    chat = known(shop)
    await ordered(shop)
    await proven(shop, chat)
    return chat


@pytest.mark.parametrize("language", list(ASKED))
async def test_the_customer_of_an_order_is_told_all_about_it_in_their_language(shop, language):
    chat = known(shop, language)
    day = await under_way(shop, await ordered(shop))
    await proven(shop, chat)
    await say(shop, chat, ASKED[language])
    [(text, buttons)] = shown(chat)
    words = WORDS[language]
    for told in (NUMBER, title("shipped", language), ITEM, PARCEL, f"https://novaposhta.ua/tracking/{PARCEL}", day):
        assert told in text
    assert "Львів" not in text
    assert [name for name, _ in buttons] == [words.refresh, words.person]
    assert not any(NUMBER in data or PARCEL in data for _, data in buttons)


async def test_what_was_answered_waits_for_nobody_and_what_comes_next_does(shop, oksana):
    await say(shop, oksana, "Hello", WHERE)
    case = await case_of(shop, oksana)
    assert (case["status"], case["waiting_since"], case["clock"], case["unanswered"]) == ("pending", None, None, [])
    assert case["last_reply_sort"] == ""
    await say(shop, oksana, "The colour of the last one was wrong")
    case = await case_of(shop, oksana)
    assert case["status"] == "open"
    assert len(case["unanswered"]) == 1
    assert len(shown(oksana)) == 1


async def test_a_complaint_from_before_waits_on(shop, oksana):
    await say(shop, oksana, "The teapot came broken", WHERE)
    assert ITEM in shown(oksana)[-1][0]
    case = await case_of(shop, oksana)
    assert case["status"] == "open"
    assert len(case["unanswered"]) >= 1
    assert case["waiting_since"] is not None


async def test_of_several_orders_those_under_way_are_listed_and_one_is_chosen(shop, oksana):
    for number, status in (("10046", "new"), ("10047", "delivered"), ("10048", "cancelled")):
        await ordered(shop, number, status=status, delivery={"carrier": "", "tracking_number": ""})
    await say(shop, oksana, WHERE)
    text, buttons = shown(oksana)[-1]
    assert text.splitlines()[1:] == [f"Order 10046: {title('new')}.", f"Order {NUMBER}: {title('shipped')}."]
    assert [name for name, _ in buttons] == ["Order 10046", f"Order {NUMBER}", WORDS["en"].person]
    await press(shop, oksana, f"Order {NUMBER}")
    assert PARCEL in shown(oksana)[-1][0]
    assert WORDS["en"].other in [name for name, _ in shown(oksana)[-1][1]]


async def test_of_many_orders_the_five_newest_are_listed(shop, oksana):
    for number in range(10050, 10057):
        await ordered(shop, str(number), status="new")
    await say(shop, oksana, WHERE)
    assert len(shown(oksana)[-1][0].splitlines()) == 6


async def test_where_none_is_under_way_the_last_one_is_told(shop, oksana):
    await ordered(shop, status="delivered")
    await say(shop, oksana, WHERE)
    # The news of the delivery may come before the answer or after it.
    [(text, buttons)] = [(text, buttons) for text, buttons in shown(oksana) if buttons]
    assert f"Order {NUMBER}: {title('delivered')}." in text
    assert [name for name, _ in buttons] == [WORDS["en"].person]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Where is my order 10046?", "Order 10046"),
        ("Where is my order №10045", f"Order {NUMBER}"),
        ("Where is my order 1046?", "None of your orders has the number 1046; this is the nearest.\nOrder 10046"),
        ("Where is my order 10064?", "None of your orders has the number 10064; this is the nearest.\nOrder 10046"),
        ("Where is my order 10044?", "Your orders:\nOrder 10046"),  # Either may be meant.
    ],
)
async def test_the_order_whose_number_is_named_is_told_and_the_nearest_where_the_pen_slipped(shop, oksana, text, said):
    await ordered(shop, "10046", status="new", delivery={"carrier": "", "tracking_number": ""})
    await say(shop, oksana, text)
    assert shown(oksana)[-1][0].startswith(said)


async def test_the_same_question_again_is_for_a_person(shop, oksana):
    await say(shop, oksana, WHERE, WHERE)
    first, second = shown(oksana)
    assert ITEM in first[0]
    assert second[0] == WORDS["en"].handed_over
    case = await case_of(shop, oksana)
    assert case["handed_off"]
    assert (case["status"], case["waiting_since"] is not None) == ("open", True)
    await say(shop, oksana, WHERE)
    assert len(shown(oksana)) == 2


async def test_what_changed_meanwhile_is_told_anew(shop, oksana):
    await say(shop, oksana, WHERE)
    await ordered(shop, status="delivered")
    await say(shop, oksana, WHERE)
    assert title("delivered") in shown(oksana)[-1][0]


async def test_a_refresh_tells_when_it_was_looked_up(shop, oksana):
    await say(shop, oksana, WHERE)
    await press(shop, oksana, WORDS["en"].refresh)
    assert "Looked up just now" in shown(oksana)[-1][0]
    assert (await case_of(shop, oksana))["status"] == "pending"


async def test_a_person_is_one_button_away(shop, oksana):
    await say(shop, oksana, WHERE)
    await press(shop, oksana, WORDS["en"].person)
    text, buttons = shown(oksana)[-1]
    assert (text.startswith("I hand you over to a person"), buttons) == (True, ())
    case = await case_of(shop, oksana)
    assert case["handed_off"]
    assert case["status"] == "open"


async def test_who_names_number_and_phone_is_told_less(shop):
    day = await under_way(shop, await ordered(shop))
    chat = known(shop)
    await say(shop, chat, WHERE, NUMBER, PHONE)
    asked, phone, (told, buttons) = shown(chat)
    assert [asked[0], phone[0]] == [WORDS["en"].ask_number, WORDS["en"].ask_phone]
    assert all(word in told for word in (NUMBER, title("shipped"), PARCEL, day))
    assert not any(word in told for word in (ITEM, "Oksana", "771", "1542", "paid", PHONE[-7:]))
    assert [name for name, _ in buttons] == [WORDS["en"].person]
    case = await case_of(shop, chat)
    assert (case["status"], case["unanswered"]) == ("pending", [])
    order = await shop.owner.get(f"/orders/{NUMBER}")
    assert order["customer_id"] is None


@pytest.mark.parametrize(
    "text", [f"{NUMBER} 0671234567", f"0671234567, {NUMBER}", f"№{NUMBER}\n+38 (067) 123-45-67", "10 045 0671234567"]
)
async def test_number_and_phone_may_come_in_one_message_however_they_are_written(shop, text):
    await ordered(shop)
    chat = known(shop)
    await say(shop, chat, WHERE, text)
    assert PARCEL in shown(chat)[-1][0]


async def test_the_own_contact_is_as_good_as_a_typed_phone(shop):
    await ordered(shop)
    chat = known(shop)
    await say(shop, chat, WHERE, NUMBER)
    await proven(shop, chat)
    assert PARCEL in shown(chat)[-1][0]


async def test_what_does_not_fit_twice_is_for_a_person(shop):
    await ordered(shop)
    chat = known(shop)
    await say(shop, chat, WHERE, f"{NUMBER} 0670000001", f"{NUMBER} 0670000002")
    words = WORDS["en"]
    assert [text for text, _ in shown(chat)] == [words.ask_number, words.not_found, words.not_found_again]
    assert (await case_of(shop, chat))["handed_off"]
    await say(shop, chat, f"{NUMBER} {PHONE}")
    assert len(shown(chat)) == 3


async def test_something_else_is_not_taken_for_an_answer(shop):
    await ordered(shop)
    chat = known(shop)
    await say(shop, chat, WHERE, "I do not remember")
    assert len(shown(chat)) == 1
    await say(shop, chat, f"{NUMBER} {PHONE}")
    assert PARCEL in shown(chat)[-1][0]


@pytest.mark.parametrize("text", ["How much does delivery cost?", NUMBER, "I want to order a teapot", "👍"])
async def test_what_is_no_order_question_is_left_to_others(shop, oksana, text):
    await say(shop, oksana, text)
    assert shown(oksana) == []


async def test_a_skill_that_is_switched_off_says_nothing(shop):
    changed = await shop.owner.call("PATCH", "/settings", {"bot": {"skills": {"order_status": False}}})
    assert changed.status == 200, changed
    chat = known(shop)
    await ordered(shop)
    await proven(shop, chat)
    await say(shop, chat, WHERE)
    assert shown(chat) == []


async def test_buttons_of_viber_lead_to_a_person_too(shop):
    await ordered(shop)
    bot = await viber_bot(shop)
    chat = bot.chat(shop.sandbox.viber.create_customer("Oksana", language="en"))
    await say(shop, chat, WHERE, f"{NUMBER} {PHONE}")
    assert PARCEL in chat.texts()[-1]
    chat.press(WORDS["en"].person)
    await quiet(shop, bot)
    assert chat.texts()[-1].startswith("I hand you over to a person")
