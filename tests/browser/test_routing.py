"""Routing as admins set it up, and as managers feel it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.async_api import expect

from inbox.model.schedule import DAYS
from tests.browser.conftest import PHONE
from tests.flow import until


def another_day() -> str:
    """A day of the week that is neither today nor near it, in Kyiv."""
    return DAYS[(datetime.now(ZoneInfo("Europe/Kyiv")).weekday() + 3) % 7]


async def clear_week(page):
    for day in await page.locator("[data-day]").all():
        while await day.locator("[data-stretch]").count():
            await day.locator("[data-stretch-off]").first.press("Enter")


async def off_shift(person):
    shown = await person.get("/me")
    return shown if shown["off_shift"] else None


async def held_by(shop, person):
    return next((row for row in await shop.conversations() if row["assignee_id"] == person.id), None)


async def save(page):
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("#toasts")).to_contain_text("Saved")
    await expect(page.locator("[data-unsaved]")).to_be_hidden()


async def test_a_team_is_formed_gets_a_policy_of_its_own_and_is_deleted(shop, open_page):
    ihor = await shop.manager("Ihor")
    page = await open_page("/settings/people")
    await page.get_by_text("Form a team").click()
    await page.locator("#team-name").fill("Гурт")
    await page.get_by_role("button", name="Form it").click()
    await page.wait_for_url("**/settings/teams/*")
    await expect(page.get_by_text("Nobody is in this team")).to_be_visible()

    await page.locator(".member", has_text="Ihor").click()
    await page.get_by_text("Its own", exact=True).click()
    await page.locator(".strategy", has_text="Sticky first").click()
    await page.get_by_label("Wait for the last manager").fill("7")
    await page.get_by_label("First reply within").fill("15")
    await page.get_by_label("Their manager is gone for").fill("")
    await page.get_by_text("In hours of their own").click()
    await page.get_by_label("Time zone").fill("Mars/Base")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator(".zone .error")).to_contain_text("Europe/Kyiv")
    await page.get_by_label("Time zone").fill("Asia/Tbilisi")
    await save(page)

    [team] = (await shop.owner.get("/teams"))["items"]
    assert (team["name"], team["members"]) == ("Гурт", [ihor.id])
    policy = team["policy"]
    assert (policy["strategy"], policy["wait_for_last"], policy["offline"]) == ("sticky", 7, None)
    assert policy["targets"] == {"first_reply": 15, "next_reply": None}
    assert policy["hours"]["timezone"] == "Asia/Tbilisi"
    assert policy["hours"]["open"] == [{"days": list(DAYS[:5]), "from": "09:00", "to": "18:00"}]
    await expect(page.get_by_label("First reply within")).to_have_value("15")

    await page.get_by_text("As the shop", exact=True).click()
    await save(page)
    assert (await shop.owner.get(f"/teams/{team['id']}"))["policy"] is None
    await expect(page.get_by_text("It goes by what stands under")).to_be_visible()

    await page.get_by_role("button", name="Delete…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete the team").click()
    await page.wait_for_url("**/settings/people")
    await expect(page.get_by_text("No teams")).to_be_visible()


async def test_who_is_off_shift_shows_and_gets_nothing_until_they_work_again(shop, open_page):
    ihor = await shop.manager("Ihor")
    await ihor.call("PUT", "/me/status", {"status": "online"})
    page = await open_page(f"/settings/managers/{ihor.id}")
    await page.get_by_text("By the week").click()
    await clear_week(page)
    await expect(page.locator("[data-total]")).to_have_text("No hours on any day: never.")
    day = page.locator(f"[data-day={another_day()}]")
    await day.locator("[data-stretch-on]").press("Enter")
    await expect(day.locator("[data-from]")).to_be_focused()
    await day.locator("[data-from]").fill("22:00")
    await day.locator("[data-to]").fill("06:30")
    await expect(day).to_contain_text("ends the next day")
    await expect(page.locator("[data-total]")).to_have_text("8.5 h a week")
    await page.get_by_role("button", name="Add days off").click()
    await page.get_by_label("First day off").fill("2030-12-24")
    await page.get_by_label("Last day off").fill("2030-12-20")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".absence .error")).to_contain_text("end on the first day or later")
    await page.get_by_label("Last day off").fill("2030-12-26")
    await save(page)
    await expect(page.locator(".intro")).to_contain_text("off shift until")

    shown = await until(lambda: off_shift(ihor))
    assert shown["schedule"]["open"] == [{"days": [another_day()], "from": "22:00", "to": "06:30"}]
    assert shown["days_off"] == [{"from": "2030-12-24", "to": "2030-12-26"}]
    shop.customer("Олена").text("Добрий день!")
    await shop.settled()
    assert [row["assignee_id"] for row in await shop.conversations()] == [None]

    await page.goto("/settings/people")
    await expect(page.locator(".entry", has_text="Ihor")).to_contain_text("Off shift until")
    own = await open_page("/profile", email="ihor@shop.example")
    await expect(own.locator(".shifts")).to_contain_text("22:00–06:30")
    await expect(own.get_by_text("You are off shift until")).to_be_visible()

    await page.locator(".entry", has_text="Ihor").click()
    await page.get_by_text("Always", exact=True).click()
    await page.get_by_role("button", name="Take these days out").click()
    await save(page)
    await until(lambda: held_by(shop, ihor))


async def test_hours_are_copied_from_a_day_to_others(open_page):
    page = await open_page("/settings/general")
    form = page.locator("#opening")
    await clear_week(form)
    monday = form.locator("[data-day=mon]")
    await monday.get_by_role("button", name="Add hours on Monday").click()
    await monday.locator("[data-to]").fill("13:00")
    await monday.get_by_role("button", name="Add hours on Monday").click()
    await expect(monday.locator("[data-from]").last).to_have_value("14:00")
    await monday.locator("summary").click()
    await monday.get_by_role("button", name="To every day").click()
    await form.locator("[data-day=sun] summary").click()
    await form.locator("[data-day=sun]").get_by_role("button", name="Take this day off").click()
    await expect(form.locator("[data-day=sun]")).to_contain_text("Closed")
    await form.get_by_role("button", name="Save the hours").click()
    await expect(page.locator("#toasts")).to_contain_text("Saved")
    await expect(page.locator("#opening [data-day=sat] [data-from]").first).to_have_value("09:00")
    await expect(page.locator("#opening [data-day=sun] [data-stretch]")).to_have_count(0)


async def test_rules_weights_and_the_strategy_of_the_shop(shop, open_page):
    page = await open_page("/settings/routing")
    await expect(page.locator('[name="policy.strategy"][value=balanced]')).to_be_checked()
    await page.get_by_text("Round robin").click()
    await page.get_by_role("button", name="Add a rule").click()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".rule .error")).to_have_text("name channels, labels, tags or waiting")
    await page.get_by_label("Customer has any of these tags").fill("vip, гурт")
    await page.locator(".rule").get_by_text("Telegram").click()
    await page.get_by_label("Raise to").select_option("Urgent")
    await page.get_by_label("Telegram", exact=True).and_(page.locator("[type=number]")).fill("1.5")
    await save(page)
    routing = await shop.owner.get("/routing")
    assert routing["policy"]["strategy"] == "round_robin"
    assert routing["weights"] == {"telegram": 1.5}
    [rule] = routing["priorities"]
    assert (rule["channels"], rule["tags"], rule["priority"]) == (["telegram"], ["vip", "гурт"], "urgent")
    await page.get_by_role("button", name="Take this rule out").click()
    await expect(page.get_by_text("No rules: who waits longest")).to_be_visible()
    await save(page)
    assert (await shop.owner.get("/routing"))["priorities"] == []


async def test_a_manager_joins_teams_and_serves_chosen_channels(shop, open_page):
    ihor = await shop.manager("Ihor")
    team = (await shop.owner.call("POST", "/teams", {"name": "Повернення"})).body["id"]
    page = await open_page(f"/settings/managers/{ihor.id}")
    await page.get_by_text("Повернення").click()
    await page.locator("label", has_text="Shop bot").click()
    await save(page)
    shown = await ihor.get("/me")
    assert (shown["teams"], shown["channels"]) == ([team], [shop.channel_id])
    assert (shown["schedule"], shown["days_off"]) == (None, [])


async def test_status_is_set_in_the_profile_and_seen_by_colleagues_at_once(shop, open_page):
    ihor = await shop.manager("Ihor")
    people = await open_page("/settings/people")
    own = await open_page("/profile", email="ihor@shop.example")
    await own.get_by_role("button", name="Busy no new ones for now").click()
    await expect(own.get_by_role("button", name="Busy no new ones for now")).to_have_attribute("aria-pressed", "true")
    await expect(own.locator(".presence")).to_contain_text("You get no new conversations")
    await expect(people.locator(".entry", has_text="Ihor")).to_contain_text("Busy · 0/10")
    assert (await ihor.get("/me"))["status"] == "busy"


async def test_the_thread_answers_why_it_is_with_its_manager(shop, open_page):
    ihor = await shop.manager("Ihor")
    await ihor.call("PUT", "/me/status", {"status": "away"})
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    shop.customer("Олена").text("Добрий день!")
    await shop.settled()
    conversation = await until(lambda: held_by(shop, shop.owner))
    page = await open_page(f"/inbox/{conversation['id']}")
    await page.locator("#why summary").click()
    panel = page.locator(".why-me")
    await expect(panel).to_contain_text("Why you?")
    await expect(panel).to_contain_text("you held the least for your capacity")
    await expect(panel.locator("li", has_text="Ihor")).to_contain_text("away")
    await expect(panel.locator("li.got")).to_contain_text("got it")
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()


async def test_the_week_fits_a_phone(shop, open_page):
    ihor = await shop.manager("Ihor")
    page = await open_page(f"/settings/managers/{ihor.id}", size=PHONE)
    await page.get_by_text("By the week").tap()
    await page.get_by_role("button", name="Add hours on Saturday").tap()
    await page.get_by_role("button", name="Add days off").tap()
    for path in (None, "/settings/routing", "/settings/people"):
        if path is not None:
            await page.goto(path)
        assert await page.evaluate("document.querySelector('.place').scrollWidth <= innerWidth"), path
