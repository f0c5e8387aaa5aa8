"""An Instagram account in a running shop: its token's life, its subscription, its batches, its comments."""

import time
from typing import Any

import pytest
from pydantic import SecretStr

from channels.faults import Fault
from channels.instagram.parse import SUBSCRIBED_FIELDS
from channels.instagram.sandbox import Account, Chat
from channels.instagram.spec import DAY
from tests.flow import Shop, until
from tests.meta import VERIFY_TOKEN, connected_account


class Case:
    """Olena's conversation with the shop."""

    def __init__(self, shop: Shop, account: Account, channel_id: str) -> None:
        self.shop = shop
        self.account = account
        self.channel_id = channel_id
        self.chat: Chat = account.chat(shop.sandbox.instagram.create_customer("Олена Мельник", username="olena_m"))
        self.id = ""

    async def opens(self) -> None:
        await self.account.drained()
        await self.shop.settled()
        [conversation] = await until(self.shop.conversations)
        self.id = conversation["id"]

    async def reply(self, text: str, **fields: Any) -> dict[str, Any]:
        answer = await self.shop.owner.call("POST", f"/conversations/{self.id}/messages", {"text": text, **fields})
        assert answer.status == 201, answer
        return dict(answer.body)

    async def messages(self) -> list[dict[str, Any]]:
        return await self.shop.messages(self.id)

    async def becomes(self, message: dict[str, Any], state: str) -> dict[str, Any]:
        """The message, once it is in this state."""

        async def there() -> dict[str, Any] | None:
            found = next(one for one in await self.messages() if one["id"] == message["id"])
            return found if found["state"] == state else None

        return dict(await until(there))

    async def channel(self) -> dict[str, Any]:
        return dict(await self.shop.owner.get(f"/channels/{self.channel_id}"))

    async def channel_is(self, state: str) -> dict[str, Any]:
        async def there() -> dict[str, Any] | None:
            found = await self.channel()
            return found if found["state"] == state else None

        return dict(await until(there))


@pytest.fixture
async def case(shop: Shop) -> Case:
    account, channel_id = await connected_account(shop)
    return Case(shop, account, channel_id)


class TestToken:
    async def test_a_dead_one_pauses_the_channel_until_there_is_another(self, case):
        case.chat.text("Добрий день")
        await case.opens()
        case.account.revoke()
        waiting = await case.reply("Вітаю")
        paused = await case.channel_is("paused")
        assert "access token" in paused["state_reason"]
        assert (await case.becomes(waiting, "queued"))["state"] == "queued"
        assert case.chat.texts() == []

        token = case.account.grant()
        answer = await case.shop.owner.call(
            "PATCH", f"/channels/{case.channel_id}", {"settings": {"access_token": token}}
        )
        assert (answer.status, answer.body["state"]) == (200, "connected")
        await case.becomes(waiting, "sent")
        assert case.chat.texts() == ["Вітаю"]

    async def test_the_end_of_an_earlier_one_says_nothing_of_what_an_admin_gives(self, case):
        channels = case.shop.house.channels
        over = {"access_token": case.account.grant(), "token_expires_at": int(time.time()) - DAY}
        await channels.change(case.channel_id, name=None, settings=over)
        assert channels.read_settings(await channels.get(case.channel_id)).token_expires_at is None

    async def test_it_is_renewed_without_anybodys_help(self, case):
        opened = await case.shop.house.channels.open(case.channel_id)
        renewed = await opened.connection.renew()
        assert isinstance(renewed, opened.kind.settings)
        assert renewed.access_token == SecretStr(case.account.access_token)
        assert renewed.token_expires_at > time.time() + 50 * DAY


async def test_no_line_of_the_log_tells_a_secret(case, capsys):
    case.chat.text("Добрий день")
    await case.opens()
    secrets = [case.account.access_token, case.account.app_secret, case.account.meta_app_secret, VERIFY_TOKEN]
    faults = case.shop.sandbox.instagram.faults
    for fault in (
        Fault(kind="status", status=400, description=f"bad token {secrets[0]}", times=1),
        Fault(kind="html", method="refresh_access_token", times=1),
        Fault(kind="reset_before", times=1),
    ):
        faults.add(fault)
        await case.reply("Вітаю")
        await case.shop.owner.call("POST", f"/channels/{case.channel_id}/check")
    assert await case.account.post(b"{}", signature=f"sha256={secrets[1]}") == 401
    async with case.shop.http.get(case.account.webhook_url, params={"hub.verify_token": VERIFY_TOKEN}) as answer:
        assert answer.status == 403
    case.account.revoke()
    await case.shop.owner.call("POST", f"/channels/{case.channel_id}/check")
    told = "".join(capsys.readouterr())
    assert "channel_state" in told
    assert [secret for secret in secrets if secret in told] == []


