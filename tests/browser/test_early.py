"""What somebody presses, types or sends while the page's modules are still on their way."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from inbox.model.ids import now
from tests.flow import OWNER, PASSWORD


@pytest.fixture
def slowly(open_page):
    """Open a path whose module arrives when the block ends."""

    @asynccontextmanager
    async def open_(path: str, *, module: str = "app", email: str | None = OWNER) -> AsyncIterator[Page]:
        page = await open_page("/login", email=email)
        there = asyncio.Event()

        async def hold(route):
            await there.wait()
            await route.continue_()

        await page.route(re.compile(rf"/js/{module}\b"), hold)
        await page.goto(path, wait_until="commit")
        yield page
        there.set()

    return open_


async def noted(shop, title):
    me = await shop.owner.get("/me")
    due = (now() + timedelta(hours=1)).isoformat()
    answer = await shop.owner.call("POST", "/tasks", {"title": title, "due_at": due, "assignee_id": me["id"]})
    assert answer.status == 201, answer


async def test_a_search_is_asked_and_a_dialog_opens(shop, slowly):
    for name in ("Олена Коваль", "Ігор Бондар"):
        shop.customer(name).text("Добрий день")
    await shop.settled()
    async with slowly("/customers") as page:
        await expect(page.locator(".person")).to_have_count(2)
        await page.get_by_label("Search customers").fill("коваль")
        await page.get_by_role("button", name="New customer").click()
        await expect(page.locator("#new-customer")).to_be_hidden()
    await expect(page.locator("#new-customer")).to_be_visible()
    await expect(page.locator(".person")).to_have_count(1)


async def test_a_form_is_sent_once_however_often_it_was_pressed(shop, slowly):
    async with slowly("/tasks") as page:
        await page.get_by_label("What is to be done").fill("Передзвонити")
        await page.get_by_label("By when").fill("2030-01-31T10:00")
        for _ in range(3):
            await page.get_by_role("button", name="Add").click()
    await expect(page.locator(".task-list")).to_contain_text("Передзвонити")
    assert [task["title"] for task in (await shop.owner.get("/tasks"))["items"]] == ["Передзвонити"]


async def test_a_task_is_ticked_off(shop, slowly):
    await noted(shop, "Передзвонити")
    async with slowly("/tasks") as page:
        await page.get_by_role("checkbox", name="Done: Передзвонити").click()
    await expect(page.locator("main")).to_contain_text("Nothing to do")
    assert (await shop.owner.get("/tasks"))["items"] == []


async def test_nobody_signs_in_twice(slowly):
    async with slowly("/login", module="login", email=None) as page:
        await page.get_by_label("E-mail").fill(OWNER)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/inbox")


async def test_what_one_module_hears_already_is_not_done_twice(shop, slowly):
    """The rule editor is there and the last module is not."""
    first, *others = (await shop.owner.get("/rules"))["items"]

    async def slow(route):
        await asyncio.sleep(0.5)
        await route.continue_()

    async with slowly(f"/settings/rules/new?like={first['id']}", module="theme") as page:
        await page.route("**/api/v1/rules", slow)
        await expect(page.get_by_label("Name", exact=True)).to_have_value(f"{first['name']}, a copy")
        await page.get_by_role("button", name="Save", exact=True).click()
    await page.wait_for_url(lambda url: "/rules/new" not in url)
    assert len((await shop.owner.get("/rules"))["items"]) == len(others) + 2


async def test_what_was_typed_into_a_form_that_a_module_fills_stays(shop, slowly):
    async with slowly("/settings/rules/new") as page:
        await page.get_by_label("Name", exact=True).fill("Ціна доставки")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".error").first).to_be_visible()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Ціна доставки")
