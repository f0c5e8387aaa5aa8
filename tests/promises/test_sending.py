"""What the customer gets once arrives once; whatever is not known to have arrived is shown to the manager as such."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import pytest

from channels.telegram.sandbox import Chat, Fault
from inbox.model.ids import now
from inbox.outbox import MAX_ATTEMPTS
from inbox.storage.outbox import OutboxStore
from tests.flow import Answer, Shop, until


@dataclass
class Talk:
    """A customer's conversation with the shop."""

    shop: Shop
    chat: Chat
    id: str

    @classmethod
    async def begin(cls, shop: Shop, text: str = "Good evening") -> Self:
        known = {row["id"] for row in await shop.conversations()}
        chat = shop.customer()
        chat.text(text)
        await shop.settled()
        (opened,) = {row["id"] for row in await shop.conversations()} - known
        return cls(shop, chat, opened)

    async def reply(self, text: str, **fields: Any) -> str:
        """Answer; the message's id."""
        answer = await self.post(text, **fields)
        assert answer.status == 201, answer
        return str(answer.body["id"])

    async def post(self, text: str, **fields: Any) -> Answer:
        return await self.shop.owner.call("POST", f"/conversations/{self.id}/messages", {"text": text, **fields})

    async def message(self, message_id: str) -> dict[str, Any]:
        return next(row for row in await self.shop.messages(self.id) if row["id"] == message_id)

    async def until(self, message_id: str, *states: str, seconds: float = 30.0) -> dict[str, Any]:
        """Wait until a message is in one of these states; returns it."""

        async def reached() -> Any:
            message = await self.message(message_id)
            return message if message["state"] in states else None

        reached_state: dict[str, Any] = await until(reached, seconds=seconds)
        return reached_state


@pytest.fixture
async def talk(shop: Shop) -> Talk:
    return await Talk.begin(shop)


def fault(talk: Talk, **fields: Any) -> None:
    talk.shop.sandbox.telegram.fault(Fault(**{"method": "sendMessage", **fields}))


async def test_what_telegram_answers_500_to_is_tried_again_until_it_arrives_once(talk):
    fault(talk, kind="status", status=500, times=3)
    message = await talk.reply("Hello")
    await talk.until(message, "sent")
    assert talk.chat.texts() == ["Hello"]


async def test_a_proxy_s_page_instead_of_an_answer_is_tried_again(talk):
    fault(talk, kind="html", status=502, times=1)
    message = await talk.reply("Hello")
    await talk.until(message, "sent")
    assert talk.chat.texts() == ["Hello"]


async def test_what_telegram_refuses_is_failed_with_its_reason_and_sent_when_tried_again(talk):
    fault(talk, kind="status", status=400, description="Bad Request: can't parse entities", times=1)
    message = await talk.reply("Hello")
    failed = await talk.until(message, "failed")
    assert "can't parse entities" in failed["error"]
    assert (await talk.shop.owner.call("POST", f"/messages/{message}/retry")).status == 200
    await talk.until(message, "sent")
    assert talk.chat.texts() == ["Hello"]
    assert (await talk.shop.owner.call("POST", f"/messages/{message}/retry")).status == 409


async def test_429_waits_as_long_as_telegram_asks_and_keeps_the_order(talk):
    fault(talk, kind="status", status=429, retry_after=3, times=1)
    began = asyncio.get_running_loop().time()
    messages = [await talk.reply(text) for text in ("one", "two", "three")]
    await talk.until(messages[0], "sent")
    assert asyncio.get_running_loop().time() - began >= 3
    await talk.until(messages[2], "sent")
    assert talk.chat.texts() == ["one", "two", "three"]


@pytest.mark.parametrize(("kind", "arrives"), [("reset_before", False), ("reset_after", True), ("garbage", True)])
async def test_an_answer_that_breaks_off_is_uncertain_and_repeated_only_when_asked_for(talk, kind, arrives):
    fault(talk, kind=kind, times=1)
    message = await talk.reply("Hello")
    shown = await talk.until(message, "uncertain")
    assert shown["error"]
    behind = await talk.reply("Are you there?")
    await talk.until(behind, "sent")
    once = ["Hello"] if arrives else []
    assert talk.chat.texts() == [*once, "Are you there?"]

    assert (await talk.shop.owner.call("POST", f"/messages/{message}/retry")).status == 200

    await talk.until(message, "sent")
    assert talk.chat.texts() == [*once, "Are you there?", "Hello"]


