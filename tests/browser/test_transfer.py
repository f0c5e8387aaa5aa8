"""Import and export as an admin meets them."""

from pathlib import Path

from playwright.async_api import expect

CONTENT = "ПІБ;Телефон;Взуття\nОлена Коваль;067 111 22 77;38\nНіхто;12;39\nІван;;40\n"


async def test_a_file_is_tried_then_read_in(shop, open_page, tmp_path):
    file = Path(tmp_path) / "клієнти.csv"
    file.write_bytes(CONTENT.encode("cp1251"))
    page = await open_page("/settings/transfer")
    await page.get_by_label("File").set_input_files(file)
    await page.get_by_role("button", name="Try it").click()
    entry = page.locator(".transfer", has_text="клієнти.csv")
    await expect(entry).to_contain_text("Tried")
    await expect(entry).to_contain_text("2 new")
    await expect(entry).to_contain_text("1 refused")
    await expect(entry).to_contain_text("Взуття → left out")
    assert await shop.house.database.durable.customers.count_documents({}) == 0
    async with page.expect_download() as waiting:
        await entry.get_by_role("link", name="Refused rows").click()
    report = Path(await (await waiting.value).path()).read_text()
    assert "3,phones,this is not a phone number" in report
    await entry.get_by_role("button", name="Read it in").click()
    await expect(page.locator(".transfer").first).to_contain_text("Read in")
    cards = await shop.owner.get("/customers")
    assert {card["name"] for card in cards["items"]} == {"Олена Коваль", "Іван"}


async def test_what_is_no_table_is_said_beside_the_file(open_page, tmp_path):
    file = Path(tmp_path) / "photo.csv"
    file.write_bytes(b"nothing,of,that\n1,2,3\n")
    page = await open_page("/settings/transfer")
    await page.get_by_label("File").set_input_files(file)
    await page.get_by_role("button", name="Try it").click()
    await expect(page.locator("#import .error")).to_contain_text("name columns")
