"""Letters from both ends: the customer's mailbox, and the manager's open page."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from channels.props import sample_photo
from tests.channels.email.shop import Case
from tests.flow import Shop

PATIENCE_MS = 15_000

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
async def case(shop: Shop) -> Case:
    return await Case.open(shop)


@pytest.fixture
async def mailbox(browser: Browser, case: Case) -> AsyncIterator[Page]:
    """Olena's."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, timezone_id="Europe/Kyiv")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(f"{case.shop.sandbox.url}/phone/email")
    yield page
    await context.close()


async def test_a_round_trip(open_page, mailbox, tmp_path):
    await mailbox.get_by_role("button", name="Write").click()
    await mailbox.get_by_label("Subject").fill("Дубова скринька")
    await mailbox.get_by_label("Letter as customer").fill("Є така?")
    (tmp_path / "кришка.png").write_bytes(sample_photo(1, 64, 48))
    await mailbox.get_by_label("Choose files").set_input_files(tmp_path / "кришка.png")
    await mailbox.get_by_role("button", name="Send").click()
    await expect(mailbox.get_by_text("the shop has it")).to_be_visible()

    manager = await open_page("/inbox?tab=all")
    await manager.locator(".row").first.click()
    await expect(manager.locator("#messages .in .subject")).to_have_text("Дубова скринька")
    await expect(manager.locator("#messages .in .text").first).to_have_text("Є така?")
    await expect(manager.locator("#messages .photo img")).to_have_js_property("naturalWidth", 64)

    # The letter as it was written stands in a frame that has no origin and runs nothing.
    await manager.get_by_text("As it was written").click()
    frame = manager.frame_locator("iframe[name^=letter-]")
    await expect(frame.locator("body")).to_contain_text("Є така?")

    await manager.locator("#text").fill("Так, є.")
    (tmp_path / "рахунок.pdf").write_bytes(b"%PDF-1.7\n%%EOF")
    await manager.locator("#files").set_input_files(tmp_path / "рахунок.pdf")
    await expect(manager.locator(".chip")).to_contain_text("рахунок.pdf")
    await expect(manager.locator("#send")).to_be_enabled()
    await manager.locator("#text").press("Control+Enter")
    await mailbox.get_by_role("button", name="Re: Дубова скринька").click()
    await expect(mailbox.locator("article .text")).to_have_text("Так, є.")
    await expect(mailbox.get_by_role("link", name="рахунок.pdf")).to_be_visible()

    # Read receipts and answers find the shop's letter.
    await mailbox.get_by_role("button", name="Confirm reading").click()
    await expect(manager.locator("#messages .out .state.seen")).to_have_text("Read")
    await mailbox.get_by_role("button", name="Answer").click()
    await mailbox.get_by_label("Letter as customer").fill("Беру!")
    await mailbox.get_by_role("button", name="Send").click()
    await expect(manager.locator("#messages .in .text", has_text="Беру!").first).to_be_visible()


async def test_a_letter_that_comes_back(open_page, mailbox, case):
    case.letters.write("Добрий день")
    await case.opens()
    await mailbox.get_by_text("Mailbox and mail server").click()
    await mailbox.get_by_role("button", name="Close this mailbox").click()
    await expect(mailbox.get_by_role("button", name="Reopen this mailbox")).to_be_visible()
    manager = await open_page("/inbox?tab=all")
    await manager.locator(".row").first.click()
    await manager.locator("#text").fill("Ви ще тут?")
    await manager.locator("#text").press("Control+Enter")
    await expect(manager.locator("#messages .trouble")).to_contain_text("no such mailbox")