async def _met_its_fault(shop: Shop) -> bool:
    """Whether the fault that was ordered has happened to somebody."""
    return not shop.sandbox.telegram.faults.listed()


async def test_an_answer_that_never_comes_is_uncertain_after_15_seconds(shop):
    unheard, heard = await Talk.begin(shop, "first"), await Talk.begin(shop, "second")
    fault(unheard, kind="hang", times=1)
    first = await unheard.reply("Hello")
    await until(lambda: _met_its_fault(shop))
    fault(heard, kind="hang_after", times=1)
    second = await heard.reply("Hello")
    await until(lambda: _met_its_fault(shop))
    waiting = [
        (talk, message, await talk.reply("Are you there?")) for talk, message in ((unheard, first), (heard, second))
    ]
    assert [(await talk.message(message))["state"] for talk, message, _ in waiting] == ["sending", "sending"]
    for (talk, message, behind), arrived in zip(waiting, ([], ["Hello"]), strict=True):
        await talk.until(behind, "sent", seconds=40)
        assert (await talk.message(message))["state"] == "uncertain"
        assert talk.chat.texts() == [*arrived, "Are you there?"]


async def test_a_refused_connection_is_tried_again(talk):
    """Nothing left us, so nothing is uncertain."""
    await talk.shop.sandbox.close()
    message = await talk.reply("Hello")
    await asyncio.sleep(2)
    assert (await talk.message(message))["state"] == "queued"
    await talk.shop.sandbox.open()
    await talk.until(message, "sent")
    assert talk.chat.texts() == ["Hello"]


async def test_403_fails_and_marks_the_customer_as_unreachable(talk):
    fault(talk, kind="status", status=403, times=1)
    message = await talk.reply("Hello")
    failed = await talk.until(message, "failed")
    assert "blocked" in failed["error"]
    conversation = await talk.shop.owner.get(f"/conversations/{talk.id}")
    (identity,) = (await talk.shop.owner.get(f"/customers/{conversation['customer_id']}"))["identities"]
    assert identity["reachable"] is False
    refused = await talk.post("Hello again")
    assert refused.status == 422
    assert refused.body["errors"][0]["field"] == "channel_id"


async def test_401_holds_the_channel_s_outbox_until_a_check_finds_it_repaired(shop):
    talks = [await Talk.begin(shop, f"Good evening {number}") for number in range(3)]
    fault(talks[0], kind="status", status=401, method="*")
    messages = [(talk, await talk.reply(text)) for text in ("one", "two", "three") for talk in talks]

    async def paused() -> bool:
        return bool((await shop.owner.get(f"/channels/{shop.channel_id}"))["state"] == "paused")

    async def held() -> bool:
        return all([(await talk.message(message))["state"] == "queued" for talk, message in messages])

    await until(paused)
    await until(held)
    await asyncio.sleep(2)
    assert await held()
    checked = await shop.owner.call("POST", f"/channels/{shop.channel_id}/check")
    assert checked.body["state"] == "paused"
    shop.sandbox.telegram.faults.clear()

    checked = await shop.owner.call("POST", f"/channels/{shop.channel_id}/check")

    assert checked.body["state"] == "connected"
    for talk, message in messages:
        await talk.until(message, "sent")
    assert [talk.chat.texts() for talk in talks] == [["one", "two", "three"]] * 3


async def test_a_paused_channel_resumes_by_itself(talk):
    fault(talk, kind="status", status=401, times=1)
    message = await talk.reply("Hello")
    stored = talk.shop.house.database.durable.timers

    async def next_try() -> Any:
        return await stored.find_one({"kind": "channel.check", "data.seconds": {"$exists": True}})

    timer = await until(next_try)
    ahead = timer["due_at"] - now()
    assert timedelta(0) < ahead < timedelta(seconds=20)
    await stored.update_one({"_id": timer["_id"]}, {"$set": {"due_at": now()}})  # That time has passed.
    await talk.until(message, "sent")
    assert talk.chat.texts() == ["Hello"]


