import asyncio
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.model.ids import new_id, sort_key
from inbox.storage.messages import MessageStore
from inbox.storage.outbox import OutboxStore
from tests.inbox.arrivals import at

on_the_database = settings(
    max_examples=25,
    deadline=None,  # A shared machine pauses as it likes.
    suppress_health_check=[
        HealthCheck.function_scoped_fixture
    ],  # Examples meet no other's: each has a channel of its own.
)


@pytest.fixture
def messages(database):
    return MessageStore(database)


def message(channel: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "_id": f"{channel}-m{number}",
        "conversation_id": f"{channel}-k",
        "customer_id": f"{channel}-u",
        "channel_id": channel,
        "external_ids": [f"{number}"],
        "direction": "in",
        "author": {"type": "customer", "id": "u", "name": "Ann"},
        "text": f"message {number}",
        "entities": [],
        "content": None,
        "attachments": [],
        "reply_to": None,
        "state": "received",
        "error": None,
        "sort": sort_key(at(number), number),
        "sent_at": at(number),
        "received_at": at(number),
        "created_at": at(number),
        "edited_at": None,
        "deleted_at": None,
        "reactions": [],
        **fields,
    }


def part(channel: str, number: int, text: str = "") -> dict[str, Any]:
    """One picture of an album of three."""
    return message(
        channel,
        number,
        _id=f"{channel}-album",
        text=text,
        sort=sort_key(at(1), number),
        attachments=[{"id": f"{channel}-f{number}", "type": "photo", "part": f"{number}", "name": ""}],
    )


@on_the_database
@given(order=st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=9))
async def test_an_albums_parts_make_one_message_in_any_order_and_repetition(messages, order):
    channel = new_id()
    for number in order:
        await messages.join_album(part(channel, number, "Which one?" if number == 2 else ""))
    joined = await messages.get(f"{channel}-album")
    there = sorted(set(order))
    assert joined["external_ids"] == [f"{number}" for number in there]
    assert [file["part"] for file in joined["attachments"]] == [f"{number}" for number in there]
    assert joined["text"] == ("Which one?" if 2 in there else "")
    assert joined["sort"] == sort_key(at(1), there[0])


async def test_an_albums_parts_may_come_all_at_once(messages, database):
    for channel in ("c1", "c2", "c3"):
        parts = [part(channel, number) for number in range(1, 9)]
        await asyncio.gather(*(MessageStore(database).join_album(each) for each in parts * 2))
        whole = await messages.get(f"{channel}-album")
        assert [file["part"] for file in whole["attachments"]] == [f"{number}" for number in range(1, 9)]


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
async def test_captions_of_several_parts_are_all_kept_in_their_order(messages, order):
    for number in order:
        mark = {"type": "bold", "offset": 0, "length": 2}
        caption = {"text": ["", "First 😀", "", "Third"][number], "entities": [mark] if number == 3 else []}
        await messages.join_album({**part("c1", number), **caption})
    joined = await messages.get("c1-album")
    assert joined["text"] == "First 😀\nThird"
    assert joined["entities"] == [{"type": "bold", "offset": 9, "length": 2}]


async def test_an_edited_caption_stays_when_another_part_comes(messages):
    await messages.join_album(part("c1", 1, "Old"))
    await messages.hold_changes([edit("c1", 5)])
    await messages.settle_changes("c1", ["1"])
    assert (await messages.join_album(part("c1", 2)))["text"] == "edited 5"


def caption(number: int, second: int, text: str) -> dict[str, Any]:
    """The album's part `number` says this from a second on."""
    return {**edit("c1", second), "_id": new_id(), "external_id": f"{number}", "text": text}


@pytest.mark.parametrize("order", list(permutations([0, 1, 2])))
async def test_a_caption_that_is_taken_away_is_gone_and_those_of_other_parts_stay(messages, order):
    for number, text in ((1, "Old"), (2, ""), (3, "Other")):
        await messages.join_album(part("c1", number, text))
    changes = [caption(1, 5, "New"), caption(1, 6, ""), caption(2, 4, "Second")]
    for place in order:
        await messages.hold_changes([changes[place]])
        await messages.settle_changes("c1", ["1", "2"])
    whole = await messages.get("c1-album")
    assert (whole["text"], whole["edited_at"]) == ("Second\nOther", at(6))
    await messages.hold_changes([caption(2, 8, ""), caption(3, 9, "")])
    await messages.settle_changes("c1", ["2", "3"])
    assert (await messages.get("c1-album"))["text"] == ""
    again = await messages.join_album(part("c1", 3, "Other"))
    assert again["text"] == "", "a repeated event brings nothing back"


