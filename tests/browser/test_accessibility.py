"""Every screen in both themes and widths, held against axe-core's rules."""

from pathlib import Path

from tests.browser.conftest import LOOKS

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SETTINGS = [
    "general",
    "channels",
    "shops",
    "orders",
    "fields",
    "people",
    "routing",
    "macros",
    "rules",
    "quarantine",
    "companion",
    "audit",
]


async def violations(page, part="html"):
    """What axe finds in a part of the page, each as one readable line."""
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("([part, rules]) => axe.run(part, rules)", [part, RULES])
    return [f"{row['id']}: {node['html'][:160]}" for row in found["violations"] for node in row["nodes"]]


async def routed(shop):
    """Everything that routing has to show: shifts, a team with a policy, a rule. The team's id."""
    hours = {"timezone": "Europe/Kyiv", "open": [{"days": ["mon", "sun"], "from": "22:00", "to": "06:00"}]}
    shifts = {"schedule": hours, "days_off": [{"from": "2030-12-24", "to": "2030-12-26"}]}
    assert (await shop.owner.call("PATCH", f"/managers/{shop.owner.id}", shifts)).status == 200
    team = (await shop.owner.call("POST", "/teams", {"name": "Гурт"})).body["id"]
    assert (await shop.owner.call("PATCH", f"/teams/{team}", {"policy": {"hours": hours}})).status == 200
    rules = {"priorities": [{"tags": ["гурт"], "priority": "high"}]}
    assert (await shop.owner.call("PUT", "/routing", rules)).status == 200
    return team


@LOOKS
async def test_screens(shop, open_page, size, theme):
    assert AXE.exists(), "axe-core is missing: `make test` installs it"
    await shop.owner.call("PUT", "/me/status", {"status": "online"})
    macro = {"name": "Відправка", "shortcut": "ship", "text": {"uk": "Їде"}, "buttons": [{"title": "Так"}]}
    made = await shop.owner.call("POST", "/macros", {**macro, "actions": [{"type": "label", "add": ["їде"]}]})
    chat = shop.customer("Олена Мельник")
    chat.text("Добрий день! Чи є скринька? https://shop.example/box")
    chat.photo()
    chat.location(49.84, 24.03)
    await shop.settled()
    [conversation] = await shop.conversations()
    await shop.owner.call("POST", f"/conversations/{conversation['id']}/messages", {"kind": "note", "text": "Постійна"})
    await shop.owner.call("POST", f"/conversations/{conversation['id']}/messages", {"text": "Так, є"})
    await shop.settled()

    await shop.owner.call("POST", "/order-sources", {"name": "Наш сайт", "kind": "woocommerce"})
    order = {"status": "packed", "items": [{"name": "Скринька", "quantity": 2, "price": "420.00"}], "currency": "UAH"}
    for number, facts in (
        ("1001", {"customer_id": conversation["customer_id"], "delivery": {"tracking_number": "20450812345671"}}),
        ("1002", {"customer_id": conversation["customer_id"], "payment": "paid"}),
    ):
        ordered = await shop.owner.call("PUT", f"/orders/{number}", {**order, "total": "840.00", **facts})
        assert ordered.status == 201, ordered

    fields = [
        {"code": "city", "title": "Місто"},
        {"code": "way", "title": "Доставка", "type": "choice", "choices": ["Пошта"]},
    ]
    assert (await shop.owner.call("PUT", "/customer-fields", {"fields": fields})).status == 200
    card = f"/customers/{conversation['customer_id']}"
    known = {"phones": ["0671234567"], "emails": ["olena@shop.example"], "fields": {"city": "Львів"}, "tags": ["гурт"]}
    assert (await shop.owner.call("PATCH", card, known)).status == 200
    assert (await shop.owner.call("POST", f"{card}/notes", {"text": "Постійна", "pinned": True})).status == 201

    team = await routed(shop)
    page = await open_page("/login", email=None, size=size, theme=theme)
    found = {"/login": await violations(page)}
    page = await open_page(size=size, theme=theme)
    places = ["/inbox", "/inbox?tab=closed", f"/inbox/{conversation['id']}", "/inbox/nothing", "/profile"]
    places.append(f"/inbox/{conversation['id']}?view=everything")
    single = (f"macros/{made.body['id']}", f"managers/{shop.owner.id}", f"teams/{team}")
    for path in [*places, *(f"/settings/{place}" for place in (*SETTINGS, *single))]:
        await page.goto(path)
        await page.evaluate("for (const part of document.querySelectorAll('details.more')) part.open = true")
        found[path] = await violations(page)
    await page.goto(f"/inbox/{conversation['id']}")
    await page.evaluate("for (const order of document.querySelectorAll('.orders .what')) order.open = true")
    for menu in await page.locator("details.menu[id]:visible").all():
        await menu.evaluate("menu => { menu.open = true; }")
        name = await menu.get_attribute("id")
        found[name] = await violations(page, f"#{name}")
        await menu.evaluate("menu => { menu.open = false; }")
    await page.locator("#text").fill("/")
    await page.locator("#macro-list").get_by_role("option").wait_for()
    found["macros"] = await violations(page)
    await shop.owner.call("PATCH", f"/channels/{shop.channel_id}", {"paused": True})
    for path in ("/inbox", "/settings/channels"):
        await page.goto(path)
        await page.get_by_text("paused by hand").first.wait_for()
        found[f"paused {path}"] = await violations(page)
    assert {path: lines for path, lines in found.items() if lines} == {}