async def test_what_did_not_arrive_shows_in_the_list(talk):
    talk.shop.sandbox.telegram.fault(Fault(kind="status", method="sendMessage", status=400, description="Bad Request"))
    message = await talk.reply("Good evening!")
    await talk.until(message, "failed")

    async def shown() -> bool:
        (row,) = await talk.shop.conversations()
        return bool((row["last_message"]["id"], row["last_message"]["state"]) == (message, "failed"))

    await until(shown)


async def test_a_double_click_sends_once(talk):
    answers = await asyncio.gather(*(talk.post("Hello", client_token="click-1") for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert len({answer.body["id"] for answer in answers}) == 1
    await talk.until(answers[0].body["id"], "sent")
    await talk.until(await talk.reply("Bye"), "sent")
    assert talk.chat.texts() == ["Hello", "Bye"]


async def test_answers_written_in_a_hurry_arrive_in_their_order(talk):
    texts = [f"number {number}" for number in range(8)]
    messages = [await talk.reply(text) for text in texts]
    await talk.until(messages[-1], "sent", seconds=40)
    assert talk.chat.texts() == texts


async def test_a_long_text_is_split_and_its_parts_arrive_in_order(talk):
    fault(talk, kind="status", status=500, times=1)
    words = [f"word{number}" for number in range(1500)]
    message = await talk.reply(" ".join(words))
    await talk.until(message, "sent")
    parts = talk.chat.texts()
    assert len(parts) > 1
    assert " ".join(parts).split() == words


async def test_send_again_repeats_only_the_parts_that_are_not_known_to_have_arrived(talk):
    words = [f"word{number}" for number in range(1500)]
    fault(talk, kind="slow", seconds=0.5, times=1)
    fault(talk, kind="reset_before", times=1)
    message = await talk.reply(" ".join(words))
    await talk.until(message, "uncertain")
    stored = await talk.shop.house.database.durable.messages.find_one({"_id": message})
    assert stored is not None
    parts: int = stored["parts"]

    async def all_but_one() -> bool:
        return len(talk.chat.texts()) == parts - 1

    await until(all_but_one)
    assert (await talk.shop.owner.call("POST", f"/messages/{message}/retry")).status == 200
    await talk.until(message, "sent")
    assert sorted(" ".join(talk.chat.texts()).split()) == sorted(words)


async def test_a_sender_that_was_held_up_beyond_its_lease_leaves_the_row_to_whoever_took_it(database):
    store = OutboxStore(database)
    row = {"_id": "row", "lane": "conversation:channel", "channel_id": "channel", "message_id": "message", "order": "1"}
    await database.durable.messages.insert_one({"_id": "message", "state": "queued"})
    await store.put([{**row, "live": True, "state": "queued", "error": None}])
    first = await store.claim([])
    assert first is not None
    assert await store.claim([]) is None
    await database.durable.lanes.update_many({}, {"$set": {"lease_until": now() - timedelta(seconds=1)}})
    second = await store.claim([])
    assert second is not None
    assert await store.begin(row, second["holder"])
    assert await store.begin(row, second["holder"]), "a note that is repeated because its answer was lost"
    assert not await store.begin(row, first["holder"])
    assert not await store.finish(row, "failed", first["holder"], error="slow")
    await store.sent(row, ["1"])
    assert not await store.begin(row, first["holder"])


async def test_a_customer_s_message_is_answered_while_another_s_hangs(shop):
    slow, quick = await Talk.begin(shop, "first"), await Talk.begin(shop, "second")
    fault(slow, kind="hang", times=1)
    hanging = await slow.reply("This one hangs")
    await slow.until(hanging, "sending")
    await quick.until(await quick.reply("This one does not"), "sent", seconds=10)
    assert (await slow.message(hanging))["state"] == "sending"
    shop.sandbox.telegram.release()


async def test_telegram_in_trouble_for_good_ends_in_failed_with_a_reason(talk):
    fault(talk, kind="status", status=500)
    message = await talk.reply("Hello")
    rows = talk.shop.house.database.durable.outbox

    async def patience_is_almost_out() -> Any:
        done = {"message_id": message, "state": "queued", "attempts": {"$gt": 0}}
        return (await rows.update_one(done, {"$set": {"attempts": MAX_ATTEMPTS - 1}})).modified_count

    await until(patience_is_almost_out)
    failed = await talk.until(message, "failed")
    assert "500" in failed["error"]
    assert talk.chat.texts() == []
