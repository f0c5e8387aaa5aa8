"""Settings as HTML: full, empty and in trouble."""

import pytest

PLACES = ["general", "channels", "people", "macros", "rules", "quarantine", "audit"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("general", "Europe/Kyiv"),
        ("channels", "the mailbox answers slowly"),
        ("people", "Busy · 9/10"),
        ("macros", "/ship"),
        ("rules", "when: a conversation opens"),
        ("quarantine", "message.date is missing"),
        ("audit", "manager.change"),
        ("transfer", "Взуття → left out"),
        ("transfer", "3 messages"),
    ],
)
async def test_places_show_what_there_is(read, place, words):
    assert words in await read(f"/settings/{place}")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("channels", "No channel is connected"),
        ("people", "No teams"),
        ("macros", "No macros yet"),
        ("rules", "No rules"),
        ("quarantine", "Nothing in quarantine"),
        ("audit", "Nothing has been changed yet"),
    ],
)
async def test_empty_places_say_the_next_step(desk, read, place, words):
    for rows in (desk.connected, desk.groups, desk.macro_list, desk.rule_list, desk.events, desk.entries):
        rows.clear()
    assert words in await read(f"/settings/{place}")


async def test_a_channels_form_comes_from_its_kind_and_shows_no_secret(desk, read):
    page = await read("/settings/channels")
    assert 'name="settings.token"' in page
    assert 'type="password"' in page
    assert 'value="https://api.telegram.org"' in page


async def test_a_form_has_a_field_of_the_right_look_for_every_setting_and_folds_the_rest_away(read):
    page = await read("/settings/channels")
    form = page.partition('id="new-email"')[2]
    seen, folded = form.split('id="new-email-more"', 1)
    assert 'name="settings.smtp_url" type="password"' in seen
    assert '<select class="input" id="new-email-inbound"' in seen
    assert '<option value="mailgun"' in seen
    assert 'type="checkbox" id="new-email-keep_copies"' in folded
    assert 'data-type="number"' in folded


async def test_a_channel_says_what_is_left_to_do_at_the_provider_and_where_it_posts(desk, read):
    page = await read("/settings/channels")
    assert "Paste this address and your verify token there." in page
    assert page.count("let it post here") == 1
    assert "https://shop.example/webhooks/instagram/ig" in page


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"state": "paused", "state_reason": "the token is dead"}, "Give it working credentials below"),
        ({"state": "paused", "state_reason": "paused by hand", "paused_by_hand": True}, "waits until you resume it"),
        ({"state": "degraded", "state_reason": "no answer"}, "no answer. It is tried again by itself."),
        (
            {"state": "degraded", "state_reason": "Oksana took the bot away", "state_needs_person": True},
            "Oksana took the bot away. Somebody has to put it right at the provider; then press Check now.",
        ),
        ({"waiting": 3}, "3 messages wait to go out"),
        ({"waiting": 1}, "1 message waits to go out"),
    ],
)
async def test_a_channels_trouble_is_said_in_words(desk, read, state, words):
    desk.connected[0] |= state
    page = await read("/settings/channels")
    assert words in page
    assert ("Resume" in page) == state.get("paused_by_hand", False)


async def test_shared_macros_are_read_only_for_managers(read):
    assert "Shared macros are changed by admins" in await read("/settings/macros/macro-ship", As="ihor")
    assert "Shared macros are changed by admins" not in await read("/settings/macros/macro-ship")


async def test_macros_stand_in_their_folders_with_how_often_they_are_used(read):
    page = await read("/settings/macros")
    assert page.index("Доставка") < page.index(">/ship<") < page.index("Without a folder") < page.index(">/card<")
    assert "used 3×" in page


async def test_the_editor_offers_every_variable_and_the_shops_own_fields(read):
    page = await read("/settings/macros/macro-ship")
    for variable in ("customer.first_name", "order.tracking_number", "customer.fields.city"):
        assert f'data-variable="{variable}"' in page


async def test_the_archive_has_its_own_list(desk, read):
    assert "Nothing in the archive" in await read("/settings/macros?archived=true")
    desk.macro_list[0]["archived"] = True
    assert "/ship" in await read("/settings/macros?archived=true")
    assert "/ship" not in await read("/settings/macros")


async def test_a_new_macro_may_begin_as_a_copy(read):
    page = await read("/settings/macros/new?like=macro-ship")
    assert "Відправимо сьогодні" in page
    assert 'data-macro=""' in page
    assert 'value="ship"' not in page


async def test_only_owners_make_owners(desk, read):
    assert '<option value="owner"' in await read("/settings/people")


async def test_nothing_stored_becomes_markup(desk, read):
    script = "<script>alert(1)</script>"
    desk.events[0]["raw"] = script
    desk.macro_list[0]["text"]["uk"] = f"</textarea>{script}"
    desk.rule_list[0]["actions"][0]["text"] = f"</textarea>{script}"
    desk.entries[0]["changed"] = {script: script}
    for place in PLACES:
        assert script not in await read(f"/settings/{place}")


async def test_the_shops_own_fields_are_defined_on_one_screen(desk, read):
    page = await read("/settings/fields")
    assert page.count("data-field-row") == len(desk.field_list) + 1
    assert 'data-version="3"' in page
    assert 'value="Нова пошта, Укрпошта"' in page
    desk.field_list.clear()
    assert '<p class="hint" id="no-fields" >' in await read("/settings/fields")
