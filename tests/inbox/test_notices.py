"""Order status updates: one message a change, on the best channel, in nobody's way, and a record of the rest."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from channels.registry import KINDS
from inbox.managers import NewManager
from inbox.model.ids import new_id, now
from inbox.model.incoming import Person
from inbox.model.orders import Delivery
from inbox.model.people import Role, Viewer
from inbox.model.pipeline import Pipeline
from inbox.notices import Notices
from inbox.storage.database import Document
from inbox.storage.notices import NoticeStore
from inbox.storage.people import PeopleStore, Sighting
from tests.inbox.customers import ANN, case, channel, customer, notices_said, order
from web.house import House

OWNER = Viewer(id="owner", name="Owner", role=Role.OWNER)


async def confirmed(house: House, order_id: str) -> None:
    await house.orders.set_status(order_id, "confirmed", ANN)


async def noticed(house: House, order_id: str) -> Document:
    """The one notice of an order."""
    (notice,) = await house.notices.of_order(order_id)
    return notice


async def fail(house: House, message: Document, error: str = "bot was blocked by the user") -> None:
    """Let every request of a message fail for good, as the sender notes it."""
    for row in await house.outbox_store.of_message(message["_id"]):
        await house.outbox_store.move(row, "failed", among={}, error=error)


async def speaks(house: House, macro_id: str) -> None:
    """Have a macro speak when an order is confirmed."""
    pipeline = await house.orders.pipeline()
    stages = (
        msgspec.structs.replace(stage, macro_id=macro_id) if stage.code == "confirmed" else stage
        for stage in pipeline.stages
    )
    await house.pipeline.change(Pipeline(tuple(stages)))


@pytest.fixture
async def told(house: House) -> tuple[House, str, str]:
    """A customer on Telegram with a new order."""
    telegram = await channel(house)
    oksana = await customer(house, telegram)
    return house, oksana, await order(house, oksana)


async def test_a_change_is_told_once_in_the_customers_language(told):
    house, oksana, order_id = told
    await confirmed(house, order_id)
    await house.notices.work_off()
    (message,) = await notices_said(house)
    assert message["text"] == "Your order 1001 is confirmed. The total is 300.00 UAH. Thank you for choosing My shop!"
    assert (message["customer_id"], message["author"]["type"], message["state"]) == (oksana, "system", "queued")
    assert len(await house.outbox_store.of_message(message["_id"])) == 1
    stored = await house.orders.by_id(order_id)
    assert (stored["due_notices"], stored["noticing"]) == ([], False)
    notice = await noticed(house, order_id)
    assert (notice["state"], notice["message_id"], notice["tried"]) == ("posted", message["_id"], [])


async def test_a_status_that_does_not_notify_and_one_that_is_there_already_tell_nothing(told):
    house, _, order_id = told
    await house.orders.set_status(order_id, "paid", ANN)
    await house.notices.work_off()
    assert await notices_said(house) == []
    await confirmed(house, order_id)
    await confirmed(house, order_id)
    await house.notices.work_off()
    await confirmed(house, order_id)
    await house.notices.work_off()
    assert len(await notices_said(house)) == 1


async def test_every_change_is_told_and_in_its_order(told):
    house, _, order_id = told
    for status in ("confirmed", "shipped", "delivered"):
        await house.orders.set_status(order_id, status, ANN)
    while any(notice["open"] for notice in await house.notices.of_order(order_id)) or not await notices_said(house):
        await house.database.durable.notices.update_many({}, {"$set": {"due_at": now()}})
        await house.notices.work_off()
    assert [message["notice"]["status"] for message in await notices_said(house)] == [
        "confirmed",
        "shipped",
        "delivered",
    ]


async def test_what_crashed_anywhere_is_told_once(told):
    house, _, order_id = told
    await confirmed(house, order_id)
    due = (await house.orders.by_id(order_id))["due_notices"]
    await house.notices.work_off()
    (message,) = await notices_said(house)
    # The entry was never taken off; the row was never settled; the lanes were never opened.
    orders, notices = house.database.durable.orders, house.database.durable.notices
    await orders.update_one({"_id": order_id}, {"$set": {"due_notices": due, "noticing": True}})
    await notices.update_one({}, {"$set": {"open": True, "state": "waiting", "message_id": None, "due_at": now()}})
    await house.database.durable.lanes.delete_many({})
    await house.notices.work_off()
    assert [one["_id"] for one in await notices_said(house)] == [message["_id"]]
    assert (await noticed(house, order_id))["message_id"] == message["_id"]
    assert await house.database.durable.lanes.count_documents({}) == 1


async def test_another_conversation_since_the_crash_changes_nothing(told):
    house, oksana, order_id = told
    await confirmed(house, order_id)
    await house.notices.work_off()
    await case(house, oksana, (await house.channels.all())[0]["_id"])
    await house.database.durable.notices.update_one({}, {"$set": {"open": True, "state": "waiting", "due_at": now()}})
    await house.notices.work_off()
    assert len(await notices_said(house)) == 1


async def test_many_workers_at_once_say_it_once(house):
    telegram = await channel(house)
    orders = [await order(house, await customer(house, telegram), str(number)) for number in range(12)]
    for order_id in orders:
        await confirmed(house, order_id)

    async def crowd() -> None:
        # Leases that run out at once: every worker meets every row.
        await house.database.durable.notices.update_many({"open": True}, {"$set": {"lease_until": None}})
        await house.notices.work_off()

    await asyncio.gather(*(crowd() for _ in range(5)))
    while await house.database.durable.notices.count_documents({"open": True}):
        await house.database.durable.notices.update_many({"open": True}, {"$set": {"due_at": now()}})
        await crowd()
    said = await notices_said(house)
    assert sorted(message["notice"]["number"] for message in said) == sorted(map(str, range(12)))
    assert await house.database.durable.outbox.count_documents({}) == 12


async def test_a_macro_of_the_status_speaks_unless_it_would_leave_a_blank(told):
    house, oksana, order_id = told
    text = {"en": "{{ customer.first_name }}, {{ order.number }} goes to {{ order.carrier }}"}
    macro = await house.macros.create(OWNER, name="Shipped", text=text, shared=True)
    await speaks(house, macro["_id"])
    await confirmed(house, order_id)
    delivery = Delivery(carrier="Nova Poshta", tracking_number="20450000000000")
    await confirmed(house, await order(house, oksana, "1002", delivery=delivery))
    await house.notices.work_off()
    texts = {message["notice"]["number"]: message["text"] for message in await notices_said(house)}
    assert texts["1001"].startswith("Your order 1001 is confirmed.")
    assert texts["1002"] == "Oksana, 1002 goes to Nova Poshta"


async def test_a_macros_files_and_buttons_go_along(told):
    house, _, order_id = told
    upload = {"_id": new_id(), "uploader_id": OWNER.id, "message_id": None, "conversation_id": None, "macro_id": None}
    row = {**upload, "name": "care.pdf", "content_type": "application/pdf", "size": 900, "file_id": "f1"}
    await house.database.durable.attachments.insert_one(row)
    macro = await house.macros.create(
        OWNER,
        name="Confirmed",
        text={"en": "Order {{ order.number }} is {{ order.status }}"},
        attachments=[upload["_id"]],
        buttons=[{"title": {"en": "Thanks"}, "data": "thanks"}],
        shared=True,
    )
    await speaks(house, macro["_id"])
    await confirmed(house, order_id)
    await house.notices.work_off()
    (message,) = await notices_said(house)
    assert message["text"] == "Order 1001 is Confirmed"
    assert [file["name"] for file in message["attachments"]] == ["care.pdf"]
    rows = await house.outbox_store.of_message(message["_id"])
    assert [button for one in rows for button in one["payload"]["buttons"]] == [["Thanks", "thanks"]]


# Where it is written


async def standing(house: House) -> list[Any]:
    """Everything that a manager's lists and load are made of."""
    conversations = await house.database.durable.conversations.find().sort("_id", 1).to_list(None)
    managers = await house.database.durable.managers.find().sort("_id", 1).to_list(None)
    return [conversations, managers]


