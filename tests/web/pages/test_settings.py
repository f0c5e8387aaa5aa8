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


async def test_shared_macros_are_read_only_for_managers(read):
    assert "Shared macros are changed by admins" in await read("/settings/macros", As="ihor")
    assert "Shared macros are changed by admins" not in await read("/settings/macros")


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
