"""Who wants no automatic messages gets none, on any channel, until they say otherwise."""

import pytest

from bot.skills.opting_out import wish_in
from inbox.model.ids import now, sort_key
from inbox.model.merging import united
from inbox.model.opting import opted_out

STOPPED = "All right, you will get no more automatic messages. Write “start” to have them back."
STARTED = "Automatic messages are on again. Write “stop” to end them."


@pytest.mark.parametrize("text", ["стоп", "Стоп!", "STOP", "/stop", " stop. ", "Відписатися", "отписаться", "გაჩერდი"])
def test_stop_words(text):
    wish = wish_in(text)
    assert wish is not None
    assert wish[0] is True


@pytest.mark.parametrize("text", ["старт", "/start", "Start", "სტარტი", "підписатися"])
def test_start_words(text):
    wish = wish_in(text)
    assert wish is not None
    assert wish[0] is False


@pytest.mark.parametrize("text", ["", "stop it, where is my order?", "не зупиняйтесь", "стоп 5", "stopper"])
def test_anything_more_is_no_such_word(text):
    assert wish_in(text) is None


async def test_one_confirmation_and_then_silence(shop_process):
    await shop_process.echo()
    conversation = await shop_process.receive("Stop")
    await shop_process.receive("Where is my order?")
    await shop_process.receive("stop")
    assert await shop_process.bot_texts(conversation["_id"]) == [STOPPED]
    assert opted_out(await shop_process.people.living(conversation["customer_id"]))


async def test_start_brings_them_back(shop_process):
    await shop_process.echo(conditions=[{"type": "text", "any": ["hi"]}])
    conversation = await shop_process.receive("stop")
    await shop_process.receive("START")
    await shop_process.receive("Hi")
    assert await shop_process.bot_texts(conversation["_id"]) == [STOPPED, STARTED, "Noted"]


async def test_start_says_nothing_to_who_never_stopped(shop_process):
    conversation = await shop_process.receive("/start")
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_it_is_heard_also_where_a_manager_has_written(shop_process):
    conversation = await shop_process.receive("Hi")
    await shop_process.manager_writes(conversation["_id"])
    await shop_process.receive("stop")
    assert await shop_process.bot_texts(conversation["_id"]) == [STOPPED]


@pytest.mark.parametrize("how", [{"machine": True}, {"public": True}])
async def test_machines_and_comments_wish_nothing(shop_process, how):
    conversation = await shop_process.receive("stop", **how)
    assert await shop_process.bot_texts(conversation["_id"]) == []
    assert not opted_out(await shop_process.people.living(conversation["customer_id"]))


async def test_switched_off_the_word_is_one_like_any_other(shop_process):
    await shop_process.settings.change({"bot": {"skills": {"opt_out": False}}})
    conversation = await shop_process.receive("stop")
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_an_older_word_that_is_heard_again_changes_nothing(shop_process, other_process):
    conversation = await shop_process.receive("stop")
    heard = list(shop_process.announced)
    await shop_process.receive("start")
    for event in heard:
        await other_process.bus.announce(event)
    assert not opted_out(await shop_process.people.living(conversation["customer_id"]))
    assert await shop_process.bot_texts(conversation["_id"]) == [STOPPED, STARTED]


async def test_the_confirmation_is_in_the_customers_language(shop_process):
    conversation = await shop_process.receive("stop", language="ru")
    assert await shop_process.bot_texts(conversation["_id"]) == [
        "Хорошо, автоматических сообщений больше не будет. Чтобы вернуть их, напишите «старт»."
    ]


def test_a_merged_card_wants_none_where_either_did():
    card = {"tags": [], "fields": {}, "name": "", "created_at": now()}
    wish = {"out": True, "at": now(), "sort": sort_key(now())}
    assert united(card, {**card, "opting": wish})["opting"] == wish
    assert "opting" not in united({**card, "opting": wish}, card)