async def test_in_the_active_case_or_the_last_closed_one_nothing_moves(told):
    house, oksana, order_id = told
    telegram = (await house.channels.all())[0]["_id"]
    olena = await customer(house, telegram)
    other = await order(house, olena, "1002")
    active = await case(house, oksana, telegram)
    closed = await case(house, olena, telegram, closed=timedelta(days=2))
    before = await standing(house)
    for one in (order_id, other):
        await confirmed(house, one)
    await house.notices.work_off()
    said = {message["notice"]["number"]: message["conversation_id"] for message in await notices_said(house)}
    assert said == {"1001": active["_id"], "1002": closed["_id"]}
    assert await standing(house) == before


async def test_where_an_answer_would_begin_a_case_a_closed_one_is_begun_once(told):
    house, oksana, order_id = told
    telegram = (await house.channels.all())[0]["_id"]
    old = await case(house, oksana, telegram, closed=timedelta(days=30))
    await confirmed(house, order_id)
    await confirmed(house, await order(house, oksana, "1002"))
    await house.notices.work_off()
    first, second = await notices_said(house)
    assert first["conversation_id"] == second["conversation_id"] != old["_id"]
    begun = await house.conversations.get(OWNER, first["conversation_id"])
    assert (begun["status"], begun["assignee_id"], begun["unanswered"]) == ("closed", None, [])
    assert begun["waiting_since"] is None
    assert begun["last_message"]["id"] == first["_id"]