async def test_a_files_name_is_no_instruction_to_the_database(messages):
    for number, name in ((1, "$100 off.pdf"), (2, "$$ROOT"), (3, "$")):
        sent = part("c1", number)
        sent["attachments"][0]["name"] = name
        await messages.join_album(sent)
    joined = await messages.get("c1-album")
    assert [file["name"] for file in joined["attachments"]] == ["$100 off.pdf", "$$ROOT", "$"]


async def test_a_part_that_repeats_does_not_undo_what_was_fetched(messages):
    await messages.join_album(part("c1", 1))
    await messages.set_attachment("c1-f1", "c1-album", {"state": "stored", "size": 5})
    joined = await messages.join_album(part("c1", 1))
    assert [(file["state"], file["size"]) for file in joined["attachments"]] == [("stored", 5)]


async def test_a_part_that_comes_after_another_was_fetched_leaves_it_as_it_is(messages):
    await messages.join_album(part("c1", 2))
    await messages.set_attachment("c1-f2", "c1-album", {"state": "stored"})
    joined = await messages.join_album(part("c1", 1))
    assert [(file["part"], file.get("state")) for file in joined["attachments"]] == [("1", None), ("2", "stored")]


async def test_inserting_says_what_was_there(messages):
    assert await messages.insert([message("c", 1), message("c", 2)]) == set()
    assert await messages.insert([message("c", 2), message("c", 3)]) == {"c-m2"}
    assert set(await messages.existing(["c-m1", "c-m3", "c-m4"])) == {"c-m1", "c-m3"}


def change(channel: str, number: int, type_: str, second: int, **fields: Any) -> dict[str, Any]:
    return {
        "_id": f"{channel}-{number}-{type_}-{second}",
        "channel_id": channel,
        "external_id": f"{number}",
        "type": type_,
        "at": at(second),
        "person": "ann",
        **fields,
    }


def edit(channel: str, second: int, number: int = 1) -> dict[str, Any]:
    return change(channel, number, "edited", second, text=f"edited {second}", entities=[])


def reaction(channel: str, second: int, *emoji: str, person: str = "ann") -> dict[str, Any]:
    return {**change(channel, 1, "reaction", second, emoji=list(emoji)), "person": person, "_id": new_id()}


def receipt(channel: str, second: int, state: str) -> dict[str, Any]:
    return change(channel, 1, "receipt", second, state=state, error="unknown number" if state == "failed" else "")


MESSAGE = "message"
steps = st.permutations([MESSAGE, "edit 5", "edit 7", "react 4", "react 6", "unreact 8", "delete 9"]).flatmap(
    lambda order: st.lists(st.sampled_from(order), max_size=5).map(lambda again: [*order, *again])
)


def _change_of(step: str, channel: str) -> dict[str, Any]:
    what, _, second = step.partition(" ")
    made = {
        "edit": lambda: edit(channel, int(second)),
        "react": lambda: change(channel, 1, "reaction", int(second), emoji=["👍"]),
        "unreact": lambda: change(channel, 1, "reaction", int(second), emoji=[]),
        "delete": lambda: change(channel, 1, "deleted", int(second)),
    }
    return made[what]()


async def _take(messages: MessageStore, step: str, channel: str) -> None:
    """One step as ingest does it: store or hold first, then bring together."""
    if step == MESSAGE:
        await messages.insert([message(channel)])
    else:
        await messages.hold_changes([_change_of(step, channel)])
    await messages.settle_changes(channel, ["1"])


@on_the_database
@given(order=steps, parallel=st.booleans())
async def test_changes_and_their_message_meet_in_any_order_and_repetition(messages, database, order, parallel):
    channel = new_id()
    if parallel:
        await asyncio.gather(*(_take(messages, step, channel) for step in order))
    else:
        for step in order:
            await _take(messages, step, channel)
    found = await messages.get(f"{channel}-m1")
    assert found["deleted_at"] == at(9)
    assert [mark["emoji"] for mark in found["reactions"]] == [""]
    assert await database.durable.early_changes.count_documents({"channel_id": channel}) == 0


@on_the_database
@given(
    order=st.permutations([MESSAGE, "edit 5", "edit 7", "edit 6", "react 4"]),
    again=st.sampled_from(["edit 5", "edit 6"]),
)
async def test_the_latest_edit_stands(messages, order, again):
    channel = new_id()
    for step in [*order, again]:
        await _take(messages, step, channel)
    found = await messages.get(f"{channel}-m1")
    assert (found["text"], found["edited_at"]) == ("edited 7", at(7))
    assert [mark["emoji"] for mark in found["reactions"]] == ["👍"]


async def test_each_person_has_reactions_of_their_own(messages):
    await messages.insert([message("c")])
    await messages.hold_changes([reaction("c", 4, "👍", "🔥"), reaction("c", 3, "❤", person="bob")])
    (found,) = await messages.settle_changes("c", ["1"])
    marks = {(mark["by"], mark["emoji"]) for mark in found["reactions"]}
    assert marks == {("ann", "👍"), ("ann", "🔥"), ("bob", "❤")}


