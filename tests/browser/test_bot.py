"""The bot's settings as an admin sets them, and a rating as a customer gives it."""

from playwright.async_api import expect

from inbox.model.ids import now
from tests.browser.conftest import LOOKS, PHONE
from tests.browser.test_accessibility import violations
from tests.flow import until


async def bot_settings(shop):
    return (await shop.owner.get("/settings"))["bot"]


@LOOKS
async def test_the_screen_reads_well(open_page, size, theme):
    page = await open_page("/settings/bot", size=size, theme=theme)
    await expect(page.get_by_role("heading", name="Bot", exact=True)).to_be_visible()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]


async def test_an_admin_sets_the_bot_up(shop, open_page):
    page = await open_page("/settings/bot")
    await page.get_by_label("Rating", exact=False).first.check()
    await page.get_by_label("Language choice").check()
    await page.get_by_label("Order status").uncheck()
    await page.get_by_label("Minutes from closing to the question").fill("15")
    await page.get_by_label("Messages an hour at the most").fill("4")
    await page.get_by_label("How sure it must be of what a customer means").select_option("0.8")
    await page.get_by_role("form", name="Bot").get_by_role("button", name="Save").click()
    await until(lambda: _is(shop, most_per_hour=4, rating_after=15, confidence=0.8))
    skills = (await bot_settings(shop))["skills"]
    assert [name for name, on in skills.items() if on] == ["opt_out", "person", "language", "rating"]


async def test_another_classifier_is_named_and_let_go(shop, open_page):
    page = await open_page("/settings/bot")
    form = page.get_by_role("form", name="Another classifier")
    await form.get_by_label("Address").fill("http://user:secret@127.0.0.1:9/read")
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_contain_text("may not hold a password")
    await form.get_by_label("Address").fill("http://127.0.0.1:9/read")
    await form.get_by_role("button", name="Save").click()
    await until(lambda: _is(shop, classifier={"url": "http://127.0.0.1:9/read"}))
    await page.reload()
    await page.get_by_role("button", name="Use the one inside").click()
    await until(lambda: _is(shop, classifier=None))


async def _is(shop, **wanted):
    told = await bot_settings(shop)
    return all(told[field] == value for field, value in wanted.items())


async def test_a_customer_rates_on_the_phone_and_the_card_shows_it(shop, open_page, browser):
    await shop.owner.call("PATCH", "/settings", {"bot": {"skills": {"rating": True}}})

    async def asks():
        return (await shop.house.rules.playbook()).bot.has("rating")

    await until(asks)
    chat = shop.customer("Олена Мельник")
    chat.text("Де моє замовлення?")
    await shop.settled()
    [conversation] = await shop.conversations()
    path = f"/conversations/{conversation['id']}"
    await shop.owner.call("POST", f"{path}/messages", {"text": "Вже їде"})
    await shop.owner.call("PATCH", path, {"status": "closed"})
    timers = shop.house.database.durable.timers
    await timers.update_many({"kind": "rating.ask"}, {"$set": {"due_at": now()}})
    shop.house.wakeups.ring("timers")

    context = await browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    phone = await context.new_page()
    await phone.goto(f"{shop.sandbox.url}/phone/telegram?customer={chat.customer.id}")
    await phone.get_by_role("button", name="5", exact=True).click()
    await expect(phone.get_by_role("log")).to_contain_text("Дякуємо за оцінку!")
    await phone.get_by_role("button", name="Додати коментар").click()
    await expect(phone.get_by_role("log")).to_contain_text("Напишіть його одним повідомленням")
    await phone.get_by_label("Message as customer").fill("Дуже швидко!")
    await phone.get_by_label("Message as customer").press("Enter")

    async def commented():
        return ((await shop.owner.get(path))["rating"] or {}).get("comment") == "Дуже швидко!"

    await until(commented)
    assert (await shop.owner.get(path))["status"] == "closed"
    page = await open_page(f"/inbox/{conversation['id']}")
    await expect(page.locator("#card").get_by_role("img", name="5 of 5")).to_be_visible()
    await expect(page.locator("#card")).to_contain_text("Дуже швидко!")
    await context.close()