async def test_hundreds_of_parcels_are_in_nobodys_way(house):
    telegram = await channel(house)
    people = [await customer(house, telegram) for _ in range(200)]
    for number, key in enumerate(people):
        if number % 2:
            await case(house, key, telegram, closed=timedelta(days=1) if number % 4 == 1 else None)
    orders = await asyncio.gather(*(order(house, key, str(number)) for number, key in enumerate(people)))
    await asyncio.gather(*(confirmed(house, order_id) for order_id in orders))
    counts = await house.conversations.counts(OWNER)
    before = await house.database.durable.conversations.find({"active": True}).sort("_id", 1).to_list(None)
    await asyncio.gather(*(house.notices.work_off() for _ in range(4)))
    while await house.database.durable.notices.count_documents({"open": True}):
        await house.notices.work_off()
    assert len(await notices_said(house)) == 200
    after = await house.database.durable.conversations.find({"active": True}).sort("_id", 1).to_list(None)
    assert after == before
    assert await house.conversations.counts(OWNER) == counts


# On which channel


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("wrote", [timedelta(minutes=5), timedelta(days=3)])
async def test_on_every_kind_as_its_window_lets_a_machine_write(house, kind, wrote):
    channel_id = await channel(house, kind)
    oksana = await customer(house, channel_id, wrote=wrote)
    await case(house, oksana, channel_id)
    order_id = await order(house, oksana)
    await confirmed(house, order_id)
    await house.notices.work_off()
    window = KINDS[kind].capabilities.reply_window
    notice = await noticed(house, order_id)
    if window is None or wrote.total_seconds() < window:
        (message,) = await notices_said(house)
        assert (notice["state"], message["channel_id"]) == ("posted", channel_id)
    else:
        assert (notice["state"], [one["channel_id"] for one in notice["tried"]]) == ("task", [channel_id])
        assert notice["tried"][0]["reason"]


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("blocked", "cannot be reached"),
        ("paused", "paused: token revoked"),
        ("disconnected", None),
        ("window", "a manager's own reply"),
    ],
)
async def test_what_keeps_a_channel_from_it_is_recorded_and_the_next_one_takes_it(house, trouble, why):
    first = await channel(house, "instagram" if trouble == "window" else "telegram")
    second = await channel(house, "viber")
    oksana = await customer(house, first, second, wrote=timedelta(days=3))
    await case(house, oksana, first)
    durable = house.database.durable
    match trouble:
        case "blocked":
            reason = {"reachable": False, "reachable_reason": "bot was blocked by the user"}
            await durable.identities.update_one({"channel_id": first}, {"$set": reason})
        case "paused":
            state = {"state": "paused", "state_reason": "token revoked"}
            await durable.channels.update_one({"_id": first}, {"$set": state})
        case "disconnected":
            await durable.channels.delete_one({"_id": first})
    await confirmed(house, await order(house, oksana))
    await house.notices.work_off()
    (message,) = await notices_said(house)
    assert message["channel_id"] == second
    passed = message["notice"]["passed_over"]
    if why is None:
        assert passed == []
    else:
        assert [one["channel_id"] for one in passed] == [first]
        assert why in passed[0]["reason"]


