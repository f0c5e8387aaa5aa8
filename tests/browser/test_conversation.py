"""One conversation from both ends: a customer's phone in the sandbox, and a manager's open page."""

import asyncio

from playwright.async_api import expect

from channels.faults import Fault


async def take(shop, page, chat, text="Добрий день! Чи є скринька?"):
    """Have a customer write, and open their conversation from the list as soon as it shows up."""
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    chat.text(text)
    await page.locator(".row", has_text=text).click()
    await expect(page.locator("#messages")).to_contain_text(text)


async def send(page, text):
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Control+Enter")


async def test_a_customer_writes_and_is_answered_without_a_reload(shop, open_page):
    page = await open_page()
    await page.evaluate("window.reloaded = 'no'")
    chat = shop.customer("Олена Мельник")
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    chat.text("Чи є дубова скринька? <b>34×22</b>")

    row = page.locator(".row", has_text="Олена Мельник")
    await expect(row).to_contain_text("Чи є дубова скринька? <b>34×22</b>")
    await expect(row.locator(".badge")).to_have_text("1")
    await row.click()
    await expect(page.locator("#messages .in .text")).to_have_text("Чи є дубова скринька? <b>34×22</b>")
    await expect(row.locator(".badge")).to_have_count(0)

    await send(page, "Так, лишилась одна")
    await expect(page.locator("#main .out .text")).to_have_text("Так, лишилась одна")
    await chat.until(lambda phone: "Так, лишилась одна" in phone.texts())
    await expect(page.locator("#messages .out .state")).to_contain_text("Sent")
    await expect(page.locator("#pending .m")).to_have_count(0)

    chat.text("Беру!")
    await expect(page.locator("#messages .in .text").last).to_have_text("Беру!")
    assert await page.evaluate("window.reloaded") == "no"


async def test_edits_reactions_and_taking_back_are_seen_on_both_sides(shop, open_page):
    page = await open_page()
    chat = shop.customer()
    await take(shop, page, chat, "Привет")
    chat.edit(1, "Привіт")
    await expect(page.locator("#messages .in .text")).to_have_text("Привіт")
    await expect(page.locator("#messages .in")).to_contain_text("edited")

    await send(page, "Вітаю, чим допомогти?")
    await chat.until(lambda phone: phone.texts())
    chat.react(chat.seen()[0].id, "👍")
    await expect(page.locator(".reactions")).to_have_text("👍")

    ours = page.locator("#messages .out .m")
    await ours.hover()
    await ours.get_by_label("What to do with this message").click()
    await ours.get_by_role("button", name="Edit").click()
    await expect(page.locator("#text")).to_have_value("Вітаю, чим допомогти?")
    await send(page, "Вітаю! Чим допомогти?")
    await chat.until(lambda phone: phone.texts() == ["Вітаю! Чим допомогти?"])
    await expect(page.locator("#messages .out .text")).to_have_text("Вітаю! Чим допомогти?")

    await ours.hover()
    await ours.get_by_label("What to do with this message").click()
    await ours.get_by_role("button", name="Unsend").click()
    await page.get_by_role("dialog").get_by_role("button", name="Unsend").click()
    await expect(page.locator("#messages")).to_contain_text("This message was deleted")
    await chat.until(lambda phone: phone.texts() == [])


async def test_a_quoted_answer_and_a_file_reach_the_phone(shop, open_page, tmp_path):
    page = await open_page()
    chat = shop.customer()
    await take(shop, page, chat, "Які розміри?")
    theirs = page.locator("#messages .in .m")
    await theirs.hover()
    await theirs.get_by_label("What to do with this message").click()
    await theirs.get_by_role("button", name="Reply to this").click()
    await expect(page.locator("#strip")).to_contain_text("Які розміри?")
    (tmp_path / "розміри.pdf").write_bytes(b"%PDF-1.7 sizes")
    await page.locator("#files").set_input_files(tmp_path / "розміри.pdf")
    await expect(page.locator(".chip")).to_contain_text("розміри.pdf")
    await expect(page.locator("#send")).to_be_enabled()
    await send(page, "Ось вони")

    sent = await chat.until(lambda phone: phone.seen() and phone.seen()[0])
    assert sent.file is not None
    assert sent.file.name == "розміри.pdf"
    assert sent.reply_to == 1
    await expect(page.locator("#messages .out .file")).to_contain_text("розміри.pdf")
    await expect(page.locator("#messages .out .quote")).to_contain_text("Які розміри?")


