"""Settings as HTML: full, empty and in trouble."""

import pytest

from routing.policy import Policy, PriorityRule, RoutingSettings, Targets

PLACES = ["general", "channels", "people", "routing", "macros", "rules", "quarantine", "audit"]
NEVER = {"timezone": "Europe/Kyiv", "open": []}
NIGHTS = {"timezone": "Asia/Tbilisi", "open": [{"days": ["mon", "tue"], "from": "22:00", "to": "06:00"}]}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("general", "Europe/Kyiv"),
        ("channels", "the mailbox answers slowly"),
        ("people", "Busy · 9/10"),
        ("macros", "/ship"),
        ("bot", "Balanced · 0.6"),
        ("rules", "When a conversation opens: reply"),
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


async def test_the_list_says_who_is_off_shift_gone_and_in_which_team(desk, read):
    desk.people[1] |= {"schedule": NEVER, "teams": ["wholesale"]}
    desk.people[2] |= {"gone": True}
    page = await read("/settings/people")
    assert "Never on shift" in page
    assert "Busy · 9/10 · Гурт" in page
    assert "Away, connection lost" in page
    assert "goes by the shop's policy" in page
    assert 'href="/settings/managers/ihor"' in page
    assert 'href="/settings/teams/wholesale"' in page


async def test_a_managers_hours_are_filled_in_day_by_day(desk, read):
    desk.people[1] |= {"schedule": NIGHTS, "days_off": [{"from": "2026-12-24", "to": "2026-12-26"}], "channels": ["vb"]}
    page = await read("/settings/managers/ihor")
    assert page.count('data-from value="22:00"') == 2
    assert 'value="Asia/Tbilisi"' in page
    assert 'value="2026-12-24"' in page
    assert 'value="vb" data-set checked' in page
    assert 'id="manager-hours-own" ><legend' in page
    assert '<option value="Europe/Kyiv">' in page


async def test_who_always_works_is_offered_the_shops_hours(read):
    page = await read("/settings/managers/ihor")
    assert 'id="manager-hours-own" disabled hidden' in page
    assert page.count('data-from value="09:00"') == 5 + 7, "five days, and what each day's new line begins with"


async def test_who_serves_only_what_is_disconnected_is_noticed(desk, read):
    desk.people[1]["channels"] = ["gone", "vb"]
    assert "is disconnected, so nothing" not in await read("/settings/managers/ihor")
    desk.people[1]["channels"] = ["gone"]
    assert "is disconnected, so nothing" in await read("/settings/managers/ihor")


@pytest.mark.parametrize("path", ["managers/nobody", "teams/nothing"])
async def test_who_is_not_there_has_no_page(read, path):
    await read(f"/settings/{path}", status=404)


async def test_a_team_goes_by_the_shops_policy_until_it_has_its_own(desk, read):
    page = await read("/settings/teams/wholesale")
    assert 'id="team-policy-own" disabled hidden' in page
    assert 'value="ihor" data-set checked' in page
    desk.groups[0]["policy"] = Policy(strategy="sticky", leads=("ihor",)).model_dump(mode="json", by_alias=True)
    page = await read("/settings/teams/wholesale")
    assert 'id="team-policy-own" ><legend' in page
    assert 'value="sticky" checked' in page
    desk.groups[0]["members"] = []
    assert "Nobody is in this team" in await read("/settings/teams/wholesale")


async def test_routing_shows_every_setting(desk, read):
    policy = Policy(
        strategy="round_robin",
        targets=Targets(first_reply=15),
        channel_targets={"tg": Targets(next_reply=7)},
        unanswered=45,
        offline=None,
    )
    rule = PriorityRule(channels=("email", "vb"), tags=("vip", "гурт"), waiting=30, priority="urgent")
    desk.routed = RoutingSettings(policy=policy, priorities=(rule,), weights={"email": 2.5}, grace=90)
    page = await read("/settings/routing")
    for shown in (
        'value="round_robin" checked',
        'name="policy.targets.first_reply" value="15"',
        'name="policy.channel_targets.tg.next_reply" value="7"',
        'name="policy.unanswered" value="45"',
        'name="policy.offline" value=""',
        'value="vip, гурт"',
        'data-key="waiting" data-type="amount" value="30"',
        'value="vb" data-set checked',
        'name="weights.email" value="2.5"',
        'name="grace" value="90"',
    ):
        assert shown in page
    assert "Viber, every account" in page, "a single channel of it is named by a rule"


async def test_routing_without_channels_or_rules_says_what_to_do(desk, read):
    desk.connected.clear()
    page = await read("/settings/routing")
    assert "Connect a channel first" in page
    assert "No rules: who waits longest comes first" in page


async def test_the_profile_shows_ones_shifts_and_lets_nobody_change_them(desk, read):
    assert "no fixed hours" in await read("/profile")
    desk.people[1] |= {"schedule": NIGHTS, "days_off": [{"from": "2026-12-24", "to": "2026-12-26"}]}
    page = await read("/profile", As="ihor")
    assert '<dt>Mon–Tue</dt><dd class="n">22:00–06:00</dd>' in page
    assert "2026-12-24 – 2026-12-26" in page
    assert "data-week" not in page
    desk.people[1]["schedule"] = NEVER
    assert "You are never on shift" in await read("/profile", As="ihor")