async def test_after_the_channel_that_they_wrote_last_on_comes_the_shops_wish_and_mail_at_the_end(house):
    mail, telegram, viber, instagram = [
        await channel(house, kind) for kind in ("email", "telegram", "viber", "instagram")
    ]
    oksana = await customer(house, mail, telegram, viber, instagram, wrote=timedelta(minutes=5))
    await case(house, oksana, viber)
    await house.settings.change({"notice_channels": [instagram, "gone"]})
    order_id = await order(house, oksana)
    await confirmed(house, order_id)
    await house.notices.work_off()
    while (await noticed(house, order_id))["state"] == "posted":
        (latest,) = (await notices_said(house))[-1:]
        await fail(house, latest)
        await house.notices.work_off()
    sent = [message["channel_id"] for message in await notices_said(house)]
    assert sent == [viber, instagram, telegram, mail]
    notice = await noticed(house, order_id)
    assert [one["channel_id"] for one in notice["tried"]] == sent
    assert notice["state"] == "task"


async def test_an_address_that_only_stands_on_the_card_is_written_to_from_the_shops_mailbox(house):
    mail = await channel(house, "email")
    oksana = await customer(house, emails=[{"address": "oksana@example.com", "proven": False}])
    await confirmed(house, await order(house, oksana))
    await house.notices.work_off()
    (message,) = await notices_said(house)
    identity = await house.database.durable.identities.find_one({"_id": message["identity_id"]})
    assert identity is not None
    assert (identity["channel_id"], identity["external_id"]) == (mail, "oksana@example.com")
    assert identity["customer_id"] == oksana


@pytest.mark.parametrize(("kind", "subject"), [("email", "Замовлення №1001: Підтверджено"), ("telegram", None)])
async def test_a_notice_has_a_subject_in_the_customers_language_where_the_channel_shows_one(house, kind, subject):
    oksana = await customer(house, await channel(house, kind), language="uk")
    await confirmed(house, await order(house, oksana))
    await house.notices.work_off()
    assert [message.get("subject") for message in await notices_said(house)] == [subject]


async def test_an_address_that_is_somebody_elses_is_not_written_to(house):
    mail = await channel(house, "email")
    stranger = await customer(house, mail)
    known = await house.database.durable.identities.find_one({"customer_id": stranger})
    assert known is not None
    oksana = await customer(house, emails=[{"address": known["external_id"], "proven": False}])
    order_id = await order(house, oksana)
    await confirmed(house, order_id)
    await house.notices.work_off()
    assert await notices_said(house) == []
    notice = await noticed(house, order_id)
    assert (notice["state"], "another card" in notice["tried"][0]["reason"]) == ("task", True)


@pytest.mark.parametrize("on_the_card", [False, True])
async def test_who_only_answered_a_letter_to_the_customer_hears_of_no_order_until_confirmed(house, on_the_card):
    mail = await channel(house, "email")
    emails = [{"address": "husband@example.com", "proven": False}] if on_the_card else []
    oksana = await customer(house, emails=emails)
    husband = Sighting(
        channel_id=mail,
        kind="email",
        person=Person(external_id="husband@example.com"),
        at=now(),
        customer_id=oksana,
        joined="answer",
    )
    await PeopleStore(house.database).resolve({husband.identity_id: husband}, ensure_cards=False)
    await confirmed(house, await order(house, oksana))
    await house.notices.work_off()
    assert await notices_said(house) == []
    await house.merging.confirm(oksana, husband.identity_id)
    await confirmed(house, await order(house, oksana, "1002"))
    await house.notices.work_off()
    assert [message["identity_id"] for message in await notices_said(house)] == [husband.identity_id]


