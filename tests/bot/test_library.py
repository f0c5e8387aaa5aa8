import asyncio

import pytest

from bot.starters import GREETING, OFF_HOURS, QUEUE
from bot.trying import Trial
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import now
from tests.flow import until

ALWAYS_CLOSED = {"timezone": "Europe/Kyiv", "open": []}


async def names(library):
    rows, _ = await library.page(None, 100)
    return [row["name"] for row in rows]


async def test_a_fresh_installation_has_three_disabled_rules(shop_process):
    await shop_process.library.install()
    rows, _ = await shop_process.library.page(None, 100)
    assert [(row["name"], row["enabled"]) for row in rows] == [(GREETING, False), (OFF_HOURS, False), (QUEUE, False)]


async def test_processes_that_start_together_install_once(shop_process, other_process):
    libraries = [shop_process.library, other_process.library] * 5
    await asyncio.gather(*(library.install() for library in libraries))
    assert await names(shop_process.library) == [GREETING, OFF_HOURS, QUEUE]


async def test_a_deleted_starter_rule_does_not_come_back(shop_process):
    library = shop_process.library
    await library.install()
    rows, _ = await library.page(None, 100)
    await library.delete(rows[0]["_id"])
    await library.install()
    assert await names(library) == [OFF_HOURS, QUEUE]


async def test_the_demo_begins_with_its_greeting_enabled(shop_process):
    await shop_process.library.install(enabled={GREETING})
    rows, _ = await shop_process.library.page(None, 100)
    assert [row["name"] for row in rows if row["enabled"]] == [GREETING]


async def test_pages_follow_the_order_of_evaluation(shop_process):
    created = [await shop_process.greet(name=f"Rule {number}") for number in range(5)]
    first, cursor = await shop_process.library.page(None, 3)
    second, end = await shop_process.library.page(cursor, 3)
    assert [row["_id"] for row in first + second] == [row["_id"] for row in created]
    assert end is None


async def test_a_change_is_checked_with_what_it_leaves_alone(shop_process):
    library = shop_process.library
    rule = await shop_process.greet()
    changed = await library.change(rule["_id"], {"enabled": False, "name": "Hello"})
    assert (changed["enabled"], changed["name"], changed["version"]) == (False, "Hello", 2)
    assert changed["actions"] == rule["actions"]
    with pytest.raises(Invalid) as refused:
        await library.change(rule["_id"], {"actions": [{"type": "reply", "text": ""}]})
    assert refused.value.field == "actions.0.text"
    assert await library.get(rule["_id"]) == changed


async def test_nothing_changed_is_no_new_version(shop_process):
    rule = await shop_process.greet()
    assert await shop_process.library.change(rule["_id"], {"enabled": True}) == rule


async def test_somebody_elses_change_is_not_overwritten(shop_process):
    library = shop_process.library
    rule = await shop_process.greet()
    await library.change(rule["_id"], {"name": "First"}, version=1)
    with pytest.raises(Conflict) as refused:
        await library.change(rule["_id"], {"name": "Second"}, version=1)
    assert refused.value.current == 2


async def test_a_rule_that_is_not_there(shop_process):
    library = shop_process.library
    trial = shop_process.dry_runs.test("r", "c")
    for attempt in (library.get("r"), library.delete("r"), library.change("r", {}), trial):
        with pytest.raises(NotFound):
            await attempt


async def test_nothing_wrong_is_kept(shop_process):
    with pytest.raises(Invalid):
        await shop_process.greet(trigger="full_moon")
    assert await names(shop_process.library) == []


async def test_a_trial_of_a_rule_that_would_fire(shop_process):
    conversation = await shop_process.receive()
    rule = await shop_process.greet(enabled=False)
    trial = await shop_process.dry_runs.test(rule["_id"], conversation["_id"])
    assert trial == Trial(would_fire=True, reasons=(), message_id=conversation["opened_by"])
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_a_trial_says_everything_that_speaks_against(shop_process):
    conversation = await shop_process.receive("Привіт")
    await shop_process.manager_writes(conversation["_id"])
    rule = await shop_process.echo(
        conditions=[
            {"type": "hours", "is": "open", "schedule": ALWAYS_CLOSED},
            {"type": "text", "any": ["ціна"]},
            {"type": "channel", "in": ["paper"]},
        ]
    )
    trial = await shop_process.dry_runs.test(rule["_id"], conversation["_id"])
    assert trial.reasons == (
        "a manager has written since the conversation was opened",
        "the shop was closed when the message came",
        "the message has no such word",
    )
    assert not trial.would_fire


async def test_a_trial_looks_at_the_message_that_the_trigger_means(shop_process):
    conversation = await shop_process.receive("first")
    await shop_process.receive("second")
    opening = await shop_process.greet(conditions=[{"type": "text", "any": ["first"]}])
    newest = await shop_process.echo(conditions=[{"type": "text", "any": ["second"]}])
    for rule in (opening, newest):
        assert (await shop_process.dry_runs.test(rule["_id"], conversation["_id"])).would_fire


