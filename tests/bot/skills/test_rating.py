"""One question after a case is closed; what is answered opens nothing."""

from datetime import timedelta

import pytest

from inbox.model.ids import now
from inbox.model.ratings import ANSWERED_WITHIN, answered_by, asked_token, pressed, score_in
from tests.flow import until

QUESTION = "How did we do? 1 is bad, 5 is great."
THANKS = "Thank you for the rating!"


@pytest.mark.parametrize(("text", "score"), [("5", 5), (" 1. ", 1), ("3!", 3)])
def test_a_number_from_one_to_five_alone_is_a_score(text, score):
    assert score_in(text) == score


@pytest.mark.parametrize("text", ["0", "6", "10", "5 stars", "", "five", "²"])
def test_anything_else_is_none(text):
    assert score_in(text) is None


@pytest.mark.parametrize("data", ["rating:c1:1:6", "rating:c1:x:1", "rating:c1:1", "other:c1:1:5", ""])
def test_buttons_of_others_are_no_ratings(data):
    assert pressed(data) is None


def test_a_number_answers_the_question_within_a_day():
    asked_at = now()
    question = {"client_token": asked_token("c1", 2), "created_at": asked_at}
    given = answered_by(question, 4, asked_at + ANSWERED_WITHIN)
    assert given is not None
    assert (given.conversation_id, given.no, given.score) == ("c1", 2, 4)
    assert answered_by(question, 4, asked_at + ANSWERED_WITHIN + timedelta(seconds=1)) is None
    assert answered_by({**question, "client_token": "other"}, 4, asked_at) is None


async def ask_after(shop, chat, *, by=None, answer="Here you are"):
    """A customer writes, somebody answers and closes; returns the conversation's id once the timer is due."""
    by = by or shop.owner
    written = len(await shop.conversations())
    chat.text("Where is it?")
    await shop.settled()
    [conversation_id] = [row["id"] for row in await shop.conversations() if row["status"] != "closed"]
    assert written <= 1
    if answer:
        posted = await by.call("POST", f"/conversations/{conversation_id}/messages", {"text": answer})
        assert posted.status == 201, posted
    closed = await by.call("PATCH", f"/conversations/{conversation_id}", {"status": "closed"})
    assert closed.status == 200, closed
    await hurry(shop)
    return conversation_id


async def hurry(shop):
    """The minutes until the question pass."""
    await shop.house.database.durable.timers.update_many({"kind": "rating.ask"}, {"$set": {"due_at": now()}})
    shop.house.wakeups.ring("timers")


@pytest.fixture
async def rating(shop):
    """A shop that asks for ratings, in English."""
    await shop.owner.call("PATCH", "/settings", {"languages": ["en"], "bot": {"skills": {"rating": True}}})
    await until(lambda: _asks(shop))
    return shop


async def _asks(shop):
    return (await shop.house.rules.playbook()).bot.has("rating")


async def rated(shop, conversation_id):
    return (await shop.owner.get(f"/conversations/{conversation_id}"))["rating"]


async def asked(chat):
    await chat.until(lambda seen: QUESTION in seen.texts())
    [question] = [message for message in chat.seen() if message.text == QUESTION]
    return question


async def no_timer(shop):
    return await shop.house.database.durable.timers.count_documents({"kind": "rating.ask"}) == 0


async def test_one_tap_rates_without_opening_and_is_thanked_once(rating):
    chat = rating.customer()
    conversation_id = await ask_after(rating, chat)
    question = await asked(chat)
    chat.press(question.id, "4")
    await chat.until(lambda seen: THANKS in seen.texts())
    chat.press(question.id, "5")
    await until(lambda: _score_is(rating, conversation_id, 5))
    conversation = await rating.owner.get(f"/conversations/{conversation_id}")
    assert (conversation["status"], conversation["unread"], conversation["waiting_since"]) == ("closed", 0, None)
    assert len(await rating.conversations()) == 1
    assert chat.texts().count(THANKS) == 1


async def _score_is(shop, conversation_id, score):
    told = await rated(shop, conversation_id)
    return told is not None and told["score"] == score


