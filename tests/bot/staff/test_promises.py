"""What holds of the companion whatever happens: once, for the right eyes, and never in the dark."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import telegram as ptb

from bot.staff.telling import TELL
from channels.telegram.sandbox import Fault
from inbox.model.domain_events import ConversationAssigned
from inbox.model.people import SYSTEM
from inbox.storage.staff import StaffStore
from tests.bot.staff.conftest import Phone, Staffed, connected
from tests.conftest import SECRET_KEY
from tests.flow import Shop, until
from web.app import build_app, listening
from web.house import House, connect_redis
from web.settings import Settings

SENT_AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def written(phone: Phone, number: int, text: str) -> bytes:
    """An update as Telegram posts it, built by python-telegram-bot."""
    customer = phone.chat.customer
    first = customer.name
    message = ptb.Message(
        number,
        SENT_AT,
        ptb.Chat(customer.id, "private", first_name=first),
        from_user=ptb.User(customer.id, first, False),
        text=text,
    )
    return ptb.Update(2_000_000_000 + number, message=message).to_json().encode()


async def settled(staffed: Staffed) -> None:
    """Wait until every update is dealt with."""
    await staffed.bot.drained()

    async def nothing_pending() -> bool:
        return await staffed.shop.house.journal_store.pending() == 0

    await until(nothing_pending)


async def answering(staffed: Staffed, name: str = "Olena Melnyk") -> tuple[Phone, Any]:
    """A manager who is about to answer a customer."""
    phone = await staffed.manager("Marta")
    await phone.press("🟢 Free")
    customer = staffed.shop.customer(name)
    customer.text("Is it in stock?")
    await phone.shows("A conversation is yours")
    await phone.press("Open")
    await phone.press("Answer")
    await phone.shows("Write: what comes next goes to")
    return phone, customer


class TestOnce:
    async def test_a_repeated_update_answers_once(self, staffed):
        phone, customer = await answering(staffed)
        update = written(phone, 1, "Yes")
        assert [await staffed.bot.post(update) for _ in range(3)] == [200, 200, 200]
        await customer.until(lambda chat: "Yes" in chat.texts())
        await settled(staffed)
        await staffed.shop.settled()
        assert customer.texts() == ["Yes"]

    async def test_an_update_that_is_worked_off_again_after_a_crash_answers_once(self, staffed):
        phone, customer = await answering(staffed)
        await staffed.bot.post(written(phone, 1, "Yes"))
        await customer.until(lambda chat: "Yes" in chat.texts())
        await settled(staffed)
        # As if the process had died before it marked the row: the answer is out, the row is still pending.
        journal = staffed.shop.house.database.durable.journal
        past = datetime(2026, 1, 1, tzinfo=UTC)
        revived = await journal.update_one(
            {
                "kind": "staff",
                "done_at": {"$exists": True},
                "raw": {"$exists": False},
                "_id": (await _last(journal))["_id"],
            },
            {"$set": {"state": "pending", "lease_until": past, "raw": written(phone, 1, "Yes")}},
        )
        assert revived.modified_count == 1
        await settled(staffed)
        assert customer.texts() == ["Yes"]
        audit = await staffed.shop.owner.get("/audit?action=message.post&limit=100")
        assert len(audit["items"]) == 1

    async def test_what_is_worked_off_late_is_not_taken_for_the_answer_to_a_later_question(self, staffed):
        phone, customer = await answering(staffed)
        customer_id = phone.chat.customer.id
        message = ptb.Message(
            3,
            SENT_AT,
            ptb.Chat(customer_id, "private"),
            from_user=ptb.User(customer_id, "Marta", False),
            text="Old words",
        )
        # Its number says that it was written before the manager pressed the button.
        await staffed.bot.post(ptb.Update(1, message=message).to_json().encode())
        await phone.shows("Nothing was sent")
        assert customer.texts() == []

    async def test_two_processes_answer_once(self, staffed, second):
        phone, customer = await answering(staffed)
        update = written(phone, 1, "Yes")
        url = staffed.bot.webhook.url
        elsewhere = url.replace(staffed.shop.url, second)
        headers = {"X-Telegram-Bot-Api-Secret-Token": staffed.bot.webhook.secret}

        async def post(address: str) -> int:
            async with staffed.shop.http.post(address, data=update, headers=headers) as answer:
                return int(answer.status)

        assert await asyncio.gather(*(post(address) for address in (url, elsewhere) * 3)) == [200] * 6
        await customer.until(lambda chat: "Yes" in chat.texts())
        await settled(staffed)
        assert customer.texts() == ["Yes"]

    async def test_a_telling_is_not_repeated(self, staffed):
        phone = await staffed.manager("Marta")
        await phone.press("🟢 Free")
        customer = staffed.shop.customer("Olena Melnyk")
        customer.text("Hello")
        await phone.shows("A conversation is yours")
        conversation = await staffed.conversation(customer)
        house = staffed.shop.house
        row = await house.database.durable.conversations.find_one({"_id": conversation["id"]})
        event = ConversationAssigned({}, row, SYSTEM)
        await house.bus.announce(event)
        await house.bus.announce(event)

        async def no_timer() -> bool:
            return bool(await house.database.durable.timers.count_documents({"kind": TELL}) == 0)

        await until(no_timer)
        assert sum("A conversation is yours" in text for text in phone.chat.texts()) == 1


class TestWhoAsks:
    async def test_a_wrong_secret_is_refused_and_leaves_no_trace(self, staffed):
        phone = await staffed.manager("Marta")
        await settled(staffed)
        journal = staffed.shop.house.database.durable.journal
        before = await journal.count_documents({"kind": "staff"})
        for secret in ("", "wrong", staffed.bot.webhook.secret + "x"):
            assert await staffed.bot.post(written(phone, 9, "/menu"), secret=secret) == 401
        assert await journal.count_documents({"kind": "staff"}) == before

    async def test_an_unknown_bot_is_not_found(self, staffed):
        url = staffed.bot.webhook.url.rpartition("/")[0] + "/000000000000000000000000"
        async with staffed.shop.http.post(url, data=b"{}") as answer:
            assert answer.status == 404

    async def test_a_stranger_learns_nothing(self, staffed):
        phone, customer = await answering(staffed)
        conversation = await staffed.conversation(customer)
        stranger = staffed.bot.chat(staffed.shop.sandbox.telegram.create_customer("Nobody", language="en"))
        stranger.start("AAAAAAAAAAAAAAAAAAAAAAAA")
        stranger.start()
        await stranger.until(lambda chat: len(chat.texts()) == 2)
        stranger.text("/menu")
        stranger.text("hello?")
        stranger.update("callback_query", _press(stranger, f"c:open:{conversation['id']}"))
        stranger.update("callback_query", _press(stranger, f"x:{conversation['id']}:1"))
        await settled(staffed)
        assert set(stranger.texts()) == {"This bot is for staff. The link to sign in is on the profile page."}
        assert (await staffed.conversation(customer))["status"] == "open"
        assert phone.chat.texts()

    async def test_a_link_works_once_and_the_account_is_one_managers(self, staffed):
        marta = await staffed.shop.manager("Marta", languages=["en"])
        telegram = staffed.shop.sandbox.telegram
        code = (await marta.call("POST", "/me/staff-link")).body["url"].partition("?start=")[2]
        stored = await staffed.shop.house.database.durable.staff_codes.find_one({"manager_id": marta.id})
        assert code not in str(stored)
        mine = staffed.bot.chat(telegram.create_customer("Marta", language="en"))
        mine.start(code)
        await mine.until(lambda chat: any("companion" in text for text in chat.texts()))
        other = staffed.bot.chat(telegram.create_customer("Thief", language="en"))
        other.start(code)
        await other.until(lambda chat: chat.texts())
        assert other.texts() == ["This bot is for staff. The link to sign in is on the profile page."]
        links = staffed.shop.house.database.durable.staff_links
        assert [row["manager_id"] async for row in links.find()] == [marta.id]
        # A second account of the same manager takes the place of the first.
        await staffed.link(Phone(other, marta))
        assert [row["_id"] async for row in links.find()] == [str(other.customer.id)]

    async def test_a_link_ends_after_a_quarter_of_an_hour(self, staffed):
        marta = await staffed.shop.manager("Marta", languages=["en"])
        code = (await marta.call("POST", "/me/staff-link")).body["url"].partition("?start=")[2]
        codes = staffed.shop.house.database.durable.staff_codes
        row = await codes.find_one({"manager_id": marta.id})
        assert 14 * 60 < (row["expires_at"] - datetime.now(UTC)).total_seconds() <= 15 * 60
        await codes.update_one({"_id": row["_id"]}, {"$set": {"expires_at": datetime.now(UTC)}})
        chat = staffed.bot.chat(staffed.shop.sandbox.telegram.create_customer("Marta", language="en"))
        chat.start(code)
        await chat.until(lambda chat: chat.texts())
        assert "for staff" in chat.texts()[0]

    async def test_a_deactivated_manager_is_a_stranger_for_good(self, staffed):
        phone = await staffed.manager("Marta")
        owner = staffed.shop.owner
        await owner.call("PATCH", f"/managers/{phone.person.id}", {"active": False})
        phone.chat.text("/menu")
        phone.chat.start()
        await phone.shows("for staff")
        await owner.call("PATCH", f"/managers/{phone.person.id}", {"active": True})
        shown = len(phone.chat.texts())
        phone.chat.start()
        await phone.chat.until(lambda chat: len(chat.texts()) > shown)
        assert "for staff" in phone.chat.texts()[-1]

    async def test_a_conversation_of_another_team_is_not_shown(self, staffed):
        shop = staffed.shop
        phone, customer = await answering(staffed)
        conversation = await staffed.conversation(customer)
        team = await shop.owner.call("POST", "/teams", {"name": "Wholesale"})
        await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"assignee_id": shop.owner.id})
        await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"team_id": team.body["id"]})
        phone.chat.text("Secret answer")
        await phone.shows("not yours to see any more")
        await phone.press("Answer")
        assert "not yours to see any more" in staffed.bot.alerts[-1]
        assert customer.texts() == []


class TestInTheDark:
    async def test_redis_lost_in_the_middle_of_a_step_says_so_and_begins_anew(self, staffed, redis):
        phone, customer = await answering(staffed)
        await redis.flushdb()
        phone.chat.text("Yes")
        await phone.shows("Nothing was sent")
        assert customer.texts() == []
        await phone.press("Olena Melnyk")
        await phone.press("Answer")
        await phone.shows("Write: what comes next goes to")
        phone.chat.text("Yes, it is")
        await customer.until(lambda chat: chat.texts() == ["Yes, it is"])

    async def test_without_redis_all_works_that_takes_one_press_and_the_rest_says_so(self, database, sandbox):
        nowhere = connect_redis("redis://127.0.0.1:1/0")
        async with Shop.open(database, nowhere, sandbox, SECRET_KEY) as shop:
            staffed = await connected(shop)
            phone = await staffed.manager("Marta")
            await phone.press("🟢 Free")
            customer = shop.customer("Olena Melnyk")
            customer.text("Hello")
            await phone.shows("A conversation is yours")
            await phone.press("Open")
            await phone.press("Answer")
            assert "cannot keep in mind" in staffed.bot.alerts[-1]
            phone.chat.text("Hello, Olena")
            await phone.shows("Nothing was sent")
            assert customer.texts() == []
            await phone.press("Olena Melnyk")
            await phone.press("✅ Close")
            await phone.shows("Closed")
        await nowhere.aclose()

    async def test_what_was_said_meanwhile_is_shown_before_an_answer_goes(self, staffed):
        phone, customer = await answering(staffed)
        customer.clock = lambda: datetime.now(UTC).timestamp() + 5
        customer.text("No, I mean the red one")
        await staffed.shop.settled()
        phone.chat.text("Yes, two are left")
        shown = await phone.shows("Not sent")
        assert "the red one" in shown.text
        assert customer.texts() == []
        await phone.press("Send it all the same")
        await customer.until(lambda chat: chat.texts() == ["Yes, two are left"])

    async def test_a_button_of_a_state_that_is_gone_says_so(self, staffed):
        phone, customer = await answering(staffed)
        conversation = await staffed.conversation(customer)
        changed = await staffed.shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"priority": "high"})
        assert changed.status == 200
        await phone.press("✅ Close")
        assert "out of date" in staffed.bot.alerts[-1]
        assert (await staffed.conversation(customer))["status"] == "open"

    async def test_a_macro_that_says_something_else_by_now_is_shown_once_more(self, staffed):
        phone, customer = await answering(staffed)
        owner = staffed.shop.owner
        made = await owner.call("POST", "/macros", {"name": "Thanks", "text": "Thank you!", "shared": True})
        await phone.press("Macro")
        await phone.press("Thanks")
        await phone.shows("Thank you!")
        await owner.call("PATCH", f"/macros/{made.body['id']}", {"text": "Thanks a lot!"})
        await phone.press("Send it")
        await phone.shows("says something else by now")
        assert customer.texts() == []
        await phone.press("Send it")
        await customer.until(lambda chat: chat.texts() == ["Thanks a lot!"])

    async def test_telegram_that_asks_to_slow_down_is_heeded(self, staffed):
        phone = await staffed.manager("Marta")
        staffed.shop.sandbox.telegram.fault(
            Fault(kind="status", status=429, method="sendmessage", times=1, retry_after=1)
        )
        phone.chat.text("/menu")
        shown = len(phone.chat.texts())
        await phone.chat.until(lambda chat: len(chat.texts()) > shown, seconds=40)


async def test_while_the_database_is_away_telegram_is_asked_to_send_again(house, aiohttp_client):
    client = await aiohttp_client(build_app(Settings(), house))
    sealed = house.box.seal({"token": "123456789:" + "A" * 35, "secret_token": "s3cret"})
    row = {"key": "b0t", "api_base": "http://127.0.0.1:1", "sealed": sealed}
    await StaffStore(house.database).put_bot(row)
    headers = {"X-Telegram-Bot-Api-Secret-Token": "s3cret"}
    assert (await client.post("/webhooks/staff/b0t", data=b'{"update_id": 1}', headers=headers)).status == 200
    house.database.close()
    answer = await client.post("/webhooks/staff/b0t", data=b'{"update_id": 2}', headers=headers)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")


class TestTelling:
    @pytest.mark.parametrize(
        ("shows", "said", "unsaid"),
        [
            ("none", "A conversation is yours", "Olena"),
            ("name", "Olena Melnyk", "Is it in stock?"),
            ("text", "Is it in stock?", "\0"),
        ],
    )
    async def test_says_what_settings_allow(self, staffed, shows, said, unsaid):
        changed = await staffed.shop.owner.call("PUT", "/staff-bot", {"shows": shows})
        assert changed.status == 200, changed
        phone = await staffed.manager("Marta")
        await phone.press("🟢 Free")
        staffed.shop.customer("Olena Melnyk").text("Is it in stock?")
        told = await phone.shows("A conversation is yours")
        assert said in told.text
        assert unsaid not in told.text

    async def test_who_has_the_inbox_open_is_told_only_where_that_is_wished(self, staffed):
        phone = await staffed.manager("Marta")
        await phone.press("🟢 Free")
        shop = staffed.shop
        async with inbox_open(shop, phone):
            shop.customer("Olena Melnyk").text("Hello")
            await _no_news(staffed)
            assert not any("A conversation is yours" in text for text in phone.chat.texts())
            await shop.owner.call("PUT", "/staff-bot", {"at_desk": True})
            shop.customer("Petro Bondar").text("Hello")
            await phone.shows("Petro Bondar")

    async def test_who_is_offline_is_not_told(self, staffed):
        phone = await staffed.manager("Marta")
        customer = staffed.shop.customer("Olena Melnyk")
        customer.text("Hello")
        conversation = await staffed.conversation(customer)
        given = await staffed.shop.owner.call(
            "PATCH", f"/conversations/{conversation['id']}", {"assignee_id": phone.person.id}
        )
        assert given.status == 200
        await _no_news(staffed)
        assert not any("A conversation is yours" in text for text in phone.chat.texts())

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(kind="status", status=429, method="sendMessage", times=1, retry_after=1),
            Fault(kind="status", status=500, method="sendMessage", times=1),
            Fault(kind="reset_after", method="sendMessage", times=1),
        ],
        ids=["throttled", "in trouble", "answer lost"],
    )
    async def test_what_telegram_did_not_take_is_told_again_and_what_it_may_have_taken_is_not(self, staffed, fault):
        phone = await staffed.manager("Marta")
        await phone.press("🟢 Free")
        await phone.shows("you are: 🟢 Free")
        staffed.shop.sandbox.telegram.fault(fault)
        staffed.shop.customer("Olena Melnyk").text("Hello")
        await phone.shows("A conversation is yours")
        await _no_news(staffed)
        assert sum("A conversation is yours" in text for text in phone.chat.texts()) == 1

    async def test_who_takes_a_conversation_themselves_is_not_told(self, staffed):
        phone = await staffed.manager("Marta")
        customer = staffed.shop.customer("Olena Melnyk")
        customer.text("Hello")
        conversation = await staffed.conversation(customer)
        taken = await phone.person.call(
            "PATCH", f"/conversations/{conversation['id']}", {"assignee_id": phone.person.id}
        )
        assert taken.status == 200
        await _no_news(staffed)
        assert not any("A conversation is yours" in text for text in phone.chat.texts())


async def _no_news(staffed: Staffed) -> None:
    """Wait until whatever is to be told was told, or was not."""
    await staffed.shop.settled()

    async def quiet() -> bool:
        return bool(await staffed.shop.house.database.durable.timers.count_documents({"kind": TELL}) == 0)

    async def all_held() -> bool:
        return all(row["assignee_id"] for row in await staffed.shop.conversations())

    await until(all_held)
    await until(quiet)


@contextlib.asynccontextmanager
async def inbox_open(shop: Shop, phone: Phone) -> AsyncIterator[None]:
    """A manager's inbox in a browser."""
    headers = {"Authorization": f"Bearer {phone.person.token}"}
    async with shop.http.ws_connect(f"{shop.url}/api/v1/live", headers=headers) as page:
        await asyncio.wait_for(page.receive(), 15)

        async def present() -> bool:
            row = await shop.house.manager_store.get(phone.person.id)
            return bool(row and row.get("present"))

        await until(present)
        yield


async def _last(journal: Any) -> dict[str, Any]:
    [row] = await journal.find({"kind": "staff"}).sort("received_at", -1).limit(1).to_list(1)
    return dict(row)


def _press(chat: Any, data: str) -> dict[str, Any]:
    """A press of a button that was never shown to whoever presses it."""
    message = chat.seen()[-1]
    return {
        "id": "77",
        "from": chat.customer.as_user(),
        "message": chat.as_json(message),
        "chat_instance": "1",
        "data": data,
    }


@pytest.fixture
async def second(staffed: Staffed) -> AsyncIterator[str]:
    """Another process over the same databases; where it listens."""
    shop = staffed.shop
    house = House(shop.house.database, shop.house.redis, secret_key=SECRET_KEY, base_url=shop.url)
    listener = socket.create_server(("127.0.0.1", 0))
    async with house.working(), listening(build_app(Settings(), house), house, sock=listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
