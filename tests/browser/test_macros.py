"""Macros in the browser: the picker by keyboard only, what goes along, and the editor in the settings."""

import asyncio
import re

import pytest
from aiohttp import FormData
from playwright.async_api import expect

from tests.browser.test_accessibility import violations
from tests.browser.test_desk import write

SHIP = {
    "name": "Коли відправимо",
    "shortcut": "відправка",
    "folder": "Доставка",
    "text": {"uk": "Вітаю, {{ customer.first_name }}! Відправимо сьогодні.", "en": "Hi! We ship today."},
    "buttons": [{"title": "Так"}, {"title": "Ні"}],
    "actions": [{"type": "label", "add": ["їде"]}, {"type": "snooze", "minutes": 60}],
}
PARCEL = {"name": "Накладна", "shortcut": "ттн", "text": {"uk": "Ваша накладна: {{ order.tracking_number }}."}}
SIZES = {"name": "Розміри", "shortcut": "розміри", "text": {"uk": "34×22×12"}}


async def upload(person, name: str) -> str:
    form = FormData()
    form.add_field("file", b"%PDF-1.4 prices", filename=name, content_type="application/pdf")
    headers = {"Authorization": f"Bearer {person.token}"}
    async with person.http.post(f"{person.url}/api/v1/attachments", data=form, headers=headers) as response:
        return str((await response.json())["id"])


@pytest.fixture
async def thread(shop, open_page):
    """A conversation with three macros to choose from, and the caret in the composer."""
    file = await upload(shop.owner, "прайс.pdf")
    for macro in ({**SHIP, "attachments": [file]}, PARCEL, SIZES):
        assert (await shop.owner.call("POST", "/macros", macro)).status == 201
    [chat] = await write(shop, "Олена Мельник")
    page = await open_page(f"/inbox/{(await shop.conversations())[0]['id']}")
    await page.locator("#text").focus()
    return page, chat


def chosen(page):
    return page.locator("#macro-list [aria-selected=true]")


async def test_the_picker_by_keyboard_only(shop, thread):
    page, chat = thread
    text = page.locator("#text")
    await page.keyboard.type("/")
    count = len((await shop.owner.get("/macros"))["items"])
    await expect(page.locator("#macro-list").get_by_role("option")).to_have_count(count)
    for key, name in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("ArrowUp", 0), ("ArrowUp", count - 1)):
        await page.keyboard.press(key)
        await expect(chosen(page)).to_have_id(f"macro-{name}")
        await expect(text).to_have_attribute("aria-activedescendant", f"macro-{name}")
    await page.keyboard.press("Escape")
    await expect(page.locator("#macros")).to_be_hidden()
    await expect(text).to_have_value("/")

    # "вдпр" are the letters of "відправка", one after the other.
    await page.keyboard.type("вдпр")
    await expect(chosen(page)).to_contain_text("Коли відправимо")
    look = page.locator("#macro-look")
    await expect(look).to_contain_text("Вітаю, Олена! Відправимо сьогодні.")
    for shown in ("Так", "Ні", "прайс.pdf", "Label їде", "Snooze for 1 hour"):
        await expect(look).to_contain_text(shown)
    assert await violations(page) == []
    await page.keyboard.press("Tab")
    await expect(look).to_contain_text("Hi! We ship today.")
    await page.keyboard.press("Shift+Tab")
    await expect(look).to_contain_text("Вітаю, Олена!")
    await page.keyboard.press("Enter")
    await expect(text).to_have_value("Вітаю, Олена! Відправимо сьогодні.")
    await expect(page.locator("#chips")).to_contain_text("прайс.pdf")
    await expect(page.locator("#carried .bit")).to_have_count(4)

    await page.keyboard.type(" До зустрічі!")
    await page.get_by_role("button", name="Remove Snooze for 1 hour").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Remove Ні").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+Enter")
    await chat.until(lambda seen: seen.texts())
    arrived = chat.seen()[-1]
    assert arrived.text == "Вітаю, Олена! Відправимо сьогодні. До зустрічі!"
    assert [button["text"] for row in arrived.keyboard for button in row] == ["Так"]
    await expect(page.locator("#messages .deeds")).to_contain_text("labelled їде")
    conversation = (await shop.conversations())[0]
    assert (conversation["labels"], conversation["status"]) == (["їде"], "open")


async def test_control_enter_sends_at_once(shop, thread):
    page, chat = thread
    await page.keyboard.type("/розм")
    await expect(chosen(page)).to_contain_text("Розміри")
    await page.keyboard.press("Control+Enter")
    await chat.until(lambda seen: seen.texts())
    assert chat.texts() == ["34×22×12"]
    await expect(page.locator("#text")).to_have_value("")


@pytest.mark.parametrize("ending", [" ", "Tab"])
async def test_a_whole_shortcut_is_put_in_place_at_once(thread, ending):
    page, _ = thread
    await page.keyboard.type("Так: /розмір")
    await expect(chosen(page)).to_contain_text("Розміри")
    await page.keyboard.type("и")
    await page.keyboard.press("Space" if ending == " " else ending)
    await expect(page.locator("#text")).to_have_value("Так: 34×22×12")


async def test_a_shortcut_typed_before_the_list_came_is_put_in_place_when_it_comes(shop, thread):
    page, _ = thread
    there = asyncio.Event()

    async def slowly(route):
        await there.wait()
        await route.continue_()

    await page.route("**/api/v1/macros?*", slowly)
    await page.reload()
    await page.locator("#text").focus()
    await page.keyboard.type("Так: /розміри ")
    await expect(page.locator("#text")).to_have_value("Так: /розміри ")
    there.set()
    await expect(page.locator("#text")).to_have_value("Так: 34×22×12")