async def test_a_notice_goes_to_the_customer_and_not_to_the_one_who_answered_last(told):
    house, oksana, order_id = told
    (mine,) = await house.database.durable.identities.find({"customer_id": oksana}).to_list(None)
    other = Sighting(
        channel_id=mine["channel_id"],
        kind=mine["kind"],
        person=Person(external_id="another"),
        at=now(),
        customer_id=oksana,
        joined="answer",
    )
    await PeopleStore(house.database).resolve({other.identity_id: other}, ensure_cards=False)
    await confirmed(house, order_id)
    await house.notices.work_off()
    assert [message["identity_id"] for message in await notices_said(house)] == [mine["_id"]]


async def test_whom_no_channel_reaches_somebody_has_to_tell(house):
    order_id = await order(house, await customer(house))
    await confirmed(house, order_id)
    await house.notices.work_off()
    await house.database.durable.notices.update_one({}, {"$set": {"open": True, "state": "waiting", "due_at": now()}})
    await house.notices.work_off()
    (task,) = await house.database.durable.tasks.find().to_list(None)
    assert (task["order_id"], task["title"], task["state"]) == (order_id, "1001: Підтверджено. Oksana", "due")
    assert (await noticed(house, order_id))["task_id"] == task["_id"]


# What fails later


async def test_what_fails_for_good_goes_on_to_the_next_channel_once(house):
    telegram, viber = await channel(house), await channel(house, "viber")
    oksana = await customer(house, telegram, viber)
    await case(house, oksana, telegram)
    order_id = await order(house, oksana)
    await confirmed(house, order_id)
    await house.notices.work_off()
    (first,) = await notices_said(house)
    await fail(house, first)
    await asyncio.gather(*(house.notices.work_off() for _ in range(4)))
    await house.notices.work_off()
    first, second = await notices_said(house)
    assert (first["notice"]["handed_on"], second["channel_id"]) == (True, viber)
    assert [one["reason"] for one in second["notice"]["passed_over"]] == ["bot was blocked by the user"]
    notice = await noticed(house, order_id)
    assert (notice["state"], notice["attempt"], notice["message_id"]) == ("posted", 2, second["_id"])


async def test_what_was_handed_on_is_not_sent_again_by_hand_and_the_other_way_round(house):
    telegram, viber = await channel(house), await channel(house, "viber")
    oksana = await customer(house, telegram, viber)
    await case(house, oksana, telegram)
    await confirmed(house, await order(house, oksana))
    await house.notices.work_off()
    (first,) = await notices_said(house)
    await fail(house, first)
    await house.outbox_store.revive(first["_id"])
    await house.notices.work_off()
    assert len(await notices_said(house)) == 1  # Somebody sent it again first.
    await fail(house, first)
    await house.notices.work_off()
    assert await house.outbox_store.revive(first["_id"]) is None
    assert len(await notices_said(house)) == 2


async def test_what_may_have_arrived_is_not_said_again(told):
    house, _, order_id = told
    await channel(house, "viber")
    await confirmed(house, order_id)
    await house.notices.work_off()
    (message,) = await notices_said(house)
    for row in await house.outbox_store.of_message(message["_id"]):
        await house.outbox_store.move(row, "uncertain", among={}, error="no answer")
    await house.notices.work_off()
    assert len(await notices_said(house)) == 1


# Who is not told, and when


async def test_an_order_of_nobody_tells_nobody_and_says_so(house):
    await channel(house)
    order_id = await order(house, None)
    await confirmed(house, order_id)
    await house.notices.work_off()
    notice = await noticed(house, order_id)
    assert (await notices_said(house), notice["state"], notice["reason"]) == ([], "skipped", "no_card")


