"""Rules as a shop's owner makes them: built by clicking, tried on what was said before, then fired by a customer."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import LOOKS
from tests.browser.test_accessibility import violations
from tests.browser.test_desk import write
from tests.flow import until

KEPT = re.compile("/settings/rules/(?!new$)[^/]+$")
"""Where a rule is once it is saved."""


async def add(page, place, title):
    """Add a condition or an action from the menu of its place; it comes last there and has the focus."""
    await place.locator(":scope > .add > summary").click()
    await place.locator(":scope > .add").get_by_role("button", name=title, exact=True).click()
    return place.locator(":scope > ol > .part").last


def conditions(page):
    return page.locator("#rule-form > section > .parts.conditions")


def actions(page):
    return page.locator("#rule-form > section > .parts.actions")


async def save(page):
    await page.get_by_role("button", name="Save", exact=True).click()


async def the_rule(shop, name):
    return next(rule for rule in (await shop.owner.get("/rules"))["items"] if rule["name"] == name)


@pytest.fixture
async def phone(browser):
    """Opens a customer's phone."""
    context = await browser.new_context(viewport={"width": 390, "height": 844})

    async def open_(shop, chat):
        page = await context.new_page()
        await page.goto(f"{shop.sandbox.url}/phone/telegram?customer={chat.customer.id}")
        return page

    yield open_
    await context.close()


async def test_a_rule_is_built_tried_on_the_past_and_fired_by_a_customer(shop, open_page, phone):
    earlier, chat = shop.customer("Олена Мельник"), shop.customer("Тарас Гук")
    earlier.text("Скільки коштує доставка?")
    chat.text("Чи є доставка до Львова?")
    chat.text("Добрий день")
    await shop.settled()

    page = await open_page("/settings/rules")
    await page.get_by_role("link", name="New rule").click()
    await page.get_by_label("Name", exact=True).fill("Ціна доставки")
    await page.get_by_role("switch", name="On").press("Space")
    text = await add(page, conditions(page), "Words in the message")
    await expect(text.get_by_role("combobox")).to_be_focused()
    await text.get_by_label("One a line").fill("доставка\nдоставки")
    reply = await add(page, actions(page), "Reply")
    await expect(reply.get_by_role("textbox")).to_be_focused()
    await page.keyboard.type("Доставка 70 грн.")
    await reply.get_by_role("tab", name="en").click()
    await reply.get_by_role("textbox").fill("Delivery is 70 UAH.")
    label = await add(page, actions(page), "Labels")
    await label.get_by_label("Add", exact=True).fill("доставка")

    await page.get_by_label("Find a conversation").fill("Мельник")
    await expect(page.locator("#tries .entry")).to_have_count(1)
    await page.locator("#tries .entry", has_text="Олена").click()
    await expect(page.locator("#try-result > .verdict")).to_contain_text("Would fire")
    await expect(page.locator("#try-result > .verdict")).to_contain_text("Доставка 70 грн.")
    await page.get_by_label("Find a conversation").fill("")
    await page.locator("#tries .entry", has_text="Тарас").click()
    await expect(page.locator("#try-result > .verdict")).to_contain_text("Would not fire")
    await expect(page.locator("#try-result > .verdict")).to_contain_text("the message has no such word")
    await text.get_by_label("One a line").fill("доставка\nдобрий")
    await expect(page.locator("#try-result > .verdict.fires")).to_be_visible()
    await text.get_by_label("One a line").fill("доставка")
    await expect(page.locator("#try-result > .verdict.fires")).to_have_count(0)
    # What they wrote before that is another matter.
    await page.get_by_label("On the message").select_option(index=1)
    await expect(page.locator("#try-result > .verdict.fires")).to_be_visible()
    assert await violations(page) == []

    await save(page)
    await page.wait_for_url(KEPT)
    await expect(page.get_by_text("Not fired yet")).to_be_visible()
    kept = await the_rule(shop, "Ціна доставки")
    assert kept["conditions"] == [{"type": "text", "match": "word", "any": ["доставка"]}]
    assert kept["actions"] == [
        {"type": "reply", "text": {"uk": "Доставка 70 грн.", "en": "Delivery is 70 UAH."}},
        {"type": "label", "add": ["доставка"], "remove": []},
    ]

    pocket = await phone(shop, chat)
    await pocket.get_by_label("Message as customer").fill("А доставка?")
    await pocket.get_by_label("Message as customer").press("Enter")
    await expect(pocket.get_by_role("log")).to_contain_text("Доставка 70 грн.")
    assert earlier.texts() == [], "a dry run says nothing"
    await until(lambda: _fired(shop, "Ціна доставки", 1))
    await page.goto("/settings/rules")
    await expect(page.locator(".rule-row", has_text="Ціна доставки")).to_contain_text("Fired once")