async def test_a_lost_subscription_comes_back_by_checking(case):
    case.account.fields = set()
    answer = await case.shop.owner.call("POST", f"/channels/{case.channel_id}/check")
    assert answer.body["state"] == "connected"
    assert case.account.fields == set(SUBSCRIBED_FIELDS)


async def test_one_broken_event_of_a_batch_waits_in_quarantine_and_the_others_go_on(case):
    body = (
        '{"object":"instagram","entry":[{"id":"%s","time":1760000000000,"messaging":['
        '{"sender":{"id":"1"},"recipient":{"id":"%s"},"timestamp":1760000000000,"message":{"mid":"a","text":"раз"}},'
        '{"sender":{"id":"1"},"recipient":{"id":"%s"},"timestamp":1760000000000,"message":{"text":"без імені"}},'
        '{"sender":{"id":"1"},"recipient":{"id":"%s"},"timestamp":1760000001000,"message":{"mid":"b","text":"два"}}'
        "]}]}" % ((case.account.id,) * 4)
    ).encode()
    assert await case.account.post(body) == 200
    await case.opens()
    assert [message["text"] for message in await until_two(case)] == ["раз", "два"]
    [kept] = (await case.shop.owner.get("/quarantine"))["items"]
    assert "mid" in kept["reason"]


async def until_two(case: Case) -> list[dict[str, Any]]:
    async def there() -> list[dict[str, Any]] | None:
        found = await case.messages()
        return found if len(found) == 2 else None

    return list(await until(there))


class TestEchoes:
    async def test_our_own_message_comes_back_and_stays_one(self, case):
        case.chat.text("Добрий день")
        await case.opens()
        sent = await case.reply("Вітаю")
        await case.becomes(sent, "sent")
        await case.account.drained()
        await case.shop.settled()
        assert [message["text"] for message in await case.messages()] == ["Добрий день", "Вітаю"]

    async def test_what_was_sent_from_the_phone_is_the_shops(self, case):
        case.chat.text("Добрий день")
        await case.opens()
        case.chat.shop_writes("З дороги")
        _, shown = await until_two(case)
        assert (shown["direction"], shown["text"]) == ("out", "З дороги")

    async def test_an_answer_that_got_lost_is_settled_by_the_echo(self, case):
        case.chat.text("Добрий день")
        await case.opens()
        case.shop.sandbox.instagram.fault(Fault(kind="reset_after", method="messages", times=1))
        sent = await case.reply("Вітаю")
        await case.becomes(sent, "sent")
        await case.shop.settled()
        assert [message["text"] for message in await case.messages()] == ["Добрий день", "Вітаю"]
        assert case.chat.texts() == ["Вітаю"]


class TestComments:
    async def test_each_way_to_answer(self, case):
        comment = case.chat.comment("Яка ціна?")
        await case.opens()
        [asked] = await case.messages()
        assert asked["public"]
        public = await case.reply("850 грн", reply_to=asked["id"])
        private = await case.reply("Пишемо сюди", reply_to=asked["id"], private=True)
        for message in (public, private):
            await case.becomes(message, "sent")
        assert [(one.text, one.comment, one.reply_to) for one in case.chat.seen()] == [
            ("850 грн", True, comment),
            ("Пишемо сюди", False, comment),
        ]

    async def test_a_long_answer_in_public_stays_there_to_its_end(self, case):
        case.chat.comment("Які розміри?")
        await case.opens()
        [asked] = await case.messages()
        # The sandbox, like Instagram, takes 300 characters a comment: each line comes to stand in a comment of its own.
        await case.reply("\n".join(["📏" * 249] * 2), reply_to=asked["id"])
        await case.chat.until(lambda chat: len(chat.seen()) == 2)
        assert all(one.comment for one in case.chat.seen())


async def test_two_days_later_a_manager_still_answers(case):
    case.chat.clock = lambda: time.time() - 2 * DAY
    case.chat.text("Добрий день")
    await case.opens()
    case.chat.clock = time.time
    sent = await case.reply("Вибачте, що так пізно")
    await case.becomes(sent, "sent")
    assert case.chat.texts() == ["Вибачте, що так пізно"]


class TestProfile:
    async def test_a_name_that_no_event_brings_is_asked_for_once_somebody_wrote(self, case):
        case.chat.text("Добрий день")
        await case.opens()

        async def named() -> bool:
            [conversation] = await case.shop.conversations()
            customer = await case.shop.owner.get(f"/customers/{conversation['customer_id']}")
            return (customer["name"], customer["identities"][0]["username"]) == ("Олена Мельник", "olena_m")

        await until(named)
        case.chat.text("Чи є скринька?")
        await case.account.drained()
        await case.shop.settled()
        assert await case.shop.house.database.durable.timers.count_documents({"kind": "identity.profile"}) == 0