@pytest.mark.parametrize("wish", [{"notices": False}, {"opting": {"out": True, "at": now(), "sort": ""}}])
async def test_who_wants_no_notices_gets_none(house, wish):
    order_id = await order(house, await customer(house, await channel(house), **wish))
    await confirmed(house, order_id)
    await house.notices.work_off()
    notice = await noticed(house, order_id)
    assert (await notices_said(house), notice["state"], notice["reason"]) == ([], "skipped", "opted_out")


def at_the_clock(house: House, at: datetime) -> Notices:
    """The house's notices, by another clock."""
    mine = house.notices
    return Notices(
        store=NoticeStore(house.database),
        orders=mine._orders,
        order_store=mine._order_store,
        conversations=mine._conversations,
        messages=mine._messages,
        people=mine._people,
        channels=mine._channels,
        replies=mine._replies,
        macros=mine._macros,
        tasks=mine._tasks,
        settings=mine._settings,
        wakeups=mine._wakeups,
        clock=lambda: at,
    )


@pytest.mark.parametrize(
    ("night", "morning"),
    [
        (datetime(2027, 6, 10, 20, 0, tzinfo=UTC), datetime(2027, 6, 11, 6, 0, tzinfo=UTC)),
        # The night in which summer time begins, and the one in which it ends.
        (datetime(2027, 3, 27, 20, 0, tzinfo=UTC), datetime(2027, 3, 28, 6, 0, tzinfo=UTC)),
        (datetime(2027, 10, 30, 20, 0, tzinfo=UTC), datetime(2027, 10, 31, 7, 0, tzinfo=UTC)),
    ],
)
async def test_what_happens_at_night_is_told_in_the_morning_each_of_it(told, night, morning):
    house, _, order_id = told
    await house.settings.change({"quiet_hours": {"enabled": True, "from": "21:00", "to": "09:00"}})
    for status in ("confirmed", "shipped"):
        await house.orders.set_status(order_id, status, ANN)
        await at_the_clock(house, night).work_off()
    assert await notices_said(house) == []
    waiting = await house.notices.of_order(order_id)
    assert waiting[0]["due_at"] == morning
    for _ in range(2):
        await house.database.durable.notices.update_many({"open": True}, {"$set": {"due_at": now()}})
        await at_the_clock(house, morning).work_off()
    assert [message["notice"]["status"] for message in await notices_said(house)] == ["confirmed", "shipped"]


@pytest.mark.parametrize("active", [True, False])
async def test_the_task_is_for_who_answered_last_if_they_are_still_there(house, active):
    manager = await house.managers.create(
        NewManager(email="ihor@shop.example", name="Ihor", password_hash="x"), by=None
    )
    await house.managers.change(manager["_id"], {"active": active}, by=OWNER)
    await confirmed(house, await order(house, await customer(house, last_manager_id=manager["_id"])))
    await house.notices.work_off()
    (task,) = await house.database.durable.tasks.find().to_list(None)
    assert task["assignee_id"] == (manager["_id"] if active else None)


async def test_a_customer_who_blocked_everything_but_has_an_active_case_leaves_a_task_there(told):
    house, oksana, order_id = told
    telegram = (await house.channels.all())[0]["_id"]
    active = await case(house, oksana, telegram)
    await house.database.durable.identities.update_one(
        {"customer_id": oksana}, {"$set": {"reachable": False, "reachable_reason": "bot was blocked by the user"}}
    )
    await confirmed(house, order_id)
    await house.notices.work_off()
    (task,) = await house.database.durable.tasks.find().to_list(None)
    assert task["conversation_id"] == active["_id"]
    assert task["details"] == "Our telegram: the customer cannot be reached there: bot was blocked by the user"


async def test_rows_of_an_order_that_is_gone_end(house):
    store = NoticeStore(house.database)
    await house.database.durable.orders.insert_one(
        {
            "_id": "o1",
            "noticing": True,
            "changed_at": now(),
            "due_notices": [{"no": 2, "status": "paid", "at": now()}],
        }
    )
    assert await store.take_in(10) == 1
    await house.database.durable.orders.delete_one({"_id": "o1"})
    await house.notices.work_off()
    assert [notice["state"] for notice in await house.notices.of_order("o1")] == ["skipped"]