async def test_a_note_that_is_begun_while_an_edit_is_on_its_way_stays_a_note(shop, open_page):
    page = await open_page()
    chat = shop.customer()
    await take(shop, page, chat)
    await send(page, "Завтра")
    await chat.until(lambda phone: phone.texts())
    await expect(page.locator("#messages .out .state")).to_contain_text("Sent")
    answered = asyncio.Event()

    async def slowly(route):
        await answered.wait()
        await route.continue_()

    await page.route("**/api/v1/messages/*", slowly)
    ours = page.locator("#messages .out .m")
    await ours.hover()
    await ours.get_by_label("What to do with this message").click()
    await ours.get_by_role("button", name="Edit").click()
    await expect(page.locator("#text")).to_have_value("Завтра")
    async with page.expect_request("**/api/v1/messages/*"):
        await send(page, "Сьогодні")
    await page.get_by_role("button", name="Note", exact=True).click()
    await page.locator("#text").fill("Знижку не давати")
    answered.set()
    await chat.until(lambda phone: phone.texts() == ["Сьогодні"])
    await expect(page.locator("#text")).to_have_value("Знижку не давати")
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#messages .note")).to_contain_text("Знижку не давати")
    assert chat.texts() == ["Сьогодні"]


async def test_a_menu_stays_in_reach_when_its_message_changes(shop, open_page):
    page = await open_page()
    chat = shop.customer()
    await take(shop, page, chat)
    await send(page, "Завтра")
    await chat.until(lambda phone: phone.texts())
    ours = page.locator("#messages .out .m")
    await expect(page.locator("#messages .out .state")).to_contain_text("Sent")
    await ours.hover()
    await ours.get_by_label("What to do with this message").click()
    chat.react(chat.messages[-1].id, "👍")
    await expect(page.locator("#messages .out")).to_contain_text("👍")
    await expect(ours.get_by_role("button", name="Edit")).to_be_in_viewport(ratio=1)


async def test_every_kind_of_message_is_shown(shop, open_page):
    page = await open_page()
    chat = shop.customer("Ніна")
    await take(shop, page, chat)
    chat.album([None, None, None], caption="Ось така")
    await expect(page.locator(".photos.several .photo")).to_have_count(3)
    chat.voice()
    await expect(page.locator("#messages audio")).to_be_visible()
    chat.location(49.84, 24.03, title="Відділення № 14", address="Львів")
    await expect(page.get_by_role("link", name="Відділення № 14 Львів")).to_have_attribute("href", "geo:49.84,24.03")
    chat.contact()
    await expect(page.locator("#messages")).to_contain_text("their own number")
    chat.document("чек.pdf", b"%PDF-1.7")
    await expect(page.locator("#messages").get_by_role("link", name="чек.pdf")).to_be_visible()
    await page.locator(".photo").first.click()
    await expect(page.get_by_role("dialog", name="Photo")).to_be_visible()


async def test_what_failed_says_so_and_can_be_sent_again(shop, open_page):
    page = await open_page()
    chat = shop.customer()
    await take(shop, page, chat)
    shop.sandbox.telegram.fault(Fault(kind="status", status=400, method="sendMessage", times=1))
    await send(page, "Передамо сьогодні")
    trouble = page.locator(".trouble:visible")
    await expect(trouble).to_contain_text("Not sent")
    await trouble.get_by_role("button", name="Send again").click()
    await chat.until(lambda phone: phone.texts() == ["Передамо сьогодні"])
    await expect(page.locator("#messages .out .state")).to_contain_text("Sent")


async def test_what_the_server_refuses_stays_until_somebody_acts(shop, open_page):
    page = await open_page()
    chat = shop.customer()
    await take(shop, page, chat)
    chat.block()
    await expect(page.locator("#hints")).to_contain_text("cannot be reached")
    await send(page, "Ви ще з нами?")
    await expect(page.locator("#pending .trouble")).to_contain_text("Not sent")
    await page.reload()
    await expect(page.locator("#pending .trouble")).to_contain_text("Not sent")
    await page.get_by_role("button", name="Back to the text field").click()
    await expect(page.locator("#text")).to_have_value("Ви ще з нами?")
    await page.reload()
    await expect(page.locator("#text")).to_have_value("Ви ще з нами?")
    await expect(page.locator("#pending .m")).to_have_count(0)


async def test_a_lost_connection_is_said_politely_and_nothing_is_missed(shop, open_page):
    page = await open_page()
    chat = shop.customer()
    await take(shop, page, chat)
    await page.context.set_offline(True)
    await expect(page.locator("#connection")).to_be_visible()
    chat.text("Ви тут?")
    await shop.settled()
    await page.context.set_offline(False)
    await expect(page.locator("#messages .in .text").last).to_have_text("Ви тут?")
    await expect(page.locator("#connection")).to_be_hidden()
