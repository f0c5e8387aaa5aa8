import asyncio
from datetime import timedelta

import pytest
from pymongo import monitoring

from bot.occasions import Occasion
from bot.settings import BotSettings
from bot.skills.skill import Skill
from inbox.model.domain_events import ConversationChanged, ConversationOpened
from inbox.model.errors import Invalid
from inbox.model.ids import now
from inbox.model.people import BOT, Author
from inbox.storage.database import connect

MAX_REPLIES = BotSettings().most_per_hour

GREETINGS = {"uk": "Вітаємо!", "en": "Hello!", "ka": "გამარჯობა!"}


async def test_a_new_conversation_is_greeted_once(shop_process):
    rule = await shop_process.greet()
    conversation = await shop_process.receive("Hi")
    await shop_process.receive("Anybody there?")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Welcome!"]
    greeting, *_ = [
        row for row in await shop_process.messages.thread(conversation["_id"], None, 10) if row["automatic"]
    ]
    assert greeting["author"] == {"type": "bot", "id": None, "name": BOT.name, "machine": False}
    assert greeting["client_token"] == f"bot:{rule['_id']}:{conversation['opened_by']}"
    assert greeting["state"] == "queued"


async def test_a_comment_is_greeted_in_private(shop_process):
    await shop_process.greet()
    conversation = await shop_process.receive("How much?", public=True)
    (greeting,) = [row for row in await shop_process.messages.thread(conversation["_id"], None, 10) if row["automatic"]]
    assert (greeting["private"], greeting["reply_to"]) == (True, conversation["opened_by"])


async def test_the_same_opening_announced_ten_times_at_once_is_greeted_once(shop_process, other_process):
    await shop_process.greet()
    conversation = await shop_process.receive()
    opening = next(event for event in shop_process.announced if isinstance(event, ConversationOpened))
    processes = [shop_process, other_process] * 5
    await asyncio.gather(*(process.bus.announce(opening) for process in processes))
    assert await shop_process.bot_texts(conversation["_id"]) == ["Welcome!"]


async def test_ten_first_announcements_at_once_are_one_greeting(shop_process, other_process):
    """As after a crash: nobody has answered yet, and several processes find the work at the same moment."""
    conversation = await shop_process.receive()
    rule = await shop_process.greet()
    opening = next(event for event in shop_process.announced if isinstance(event, ConversationOpened))
    await asyncio.gather(*(process.bus.announce(opening) for process in [shop_process, other_process] * 5))
    assert await shop_process.bot_texts(conversation["_id"]) == ["Welcome!"]
    row = await shop_process.conversation(conversation["_id"])
    assert [reply["token"] for reply in row["automatic"]] == [f"bot:{rule['_id']}:{conversation['opened_by']}"]


async def test_each_conversation_gets_its_own_greeting(shop_process):
    await shop_process.greet()
    ann = await shop_process.receive(external_id="ann")
    bob = await shop_process.receive(external_id="bob")
    assert ann["_id"] != bob["_id"]
    for conversation in (ann, bob):
        assert await shop_process.bot_texts(conversation["_id"]) == ["Welcome!"]


async def test_a_disabled_rule_does_nothing(shop_process):
    await shop_process.library.install()
    await shop_process.greet(enabled=False)
    conversation = await shop_process.receive()
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_a_change_of_a_rule_counts_at_once(shop_process):
    rule = await shop_process.echo(enabled=False)
    conversation = await shop_process.receive()
    await shop_process.library.change(rule["_id"], {"enabled": True})
    await shop_process.receive()
    await shop_process.library.change(rule["_id"], {"actions": [{"type": "reply", "text": "Aha"}]})
    await shop_process.receive()
    await shop_process.library.delete(rule["_id"])
    await shop_process.receive()
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted", "Aha"]


async def test_no_rule_fires_once_a_manager_has_written(shop_process):
    await shop_process.echo()
    conversation = await shop_process.receive("one")
    await shop_process.manager_writes(conversation["_id"])
    await shop_process.receive("two")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted"]


async def test_what_the_event_does_not_know_yet_counts_too(shop_process):
    """The event was read before the manager wrote and is heard after that."""
    conversation = await shop_process.receive()
    await shop_process.manager_writes(conversation["_id"])
    await shop_process.greet()
    for event in list(shop_process.announced):
        assert event.conversation["last_reply_sort"] == ""
        await shop_process.bus.announce(event)
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_a_note_is_no_answer(shop_process):
    await shop_process.echo(conditions=[{"type": "text", "any": ["two"]}])
    conversation = await shop_process.receive("one")
    await shop_process.manager_writes(conversation["_id"], kind="note")
    await shop_process.receive("two")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted"]


async def test_after_a_close_the_bot_answers_again(shop_process):
    await shop_process.echo()
    conversation = await shop_process.receive("one")
    await shop_process.manager_writes(conversation["_id"])
    await shop_process.conversations.change(conversation["_id"], {"status": "closed"})
    reopened = await shop_process.receive("two")
    assert reopened["_id"] == conversation["_id"]
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted", "Noted"]


