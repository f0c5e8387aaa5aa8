"""Where the companion is set up, and where everybody links their own account."""


async def test_an_admin_connects_a_bot_by_its_token(desk, read):
    desk.companion = None
    page = await read("/settings/companion")
    assert 'data-form="PUT /api/v1/staff-bot"' in page
    assert 'name="token" type="password"' in page
    assert "@BotFather" in page
    assert 'name="at_desk"' not in page


async def test_a_connected_bot_shows_what_it_tells_and_no_secret(desk, read):
    page = await read("/settings/companion")
    assert "@staff_bot is connected. 2 managers have linked their accounts." in page
    assert '<option value="name" selected>' in page
    assert 'placeholder="unchanged"' in page
    assert 'data-api="DELETE /api/v1/staff-bot"' in page


async def test_a_bot_in_trouble_says_what_is_to_be_done(desk, read):
    desk.companion |= {"state": "paused", "state_reason": "Telegram does not know this bot's token any more"}
    page = await read("/settings/companion")
    assert "any more. Give it another token below." in page


async def test_the_profile_offers_a_link_where_a_bot_is_connected(desk, read):
    assert "data-staff-offer" in await read("/profile")
    desk.companion = None
    assert "data-staff-offer" not in await read("/profile")
