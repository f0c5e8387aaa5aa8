"""A number as an answer to numbered buttons: the same press whenever and however often it is read."""

from datetime import datetime

import msgspec
import pytest

from inbox.model.ids import now
from inbox.model.people import Author
from inbox.presses import number_in
from inbox.replies import Draft
from tests.inbox.arrivals import accepted, at, said, work_off

MARY = Author(type="manager", id="mary", name="Mary")
BUTTONS = (("Yes", "yes"), ("No", "no"))


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), (" 2. ", 2), ("№ 2", 2), ("#2", 2), ("(2)", 2), ("2\ufe0f\u20e3", 2), ("12!", 12)],
)
def test_a_number_is_read_however_it_is_written(text, number):
    assert number_in(text) == number


@pytest.mark.parametrize("text", ["", "two", "2 boxes", "2 3", "123", "-", "2\n\nSent from my phone"])
def test_what_is_not_only_a_number_is_none(text):
    assert number_in(text) is None


@pytest.fixture
async def asked(floor):
    """A conversation in which two buttons were offered, on a channel that has none."""
    channel_id = await floor.connect()
    await work_off(floor.ingest, [accepted(said(1), channel_id=channel_id)])
    row = await floor.database.durable.conversations.find_one({})
    message, _ = await floor.replies.post(row["_id"], Draft(text="Ready?", buttons=BUTTONS), author=MARY)
    return channel_id, row["_id"], message


async def answer(floor, channel_id: str, text: str, *, written: datetime | None = None):
    """What the customer's answer is stored as, written now unless `written` says when."""
    event = msgspec.structs.replace(said(2, text), sent_at=written or now())
    await work_off(floor.ingest, [accepted(event, channel_id=channel_id)])
    found = await floor.messages.external_to_ids(channel_id, [event.external_id])
    return found[event.external_id]


async def test_the_buttons_went_out_as_numbered_lines(floor, asked):
    assert asked[2]["text"] == "Ready?\n1. Yes\n2. No"
    assert asked[2]["numbered"] is True


async def test_a_number_is_a_press_of_that_button(floor, asked):
    channel_id, _, message = asked
    pressed = await answer(floor, channel_id, "2")
    assert (pressed["content"]["type"], pressed["content"]["data"]) == ("button", "no")
    assert (pressed["text"], pressed["reply_to"]) == ("2", message["_id"])
    again = await answer(floor, channel_id, "2")
    assert (again["_id"], again["content"]) == (pressed["_id"], pressed["content"])


@pytest.mark.parametrize("text", ["3", "0", "Yes", "2 please"])
async def test_anything_else_is_only_text(floor, asked, text):
    assert (await answer(floor, asked[0], text))["content"] is None


async def test_only_the_last_thing_that_we_said_is_answered(floor, asked):
    channel_id, case, _ = asked
    await floor.replies.post(case, Draft(text="Never mind"), author=MARY)
    assert (await answer(floor, channel_id, "2"))["content"] is None


async def test_a_number_that_was_written_before_the_question_answers_nothing(floor, asked):
    assert (await answer(floor, asked[0], "2", written=at(2)))["content"] is None
