"""Settings > Rules over a made-up shop: what stands on the pages before any code of theirs runs."""

import json
import re
from typing import Any

import pytest

from tests.web.pages.shop import ago

ASKING = {
    "id": "asking",
    "name": "Питання",
    "enabled": False,
    "trigger": "no_reply",
    "when": {"minutes": 30},
    "conditions": [{"type": "channel", "in": ["tg"]}, {"type": "to come", "of": 1}],
    "actions": [{"type": "reply", "text": {"ka": "გამარჯობა"}}, {"type": "macro", "macro_id": "macro-ship"}],
    "version": 4,
    "fired": {"count": 0, "last_at": None},
}


def data_of(page: str) -> Any:
    """What the page tells its code."""
    _, _, rest = page.partition('id="rules-data">')
    return json.loads(rest.partition("</script>")[0])


async def test_the_list_says_each_rule_in_words_and_how_often_it_fired(desk, read):
    desk.rule_list.append(ASKING)
    page = await read("/settings/rules")
    assert "When a conversation opens: reply “Вітаємо! Відповімо за кілька хвилин.”." in page
    assert "Fired 12 times" in page
    assert "When nobody has answered for 30 minutes, and it came over Telegram магазину, and to come" in page
    assert page.index("Вітання") < page.index("Питання")


async def test_no_rules_is_no_dead_end(desk, read):
    desk.rule_list.clear()
    page = await read("/settings/rules")
    assert "No rules" in page
    assert "/settings/rules/new" in page
    assert "Dry run" not in page


async def test_the_editor_has_the_rule_and_every_language_that_it_speaks(desk, read):
    desk.rule_list.append(ASKING)
    data = data_of(await read("/settings/rules/asking"))
    assert data["rule"]["actions"] == ASKING["actions"]
    assert data["rule"]["conditions"] == ASKING["conditions"]
    assert data["languages"] == ["uk", "en", "ka"]
    assert data["names"]["macro-ship"] == "Відправка"


async def test_a_copy_begins_switched_off_under_a_name_of_its_own(desk, read):
    page = await read("/settings/rules/new?like=greeting")
    rule = data_of(page)["rule"]
    assert (rule["name"], rule["enabled"], rule["trigger"]) == ("Вітання, a copy", False, "conversation_opened")
    assert 'data-rule=""' in page


async def test_what_is_stored_becomes_no_markup(desk, read):
    bad = "</script><script>alert(1)</script>"
    desk.rule_list[0] |= {"name": bad, "actions": [{"type": "reply", "text": bad}]}
    for path in ("/settings/rules", "/settings/rules/greeting"):
        assert bad not in await read(path)


async def test_the_dry_run_offers_open_and_closed_conversations_by_name(desk, read):
    everything = await read("/fragments/rules/tries")
    closed = next(row for row in desk.cases_list if row["status"] == "closed")
    assert f'value="{closed["id"]}"' in everything
    found = await read("/fragments/rules/tries?q=Олена")
    assert "Олена Мельник" in found
    assert "Tom" not in found
    assert "No conversation for “nobody at all”" in await read("/fragments/rules/tries?q=nobody at all")


async def test_versions_say_when_by_whom_and_what(desk, read):
    older = {**ASKING, "version": 3, "when": {"minutes": 60}}
    by = {"type": "manager", "id": "ihor", "name": "Ігор Бондар"}
    desk.versions_of["asking"] = [{**row, "at": ago(hours=1), "by": by} for row in (ASKING, older)]
    page = await read("/fragments/rules/asking/versions")
    assert "for 1 hour," in page
    assert "Ігор Бондар" in page
    assert re.findall(r'data-restore="(\d+)"', page) == ["3"], "the present one is not restored"


async def test_calls_to_other_systems_say_whether_they_were_taken(desk, read):
    assert "other systems" not in await read("/fragments/rules/greeting/calls")
    call = {"url": "https://crm.example/hook", "attempts": 2, "status": 500, "error": "", "at": ago(hours=1)}
    desk.calls_of["greeting"] = [
        {**call, "state": "done"},
        {**call, "state": "waiting", "error": "the other side answered HTTP 500"},
        {**call, "state": "failed", "error": "<b>no</b>"},
    ]
    page = await read("/fragments/rules/greeting/calls")
    for words in ("https://crm.example/hook", "Taken", "Is tried again", "HTTP 500", "Given up", "&lt;b&gt;no"):
        assert words in page


@pytest.mark.parametrize("path", ["/settings/rules/nothing", "/settings/rules/new?like=nothing"])
async def test_a_rule_that_is_not_there_has_no_page(read, path):
    await read(path, status=404)