async def test_a_number_rates_as_well_and_any_other_word_opens(rating):
    chat = rating.customer()
    conversation_id = await ask_after(rating, chat)
    await asked(chat)
    chat.text("3")
    await until(lambda: _score_is(rating, conversation_id, 3))
    assert (await rating.owner.get(f"/conversations/{conversation_id}"))["status"] == "closed"
    await chat.until(lambda seen: THANKS in seen.texts())
    chat.text("and another thing")
    await rating.settled()
    assert (await rating.owner.get(f"/conversations/{conversation_id}"))["status"] == "open"


async def test_a_comment_is_one_only_where_the_customer_said_so(rating):
    chat = rating.customer()
    conversation_id = await ask_after(rating, chat)
    chat.press((await asked(chat)).id, "2")
    await chat.until(lambda seen: THANKS in seen.texts())
    chat.press(chat.seen()[-1].id, "Add a comment")
    await chat.until(lambda seen: seen.texts()[-1].startswith("Write it"))
    chat.text("It took long")
    await until(lambda: _comment_is(rating, conversation_id, "It took long"))
    assert (await rating.owner.get(f"/conversations/{conversation_id}"))["status"] == "closed"
    chat.text("Hello?")
    await rating.settled()
    assert (await rating.owner.get(f"/conversations/{conversation_id}"))["status"] == "open"
    assert (await rated(rating, conversation_id))["comment"] == "It took long"


async def _comment_is(shop, conversation_id, comment):
    told = await rated(shop, conversation_id)
    return told is not None and told["comment"] == comment


async def test_nobody_is_asked_again_within_a_month(rating):
    chat = rating.customer()
    await ask_after(rating, chat)
    await asked(chat)
    await ask_after(rating, chat, answer="And here")
    await until(lambda: no_timer(rating))
    assert chat.texts().count(QUESTION) == 1


async def test_who_was_answered_by_nobody_is_not_asked(rating):
    chat = rating.customer()
    await ask_after(rating, chat, answer="")
    assert await no_timer(rating)


async def test_who_wants_no_automatic_messages_is_not_asked(rating):
    chat = rating.customer()
    chat.text("stop")
    await chat.until(lambda seen: len(seen.texts()) == 1)
    await ask_after(rating, chat)
    await until(lambda: no_timer(rating))
    assert QUESTION not in chat.texts()


async def test_a_case_that_was_opened_again_is_not_asked_about(rating):
    chat = rating.customer()
    chat.text("Hi")
    await rating.settled()
    [conversation_id] = [row["id"] for row in await rating.conversations()]
    await rating.owner.call("POST", f"/conversations/{conversation_id}/messages", {"text": "Hello"})
    await rating.owner.call("PATCH", f"/conversations/{conversation_id}", {"status": "closed"})
    chat.text("One more thing")
    await rating.settled()
    await hurry(rating)
    await until(lambda: no_timer(rating))
    assert QUESTION not in chat.texts()


async def test_in_quiet_hours_the_question_waits(rating):
    always = {"enabled": True, "from": "00:00", "to": "23:59"}
    await rating.owner.call("PATCH", "/settings", {"quiet_hours": always, "timezone": "UTC"})
    chat = rating.customer()
    await ask_after(rating, chat)

    async def put_off():
        timer = await rating.house.database.durable.timers.find_one({"kind": "rating.ask"})
        return timer is not None and timer["due_at"] > now() and timer["attempts"] > 0

    await until(put_off)
    assert QUESTION not in chat.texts()


async def test_nobody_rates_for_somebody_else(rating):
    chat, stranger = rating.customer(), rating.customer()
    conversation_id = await ask_after(rating, chat)
    question = await asked(chat)
    stranger.text("Hi")
    await rating.settled()
    forged = stranger.messages[-1]
    forged.keyboard = question.keyboard
    stranger.press(forged.id, "1")
    await rating.settled()
    await until(lambda: _kept(rating))
    assert await rated(rating, conversation_id) is None


async def _kept(shop):
    return await shop.house.database.durable.timers.count_documents({"kind": "rating.given"}) == 0
