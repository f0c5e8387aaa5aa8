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
    report = Path(tmp_path) / "refused.csv"
    await (await waiting.value).save_as(report)
    assert "3,phones,this is not a phone number" in report.read_text()
    await entry.get_by_role("button", name="Read it in").click()
    await expect(page.locator(".transfer").first).to_contain_text("Read in")
    cards = await shop.owner.get("/customers")
    assert {card["name"] for card in cards["items"]} == {"Олена Коваль", "Іван"}


async def test_what_is_no_table_is_said_beside_the_file(open_page, tmp_path):
    file = Path(tmp_path) / "photo.csv"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    page = await open_page("/settings/transfer")
    await page.get_by_label("File").set_input_files(file)
    await page.get_by_role("button", name="Try it").click()
    await expect(page.locator("#import .error")).to_contain_text("this is no text")


async def test_a_person_says_what_the_columns_are(shop, open_page, tmp_path):
    file = Path(tmp_path) / "стара база.csv"
    file.write_text("Хто;Моб.;Взуття\nОлена;067 111 22 77;38\n")
    page = await open_page("/settings/transfer")
    await page.get_by_label("File").set_input_files(file)
    await page.get_by_role("button", name="Try it").click()
    entry = page.locator(".transfer", has_text="стара база.csv")
    await expect(entry).to_contain_text("1 refused")
    await expect(entry.get_by_role("button", name="Read it in")).to_have_count(0)
    await entry.get_by_label("Моб.").select_option("Phones")
    await entry.get_by_role("button", name="Try it so").click()
    await expect(entry).to_contain_text("1 new")
    await entry.get_by_text("Say what its columns are").click()
    await expect(entry.get_by_label("Моб.")).to_have_value("phones")
    await entry.get_by_label("Хто").select_option("Name")
    await entry.get_by_label("Взуття").select_option("Name")
    await entry.get_by_role("button", name="Try it so").click()
    await expect(entry.locator(".field", has_text="Взуття").locator(".error")).to_contain_text("already")
    await entry.get_by_label("Взуття").select_option("a field of its own: Взуття")
    await entry.get_by_role("button", name="Try it so").click()
    await expect(entry.locator(".columns")).to_contain_text("Хто → Name")
    await expect(entry).to_contain_text("Tried")
    await entry.get_by_role("button", name="Read it in").click()
    await expect(page.locator(".transfer").first).to_contain_text("Read in")
    (card,) = (await shop.owner.get("/customers"))["items"]
    assert (card["name"], card["phones"], card["fields"]) == ("Олена", ["+380671112277"], {"Взуття": "38"})
