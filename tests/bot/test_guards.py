from datetime import timedelta

import pytest

from bot.guards import MAX_DELAY, silence
from inbox.model.ids import now, sort_key

OPENED = now()


def why(conversation=None, message=None, *, present=OPENED):
    return silence(
        {
            "active": True,
            "opened_at": OPENED,
            "last_reply_sort": "",
            "assignee_id": None,
            "assignment": None,
            **(conversation or {}),
        },
        {"direction": "in", "author": {"machine": False}, "received_at": OPENED, **(message or {})},
        present,
    )


def test_a_customers_fresh_message_is_answered():
    assert why() is None


@pytest.mark.parametrize(
    ("conversation", "message", "reason"),
    [
        ({}, {"direction": "out"}, "only a customer's message"),
        ({}, {"direction": "note"}, "only a customer's message"),
        ({}, {"author": {"machine": True}}, "by a machine"),
        ({"active": False}, {}, "closed"),
        ({"last_reply_sort": sort_key(OPENED + timedelta(milliseconds=1))}, {}, "a manager has written"),
        ({"assignee_id": "m1", "assignment": {"reason": "replied", "by": "Mary"}}, {}, "has taken"),
    ],
)
def test_what_keeps_the_bot_silent(conversation, message, reason):
    silent = why(conversation, message)
    assert silent is not None
    assert reason in silent


def test_what_a_manager_wrote_before_the_conversation_was_opened_again_is_past():
    earlier = {"last_reply_sort": sort_key(OPENED - timedelta(days=1), 99)}
    assert why(earlier) is None


def test_a_manager_whom_routing_chose_has_not_taken_it_yet():
    assert why({"assignee_id": "m1", "assignment": {"reason": "least_loaded", "by": None}}) is None


def test_nobody_holds_what_was_given_back_to_the_queue():
    assert why({"assignment": {"reason": "replied", "by": "Mary"}}) is None


def test_late_is_counted_from_our_receipt_and_not_from_the_providers_clock():
    waited_at_the_provider = {"sent_at": OPENED - timedelta(days=1)}
    assert why(message=waited_at_the_provider, present=OPENED + MAX_DELAY) is None
    assert why(present=OPENED + MAX_DELAY + timedelta(milliseconds=1)) == "the message was received too long ago"
