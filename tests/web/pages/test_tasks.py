"""Tasks and parcels as HTML: on their page, on the card, and in the settings."""

from tests.web.pages.shop import carrier


async def test_tasks_stand_on_their_page_with_what_is_overdue(read):
    page = await read("/tasks?show=all")
    assert "Передзвонити про доставку" in page
    assert "overdue since" in page
    assert "nobody’s yet" in page
    assert "Знайти листівку" not in page
    mine = await read("/tasks")
    assert "Надіслати рахунок" not in mine
    assert "Знайти листівку" in await read("/tasks?show=done")


async def test_nothing_to_do_is_said(desk, read):
    desk.task_list.clear()
    assert "Nothing to do" in await read("/tasks")
    assert "<b>" not in await read("/fragments/tasks/count")


async def test_the_rail_counts_what_is_overdue(desk, read):
    assert "<b>1</b>" in await read("/fragments/tasks/count")
    desk.task_list *= 120
    assert "<b>99+</b>" in await read("/fragments/tasks/count")


async def test_the_card_shows_a_customers_tasks_and_a_place_for_another_one(read):
    card = (await read("/inbox/olena")).partition('id="card"')[2]
    assert "Передзвонити про доставку" in card
    assert 'data-form="POST /api/v1/tasks"' in card
    assert "Told of their orders" in card


async def test_who_wants_no_updates_is_shown_so(desk, read):
    desk.cards["olena-card"]["notices"] = False
    assert "Wants no order updates" in await read("/inbox/olena")


async def test_the_screen_of_updates_says_what_is_wrong_with_a_carrier_and_shows_no_key(desk, read):
    page = await read("/settings/parcels")
    assert "the key has expired" in page
    assert "7 parcels are followed" in page
    assert 'name="settings.api_key" type="password"' in page
    assert '<option value="vb" selected>' in page
    desk.carrier_list = [{**carrier(), "connected": None}]
    assert "Make a key in the cabinet." in await read("/settings/parcels")


async def test_a_message_says_which_channels_were_passed_over(desk, read):
    passed = [{"channel_id": "tg", "name": "Telegram магазину", "reason": "blocked"}]
    notice = {"order_id": "o1", "number": "1001", "status": "shipped", "passed_over": passed, "handed_on": False}
    desk.add("told", "out", "Ваше замовлення №1001 відправлено.", channel_id="vb", notice=notice)
    page = await read("/inbox/olena")
    assert "Order 1001 · sent by Viber: Telegram магазину – blocked" in page
    desk.said[-1] |= {"state": "failed", "error": "unsubscribed", "notice": {**notice, "handed_on": True}}
    page = await read("/inbox/olena")
    assert "It went on to the next channel." in page
    assert "/api/v1/messages/told/retry" not in page


async def test_admins_see_beside_the_list_that_parcels_are_not_followed(desk, read):
    assert "Parcels of Nova Poshta are not followed: the key has expired." in await read("/inbox")
    assert "are not followed" not in await read("/inbox", As="ihor")
    desk.carrier_list = [carrier(state="connected")]
    assert "are not followed" not in await read("/inbox")
