"""Two managers at one conversation: handing over, seeing each other, and not answering over one another."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import violations

IHOR = "ihor@shop.example"


def row(page, name):
    return page.locator(".row", has_text=name)


async def opened_by_both(shop, open_page):
    """Ihor, and the page of the owner, who holds Olena's conversation, and Ihor's page, both with it open."""
    ihor = await shop.manager("Ihor")
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    chat = shop.customer("Olena")
    chat.text("Is it oak?")
    await shop.settled()
    (conversation,) = await shop.conversations()
    path = f"/inbox/{conversation['id']}?tab=all"
    owner_page, ihor_page = await open_page(path), await open_page(path, email=IHOR)
    for page in (owner_page, ihor_page):
        await expect(page.locator("#messages")).to_contain_text("Is it oak?")
    return ihor, chat, conversation["id"], owner_page, ihor_page


async def test_a_hand_over_comes_with_its_note_and_stands_out_without_a_reload(shop, open_page):
    await shop.manager("Ihor")
    await shop.manager("Nina")
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    shop.customer("Olena").text("Is it oak?")
    await shop.settled()
    ihor_page = await open_page("/inbox", email=IHOR)
    await expect(ihor_page.locator("#list-body")).to_contain_text("You hold no conversations")
    page = await open_page("/inbox?tab=all")
    await row(page, "Olena").click()
    await expect(page.locator("#messages")).to_contain_text("Is it oak?")
    await page.keyboard.press("Escape")

    await page.keyboard.press("a")
    await expect(page.locator("#assign-find")).to_be_focused()
    await page.keyboard.type("ih")
    await expect(page.locator("#assign-list [role=option]:visible")).to_have_count(1)
    await expect(page.locator("#assign-list [role=option]:visible")).to_contain_text("Offline")
    await page.keyboard.press("Enter")
    await expect(page.locator("#assign-note")).to_be_focused()
    await page.keyboard.type("She asks for oak only")
    await page.keyboard.press("Enter")
    await expect(page.locator("#bar .sub")).to_contain_text("Held by Ihor")
    await expect(page.locator("#messages .note")).to_contain_text("@Ihor She asks for oak only")

    await expect(ihor_page.locator("#toasts")).to_contain_text("Owner handed a conversation over to you")
    got = row(ihor_page, "Olena")
    await expect(got).to_have_class("row unread handed")
    await expect(got).to_contain_text("From Owner: She asks for oak only")
    await got.click()
    await expect(ihor_page.locator("#bar .sub")).to_contain_text("Yours: handed over by Owner")
    await expect(ihor_page.locator("#messages .note")).to_contain_text("@Ihor She asks for oak only")
    await expect(got).not_to_have_class("row unread handed")


async def test_who_looks_and_types_is_seen_and_gone_with_the_page(shop, open_page):
    _, _, _, page, ihor_page = await opened_by_both(shop, open_page)
    await expect(page.locator("#company")).to_have_attribute("title", "Ihor is looking at it too", timeout=3000)
    await expect(ihor_page.locator("#beside")).to_contain_text("Owner holds this conversation and is looking at it")
    await expect(row(page, "Olena").locator(".guests .av")).to_have_count(1)

    await page.locator("#text").press_sequentially("We have")
    await expect(ihor_page.locator("#company")).to_contain_text("Owner is typing…", timeout=3000)
    await expect(row(ihor_page, "Olena").locator(".says")).to_have_text("Owner is typing…")
    await expect(ihor_page.locator("#beside")).to_contain_text("Owner holds this conversation and is writing an answer")
    await ihor_page.locator("#beside").get_by_role("button", name="Take it over").click()
    await expect(ihor_page.get_by_role("dialog")).to_contain_text("Owner is writing an answer right now")
    await ihor_page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await page.locator("#text").fill("")
    await expect(ihor_page.locator("#company")).to_have_attribute("title", "Owner is looking at it too", timeout=3000)

    await ihor_page.close()
    await expect(page.locator("#company .av")).to_have_count(0, timeout=3000)
    await expect(row(page, "Olena").locator(".guests .av")).to_have_count(0)


async def test_a_reply_over_a_colleagues_asks_first_and_nothing_is_lost(shop, open_page):
    ihor, chat, key, page, _ = await opened_by_both(shop, open_page)
    await page.locator("#text").fill("No, it is ash")
    await ihor.call("POST", f"/conversations/{key}/messages", {"text": "Yes, solid oak"})
    # Said while still writing.
    await expect(page.locator("#newer")).to_contain_text("Ihor answered just now")
    await expect(page.locator("#newer")).to_contain_text("Yes, solid oak")
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#send-anyway")).to_be_focused()
    await page.locator("#look-first").click()
    await expect(page.locator("#newer")).to_be_hidden()
    await expect(page.locator("#text")).to_have_value("No, it is ash")
    await page.locator("#text").press("Control+Enter")
    await chat.until(lambda phone: phone.texts() == ["Yes, solid oak", "No, it is ash"])


async def test_what_the_server_holds_back_is_in_the_text_field_again(shop, open_page, tmp_path):
    ihor, chat, key, page, _ = await opened_by_both(shop, open_page)
    theirs = page.locator("#messages .in .m")
    await theirs.hover()
    await theirs.get_by_label("What to do with this message").click()
    await theirs.get_by_role("button", name="Reply to this").click()
    (tmp_path / "sizes.pdf").write_bytes(b"%PDF-1.7 sizes")
    await page.locator("#files").set_input_files(tmp_path / "sizes.pdf")
    await expect(page.locator(".chip progress")).to_have_count(0)
    # The line is so slow that nothing is heard of Ihor before the reply is sent.
    await page.route("**/fragments/**", lambda route: route.abort())
    await ihor.call("POST", f"/conversations/{key}/messages", {"text": "Yes, solid oak"})
    await page.locator("#text").fill("No, it is ash")
    await page.locator("#text").press("Control+Enter")
    await expect(page.locator("#newer")).to_contain_text("Ihor answered")
    await expect(page.locator("#text")).to_have_value("No, it is ash")
    await expect(page.locator(".chip")).to_contain_text("sizes.pdf")
    await expect(page.locator("#strip")).to_contain_text("Is it oak?")
    await expect(page.locator("#pending .group")).to_have_count(0)
    await chat.until(lambda phone: phone.texts() == ["Yes, solid oak"])
    await page.unroute("**/fragments/**")
    await page.locator("#send-anyway").dblclick()
    await expect(page.locator("#messages .out .text")).to_have_text(["Yes, solid oak", "No, it is ash"])
    await chat.until(lambda phone: len(phone.seen()) == 2)
    (_, sent) = chat.seen()
    assert (sent.file.name, sent.reply_to) == ("sizes.pdf", 1)


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone"])
async def test_everybody_can_use_it(shop, open_page, size, theme):
    ihor, _, key, _, ihor_page = await opened_by_both(shop, open_page)
    await shop.manager("Nina", capacity=0)
    await shop.owner.call("POST", "/teams", {"name": "Returns"})
    page = await open_page(f"/inbox/{key}", size=size, theme=theme)
    await page.locator("#text").fill("No, it is ash")
    await ihor_page.locator("#text").press_sequentially("Yes")
    await expect(page.locator("#beside")).to_contain_text("Ihor is writing an answer here")
    await ihor.call("POST", f"/conversations/{key}/messages", {"text": "Yes, solid oak"})
    await expect(page.locator("#newer")).to_contain_text("Ihor answered")
    found = {"thread": await violations(page)}
    await page.locator("#look-first").click()
    if size == PHONE:
        await page.locator("#more-menu summary").click()
    await page.locator("[data-assign]:visible").click()
    await expect(page.locator("#assign-find")).to_be_focused()
    found["assign"] = await violations(page, "#assign")
    await page.keyboard.type("nobody")
    await expect(page.locator("#assign-none")).to_be_visible()
    found["nobody"] = await violations(page, "#assign")
    await page.locator("#assign-find").fill("Retur")
    await page.keyboard.press("Enter")
    await expect(page.locator("#assign-note")).to_be_focused()
    found["word"] = await violations(page, "#assign")
    assert {place: lines for place, lines in found.items() if lines} == {}
    await page.locator("#assign-go").click()
    await expect(page.locator("#bar .sub")).to_contain_text("Nobody holds it yet · Returns")
