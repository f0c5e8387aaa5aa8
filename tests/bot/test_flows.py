"""Rules as dialogues: they ask, wait, check, keep the answer and go on, once, whatever breaks and whoever is quick."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.handoff import Handoff
from bot.rules import parse
from inbox.model.customer_fields import CustomerField, FieldType
from inbox.model.errors import Invalid
from inbox.model.happenings import is_handed_off
from inbox.model.ids import now
from inbox.model.people import BOT
from tests.bot.conftest import Process

DOCS = Path(__file__).parents[2] / "docs" / "flows.md"
SIZE: dict[str, Any] = {
    "type": "ask",
    "text": "Which size?",
    "expects": "choice",
    "field": "size",
    "buttons": [
        {"title": "Small", "value": "S", "actions": [{"type": "label", "add": ["small"]}]},
        {"title": "Large", "value": "L"},
    ],
}
PHONE: dict[str, Any] = {"type": "ask", "text": "Your phone?", "expects": "phone", "field": "phone"}
THANKS: dict[str, Any] = {"type": "reply", "text": "Thank you"}
MENU = "Which size?\n1. Small\n2. Large"


async def flow(process: Process, *actions: dict[str, Any], **rule: Any) -> dict[str, Any]:
    opening = {"name": "Flow", "trigger": "conversation_opened", "conditions": []}
    return await process.library.create({**opening, "actions": list(actions), **rule})


async def card(process: Process, conversation: dict[str, Any]) -> dict[str, Any]:
    return await process.customers.get(conversation["customer_id"])


async def test_an_answer_is_kept_and_the_flow_goes_on(shop_process):
    await flow(shop_process, SIZE, PHONE, THANKS)
    conversation = await shop_process.receive("Hello")
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU]
    await shop_process.receive("1")
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["small"]
    await shop_process.receive("067 123 45 67")
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU, "Your phone?", "Thank you"]
    answered = await card(shop_process, conversation)
    assert answered["fields"] == {"size": "S"}
    assert answered["phones"] == [{"number": "+380671234567", "proven": False}]


@pytest.mark.parametrize(("written", "kept"), [("2", "L"), ("large!", "L"), ("LARGE", "L"), ("№1", "S")])
async def test_a_choice_is_made_by_number_or_by_title(shop_process, written, kept):
    await flow(shop_process, SIZE)
    conversation = await shop_process.receive("Hello")
    await shop_process.receive(written)
    assert (await card(shop_process, conversation))["fields"] == {"size": kept}


@pytest.mark.parametrize(
    ("expects", "field", "written", "kept"),
    [
        ("number", "people", " 12,50 ", "12.5"),
        ("date", "day", "31.12.2026", "2026-12-31"),
        ("text", "city", "Львів, центр", "Львів, центр"),
    ],
)
async def test_what_is_typed_is_kept_in_one_form(shop_process, expects, field, written, kept):
    await flow(shop_process, {"type": "ask", "text": "Well?", "expects": expects, "field": field})
    conversation = await shop_process.receive("Hello")
    await shop_process.receive(written)
    assert (await card(shop_process, conversation))["fields"] == {field: kept}


async def test_name_email_and_language_are_the_cards_own(shop_process):
    language = {
        "type": "ask",
        "text": "Language?",
        "expects": "choice",
        "field": "language",
        "buttons": [{"title": "Українська", "value": "uk"}, {"title": "English", "value": "en"}],
    }
    name = {"type": "ask", "text": {"uk": "Як вас звати?", "en": "Your name?"}, "expects": "text", "field": "name"}
    email = {"type": "ask", "text": "E-mail?", "expects": "email", "field": "email"}
    await flow(shop_process, language, name, email)
    conversation = await shop_process.receive("Hello")
    for written in ("українська", "Олена", "Olena@Example.com"):
        await shop_process.receive(written)
    answered = await card(shop_process, conversation)
    assert (answered["language"], answered["name"]) == ("uk", "Олена")
    assert answered["emails"] == [{"address": "olena@example.com", "proven": False}]
    assert (await shop_process.bot_texts(conversation["_id"]))[1] == "Як вас звати?"


async def test_what_does_not_fit_is_asked_for_anew_and_then_a_person_takes_over(shop_process):
    await flow(shop_process, {**PHONE, "again": "A number, please"}, THANKS)
    await shop_process.echo()
    conversation = await shop_process.receive("Hello")
    await shop_process.receive("why?")
    await shop_process.receive("I will not say")
    await shop_process.receive("Anybody?")
    present = await shop_process.conversation(conversation["_id"])
    assert await shop_process.bot_texts(conversation["_id"]) == ["Your phone?", "Noted", "A number, please"]
    assert present["handed_off"]["reason"] == "rule"
    assert present["status"] == "open"
    assert present["waiting_since"] is not None


async def test_otherwise_says_what_is_done_where_nothing_fits(shop_process):
    otherwise = [{"type": "reply", "text": "Never mind"}, {"type": "label", "add": ["no phone"]}]
    await flow(shop_process, {**PHONE, "tries": 1, "otherwise": otherwise}, THANKS)
    conversation = await shop_process.receive("Hello")
    await shop_process.receive("no")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Your phone?", "Never mind"]
    assert (await shop_process.conversation(conversation["_id"]))["labels"] == ["no phone"]


async def test_each_kind_of_answer_is_asked_for_anew_in_the_customers_language(shop_process):
    await flow(shop_process, SIZE)
    conversation = await shop_process.receive("Добрий день", language="uk")
    await shop_process.receive("не знаю", language="uk")
    texts = await shop_process.bot_texts(conversation["_id"])
    assert texts == [MENU, "Будь ласка, оберіть один із варіантів.\n1. Small\n2. Large"]


async def test_a_field_refuses_what_it_does_not_take(shop_process):
    sizes = CustomerField(code="size", title="Size", type=FieldType.CHOICE, choices=("S", "L"))
    await shop_process.fields.change([sizes])
    await flow(shop_process, {"type": "ask", "text": "Size?", "expects": "text", "field": "size", "again": "S or L"})
    conversation = await shop_process.receive("Hello")
    await shop_process.receive("M")
    await shop_process.receive("l")
    assert (await card(shop_process, conversation))["fields"] == {"size": "L"}
    assert await shop_process.bot_texts(conversation["_id"]) == ["Size?", "S or L"]


async def test_a_flow_under_way_is_as_it_was_begun(shop_process):
    rule = await flow(shop_process, SIZE, THANKS)
    conversation = await shop_process.receive("Hello")
    await shop_process.library.change(rule["_id"], {"actions": [{"type": "reply", "text": "Something else"}]})
    await shop_process.library.delete(rule["_id"])
    await shop_process.receive("2")
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU, "Thank you"]
    assert (await card(shop_process, conversation))["fields"] == {"size": "L"}


async def test_a_manager_who_writes_ends_the_flow_for_good(shop_process):
    await flow(shop_process, SIZE, THANKS)
    conversation = await shop_process.receive("Hello")
    await shop_process.manager_writes(conversation["_id"])
    await shop_process.receive("1")
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    await shop_process.receive("2")
    assert (await card(shop_process, conversation))["fields"] == {}
    assert "Thank you" not in await shop_process.bot_texts(conversation["_id"])


async def test_a_case_that_was_closed_or_handed_over_takes_its_question_along(shop_process):
    await flow(shop_process, SIZE, THANKS, conditions=[{"type": "opening", "is": "first"}])
    conversation = await shop_process.receive("Hello")
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    await shop_process.receive("1")
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU]
    other = await shop_process.receive("Hello", external_id="bob", name="Bob")
    await Handoff(shop_process.conversations).hand_over(other["_id"], by=BOT, reason="rule")
    await shop_process.receive("1", external_id="bob", name="Bob")
    assert await shop_process.bot_texts(other["_id"]) == [MENU]


async def test_a_question_runs_out(shop_process):
    await flow(shop_process, {**SIZE, "minutes": 1})
    await shop_process.echo()
    conversation = await shop_process.receive("Hello")
    past = {"asked_at": now() - timedelta(hours=1), "expires_at": now() - timedelta(minutes=1)}
    await shop_process.database.durable.questions.update_one({"_id": conversation["_id"]}, {"$set": past})
    await shop_process.receive("1")
    assert (await card(shop_process, conversation))["fields"] == {}
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU, "Noted"]


async def test_the_same_answer_in_two_processes_goes_on_once(shop_process, other_process):
    await flow(shop_process, SIZE, THANKS, PHONE)
    conversation = await shop_process.receive("Hello")
    await shop_process.receive("1")
    event = shop_process.announced[-1]
    await asyncio.gather(*(process.bus.announce(event) for process in (shop_process, other_process) * 3))
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU, "Thank you", "Your phone?"]
    assert [row["action"] async for row in shop_process.database.durable.audit.find()] == ["customer.change"]


async def test_two_questions_do_not_wait_at_once(shop_process):
    await flow(shop_process, SIZE)
    await flow(shop_process, PHONE, THANKS)
    conversation = await shop_process.receive("Hello")
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU]


async def test_while_a_question_waits_other_rules_hear_no_answer(shop_process):
    await flow(shop_process, SIZE, THANKS)
    await shop_process.echo()
    conversation = await shop_process.receive("Hello")
    await shop_process.receive("2")
    await shop_process.receive("And now?")
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU, "Noted", "Thank you"]


async def test_what_no_message_caused_may_ask_too(shop_process):
    await flow(shop_process, SIZE, THANKS, trigger="label_added", when={"labels": ["shirt"]})
    conversation = await shop_process.receive("Hello")
    await shop_process.conversations.change(conversation["_id"], {"add_labels": ["shirt"]})
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU]
    await shop_process.receive("2")
    assert (await card(shop_process, conversation))["fields"] == {"size": "L"}
    assert await shop_process.bot_texts(conversation["_id"]) == [MENU, "Thank you"]


def nested(depth: int) -> dict[str, Any]:
    """A question within what follows from an answer, so many deep."""
    inner = [nested(depth - 1)] if depth else [{"type": "reply", "text": ""}]
    button = {"title": "Yes", "value": "yes", "actions": inner}
    return {"type": "ask", "text": "Well?", "expects": "choice", "buttons": [button]}


@pytest.mark.parametrize(
    ("actions", "field"),
    [
        ([{**SIZE, "text": ""}], "actions.0.text"),
        ([nested(0)], "actions.0.buttons.0.actions.0.text"),
        ([THANKS, nested(1)], "actions.1.buttons.0.actions.0.buttons.0.actions.0.text"),
        ([nested(6)], "actions.0" + ".buttons.0.actions.0" * 6),
        ([{**PHONE, "otherwise": [{"type": "dance"}]}], "actions.0.otherwise.0.type"),
        ([{**PHONE, "otherwise": [{"type": "handoff"}, PHONE]}], "actions.0.otherwise.1"),
        ([{"type": "close"}, SIZE], "actions.1"),
        ([{**PHONE, "expects": "choice"}], "actions.0"),
        ([{**SIZE, "buttons": [{"title": "A", "value": "x"}, {"title": "B", "value": "x"}]}], "actions.0"),
        ([{**PHONE, "expects": "soul"}], "actions.0.expects"),
        ([{**PHONE, "tries": 9}], "actions.0.tries"),
        ([{**SIZE, "buttons": [{"title": {"en": ""}, "value": "x"}]}], "actions.0.buttons.0.title.en"),
        ([{**PHONE, "otherwise": [THANKS] * 20} for _ in range(6)], "actions.4.otherwise.15"),
    ],
)
async def test_a_mistake_is_told_under_its_place(shop_process, actions, field):
    with pytest.raises(Invalid) as refused:
        await flow(shop_process, *actions)
    assert refused.value.field == field


async def left_by(process: Process, conversation: dict[str, Any]) -> dict[str, Any]:
    """All that an answered flow may have left behind."""
    present = await process.conversation(conversation["_id"])
    waiting = await process.questions.waiting(present)
    audited = {"object_id": conversation["customer_id"]}
    return {
        "texts": await process.bot_texts(conversation["_id"]),
        "labels": present["labels"],
        "fields": (await card(process, conversation))["fields"],
        "waits": waiting is not None and waiting.state["ask"]["text"],
        "tasks": await process.database.durable.tasks.count_documents({"conversation_id": conversation["_id"]}),
        "audit": await process.database.durable.audit.count_documents(audited),
    }


@pytest.mark.parametrize("next_message", [False, True], ids=["heard again", "the next message"])
async def test_wherever_a_process_dies_the_flow_goes_on_once(shop_process, other_process, next_message):
    """The bot is broken off at ever later moments; who hears the message again, or the next one, does the rest."""
    await flow(
        shop_process,
        SIZE,
        {"type": "task", "title": "Ring", "minutes": 5},
        THANKS,
        PHONE,
        trigger="conversation_opened",
    )
    deaf = Process(shop_process.database, shop_process.redis, shop_process.channel_id, deaf=True)
    died = 0
    for cut in range(0, 96, 8):
        person: dict[str, Any] = {"external_id": f"customer {cut}", "name": f"Customer {cut}"}
        conversation = await shop_process.receive("Hello", **person)
        await deaf.receive("small", **person)
        event = deaf.announced[-1]
        dying = asyncio.create_task(shop_process.bus.announce(event))
        await asyncio.wait([dying], timeout=cut / 1000)
        died += not dying.done()
        dying.cancel()
        await asyncio.wait([dying])
        row = await shop_process.database.durable.questions.find_one({"_id": conversation["_id"]})
        held = row["answer"] is not None or event.message["_id"] in row.get("heard", ())
        if next_message and held:
            await other_process.receive("067 123 45 67", **person)
        await other_process.bus.announce(event)
        if next_message and not held:
            await other_process.receive("067 123 45 67", **person)
        left = await left_by(shop_process, conversation)
        # Where the second question was put only then, the next message had not been an answer to it.
        answered = next_message and not left["waits"]
        assert left == {
            "texts": [MENU, "Thank you", "Your phone?"],
            "labels": ["small"],
            "fields": {"size": "S"},
            "waits": False if answered else "Your phone?",
            "tasks": 1,
            "audit": 2 if answered else 1,
        }, f"broken off after {cut} ms"
    await deaf.close()
    assert died > 1


def test_the_rule_in_the_docs_is_right():
    first, _ = re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    actions = parse(json.loads(first)).fields()["actions"]
    assert [action["type"] for action in actions] == ["ask", "ask", "task", "reply"]


async def test_another_bot_is_not_led_through_a_dialogue(shop_process):
    asks = [{"type": "ask", "text": f"Question {number}?", "expects": "text"} for number in range(6)]
    await flow(shop_process, *asks)
    conversation = await shop_process.receive("Beep")
    for number in range(6):
        await shop_process.receive(f"I am a very quick machine, and this is my answer to question {number}")
    assert len(await shop_process.bot_texts(conversation["_id"])) <= 3
    assert is_handed_off(await shop_process.conversation(conversation["_id"]))
