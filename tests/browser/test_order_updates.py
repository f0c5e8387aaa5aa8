"""An order moves on and its customer's phone says so; tasks from the card to the rail; the screen of parcels."""

from datetime import timedelta

from playwright.async_api import expect

from inbox.model.ids import now
from tests.browser.conftest import LOOKS
from tests.browser.test_accessibility import violations
from tests.flow import until

ORDER = {"items": [{"name": "Скринька", "quantity": 1, "price": "950.00"}], "total": "950.00", "currency": "UAH"}


async def ordered(shop, conversation, number="1001", **facts):
    """A new order of the customer."""
    body = {**ORDER, "status": "new", "customer_id": conversation["customer_id"], **facts}
    answer = await shop.owner.call("PUT", f"/orders/{number}", body)
    assert answer.status == 201, answer
    return answer.body


async def written(shop, name="Олена Мельник"):
    """A customer's chat and their conversation."""
    chat = shop.customer(name)
    chat.text("Добрий день! Це я вам учора телефонувала")
    await shop.settled()
    (conversation,) = [one for one in await shop.conversations() if one["last_message"]["text"].startswith("Добрий")]
    return chat, conversation


async def test_a_status_changed_over_the_api_is_seen_on_the_phone_and_in_the_thread(shop, open_page):
    chat, conversation = await written(shop)
    await ordered(shop, conversation)
    page = await open_page(f"/inbox/{conversation['id']}")
    moved = await shop.owner.call("POST", "/orders/1001/status", {"status": "confirmed"})
    assert moved.status == 200, moved
    await chat.until(lambda phone: phone.texts())
    assert chat.texts() == ["Ваше замовлення №1001 підтверджено. Сума: 950.00 UAH. Дякуємо, що обрали My shop!"]
    await expect(page.locator("#messages .out .text")).to_contain_text("Ваше замовлення №1001 підтверджено.")
    await expect(page.locator("#messages .passed-over")).to_have_text("Order 1001")
    # Nobody has anything to do about it.
    after = await shop.owner.get(f"/conversations/{conversation['id']}")
    assert {**after, "unread": 0} == {**conversation, "unread": 0}


async def test_an_answer_to_an_update_opens_the_closed_conversation(shop, open_page):
    chat, conversation = await written(shop)
    await ordered(shop, conversation)
    await shop.owner.call("PATCH", f"/conversations/{conversation['id']}", {"status": "closed"})
    await shop.owner.call("POST", "/orders/1001/status", {"status": "confirmed"})
    await chat.until(lambda phone: phone.texts())
    path = f"/conversations/{conversation['id']}"
    assert (await shop.owner.get(path))["status"] == "closed"
    chat.text("Дякую!")

    async def open_again():
        return (await shop.owner.get(path))["status"] == "open"

    await until(open_again)


async def test_a_parcel_on_its_way_moves_the_order_and_the_customer_hears_of_it(shop, open_page):
    settings = {"api_key": shop.sandbox.nova_poshta.create_key(), "api_base": shop.sandbox.api_base("nova_poshta")}
    chat, conversation = await written(shop)
    page = await open_page("/settings/parcels")
    await page.locator("summary", has_text="Nova Poshta").click()
    await page.get_by_label("API key").fill(settings["api_key"])
    await page.get_by_text("More settings").click()
    await page.get_by_label("Address of the API").fill(settings["api_base"])
    await page.get_by_role("button", name="Connect").click()
    await expect(page.locator(".pill.good")).to_have_text("Connected")

    waybill = shop.sandbox.nova_poshta.send(code="5", scheduled="2027-05-04 10:00:00")
    delivery = {"carrier": "Нова Пошта", "tracking_number": waybill.number}
    await ordered(shop, conversation, delivery=delivery)
    await shop.owner.call("POST", "/orders/1001/status", {"status": "paid"})
    await shop.house.tracking.adopt()
    await shop.owner.call("POST", "/carriers/nova_poshta/check")
    await chat.until(lambda phone: any("відправлено" in text for text in phone.texts()), seconds=60)
    assert waybill.number in chat.texts()[-1]

    await page.goto(f"/inbox/{conversation['id']}")
    await page.locator("#card .order summary b").click()
    await expect(page.locator("#card .parcel-news")).to_contain_text("прямує")


async def test_a_task_is_made_on_the_card_falls_due_and_is_ticked_off(shop, open_page):
    _, conversation = await written(shop)
    page = await open_page(f"/inbox/{conversation['id']}")
    await page.get_by_placeholder("+ task").fill("Передзвонити")
    await page.get_by_placeholder("+ task").press("Enter")
    await expect(page.locator("#card .task")).to_contain_text("Передзвонити")
    (task,) = (await shop.owner.get("/tasks"))["items"]
    soon = (now() + timedelta(seconds=1)).isoformat()
    assert (await shop.owner.call("PATCH", f"/tasks/{task['id']}", {"due_at": soon})).status == 200
    await expect(page.locator("#tasks-count b")).to_have_text("1")
    await expect(page.locator("#card .task.overdue")).to_have_count(1)
    await page.get_by_role("link", name="Tasks").click()
    await page.get_by_role("checkbox", name="Done: Передзвонити").click()
    await expect(page.locator("main")).to_contain_text("Nothing to do")
    await expect(page.locator("#tasks-count b")).to_have_count(0)


async def test_a_customer_can_be_left_alone_with_one_click(shop, open_page):
    chat, conversation = await written(shop)
    order = await ordered(shop, conversation)
    page = await open_page(f"/inbox/{conversation['id']}")
    await page.get_by_role("switch", name="Told of their orders").click()
    await expect(page.get_by_role("switch")).to_have_text("Wants no order updates")
    await shop.owner.call("POST", "/orders/1001/status", {"status": "confirmed"})

    async def settled():
        items = (await shop.owner.get(f"/notices?order={order['id']}"))["items"]
        return [(one["state"], one["reason"]) for one in items] == [("skipped", "opted_out")]

    await until(settled)
    assert chat.texts() == []


@LOOKS
async def test_the_screens_keep_to_the_rules_of_axe(shop, open_page, size, theme):
    chat, conversation = await written(shop)
    settings = {"api_key": shop.sandbox.nova_poshta.create_key(), "api_base": shop.sandbox.api_base("nova_poshta")}
    await shop.owner.call("PUT", "/carriers/nova_poshta", {"settings": settings})
    waybill = shop.sandbox.nova_poshta.send(code="9")
    await ordered(shop, conversation, delivery={"carrier": "Нова Пошта", "tracking_number": waybill.number})
    await shop.owner.call("POST", "/orders/1001/status", {"status": "confirmed"})
    await chat.until(lambda phone: phone.texts())
    await shop.house.tracking.adopt()
    await shop.owner.call("POST", "/carriers/nova_poshta/check")
    for hours, more in ((-2, {}), (20, {"assignee_id": None, "details": "Viber: blocked"})):
        due_at = (now() + timedelta(hours=hours)).isoformat()
        task = {"title": "Передзвонити", "due_at": due_at, "conversation_id": conversation["id"], **more}
        await shop.owner.call("POST", "/tasks", task)
    page = await open_page(size=size, theme=theme)
    found = {}
    for path in ("/tasks?show=all", "/settings/parcels", f"/inbox/{conversation['id']}"):
        await page.goto(path)
        await page.evaluate("for (const part of document.querySelectorAll('details:not(.menu)')) part.open = true")
        await page.evaluate("document.querySelector('.app').classList.add('show-card')")
        found[path] = await violations(page)
    assert {path: lines for path, lines in found.items() if lines} == {}