async def test_what_has_no_value_is_marked_and_not_sent(shop, thread):
    page, chat = thread
    await page.keyboard.type("/ттн")
    await expect(page.locator("#macro-look mark")).to_have_text("order.tracking_number")
    await expect(page.locator("#macro-look")).to_contain_text("No value for order.tracking_number")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#toasts")).to_contain_text("No value for order.tracking_number")
    await expect(page.locator("#text")).to_have_value("Ваша накладна: {{ order.tracking_number }}.")
    # The gap is selected: what is typed fills it.
    await page.keyboard.type("2045")
    await page.keyboard.press("Control+Enter")
    await chat.until(lambda seen: seen.texts())
    assert chat.texts() == ["Ваша накладна: 2045."]


async def test_what_came_with_a_macro_waits_in_the_draft(thread):
    page, _ = thread
    await page.keyboard.type("/відправка ")
    await expect(page.locator("#carried .bit")).to_have_count(4)
    await page.reload()
    await expect(page.locator("#carried .bit")).to_have_count(4)
    await expect(page.locator("#chips")).to_contain_text("прайс.pdf")


async def test_three_hundred_macros_are_there_at_once(shop, thread, open_page):
    present = await shop.house.database.durable.macros.find_one({"shortcut": "розміри"})
    rows = [{**present, "_id": f"many-{n}", "name": f"Відповідь {n}", "shortcut": f"в{n}"} for n in range(300)]
    await shop.house.database.durable.macros.insert_many(rows)
    page = await open_page(thread[0].url)
    await page.wait_for_load_state("networkidle")
    await page.locator("#text").focus()
    await page.keyboard.type("/")
    await expect(page.locator("#macro-list").get_by_role("option").first).to_be_visible()
    took = await page.evaluate(
        """() => {
          const field = document.getElementById("text");
          field.value = "/відповідь1";
          const began = performance.now();
          field.dispatchEvent(new InputEvent("input", { bubbles: true }));
          return performance.now() - began;
        }"""
    )
    await expect(chosen(page)).to_contain_text("Відповідь 1")
    assert took < 100


async def test_a_macro_is_written_checked_and_kept(shop, open_page):
    await write(shop, "Олена Мельник")
    await shop.owner.call("POST", "/teams", {"name": "Майстерня"})
    page = await open_page("/settings/macros/new")
    await page.get_by_label("Title").fill("Гравіювання")
    await page.get_by_label("Shortcut").fill("грав")
    await page.get_by_label("Folder").fill("Товар")
    text = page.get_by_label("Text, uk")
    await text.fill("Вітаю, {{ customer.nam }}!")
    await expect(page.locator(".error")).to_contain_text("line 1: there is no variable customer.nam")
    await text.fill("Вітаю, ")
    await page.locator("#variables summary").click()
    await page.locator("[data-variable='customer.first_name']").click()
    await expect(text).to_have_value("Вітаю, {{ customer.first_name }}")
    await expect(page.locator(".try .bubble")).to_have_text("Вітаю, Олена")
    await expect(page.locator(".error")).to_have_count(0)

    await page.locator("#macro-file").set_input_files(
        {"name": "зразки.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 x"}
    )
    await expect(page.locator(".try .bubble")).to_contain_text("зразки.pdf")
    await page.get_by_role("button", name="Add a button").click()
    await page.get_by_label("What the button says").fill("Хочу")
    await expect(page.locator(".try .press")).to_have_text("Хочу")
    await page.get_by_role("button", name="Add an action").click()
    await page.get_by_label("What is done").select_option("assign")
    await page.get_by_label("To whom").select_option(label="Майстерня")
    await expect(page.locator(".try .deeds")).to_have_text("Assign to team Майстерня")
    await page.get_by_role("tab", name="en").click()
    await page.get_by_label("Text, en").fill("Hello")
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.wait_for_url(re.compile("/settings/macros/[0-9a-f]{24}$"))
    kept = next(row for row in (await shop.owner.get("/macros"))["items"] if row["shortcut"] == "грав")
    assert (kept["name"], kept["shortcut"], kept["folder"], kept["shared"]) == ("Гравіювання", "грав", "Товар", True)
    assert kept["text"] == {"uk": "Вітаю, {{ customer.first_name }}", "en": "Hello"}
    assert (kept["attachments"][0]["name"], kept["buttons"][0]["title"]) == ("зразки.pdf", {"uk": "Хочу"})
    assert kept["actions"][0]["type"] == "assign"
    assert await violations(page) == []

    await page.get_by_label("Title").fill("Напис")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("#toasts")).to_contain_text("Saved")
    await page.get_by_role("link", name="Duplicate").click()
    await page.get_by_label("Title").fill("Копія")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".intro h1")).to_have_text("Копія")
    await page.get_by_role("button", name="Archive").click()
    await expect(page.locator(".entries")).to_contain_text("Напис")
    await expect(page.locator(".entries")).not_to_contain_text("Копія")
    await page.locator("#sift").fill("нічого такого")
    await expect(page.get_by_text("No macro fits.")).to_be_visible()


async def test_a_mistake_that_keeps_a_macro_from_being_kept_is_shown_at_its_place(open_page):
    page = await open_page("/settings/macros/new")
    await page.get_by_label("Title").fill("Зламаний")
    await page.get_by_label("Text, uk").fill("Добре")
    await page.get_by_role("tab", name="en").click()
    await page.get_by_label("Text, en").fill("one\n{{ customer.__class__ }}")
    await page.get_by_role("tab", name="uk").click()
    await page.get_by_role("button", name="Save", exact=True).click()
    area = page.get_by_label("Text, en")
    await expect(area).to_be_visible()
    await expect(page.locator(".error")).to_contain_text("line 2: there is no variable customer.__class__")
    selected = await area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert selected == "{{ customer.__class__ }}"