class TestAWatchedMailbox:
    @pytest.fixture
    async def case(self, shop: Shop) -> Case:
        return await Case.open(shop, watched=True)

    async def test_letters_come_in_by_imap_and_answers_go_back(self, open_page, mailbox, case):
        await mailbox.get_by_role("button", name="Write", exact=True).click()
        await mailbox.get_by_label("Subject").fill("Дубова скринька")
        await mailbox.get_by_label("Letter as customer").fill("Є така?")
        await mailbox.get_by_role("button", name="Send").click()
        await expect(mailbox.get_by_text("the shop has it")).to_be_visible()
        await mailbox.get_by_text("Mailbox and mail server").click()
        await expect(mailbox.get_by_text("watches it by IMAP: 2 connections")).to_be_visible()
        await mailbox.get_by_text("Mailbox and mail server").click()

        manager = await open_page("/inbox?tab=all")
        await manager.locator(".row").first.click()
        await expect(manager.locator("#messages .in .text").first).to_have_text("Є така?")
        await manager.locator("#text").fill("Так, є.")
        await manager.locator("#text").press("Control+Enter")
        await mailbox.get_by_role("button", name="Re: Дубова скринька").click()
        await expect(mailbox.locator("article .text")).to_have_text("Так, є.")

        # What the shop writes by hand shows as its own, once; so does the copy of what the inbox sent.
        await mailbox.get_by_text("Mailbox and mail server").click()
        await mailbox.get_by_role("button", name="Write as the shop, past the inbox").click()
        await mailbox.get_by_label("Letter as shop").fill("Відклали до завтра.")
        await mailbox.get_by_role("button", name="Send", exact=True).click()
        await expect(manager.locator("#messages .out .text", has_text="Відклали до завтра.")).to_have_count(1)
        await expect(manager.locator("#messages .out .text", has_text="Так, є.")).to_have_count(1)
        assert len(case.mailbox.folders["Sent"].letters) == 2

    async def test_a_wrong_password_is_told_and_mends_by_itself(self, open_page, mailbox, case):
        manager = await open_page("/settings/channels")
        await expect(manager.locator(".pill.good")).to_have_count(2)
        await mailbox.get_by_text("Mailbox and mail server").click()
        await mailbox.get_by_role("button", name="Change the password").click()
        await expect(mailbox.get_by_role("status")).to_contain_text("wrong now")
        await expect(manager.locator(".pill", has_text="Paused")).to_be_visible()
        await manager.get_by_text("Paused").click()
        await expect(manager.get_by_text("does not accept this user and password")).to_be_visible()
        case.letters.write("Ви тут?")
        await mailbox.get_by_role("button", name="Restore the password").click()
        await expect(mailbox.get_by_text("the shop has it")).to_be_visible()
        await case.shop.owner.call("POST", f"/channels/{case.channel_id}/check")
        await expect(manager.locator(".pill.good")).to_have_count(2)

    async def test_connections_that_end_lose_nothing(self, mailbox, case):
        await mailbox.get_by_text("Mailbox and mail server").click()
        for order in ("Cut the connections", "Number letters anew", "Stop the IMAP server", "Start the IMAP server"):
            case.letters.write(order)
            await mailbox.get_by_role("button", name=order, exact=True).click()
        await expect(mailbox.get_by_text("the shop has it")).to_have_count(4)
        await case.opens()
        assert sorted(one["text"] for one in await case.messages()) == sorted(one.text for one in case.letters.letters)

    async def test_a_protocols_troubles_stand_at_its_own_commands(self, mailbox, case):
        await mailbox.get_by_text("Mailbox and mail server").click()
        await mailbox.get_by_label("What goes wrong").select_option("NO, refused")
        await expect(mailbox.get_by_role("combobox", name="When")).to_have_value("FETCH")
        await mailbox.get_by_role("button", name="Provoke").click()
        await expect(mailbox.get_by_role("list", name="Faults in force")).to_contain_text("NO, refused, FETCH")
        case.letters.write("Добрий день")
        await expect(mailbox.get_by_text("the shop has it")).to_be_visible()
        assert not case.shop.sandbox.email.faults.listed()


async def test_every_refusal_can_be_provoked(mailbox, case):
    await mailbox.get_by_text("Mailbox and mail server").click()
    await mailbox.get_by_label("What goes wrong").select_option("554 Refused by policy")
    await mailbox.get_by_role("button", name="Provoke").click()
    await expect(mailbox.get_by_role("list", name="Faults in force")).to_contain_text(
        "554 Refused by policy, DATA, 1 more"
    )
    [fault] = case.shop.sandbox.email.faults.listed()
    assert (fault.method, fault.status, fault.times) == ("DATA", 554, 1)
    await mailbox.get_by_role("button", name="Clear all").click()
    await expect(mailbox.get_by_role("list", name="Faults in force")).to_be_empty()