async def _fired(shop, name, count):
    return (await the_rule(shop, name))["fired"]["count"] == count


async def test_a_question_is_built_with_its_answers_and_pressed_on_the_phone(shop, open_page, phone):
    page = await open_page("/settings/rules/new")
    await page.get_by_label("Name", exact=True).fill("Що цікавить")
    await page.get_by_role("switch", name="On").press("Space")
    ask = await add(page, actions(page), "Ask and wait")
    await ask.get_by_label("Question, uk").fill("Чим допомогти?")
    rows = ask.locator(".press-row")
    await expect(rows).to_have_count(2)
    for row, title, answer in ((rows.nth(0), "Ціни", "Від 400 грн."), (rows.nth(1), "Доставка", "Новою поштою.")):
        await row.get_by_label("What the button says, uk").fill(title)
        reply = await add(page, row.locator(".parts.actions"), "Reply")
        await reply.get_by_label("Text, uk").fill(answer)
    assert await violations(page) == []
    await save(page)
    await page.wait_for_url(KEPT)
    [kept] = (await the_rule(shop, "Що цікавить"))["actions"]
    assert [(button["title"], button["value"]) for button in kept["buttons"]] == [
        ({"uk": "Ціни"}, "Ціни"),
        ({"uk": "Доставка"}, "Доставка"),
    ]
    await expect(page.locator(".part[data-part='ask'] .press-row")).to_have_count(2)

    chat = shop.customer("Олена Мельник")
    chat.text("Добрий день")
    pocket = await phone(shop, chat)
    await pocket.get_by_role("button", name="Доставка").click()
    await expect(pocket.get_by_role("log")).to_contain_text("Новою поштою.")
    assert "Від 400 грн." not in chat.texts()