async def test_what_a_customer_writes_is_no_instruction_to_the_database(messages):
    await messages.insert([message("c")])
    dangerous = change("c", 1, "edited", 5, text="$text", entities=[{"type": "$$ROOT", "offset": 0, "length": 1}])
    await messages.hold_changes([dangerous, reaction("c", 5, "$text")])
    (found,) = await messages.settle_changes("c", ["1"])
    assert found["text"] == "$text"
    assert found["entities"] == [{"type": "$$ROOT", "offset": 0, "length": 1}]
    assert found["reactions"][0]["emoji"] == "$text"
    joined = await messages.join_album(part("c", 3, "$text"))
    assert joined["text"] == "$text"
    assert (await messages.join_album(part("c", 4, "$$ROOT")))["text"] == "$text\n$$ROOT"


async def test_a_change_reaches_only_its_own_channel(messages):
    await messages.insert([message("c1"), message("c2")])
    await messages.hold_changes([edit("c1", 5)])
    await messages.settle_changes("c1", ["1"])
    await messages.settle_changes("c2", ["1"])
    assert [(await messages.get(f"{channel}-m1"))["text"] for channel in ("c1", "c2")] == ["edited 5", "message 1"]


@on_the_database
@given(order=st.permutations(["delivered", "read", "delivered"]))
async def test_a_receipt_never_goes_back(messages, order):
    channel = new_id()
    await messages.insert([message(channel, direction="out", state="sent")])
    for second, state in enumerate(order):
        await messages.hold_changes([receipt(channel, second, state)])
        await messages.settle_changes(channel, ["1"])
    assert (await messages.get(f"{channel}-m1"))["state"] == "read"


@pytest.mark.parametrize(
    ("present", "told", "state", "error"),
    [
        ("sending", "delivered", "delivered", None),
        ("uncertain", "delivered", "delivered", None),
        ("sent", "failed", "failed", "unknown number"),
        ("failed", "delivered", "delivered", None),
        ("delivered", "failed", "delivered", None),
        ("read", "delivered", "read", None),
        ("uncertain", "failed", "failed", "unknown number"),
    ],
)
async def test_what_a_receipt_makes_of_each_state(messages, present, told, state, error):
    await messages.insert([message("c", direction="out", state=present)])
    await messages.hold_changes([receipt("c", 5, told)])
    (found,) = await messages.settle_changes("c", ["1"])
    assert (found["state"], found["error"]) == (state, error)


async def test_a_receipt_that_beat_our_own_note_is_not_taken_back(messages, database):
    ours = message("c", direction="out", state="sending")
    del ours["external_ids"]
    await messages.insert([ours])
    await messages.hold_changes([receipt("c", 5, "read")])
    assert await messages.settle_changes("c", ["1"]) == []
    outbox = OutboxStore(database)
    await outbox.put([row(1)])
    await outbox.sent(row(1), ["1"])
    await messages.settle_changes("c", ["1"])
    assert (await messages.get("c-m1"))["state"] == "read"


def ours(number: int, **fields: Any) -> dict[str, Any]:
    drafted = message("c", number, direction="out", state="queued", **fields)
    del drafted["external_ids"]
    return drafted


def row(number: int) -> dict[str, Any]:
    return {
        "_id": f"r{number}",
        "message_id": f"c-m{number}",
        "channel_id": "c",
        "lane": "l",
        "order": f"{number}",
        "live": True,
        "state": "queued",
        "error": None,
    }


async def test_a_known_client_token_gives_the_first_message_and_no_second_row(messages, database):
    drafts = [(ours(number, client_token="t"), [row(number)]) for number in range(10)]
    posted = await asyncio.gather(*(messages.post(*draft) for draft in drafts))
    assert len({found["_id"] for found, _ in posted}) == 1
    assert [created for _, created in posted].count(True) == 1
    (sent,) = await database.durable.outbox.find().to_list(None)
    assert sent["message_id"] == posted[0][0]["_id"]


async def test_a_message_and_its_rows_are_stored_both_or_neither(messages, database):
    await database.durable.outbox.insert_one(row(1))
    with pytest.raises(Exception, match=r"E11000|client_token"):
        await messages.post(ours(1), [row(1)])
    assert await messages.get("c-m1") is None


async def test_a_thread_is_paged_newest_first(messages):
    await messages.insert([message("c", number) for number in range(1, 8)])
    newest = await messages.thread("c-k", None, 3)
    older = await messages.thread("c-k", newest[-1]["sort"], 10)
    assert [found["text"] for found in newest + older] == [f"message {number}" for number in range(7, 0, -1)]
