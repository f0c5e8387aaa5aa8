"""The customer's card in a manager's hands, and answers by any of the customer's channels."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.flow import Shop, until


async def written(shop: Shop, name: str) -> str:
    """A customer who wrote over Telegram; returns their card's id."""
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    shop.customer(name).text("Є дубова скринька?")
    await shop.settled()
    conversations = await shop.conversations()
    return str(conversations[0]["customer_id"])


async def opened(open_page: OpenPage, name: str, **options: str) -> Page:
    page = await open_page("/inbox?tab=all", **options)
    await page.locator(".row", has_text=name).click()
    await expect(page.locator("#card")).to_be_visible()
    return page


async def edit(page: Page, fact: str, value: str) -> None:
    await page.locator(f"#fact-{fact} [data-edit-open]").click()
    await page.locator(f"#fact-{fact} input").fill(value)
    await page.keyboard.press("Enter")


async def test_two_changes_faster_than_the_card_is_drawn_are_both_made(shop, open_page):
    await written(shop, "Олена Мельник")
    page = await opened(open_page, "Олена Мельник")
    card = page.locator("#card")

    async def slowly(route):
        await asyncio.sleep(0.7)
        await route.continue_()

    await page.route("**/fragments/conversations/*/card", slowly)
    for phone in ("067 123 45 67", "050 765 43 21"):
        await card.get_by_role("button", name="Phone", exact=True).click()
        await page.locator("#add-phones").fill(phone)
        async with page.expect_response("**/api/v1/customers/*"):
            await page.keyboard.press("Enter")
    for phone in ("+380671234567", "+380507654321"):
        await expect(card.get_by_role("link", name=phone)).to_be_visible()
    await expect(card.locator(".error")).to_have_count(0)


async def test_a_card_is_changed_line_by_line(shop, open_page):
    fields = [
        {"code": "size", "title": "Розмір", "type": "number"},
        {"code": "way", "title": "Доставка", "type": "choice", "choices": ["Пошта", "Курʼєр"]},
    ]
    assert (await shop.owner.call("PUT", "/customer-fields", {"fields": fields})).status == 200
    customer = await written(shop, "Олена Мельник")
    page = await opened(open_page, "Олена Мельник")
    card = page.locator("#card")

    await card.get_by_role("button", name="Change the name").click()
    await page.keyboard.type("Олена Коваль")
    await page.keyboard.press("Enter")
    await expect(page.locator("#bar h1")).to_contain_text("Олена Коваль")

    await card.get_by_role("button", name="Phone", exact=True).click()
    await page.keyboard.type("12")
    await page.keyboard.press("Enter")
    await expect(card.locator(".contacts .error")).to_contain_text("write it as +380")
    await page.evaluate("htmx.trigger(document.body, 'live:card')")
    await page.wait_for_load_state("networkidle")
    await expect(card.locator(".contacts .error")).to_contain_text("write it as +380")
    await page.locator("#add-phones").fill("067 123 45 67")
    await page.keyboard.press("Enter")
    await expect(card.get_by_role("link", name="+380671234567")).to_be_visible()
    await expect(page.locator("#add-phones")).to_be_hidden()

    await edit(page, "field-size", "багато")
    await expect(card.locator("#fact-field-size .error")).to_contain_text("a number such as 12.5")
    await page.locator("#edit-field-size").fill("41,5")
    await page.keyboard.press("Enter")
    await expect(card.locator("#fact-field-size .value")).to_have_text("41.5")
    await card.locator("#fact-field-way [data-edit-open]").click()
    await page.locator("#edit-field-way").select_option("Пошта")
    await expect(card.locator("#fact-field-way .value")).to_have_text("Пошта")
    await edit(page, "languages", "uk, en")
    await expect(card.locator("#fact-languages .value")).to_have_text("uk, en")

    await page.locator("#add-tag").fill("постійна")
    await page.keyboard.press("Enter")
    await expect(card.locator(".tag", has_text="постійна")).to_be_visible()
    await page.locator("#quick-note").fill("Дзвонити після шостої")
    await page.keyboard.press("Control+Enter")
    await expect(card.locator(".card-note")).to_contain_text("Дзвонити після шостої")
    await card.locator(".card-note").hover()
    await card.get_by_role("button", name="Pin to the top").click()
    await expect(card.locator(".card-note.pinned")).to_be_visible()

    told = await shop.owner.get(f"/customers/{customer}")
    assert (told["name"], told["phones"], told["tags"]) == ("Олена Коваль", ["+380671234567"], ["постійна"])
    assert (told["fields"], told["languages"]) == ({"size": "41.5", "way": "Пошта"}, ["uk", "en"])


