"""A photo that its sender replaces on the phone is replaced on the manager's page too."""

from playwright.async_api import expect

from channels.props import sample_photo


async def test_another_photo_in_the_place_of_one_shows_on_both_sides(shop, browser, open_page):
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    chat = shop.customer("Зоряна Вітер")
    chat.photo(sample_photo(0, 64, 48), caption="Ось така")
    await shop.settled()
    [conversation] = await shop.conversations()
    manager = await open_page(f"/inbox/{conversation['id']}")
    shown = manager.locator("#messages .in .photo img")
    await expect(shown).to_have_js_property("naturalWidth", 64)

    context = await browser.new_context(viewport={"width": 390, "height": 844})
    phone = await context.new_page()
    await phone.goto(f"{shop.sandbox.url}/phone/telegram?customer={chat.customer.id}")
    await phone.locator(".m.own").first.hover()
    await phone.locator(".m.own").first.get_by_role("button", name="Message menu").click()
    await phone.get_by_role("menuitem", name="Another photo in its place").click()
    await expect(phone.locator(".m.own img")).to_have_js_property("naturalWidth", 320)

    await expect(shown).to_have_count(1)
    await expect(shown).to_have_js_property("naturalWidth", 320)
    await expect(manager.locator("#messages .in .text")).to_have_text("Ось така")
    await expect(manager.locator("#messages .in .edited")).to_be_visible()
    await context.close()
