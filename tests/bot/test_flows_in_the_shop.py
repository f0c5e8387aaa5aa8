"""A rule as a dialogue in a whole shop: by buttons on the phone, by numbers in letters, with what follows from it."""

import asyncio
from typing import Any

from tests.channels.email.shop import Case
from tests.flow import Shop, until

SIZE = {
    "type": "ask",
    "text": {"uk": "Який розмір?", "en": "Which size?"},
    "expects": "choice",
    "field": "size",
    "buttons": [
        {"title": {"uk": "Малий", "en": "Small"}, "value": "S", "actions": [{"type": "label", "add": ["small"]}]},
        {"title": {"uk": "Великий", "en": "Large"}, "value": "L"},
    ],
}
PHONE = {"type": "ask", "text": "Ваш телефон?", "expects": "phone", "field": "phone", "again": "Ще раз, будь ласка"}
THANKS = {"type": "reply", "text": "Дякуємо!"}


async def rule(shop: Shop, *actions: dict[str, Any], **fields: Any) -> str:
    body = {"name": "Order", "trigger": "conversation_opened", "actions": list(actions), **fields}
    made = await shop.owner.call("POST", "/rules", body)
    assert made.status == 201, made
    return str(made.body["id"])


async def card(shop: Shop) -> dict[str, Any]:
    [conversation] = await shop.conversations()
    return dict(await shop.owner.get(f"/customers/{conversation['customer_id']}"))


async def test_a_dialogue_by_buttons_on_the_phone(shop):
    await rule(shop, SIZE, PHONE, THANKS)
    chat = shop.customer("Олена Мельник")
    chat.text("Добрий день")
    await chat.until(lambda phone: phone.texts() == ["Який розмір?"])
    asked = chat.seen()[-1]
    assert [button["text"] for row in asked.keyboard for button in row] == ["Малий", "Великий"]
    chat.press(asked.id, "Малий")
    await chat.until(lambda phone: phone.texts()[-1] == "Ваш телефон?")
    chat.press(asked.id, "Великий")
    await shop.settled()
    chat.text("не скажу")
    await chat.until(lambda phone: phone.texts()[-1] == "Ще раз, будь ласка")
    chat.text("067 123 45 67")
    await chat.until(lambda phone: phone.texts()[-1] == "Дякуємо!")
    chat.press(asked.id, "Малий")
    await shop.settled()
    assert chat.texts() == ["Який розмір?", "Ваш телефон?", "Ще раз, будь ласка", "Дякуємо!"]
    answered = await card(shop)
    assert answered["fields"] == {"size": "S"}
    assert answered["phones"] == ["+380671234567"]
    [conversation] = await shop.conversations()
    assert conversation["labels"] == ["small"]
    audit = (await shop.owner.get(f"/audit?object_id={answered['id']}"))["items"]
    assert [(entry["actor"]["role"], entry["changed"]) for entry in audit] == [
        ("bot", {"phone": None}),
        ("bot", {"fields.size": None}),
    ]


async def test_the_same_press_ten_times_at_once_is_one_answer(shop):
    await rule(shop, SIZE, THANKS)
    chat = shop.customer()
    chat.text("Hi")
    await chat.until(lambda phone: len(phone.texts()) == 1)
    chat.press(chat.seen()[-1].id, "Великий")
    update = chat.pending[0].body
    assert await asyncio.gather(*(shop.bot.deliver(update) for _ in range(10))) == [""] * 10
    await chat.until(lambda phone: phone.texts()[-1] == "Дякуємо!")
    await shop.settled()
    assert len(chat.texts()) == 2


async def test_a_dialogue_by_numbers_in_letters(shop):
    await rule(shop, SIZE, THANKS)
    case = await Case.open(shop)
    case.letters.write("Добрий день", subject="Футболка")
    await case.letters.until(lambda letters: letters.texts(), seconds=40)
    [asked] = [letter for letter in case.letters.letters if letter.from_shop]
    assert asked.text.strip().endswith("1. Малий\n2. Великий")
    case.letters.write("2", answers=asked.id)
    await case.letters.until(lambda letters: any("Дякуємо!" in text for text in letters.texts()), seconds=40)
    assert (await card(shop))["fields"] == {"size": "L"}


async def test_a_manager_who_writes_ends_the_dialogue_on_the_phone(shop):
    await rule(shop, SIZE, THANKS)
    chat = shop.customer()
    chat.text("Hi")
    await chat.until(lambda phone: len(phone.texts()) == 1)
    [conversation] = await shop.conversations()
    path = f"/conversations/{conversation['id']}/messages"
    assert (await shop.owner.call("POST", path, {"text": "I am here"})).status == 201
    await chat.until(lambda phone: phone.texts()[-1] == "I am here")
    [asked] = [message for message in chat.seen() if message.keyboard]
    chat.press(asked.id, "Малий")
    await shop.settled()
    assert (await card(shop))["fields"] == {}
    assert "Дякуємо!" not in chat.texts()


async def test_a_rule_gives_a_conversation_to_somebody_and_goes_on_talking(shop):
    mary = await shop.manager("Mary")
    await rule(shop, {"type": "assign", "manager_id": mary.id}, SIZE, THANKS)
    chat = shop.customer()
    chat.text("Hi")
    await chat.until(lambda phone: len(phone.texts()) == 1)
    [conversation] = await shop.conversations()
    assert conversation["assignee_id"] == mary.id
    assert conversation["assignment"]["reason"] == "rule"
    chat.text("1")
    await chat.until(lambda phone: phone.texts()[-1] == "Дякуємо!")


async def test_a_rule_gives_to_a_team_which_is_not_deleted_under_it(shop):
    team = (await shop.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    mary = await shop.manager("Mary")
    await shop.owner.call("PATCH", f"/managers/{mary.id}", {"teams": [team]})
    await mary.call("PUT", "/me/status", {"status": "online"})
    yes = {"title": "Yes", "value": "yes", "actions": [{"type": "assign", "team_id": team}]}
    ask = {"type": "ask", "text": "A return?", "expects": "choice", "buttons": [yes]}
    rule_id = await rule(shop, ask)
    refused = await shop.owner.call("DELETE", f"/teams/{team}")
    assert (refused.status, refused.body["rules"]) == (409, ["Order"])
    chat = shop.customer()
    chat.text("Hi")
    await chat.until(lambda phone: len(phone.texts()) == 1)
    chat.press(chat.seen()[-1].id, "Yes")
    await shop.settled()

    async def given() -> bool:
        [conversation] = await shop.conversations()
        return (conversation["team_id"], conversation["assignee_id"]) == (team, mary.id)

    await until(given)
    assert (await shop.owner.call("DELETE", f"/rules/{rule_id}")).status == 204
    assert (await shop.owner.call("DELETE", f"/teams/{team}")).status == 204


async def test_the_history_tells_that_the_bot_left_a_case_to_people(shop):
    await rule(shop, {"type": "handoff"})
    chat = shop.customer()
    chat.text("Hi")
    await shop.settled()
    [conversation] = await shop.conversations()
    path = f"/customers/{conversation['customer_id']}/timeline?include=handoff"
    entries = (await shop.owner.get(path))["items"]
    told = [(entry["reason"], entry["by"]["name"]) for entry in entries if entry["kind"] == "handoff"]
    assert told == [("rule", "Order")]
