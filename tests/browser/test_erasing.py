"""A customer's data goes out and goes away, from their card."""

from playwright.async_api import expect


async def test_a_customer_is_exported_and_erased_from_the_card(shop, open_page, tmp_path):
    shop.customer("Олена Мельник").text("Є дубова скринька?")
    await shop.settled()
    page = await open_page("/inbox?tab=all")
    await page.locator(".row", has_text="Олена Мельник").click()
    card = page.locator("#card-data")
    async with page.expect_download() as waiting:
        await card.get_by_role("link", name="Export").click()
    archive = await waiting.value
    assert archive.suggested_filename.endswith(".zip")
    await archive.save_as(tmp_path / "archive.zip")
    assert (tmp_path / "archive.zip").read_bytes().startswith(b"PK")
    await card.get_by_role("button", name="Erase…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Erase for good").click()
    await page.wait_for_url("**/inbox")
    await expect(page.locator(".row", has_text="Олена Мельник")).to_have_count(0)
    assert await shop.house.database.durable.customers.find_one() is None
    await page.goto("/settings/transfer")
    await expect(page.get_by_role("table")).to_contain_text("1 message")


async def test_a_manager_exports_and_erases_nobody(shop, open_page):
    await shop.manager("Mary")
    shop.customer("Ann").text("hello")
    await shop.settled()
    page = await open_page("/inbox?tab=all", email="mary@shop.example")
    await page.locator(".row", has_text="Ann").click()
    await expect(page.locator("#card-data").get_by_role("link", name="Export")).to_be_visible()
    await expect(page.locator("#card-data").get_by_role("button")).to_have_count(0)