async def test_machines_are_not_answered(shop_process):
    await shop_process.greet()
    await shop_process.echo()
    conversation = await shop_process.receive("I am a bot", machine=True)
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_what_was_received_long_ago_is_not_answered(shop_process):
    await shop_process.greet()
    conversation = await shop_process.receive(received_at=now() - timedelta(hours=2))
    assert await shop_process.bot_texts(conversation["_id"]) == []


async def test_at_most_ten_automatic_messages_an_hour(shop_process):
    for number in range(MAX_REPLIES + 3):
        await shop_process.echo(actions=[{"type": "reply", "text": f"Noted by {number}"}])
    conversation = await shop_process.receive()
    assert len(await shop_process.bot_texts(conversation["_id"])) == MAX_REPLIES == 10


async def test_processes_side_by_side_keep_to_the_ten_together(shop_process, other_process):
    conversation = await shop_process.receive()
    for number in range(3):
        await shop_process.receive(f"message {number}")
    events = list(shop_process.announced)
    for number in range(MAX_REPLIES + 3):
        await shop_process.echo(actions=[{"type": "reply", "text": f"Noted by {number}"}])
    await asyncio.gather(
        *(process.bus.announce(event) for event in events for process in (shop_process, other_process))
    )
    assert len(await shop_process.bot_texts(conversation["_id"])) == MAX_REPLIES


async def test_the_hour_passes(shop_process):
    await shop_process.echo()
    conversation = await shop_process.receive()
    earlier = now() - timedelta(minutes=61)
    spent = [{"token": f"t{number}", "at": earlier} for number in range(MAX_REPLIES)]
    await shop_process.database.durable.conversations.update_one(
        {"_id": conversation["_id"]}, {"$set": {"automatic": spent}}
    )
    await shop_process.receive("again")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted", "Noted"]


@pytest.mark.parametrize(
    ("language", "greeting"), [("uk", "Вітаємо!"), ("en-GB", "Hello!"), ("fr", "Вітаємо!"), ("", "Вітаємо!")]
)
async def test_the_greeting_is_in_the_customers_language_else_in_the_shops(shop_process, language, greeting):
    await shop_process.settings.change({"languages": ["pl", "uk"]})
    await shop_process.greet(actions=[{"type": "reply", "text": GREETINGS}])
    conversation = await shop_process.receive(language=language)
    assert await shop_process.bot_texts(conversation["_id"]) == [greeting]


async def test_the_card_knows_the_language_better_than_the_channel(shop_process):
    await shop_process.echo(actions=[{"type": "reply", "text": GREETINGS}])
    conversation = await shop_process.receive(language="en")
    await shop_process.people.change_customer(conversation["customer_id"], {"language": "ka"})
    await shop_process.receive(language="en")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Hello!", "გამარჯობა!"]


async def test_off_hours(shop_process):
    await shop_process.library.install(enabled={"Off-hours"})
    await shop_process.settings.change({"hours": {"open": []}})
    conversation = await shop_process.receive(external_id="ann")
    assert await shop_process.bot_texts(conversation["_id"]) == [
        "We are closed at the moment. We will answer as soon as we open."
    ]


async def test_a_rule_does_all_its_actions(shop_process):
    changed: list[Author] = []

    async def note(event: ConversationChanged) -> None:
        changed.append(event.author)

    shop_process.bus.subscribe(ConversationChanged, note)
    await shop_process.echo(
        conditions=[{"type": "text", "match": "phrase", "any": ["no thanks"]}],
        actions=[
            {"type": "label", "add": ["declined"]},
            {"type": "priority", "value": "low"},
            {"type": "reply", "text": "Very well."},
            {"type": "reply", "text": "Goodbye!"},
            {"type": "close"},
        ],
    )
    conversation = await shop_process.receive("No, thanks!")
    assert (conversation["labels"], conversation["priority"], conversation["status"]) == (["declined"], 0, "closed")
    assert await shop_process.bot_texts(conversation["_id"]) == ["Very well.", "Goodbye!"]
    assert [(author.type, author.name) for author in changed] == 3 * [("bot", "Echo")]


async def test_every_rule_that_holds_fires_in_order(shop_process):
    for text in ("one", "two", "three"):
        await shop_process.echo(name=text, actions=[{"type": "reply", "text": text}])
    conversation = await shop_process.receive()
    assert await shop_process.bot_texts(conversation["_id"]) == ["one", "two", "three"]


async def test_an_older_message_does_not_close_what_the_customer_has_written_since(shop_process):
    await shop_process.receive("bye")
    bye = shop_process.announced[-1]
    conversation = await shop_process.receive("wait, one more question")
    await shop_process.echo(conditions=[{"type": "text", "any": ["bye"]}], actions=[{"type": "close"}])
    await shop_process.bus.announce(bye)
    assert (await shop_process.conversation(conversation["_id"]))["active"]