async def test_a_wrong_pattern_is_said_beside_its_field(shop, open_page):
    page = await open_page("/settings/rules/new")
    await page.get_by_label("Name", exact=True).fill("Номер")
    reply = await add(page, actions(page), "Reply")
    await reply.get_by_label("Text, uk").fill("Шукаємо.")
    text = await add(page, conditions(page), "Words in the message")
    await text.get_by_role("combobox").select_option("regex")
    area = text.get_by_label("One a line")
    await area.fill("№ ?[0-9]+\nзамовлення (")
    await save(page)
    await expect(text.locator(".field .error")).to_contain_text("Line 2:")
    await expect(area).to_be_focused()
    await expect(area).to_have_attribute("aria-invalid", "true")
    assert await area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)") == "замовлення ("
    await area.fill("№ ?[0-9]+")
    await save(page)
    await page.wait_for_url(KEPT)


async def test_what_is_missing_deep_down_is_shown_where_it_is_missing(open_page):
    page = await open_page("/settings/rules/new")
    await page.get_by_label("Name", exact=True).fill("Питання")
    await save(page)
    await expect(actions(page).locator(":scope > .error")).to_be_visible()
    ask = await add(page, actions(page), "Ask and wait")
    await ask.get_by_label("Question, uk").fill("Так чи ні?")
    await ask.locator(".press-row").nth(0).get_by_label("What the button says, uk").fill("Так")
    await save(page)
    title = ask.locator(".press-row").nth(1).get_by_label("What the button says, uk")
    await expect(title).to_be_focused()
    await expect(title).to_have_attribute("aria-invalid", "true")
    await expect(page.locator(".error")).to_have_count(1)


async def test_what_has_no_form_is_kept_and_edited_as_json(shop, open_page):
    deep = {"type": "ask", "text": {"uk": "Ще?"}, "expects": "choice", "buttons": [{"title": "Так", "value": "1"}]}
    for _ in range(3):
        deep = {**deep, "buttons": [{"title": "Так", "value": "1", "actions": [deep]}]}
    body = {"name": "Глибоке", "enabled": False, "trigger": "message_received", "actions": [deep]}
    made = await shop.owner.call("POST", "/rules", body)
    assert made.status == 201, made
    page = await open_page(f"/settings/rules/{made.body['id']}")
    raw = page.locator(".part[data-part='']")
    await expect(raw).to_have_count(1)
    await expect(page.locator("[data-unsaved]")).to_be_hidden()
    area = raw.get_by_label("JSON", exact=True)
    await area.fill("{")
    await save(page)
    await expect(raw.locator(".error")).to_have_text("This is no JSON object.")
    await expect(area).to_be_focused()
    await area.fill('{"type": "close"}')
    await save(page)
    await expect(page.locator("#toasts")).to_contain_text("Saved")
    [kept] = (await the_rule(shop, "Глибоке"))["actions"]
    for _ in range(3):
        [button] = kept["buttons"]
        [kept] = button["actions"]
    assert kept == {"type": "close"}

    # What a form can say goes from the form to JSON and back.
    reply = await add(page, actions(page), "Reply")
    await reply.get_by_label("Text, uk").fill("Добре")
    await reply.get_by_label("More: Reply").click()
    await reply.get_by_role("button", name="Edit as JSON").click()
    raw = actions(page).locator(":scope > ol > .part").last
    await raw.get_by_label("JSON", exact=True).fill('{"type": "reply", "text": {"uk": "Чудово"}}')
    await raw.get_by_label("More: Written as JSON").click()
    await raw.get_by_role("button", name="Edit in a form").click()
    await expect(actions(page).locator(":scope > ol > .part").last.get_by_label("Text, uk")).to_have_value("Чудово")


async def test_parts_are_moved_copied_and_taken_out_by_keyboard_with_the_focus_kept(open_page):
    page = await open_page("/settings/rules/new")
    reply = await add(page, actions(page), "Reply")
    await reply.get_by_label("Text, uk").fill("Дякуємо")
    await add(page, actions(page), "Close")
    up = page.get_by_role("button", name="Move up: Close")
    await up.press("Enter")
    await expect(up).to_be_focused()
    await expect(page.locator("#rules-said")).to_have_text("Close is now 1 of 2")
    assert await actions(page).locator(":scope > ol > .part").evaluate_all(
        "parts => parts.map((part) => part.dataset.part)"
    ) == ["close", "reply"]
    await page.get_by_role("button", name="Remove: Reply").press("Enter")
    await expect(page.get_by_role("button", name="Remove: Close")).to_be_focused()
    await page.get_by_role("button", name="Undo").press("Enter")
    await expect(page.get_by_label("Text, uk")).to_have_value("Дякуємо")


async def test_the_list_is_ordered_switched_copied_and_emptied(shop, open_page):
    page = await open_page("/settings/rules")
    rows = page.locator(".rule-row")
    names = [rule["name"] for rule in (await shop.owner.get("/rules"))["items"]]
    await expect(rows).to_have_count(len(names))
    await expect(rows.first).to_contain_text("When a conversation opens, and the conversation is new: reply")
    down = page.get_by_role("button", name=f"Move {names[0]} down")
    await down.press("Enter")
    await expect(down).to_be_focused()
    await down.press("Alt+ArrowDown")
    await expect(page.locator("#rules-said")).to_have_text(f"{names[0]} is now 3 of {len(names)}")
    wanted = [names[1], names[2], names[0], *names[3:]]
    await until(lambda: _ordered(shop, wanted))

    switch = page.get_by_role("switch", name=f"{names[1]} is on")
    await switch.press("Space")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await until(lambda: _is_on(shop, names[1]))

    await rows.nth(1).get_by_label("More for").click()
    await rows.nth(1).get_by_role("link", name="Duplicate").click()
    await expect(page.get_by_label("Name", exact=True)).to_have_value(f"{names[2]}, a copy")
    await save(page)
    await page.wait_for_url(re.compile("/settings/rules/(?!new)[^/]+$"))
    copy, original = await the_rule(shop, f"{names[2]}, a copy"), await the_rule(shop, names[2])
    assert (copy["actions"], copy["enabled"]) == (original["actions"], False)

    await page.goto("/settings/rules")
    await rows.last.get_by_label("More for").click()
    await rows.last.get_by_role("button", name="Delete…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(rows).to_have_count(len(names))
    assert [rule["name"] for rule in (await shop.owner.get("/rules"))["items"]] == wanted


async def _ordered(shop, names):
    return [rule["name"] for rule in (await shop.owner.get("/rules"))["items"]] == names


async def _is_on(shop, name):
    return (await the_rule(shop, name))["enabled"]


async def test_all_rules_are_tried_on_one_conversation(shop, open_page):
    await write(shop, "Олена Мельник")
    page = await open_page("/settings/rules")
    await page.locator("#tries .entry", has_text="Олена").click()
    await expect(page.locator(".rule-row", has_text="Greeting").locator(".verdict")).to_contain_text(
        "Would fire if it were on"
    )
    await expect(page.locator("#try-result")).to_contain_text("No rule that is on would fire")
    assert await violations(page) == []


async def test_an_older_version_is_restored_and_what_is_not_saved_is_not_lost_unasked(shop, open_page):
    body = {"name": "Ніч", "trigger": "message_received", "actions": [{"type": "reply", "text": {"uk": "Спимо"}}]}
    made = await shop.owner.call("POST", "/rules", {**body, "enabled": False})
    page = await open_page(f"/settings/rules/{made.body['id']}")
    area = page.get_by_label("Text, uk")
    await area.fill("Зачинено")
    await expect(page.get_by_text("Not saved yet")).to_be_visible()
    asked = []

    async def stay(dialog):
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await page.locator(".trail a").click(no_wait_after=True)
    await until(lambda: _once(asked))
    await expect(area).to_have_value("Зачинено")
    await save(page)
    await expect(page.get_by_text("Not saved yet")).to_be_hidden()
    await expect(page.locator("#versions > li")).to_have_count(2)
    await expect(page.locator("#versions")).to_contain_text("Спимо")
    await page.get_by_role("button", name="Restore version 1").click()
    await expect(area).to_have_value("Спимо")
    assert (await the_rule(shop, "Ніч"))["actions"][0]["text"] == {"uk": "Спимо"}
    assert asked == ["beforeunload"]

    # A colleague is first: theirs is shown only when it is asked for.
    await shop.owner.call("PATCH", f"/rules/{made.body['id']}", {"name": "Уночі"})
    await area.fill("Моє")
    await save(page)
    await expect(page.locator("#toasts")).to_contain_text("Somebody changed this rule meanwhile")
    await expect(area).to_have_value("Моє")
    await page.get_by_role("button", name="Show theirs").click()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Уночі")


async def _once(things):
    return bool(things)


async def test_hours_of_a_rules_own_are_set_by_the_day(shop, open_page):
    page = await open_page("/settings/rules/new")
    await page.get_by_label("Name", exact=True).fill("Свої години")
    hours = await add(page, conditions(page), "Opening hours")
    await hours.get_by_label("By").select_option("own")
    monday = hours.get_by_role("group", name="Monday")
    await monday.get_by_label("Monday, from").fill("10:00")
    await hours.get_by_label("Time zone").fill("Mars/Base")
    await add(page, actions(page), "Close")
    await save(page)
    await expect(hours.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
    await hours.get_by_label("Time zone").fill("Asia/Tbilisi")
    await save(page)
    await page.wait_for_url(re.compile("/settings/rules/(?!new)[^/]+$"))
    [kept] = (await the_rule(shop, "Свої години"))["conditions"]
    assert kept["schedule"]["timezone"] == "Asia/Tbilisi"
    assert {"days": ["mon"], "from": "10:00", "to": "18:00"} in kept["schedule"]["open"]
    await expect(page.get_by_role("group", name="Monday").get_by_label("Monday, from")).to_have_value("10:00")
    await expect(page.locator("[data-unsaved]")).to_be_hidden()


@LOOKS
async def test_every_form_keeps_to_the_rules_of_axe(shop, open_page, size, theme):
    await shop.owner.call("POST", "/teams", {"name": "Гурт"})
    await write(shop, "Олена Мельник")
    page = await open_page("/settings/rules/new", size=size, theme=theme)
    for place in (conditions(page), actions(page)):
        for title in await place.locator(":scope > .add .item").all_text_contents():
            await add(page, place, title.strip())
    for fold in await page.locator("details.more").all():
        await fold.evaluate("fold => { fold.open = true; }")
    for trigger in ("no_reply", "label_added"):
        await page.locator("#rule-trigger").select_option(trigger)
        assert await violations(page, "#rule-form > section:first-of-type") == []
    await page.locator("#rule-trigger").select_option("order_status_changed")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