async def test_what_a_colleague_changes_comes_in_around_what_one_types(shop, open_page):
    customer = await written(shop, "Олена Мельник")
    page = await opened(open_page, "Олена Мельник")
    card = page.locator("#card")
    await card.get_by_role("button", name="E-mail", exact=True).click()
    await page.keyboard.type("olena@")
    changed = await shop.owner.call(
        "PATCH", f"/customers/{customer}", {"tags": ["гурт"], "emails": ["first@x.example"]}
    )
    assert changed.status == 200
    await expect(card.locator(".tag", has_text="гурт")).to_be_visible()
    await expect(card.get_by_role("link", name="first@x.example")).to_be_visible()
    await page.keyboard.type("ukr.example")
    await page.keyboard.press("Enter")
    await expect(card.get_by_role("link", name="olena@ukr.example")).to_be_visible()
    told = await shop.owner.get(f"/customers/{customer}")
    assert (told["emails"], told["tags"]) == (["first@x.example", "olena@ukr.example"], ["гурт"])


async def test_fields_are_defined_on_their_screen(shop, open_page):
    page = await open_page("/settings/fields")
    await page.get_by_role("button", name="Add a field").click()
    await page.keyboard.type("Місто доставки")
    row = page.locator("[data-field-row]")
    await expect(row.locator('[data-field="code"]')).to_have_value("місто_доставки")
    await row.locator('[data-field="code"]').fill("two words")
    await page.get_by_role("button", name="Save").click()
    await expect(row.locator(".error")).to_contain_text("letters, digits")
    await row.locator('[data-field="code"]').fill("city")
    await page.get_by_role("button", name="Save").click()
    await expect(row.locator('[data-field="code"]')).to_have_attribute("readonly", "")
    (field,) = (await shop.owner.get("/customer-fields"))["fields"]
    assert (field["code"], field["title"], field["type"]) == ("city", "Місто доставки", "text")


@pytest.fixture
async def viber(shop):
    """The same person's chat over Viber, on the same card."""
    customer = await written(shop, "Олена Мельник")
    bot = shop.sandbox.viber.create_bot("Скринька")
    settings = {"token": bot.token, "sender_name": "Скринька", "api_base": shop.sandbox.api_base("viber")}
    connected = {"kind": "viber", "name": "Shop on Viber", "settings": settings}
    assert (await shop.owner.call("POST", "/channels", connected)).status == 201
    chat = bot.chat(shop.sandbox.viber.create_customer("Olena", language="uk"))
    chat.text("Я і тут")

    async def others():
        return [row["customer_id"] for row in await shop.conversations() if row["customer_id"] != customer]

    (other,) = await until(others)
    merged = await shop.owner.call("POST", f"/customers/{customer}/merge", {"other_id": other})
    assert merged.status == 200
    return chat


async def test_an_answer_goes_by_the_channel_that_is_chosen(shop, open_page, viber):
    page = await opened(open_page, "Олена Мельник")
    via = page.locator("#via summary")
    await expect(via).to_contain_text("Shop on Viber")
    await page.locator("#text").fill("Так, є")
    await page.keyboard.press("Alt+c")
    await expect(via).not_to_contain_text("Shop on Viber")
    await page.reload()
    await expect(page.locator("#text")).to_have_value("Так, є")
    await expect(via).not_to_contain_text("Shop on Viber")
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#messages .out .meta").last).to_contain_text("Telegram")
    assert viber.texts() == []

    await page.locator("#text").fill("І тут є")
    await via.click()
    await page.get_by_role("button", name="Shop on Viber").click()
    await page.locator("#text").press("Control+Enter")
    await viber.until(lambda chat: chat.texts() == ["І тут є"])


async def test_a_channel_that_cannot_be_taken_says_why(shop, open_page, viber):
    identities = shop.house.database.durable.identities
    telegram = await identities.find_one({"kind": "telegram"})
    blocked = {"reachable": False, "reachable_reason": "they blocked the bot"}
    await identities.update_one({"_id": telegram["_id"]}, {"$set": blocked})
    page = await opened(open_page, "Олена Мельник")
    await page.locator("#via summary").click()
    closed = page.locator(f'#via [data-via="{telegram["channel_id"]}"]')
    await expect(closed).to_be_disabled()
    await expect(closed).to_contain_text("they blocked us there")


async def test_everything_is_one_scroll(shop, open_page, viber):
    conversation = (await shop.conversations())[0]
    closed = await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"status": "closed"})
    assert closed.status == 200
    await shop.owner.call("POST", f"/customers/{conversation['customer_id']}/notes", {"text": "Постійна"})
    page = await open_page(f"/inbox/{conversation['id']}")
    await page.get_by_role("link", name="Everything").click()
    await expect(page.locator(".happening", has_text="Closed")).to_be_visible()
    await expect(page.locator(".happening", has_text="Постійна")).to_be_visible()
    await expect(page.locator("#messages .in .text").first).to_have_text("Є дубова скринька?")
