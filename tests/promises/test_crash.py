"""kill -9 of everything, at any moment: what was answered 200 is there once, and nothing is sent twice."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from channels.telegram.sandbox import Chat, Fault
from inbox.storage.database import Database
from tests.flow import until
from tests.promises.program import Program
from tests.promises.updates import written

pytestmark = pytest.mark.asyncio(loop_scope="module")

update_ids = itertools.count(1)


@contextlib.asynccontextmanager
async def greeting(program: Program) -> AsyncIterator[None]:
    """The greeting rule is enabled for the length of the context."""
    (rule,) = [rule for rule in (await program.owner.get("/rules"))["items"] if rule["name"] == "Greeting"]
    assert (await program.owner.call("PATCH", f"/rules/{rule['id']}", {"enabled": True})).status == 200
    yield
    assert (await program.owner.call("PATCH", f"/rules/{rule['id']}", {"enabled": False})).status == 200


async def talk(program: Program, chats: list[Chat]) -> dict[str, bytes]:
    """Everybody writes five times, all at once; returns what they said, each of it answered 200."""
    # The phones know what they sent; the updates go the test's own way, so that each answer is seen.
    webhook, program.bot.webhook.url = program.bot.webhook.url, ""
    said: dict[str, bytes] = {}
    for number in range(1, 6):
        for chat in chats:
            text = f"{chat.customer.name} says {number}"
            said[text] = written(next(update_ids), chat.customer.id, chat.text(text), text)
            chat.pending.clear()
    program.bot.webhook.url = webhook
    assert await asyncio.gather(*map(program.post, said.values())) == [200] * len(said)
    return said


async def test_a_message_whose_sending_was_cut_off_is_uncertain_and_those_behind_it_are_sent_once(program):
    chat, conversation = await program.begin("Do you deliver to Lviv?")
    program.sandbox.telegram.fault(Fault(kind="hang_after", method="sendMessage", times=1))
    await program.reply(conversation, "Yes")
    await chat.until(lambda chat: chat.texts() == ["Yes"], seconds=30)
    for text in ("In two days", "For free"):
        await program.reply(conversation, text)
    await program.kill_everything()
    await program.start()

    await chat.until(lambda chat: len(chat.texts()) >= 3, seconds=60)

    async def at_rest() -> bool:
        return not {"queued", "sending"} & set((await program.sending_states(conversation)).values())

    await until(at_rest)
    states = await program.sending_states(conversation)
    assert states == {"Yes": "uncertain", "In two days": "sent", "For free": "sent"}
    assert chat.texts() == ["Yes", "In two days", "For free"]


async def times_shown(database: Database, message_ids: list[str]) -> set[int]:
    """How often the live feed told of each of these messages for the first time."""
    shown = Counter(dict.fromkeys(message_ids, 0))
    async for row in database.durable.live.find():
        created = [frame["data"]["_id"] for frame in row["frames"] if frame["type"] == "message.created"]
        shown.update(key for key in created if key in shown)
    return set(shown.values())


async def test_kill_9_of_everything_after_the_200_loses_nothing_and_doubles_nothing(program):
    chats = [program.customer() for _ in range(30)]
    said: dict[str, bytes] = {}
    async with greeting(program):
        # Everything dies before, in the middle of, and after the processing; also of what an earlier life left.
        for moment, talking in ((0.0, chats[:10]), (0.05, chats[10:20]), (0.5, chats[20:])):
            said |= await talk(program, talking)
            await asyncio.sleep(moment)
            await program.kill_everything()
            await program.start()
        await program.settled()

        externals = [str(chat.customer.id) for chat in chats]
        async with program.stored() as database:
            stored = database.durable
            customers = await stored.identities.distinct("customer_id", {"external_id": {"$in": externals}})
            theirs = {"customer_id": {"$in": customers}}
            assert len(customers) == await stored.customers.count_documents({"_id": {"$in": customers}}) == len(chats)
            assert await stored.conversations.count_documents(theirs) == len(chats)
            inbound = [row async for row in stored.messages.find({**theirs, "direction": "in"})]
            assert sorted(row["text"] for row in inbound) == sorted(said)
            assert await times_shown(database, [row["_id"] for row in inbound]) == {1}

            async def all_sent() -> bool:
                return not await stored.outbox.find_one({"live": True})

            await until(all_sent, seconds=60)
            greetings = [row async for row in stored.messages.find({**theirs, "automatic": True})]
        assert len({row["conversation_id"] for row in greetings}) == len(greetings) == len(chats)
        seen = Counter(len(chat.seen()) for chat in chats)
        assert set(seen) <= {0, 1}
        assert seen[0] <= Counter(row["state"] for row in greetings)["uncertain"]

        # Telegram repeats what it is not sure of.
        assert await asyncio.gather(*map(program.post, said.values())) == [200] * len(said)
        async with program.stored() as database:
            assert await database.durable.messages.count_documents({**theirs, "direction": "in"}) == len(said)


async def test_sigterm_ends_with_0_once_accepted_work_is_done(program):
    chat, conversation = await program.begin("Good evening, are you there?")
    program.sandbox.telegram.fault(Fault(kind="slow", method="sendMessage", times=1, seconds=2))
    await program.reply(conversation, "Good evening to you")
    said = {f"number {number}": written(next(update_ids), 8, number, f"number {number}") for number in range(1, 51)}
    assert await asyncio.gather(*map(program.post, said.values())) == [200] * len(said)

    assert await program.stop() == 0

    assert "Good evening to you" in chat.texts()
    await program.start()
    await program.settled()
    assert (await program.sending_states(conversation))["Good evening to you"] == "sent"
    async with program.stored() as database:
        assert await database.durable.messages.count_documents({"text": {"$in": list(said)}}) == len(said)
    assert "Traceback" not in program.log


async def test_sigterm_in_a_stream_of_updates_takes_or_refuses_each_one_whole(program):
    answered: dict[str, int] = {}
    enough = asyncio.Event()

    async def speak(customer: int) -> None:
        for number in itertools.count(1):
            text = f"{customer} in the stream {number}"
            answered[text] = await program.post(written(next(update_ids), customer, number, text))
            if not answered[text]:
                return
            if len(answered) > 200:
                enough.set()

    talking = asyncio.gather(*map(speak, range(11, 19)))
    await asyncio.wait_for(enough.wait(), 60)
    assert await program.stop() == 0
    await talking

    assert set(answered.values()) <= {0, 200, 503}
    await program.start()
    await program.settled()
    async with program.stored() as database:
        stream = database.durable.messages.find({"direction": "in", "text": {"$regex": "in the stream"}})
        found = Counter([row["text"] async for row in stream])
    assert {text for text, status in answered.items() if status == 200} <= set(found)
    assert set(found.values()) == {1}
