"""Other bots are told from customers."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.loops import answers_like_a_machine
from inbox.model.ids import now

BEGAN = now()


def said(direction, text, seconds, *, author="customer", content=None):
    at = BEGAN + timedelta(seconds=seconds)
    return {
        "direction": direction,
        "author": {"type": author},
        "text": text,
        "content": content,
        "attachments": [],
        "received_at": at,
        "created_at": at,
    }


def exchange(answers, *, pause=60.0, delay=0.3):
    """Every message of theirs is answered by our bot, and theirs come `pause` seconds after that; newest first."""
    thread, at = [], 0.0
    for number, answer in enumerate(answers):
        message = said("in", *answer) if isinstance(answer, tuple) else said("in", answer, at)
        thread += [message, said("out", f"Our answer {number}", at + delay, author="bot")]
        at += delay + pause
    return thread[::-1][1:]


def how_much_we_say(answers, **times):
    """How many things the bot says before it leaves off, where they go on for ever."""
    for number in range(1, len(answers) + 1):
        if answers_like_a_machine(exchange(answers[:number], **times)):
            return number - 1
    return len(answers)


def test_a_machine_that_repeats_itself_hears_three_things_at_most():
    assert how_much_we_say(["Thank you for your message!"] * 20, pause=30) <= 3


def test_a_machine_that_answers_at_once_hears_three_things_at_most():
    assert how_much_we_say([f"Ticket {number} was created" for number in range(20)], pause=0.2) <= 3


def test_a_machine_that_takes_its_time_for_long_answers_hears_three_things_at_most():
    long = "We have received your message and will answer it within two working days, number "
    assert how_much_we_say([f"{long}{number}" for number in range(20)], pause=2.5) <= 3


def test_an_echo_hears_three_things_at_most():
    thread = [said("in", "Hi", 0)]
    for number in range(10):
        thread.insert(0, said("out", f"Our answer {number}", 60 * number + 1, author="bot"))
        thread.insert(0, said("in", f"OUR  answer {number}", 60 * number + 60))
        if answers_like_a_machine(thread):
            break
    assert number <= 2


def test_who_says_it_once_more_is_no_machine():
    assert not answers_like_a_machine(exchange(["Where is my order?", "Where is my order?"]))


def test_who_asks_the_same_every_hour_is_no_machine():
    assert how_much_we_say(["Where is my order?"] * 10, pause=3600) == 10


def test_buttons_are_pressed_quickly():
    pressed = [("Yes", number * 0.7) for number in range(10)]
    thread = exchange(pressed, pause=0.4)
    for message in thread:
        message["content"] = {"type": "button", "data": "yes"} if message["direction"] == "in" else None
    assert not answers_like_a_machine(thread)


def test_a_manager_who_wrote_begins_the_count_anew():
    thread = exchange(["Same"] * 3, pause=30)
    assert answers_like_a_machine(thread)
    assert not answers_like_a_machine([*thread, said("out", "Hello!", 59, author="manager")])


@given(
    st.lists(
        st.tuples(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40), st.floats(0.0, 3.0)),
        min_size=2,
        max_size=15,
        unique_by=lambda fragment: fragment[0].casefold(),
    )
)
def test_who_types_fast_is_no_machine(fragments):
    """Twelve characters a second is as fast as the best typists; our answer takes a third of a second."""
    at, thread = 0.0, list[dict[str, Any]]()
    for number, (text, thinking) in enumerate(fragments):
        at += max(len(text) / 12, 1.4) + thinking
        thread.insert(0, said("in", text, at))
        thread.insert(0, said("out", f"Our answer {number}", at + 0.3, author="bot"))
    assert not answers_like_a_machine(thread[1:])