async def test_where_no_reply_can_go_the_rest_of_the_rule_is_done(shop_process):
    await shop_process.echo(actions=[{"type": "reply", "text": "Noted"}, {"type": "label", "add": ["lost"]}])
    conversation = await shop_process.receive()
    identities = await shop_process.people.identities([conversation["customer_id"]])
    await shop_process.people.set_reachable(identities[0]["_id"], reachable=False, reason="blocked us", at=now())
    await shop_process.conversations.label(conversation["_id"], add=[], remove=["lost"])
    conversation = await shop_process.receive()
    assert conversation["labels"] == ["lost"]
    assert await shop_process.bot_texts(conversation["_id"]) == ["Noted"]


async def test_a_stored_rule_that_this_version_cannot_read_does_not_stop_the_others(shop_process):
    await shop_process.database.durable.rules.insert_one(
        {"_id": "0", "name": "Later", "enabled": True, "trigger": "full_moon", "position": 0}
    )
    await shop_process.greet()
    conversation = await shop_process.receive()
    assert await shop_process.bot_texts(conversation["_id"]) == ["Welcome!"]


class Commands(monitoring.CommandListener):
    """Counts what is asked of the database."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:  # noqa: ARG002  # The driver's signature.
        self.count += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:  # noqa: ARG002  # The same.
        return

    def failed(self, event: monitoring.CommandFailedEvent) -> None:  # noqa: ARG002  # The same.
        return


async def test_without_an_enabled_rule_a_thousand_messages_ask_the_database_almost_nothing(
    shop_process, databases, redis
):
    await shop_process.greet(enabled=False)
    await shop_process.receive()
    commands = Commands()
    counted = connect(databases.mongodb_url, shop_process.database.name, listeners=(commands,))
    process = type(shop_process)(counted, redis)
    for _ in range(500):
        for event in shop_process.announced:
            await process.bus.announce(event)
    assert commands.count <= 6, "the rules and the settings, once a second"
    counted.close()


async def test_a_customer_is_told_their_place_and_how_long_it_may_last(shop_process):
    text = {"en": "Place {{ queue.place }}, about {{ queue.minutes }} min"}
    await shop_process.greet(actions=[{"type": "reply", "text": text}])
    rows = shop_process.database.durable.conversations
    for number in range(5):
        given = await shop_process.receive(external_id=f"given {number}")
        at = now() - timedelta(minutes=10 - number * 2)
        await rows.update_one({"_id": given["_id"]}, {"$set": {"assignee_id": "mary", "assignment": {"at": at}}})
    ann = await shop_process.receive(external_id="ann")
    bob = await shop_process.receive(external_id="bob")
    assert await shop_process.bot_texts(ann["_id"]) == ["Place 1, about 3 min"]
    assert await shop_process.bot_texts(bob["_id"]) == ["Place 2, about 5 min"]


async def test_what_is_not_known_of_the_queue_is_not_said_and_the_rest_is(shop_process):
    texts = ("About {{ queue.minutes }} min", "Place {{ queue.place }}")
    await shop_process.greet(actions=[{"type": "reply", "text": text} for text in texts])
    conversation = await shop_process.receive()
    assert await shop_process.bot_texts(conversation["_id"]) == ["Place 1"]


async def test_a_blank_that_nobody_can_fill_in_is_refused_when_the_rule_is_written(shop_process):
    with pytest.raises(Invalid, match=r"queue\.length") as refused:
        await shop_process.greet(actions=[{"type": "reply", "text": "{{ queue.length }}"}])
    assert refused.value.field.startswith("actions.0.text")


class Deaf(Skill):
    """A skill that no message concerns."""

    name = "order_status"
    triggers = frozenset({"message_received"})

    async def heeds(self, occasion: Occasion, settings: BotSettings) -> bool:  # noqa: ARG002  # It is never.
        return False

    async def hear(self, occasion: Occasion, settings: BotSettings) -> bool:  # noqa: ARG002  # The same.
        raise AssertionError("it was not its business")


async def test_what_is_no_skills_business_asks_the_database_nothing(shop_process, databases, redis):
    await shop_process.receive()
    commands = Commands()
    counted = connect(databases.mongodb_url, shop_process.database.name, listeners=(commands,))
    process = type(shop_process)(counted, redis, skills=(Deaf(),))
    for _ in range(500):
        for event in shop_process.announced:
            await process.bus.announce(event)
    assert commands.count <= 6, "the rules and the settings, once a second"
    counted.close()


class Broken(Deaf):
    """A skill with a fault."""

    async def heeds(self, occasion: Occasion, settings: BotSettings) -> bool:  # noqa: ARG002  # It is always.
        return True

    async def hear(self, occasion: Occasion, settings: BotSettings) -> bool:  # noqa: ARG002  # It breaks before.
        raise RuntimeError("a fault")


async def test_the_fault_of_a_skill_silences_no_rule(shop_process, other_process):
    await shop_process.greet(trigger="message_received")
    broken = type(shop_process)(shop_process.database, shop_process.redis, shop_process.channel_id, skills=(Broken(),))
    conversation = await broken.receive("Hi")
    assert await broken.bot_texts(conversation["_id"]) == ["Welcome!"]
