"""Orders on the card: what was bought, moved from there by hand and by the shop, and the screens that set it up."""

import re

from playwright.async_api import expect

from tests.browser.conftest import PHONE
from tests.flow import until

ITEMS = [{"name": "Скринька", "quantity": 2, "price": "420.00"}, {"name": "Листівка", "quantity": 1, "price": "60.00"}]
ORDER = {"items": ITEMS, "total": "900.00", "currency": "UAH"}
PARCEL = {"carrier": "Нова пошта", "tracking_number": "20450812345671"}


async def ordered(shop, conversation, number="1001", status="new", **facts):
    """A new order of whoever wrote."""
    body = {**ORDER, "status": status, "customer_id": conversation["customer_id"], **facts}
    answer = await shop.owner.call("PUT", f"/orders/{number}", body)
    assert answer.status == 201, answer


async def written(shop):
    """Somebody's conversation."""
    shop.customer("Олена Мельник").text("Добрий день!")
    await shop.settled()
    (conversation,) = await shop.conversations()
    return conversation


def order(page, number="1001"):
    return page.locator(".orders .order", has_text=f"№ {number}")


async def test_an_order_is_moved_from_the_card_and_the_card_says_so(shop, open_page):
    conversation = await written(shop)
    await ordered(shop, conversation, delivery=PARCEL, payment="unpaid")
    page = await open_page(f"/inbox/{conversation['id']}")
    await expect(page.locator(".orders .sums")).to_have_text(re.compile("1 · 900.00\\s₴"))
    row = order(page)
    await expect(row.locator(".status-chip")).to_contain_text("New")
    await row.locator(".move > summary").click()
    moves = row.locator(".move .item")
    await expect(moves).to_have_count(4)
    await expect(moves.first).to_contain_text("Confirmed")
    await expect(moves.first).to_contain_text("customer is told")
    await moves.first.click()
    await expect(row.locator(".status-chip")).to_contain_text("Confirmed")
    await expect(page.locator("#toasts")).to_contain_text("Order 1001: Confirmed")
    assert (await shop.owner.get("/orders/1001"))["status"] == "confirmed"

    await row.locator(".what > summary").click()
    await expect(row.locator(".lines")).to_contain_text("Скринька × 2")
    await expect(row.locator(".parcel code")).to_have_text("20450812345671")
    await expect(row.locator(".steps-taken li").first).to_contain_text("Confirmed")
    # What is open stays open while the shop moves the order on.
    await shop.owner.call("POST", "/orders/1001/status", {"status": "shipped"})
    await expect(row.locator(".status-chip")).to_contain_text("Shipped")
    await expect(row.locator(".parcel code")).to_be_visible()


async def test_an_order_is_moved_by_keyboard_alone(shop, open_page):
    conversation = await written(shop)
    await ordered(shop, conversation, status="packed")
    page = await open_page(f"/inbox/{conversation['id']}")
    menu = order(page).locator(".move > summary")
    await menu.focus()
    await page.keyboard.press("Enter")
    await expect(order(page).locator(".move .item").first).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(order(page).locator(".status-chip")).to_contain_text("Cancelled")
    await expect(order(page).locator(".move")).to_have_count(0)


async def test_an_order_that_may_be_theirs_is_linked_and_taken_off_again(shop, open_page):
    conversation = await written(shop)
    card = conversation["customer_id"]
    await shop.owner.call("PATCH", f"/customers/{card}", {"phones": ["+380671234567"]})
    body = {**ORDER, "status": "new", "customer": {"phone": "067 123 45 67"}}
    assert (await shop.owner.call("PUT", "/orders/1002", body)).status == 201
    page = await open_page(f"/inbox/{conversation['id']}")
    await expect(page.locator(".orders")).to_contain_text("Perhaps theirs")
    await order(page, "1002").get_by_role("button", name="Link").click()
    await expect(order(page, "1002").locator(".status-chip")).to_contain_text("New")
    assert (await shop.owner.get("/orders/1002"))["customer_id"] == card

    await order(page, "1002").locator(".what > summary").click()
    await order(page, "1002").get_by_role("button", name="Not theirs").click()
    await page.get_by_role("button", name="Take it off").click()
    await expect(page.locator(".orders")).to_have_count(0)
    assert (await shop.owner.get("/orders/1002"))["customer_id"] is None


async def test_statuses_are_put_in_order_added_and_saved(shop, open_page):
    page = await open_page("/settings/orders")
    new = page.locator("#stage-new")
    await expect(new.locator("[data-leads]")).to_have_text("→ Confirmed, Awaiting payment, Paid, Cancelled")
    await page.get_by_role("button", name="New status").click()
    fresh = page.locator(".stage").last
    await fresh.get_by_label("English").fill("In the workshop")
    await fresh.get_by_label("Code").fill("workshop")
    await fresh.get_by_label("Confirmed").check()
    await fresh.get_by_label("came to nothing").check()
    await new.locator("summary").click()
    await new.get_by_label("In the workshop").check()
    await fresh.get_by_role("button", name="Up").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts")).to_contain_text("Saved")
    statuses = (await shop.owner.get("/order-pipeline"))["statuses"]
    assert statuses[-2] == {
        "code": "workshop",
        "title": {"en": "In the workshop"},
        "next": ["confirmed"],
        "notify": False,
        "macro_id": None,
        "void": True,
    }
    assert statuses[0]["next"] == ["confirmed", "awaiting_payment", "paid", "workshop", "cancelled"]

    await page.locator("#stage-workshop summary").click()
    await page.locator("#stage-workshop").get_by_label("English").fill("")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#pipeline .error").first).to_be_visible()


async def test_a_shop_is_connected_and_its_words_are_translated(shop, open_page):
    page = await open_page("/settings/shops")
    await page.locator("#new-generic summary").click()
    await page.locator("#new-generic").get_by_label("Name").fill("Our site")
    await page.locator("#new-generic").get_by_role("button", name="Connect").click()
    secret = page.locator("#secret [data-secret]", has_text="secret").locator("code")
    await expect(secret).to_have_text(re.compile("^[A-Za-z0-9]{40}$"))
    await page.get_by_role("button", name="Done").click()
    (source,) = (await shop.owner.get("/order-sources"))["items"]
    made = page.locator(f"#shop-{source['id']}")
    await expect(made).to_contain_text(source["webhook_url"]["absolute"])

    word = {"$set": {"unknown_words": ["in-transit"]}}
    await shop.house.database.durable.order_sources.update_one({"_id": source["id"]}, word)
    await page.reload()
    await made.locator("summary").first.click()
    await made.get_by_label("in-transit").select_option("shipped")
    await made.get_by_role("form", name="Words of Our site").get_by_role("button", name="Save").click()

    async def translated():
        return (await shop.owner.get(f"/order-sources/{source['id']}"))["status_map"] == {"in-transit": "shipped"}

    await until(translated)


async def test_on_a_phone_the_card_shows_orders_within_its_width(shop, open_page):
    conversation = await written(shop)
    await ordered(shop, conversation, number="A-very-long-number-that-nobody-expected-2026")
    page = await open_page(f"/inbox/{conversation['id']}", size=PHONE, theme="dark")
    await page.evaluate("document.querySelector('.app').classList.add('show-card')")
    await expect(page.locator(".orders .status-chip")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