async def test_a_trial_needs_a_conversation(shop_process):
    rule = await shop_process.greet()
    with pytest.raises(Invalid) as refused:
        await shop_process.dry_runs.test(rule["_id"], "nowhere")
    assert refused.value.field == "conversation_id"


async def test_every_form_of_a_rule_is_kept_and_can_be_brought_back(shop_process):
    library = shop_process.library
    mary, john = {"id": "m", "name": "Mary"}, {"id": "j", "name": "John"}
    rule = await shop_process.greet(name="One")
    await library.change(rule["_id"], {"name": "Two", "trigger": "no_reply", "when": {"minutes": 5}}, by=mary)
    await library.change(rule["_id"], {"enabled": False}, by=john)
    kept = await library.versions(rule["_id"])
    assert [(form["version"], form["name"], form["enabled"], form["by"]) for form in kept] == [
        (3, "Two", False, john),
        (2, "Two", True, mary),
        (1, "One", True, None),
    ]
    back = await library.bring_back(rule["_id"], 1, by=mary)
    assert (back["name"], back["trigger"], back["when"], back["version"]) == ("One", "conversation_opened", {}, 4)
    assert [form["version"] for form in await library.versions(rule["_id"])] == [4, 3, 2, 1]
    assert (await library.bring_back(rule["_id"], 4))["version"] == 4, "it is that already"
    with pytest.raises(Invalid) as refused:
        await library.bring_back(rule["_id"], 9)
    assert refused.value.field == "version"
    await library.delete(rule["_id"])
    assert await shop_process.database.durable.rule_versions.count_documents({}) == 0


async def test_another_trigger_forgets_what_the_last_one_wanted_to_know(shop_process):
    rule = await shop_process.greet(trigger="no_reply", when={"minutes": 5})
    changed = await shop_process.library.change(rule["_id"], {"trigger": "label_added"})
    assert changed["when"] == {"labels": []}
    with pytest.raises(Invalid) as refused:
        await shop_process.library.change(rule["_id"], {"trigger": "no_reply"})
    assert refused.value.field == "when.minutes"


async def test_rules_are_evaluated_in_the_order_that_they_are_given(shop_process, other_process):
    rules = [
        await shop_process.echo(name=name, actions=[{"type": "reply", "text": name}])
        for name in ("one", "two", "three")
    ]
    one, two, three = (rule["_id"] for rule in rules)
    await shop_process.library.arrange([three, one])
    assert await names(other_process.library) == ["three", "one", "two"]
    conversation = await shop_process.receive()
    assert await shop_process.bot_texts(conversation["_id"]) == ["three", "one", "two"]
    await shop_process.echo(name="four", enabled=False)
    assert (await names(shop_process.library))[-1] == "four"
    with pytest.raises(Invalid) as refused:
        await shop_process.library.arrange([two, "gone"])
    assert refused.value.field == "ids.1"
    assert (await names(shop_process.library))[0] == "three"


async def test_a_rule_tells_how_often_it_fired_once_for_each_occasion(shop_process, other_process):
    rule = await shop_process.echo()
    other = await shop_process.echo(conditions=[{"type": "text", "any": ["never"]}])
    assert rule["fired"] == {"count": 0, "last_at": None}
    await shop_process.receive("one")
    await shop_process.receive("two")
    events = list(shop_process.announced)
    await asyncio.gather(
        *(process.bus.announce(event) for event in events for process in (shop_process, other_process))
    )
    fired = (await shop_process.library.get(rule["_id"]))["fired"]
    assert fired["count"] == 2
    assert events[0].message["received_at"] <= fired["last_at"] <= now()
    assert (await shop_process.library.get(other["_id"]))["fired"]["count"] == 0
    await shop_process.library.delete(rule["_id"])
    assert await shop_process.database.durable.rule_firings.count_documents({}) == 0


async def test_only_rules_that_changed_are_taken_apart_anew(shop_process):
    kept, changed = await shop_process.echo(name="Kept"), await shop_process.echo(name="Changed")
    before = {rule.id: rule for rule in (await shop_process.library.playbook()).rules["message_received"]}
    await shop_process.library.change(changed["_id"], {"name": "Anew"})
    after = {rule.id: rule for rule in (await shop_process.library.playbook()).rules["message_received"]}
    assert after[kept["_id"]] is before[kept["_id"]]
    assert after[changed["_id"]].name == "Anew"


async def test_another_process_hears_of_a_change_within_a_second(shop_process, other_process):
    assert not await _has_one(other_process)
    await shop_process.echo()
    await until(lambda: _has_one(other_process))


async def _has_one(process):
    return len((await process.library.playbook()).rules["message_received"]) == 1
