"""One question waits in a conversation: asked once, answered once, over as soon as a person steps in."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bot.occasions import Occasion
from bot.questions import Question, Questions, was_asked
from bot.settings import BotSettings
from inbox.replies import Draft
from inbox.storage.database import Document
from inbox.storage.schema import COLLECTIONS
from tests.bot.conftest import Process

DAY = timedelta(days=1)
SETTINGS = BotSettings()


class Curious:
    """Asks, and takes any answer that begins with "yes"."""

    def __init__(self, process: Process, *, dies: int = 0) -> None:
        self.process = process
        self.questions: Questions = process.questions
        self.taken: list[str] = []
        self._dies = dies

    async def ask(self, occasion: Occasion, **more: Any) -> bool:
        said = {"asker": "curious", "draft": Draft(text="Really?"), "state": {"about": "it"}, "expires": DAY}
        return await self.questions.ask(occasion, **{**said, **more})

    async def answer(self, occasion: Occasion, question: Question, settings: BotSettings) -> bool:  # noqa: ARG002
        assert occasion.message is not None
        if not occasion.message["text"].startswith("yes"):
            return False
        taken = await self.questions.take(question, {"value": occasion.message["text"]})
        if taken is None or taken.answer is None:
            return False
        if self._dies:
            self._dies -= 1
            raise ConnectionAbortedError
        self.taken.append(taken.answer["value"])
        await self.questions.settle(taken)
        return True


@pytest.fixture
async def process(shop_process: Process) -> AsyncIterator[Process]:
    """A process whose bot is asked by the test alone."""
    deaf = Process(shop_process.database, shop_process.redis, shop_process.channel_id, deaf=True)
    yield deaf
    await deaf.close()


def occasion_of(process: Process, conversation: Document | None = None) -> Occasion:
    """What the last message that came is to the bot."""
    event = process.announced[-1]
    return Occasion(
        trigger="message_received",
        key=event.message["_id"],
        at=event.message["received_at"],
        conversation=conversation or event.conversation,
        message=event.message,
    )


async def now_in(process: Process, occasion: Occasion) -> Occasion:
    """The same occasion, with the conversation as it is by now."""
    return msgspec.structs.replace(occasion, conversation=await process.conversation(occasion.conversation["_id"]))


async def hears(process: Process, curious: Curious, occasion: Occasion) -> bool:
    return await process.questions.hear(await now_in(process, occasion), {"curious": curious}, SETTINGS)


async def asked(process: Process, curious: Curious) -> Occasion:
    await process.receive("Hello")
    occasion = occasion_of(process)
    assert await curious.ask(occasion)
    return occasion


async def test_a_question_is_asked_once_and_waits(process):
    curious = Curious(process)
    occasion = await asked(process, curious)
    assert await asyncio.gather(*(curious.ask(occasion) for _ in range(5))) == [True] * 5
    present = (await now_in(process, occasion)).conversation
    assert was_asked(present)
    assert not was_asked(occasion.conversation)
    waiting = await process.questions.waiting(present)
    assert (waiting.asker, waiting.state, waiting.answer) == ("curious", {"about": "it"}, None)
    assert await process.bot_texts(present["_id"]) == ["Really?"]


async def test_what_was_received_before_it_was_asked_answers_nothing(process):
    curious = Curious(process)
    occasion = await asked(process, curious)
    assert not await hears(process, curious, occasion)


async def test_an_answer_is_taken_once_and_known_ever_after(process, other_process):
    curious, neighbour = Curious(process), Curious(other_process)
    first = await asked(process, curious)
    await process.receive("yes")
    answer = occasion_of(process)
    heard = await asyncio.gather(hears(process, curious, answer), hears(other_process, neighbour, answer))
    assert list(heard) == [True, True]
    assert await hears(process, curious, answer)
    assert {*curious.taken, *neighbour.taken} == {"yes"}
    assert await process.questions.waiting((await now_in(process, answer)).conversation) is None
    assert not await curious.ask(first)


async def test_of_two_answers_one_is_taken(process):
    curious = Curious(process)
    await asked(process, curious)
    await process.receive("yes, one")
    one = occasion_of(process)
    await process.receive("yes, two")
    two = occasion_of(process)
    heard = await asyncio.gather(hears(process, curious, one), hears(process, curious, two))
    assert any(heard)
    assert len(set(curious.taken)) == 1


async def test_whoever_hears_the_next_message_finishes_what_broke_off(process):
    curious = Curious(process, dies=1)
    await asked(process, curious)
    await process.receive("yes")
    answer = occasion_of(process)
    with pytest.raises(ConnectionAbortedError):
        await hears(process, curious, answer)
    await process.receive("and something else")
    assert not await hears(process, curious, occasion_of(process))
    assert curious.taken == ["yes"]
    assert await hears(process, curious, answer)
    assert curious.taken == ["yes"]


async def test_another_question_waits_for_its_turn(process):
    curious = Curious(process)
    occasion = await asked(process, curious)
    assert not await curious.ask(occasion, name="other", draft=Draft(text="And this?"))
    present = (await now_in(process, occasion)).conversation
    await process.questions.settle(await process.questions.waiting(present))
    assert await curious.ask(occasion, name="third", draft=Draft(text="And this?"))
    assert set(await process.bot_texts(present["_id"])) == {"Really?", "And this?"}


async def test_a_question_that_cannot_be_put_does_not_wait(process):
    curious = Curious(process)
    await process.receive("Hello")
    occasion = occasion_of(process)
    await process.manager_writes(occasion.conversation["_id"])
    assert not await curious.ask(occasion)
    assert await process.questions.waiting((await now_in(process, occasion)).conversation) is None


async def test_what_a_person_ended_does_not_come_back(process):
    curious = Curious(process)
    occasion = await asked(process, curious)
    present = (await now_in(process, occasion)).conversation
    await process.questions.give_up(present)
    await process.receive("yes")
    assert not await hears(process, curious, occasion_of(process))
    assert curious.taken == []


async def test_a_question_of_nobody_is_over(process):
    curious = Curious(process)
    occasion = await asked(process, curious)
    await process.receive("yes")
    answer = await now_in(process, occasion_of(process))
    assert not await process.questions.hear(answer, {}, SETTINGS)
    assert await process.questions.waiting((await now_in(process, occasion)).conversation) is None


async def test_it_goes_where_its_customer_goes(process):
    """Merging and erasing take along what says whose it is."""
    await asked(process, Curious(process))
    row = await process.database.durable.questions.find_one()
    assert row["customer_id"] == process.announced[-1].conversation["customer_id"]
    assert {each.name for each in COLLECTIONS if each.of_customer} >= {"questions", "webhook_calls"}


class Overtaken(Curious):
    """Is so slow that another process has taken the answer and come to the end before it begins."""

    async def answer(self, occasion: Occasion, question: Question, settings: BotSettings) -> bool:
        quick = Curious(self.process)
        assert await quick.answer(occasion, question, settings)
        return await super().answer(occasion, question, settings)


async def test_what_another_process_saw_through_meanwhile_is_dealt_with(process):
    slow = Overtaken(process)
    await asked(process, slow)
    await process.receive("yes")
    assert await hears(process, slow, occasion_of(process))
    assert slow.taken == []
