"""Over which channels a customer can be answered."""

from datetime import timedelta

import pytest

from inbox.model.ids import now
from tests.web.pages.shop import channel, customer, identity
from web.pages.ways import ways

CHANNELS = {"tg": channel("tg", "telegram", "Telegram", "Shop"), "vb": channel("vb", "viber", "Viber", "Viber")}
PAST = now() - timedelta(hours=1)


def obstacle(change=None, **fields):
    channels = {"tg": {**CHANNELS["tg"], **(change or {})}}
    (way,) = ways(customer("c", "Ann", identity("tg", "telegram", "ann", **fields)), channels)
    return way.obstacle


@pytest.mark.parametrize(
    ("change", "fields", "expected"),
    [
        ({}, {}, ""),
        ({}, {"reachable": False}, "blocked"),
        ({}, {"window_until": PAST}, "window"),
        ({}, {"window_until": PAST, "person_window_until": now() + timedelta(hours=1)}, ""),
        ({}, {"unanswered_left": 0}, "unanswered"),
        ({}, {"unanswered_left": 1}, ""),
        ({"state": "disconnected"}, {}, "disconnected"),
        ({"state": "paused"}, {}, ""),
        ({"capabilities": {"text": "receive"}}, {}, "silent"),
    ],
)
def test_what_stands_against_an_answer(change, fields, expected):
    assert obstacle(change, **fields) == expected


def test_each_channel_once_with_whom_an_answer_goes_to():
    both = identity("vb", "viber", "older"), identity("vb", "viber", "newer")
    card = customer("c", "Ann", identity("tg", "telegram", "first"), *both, identity("gone", "telegram", "x"))
    card["answers_to"]["vb"] = both[0]["id"]
    assert [(way.channel["id"], way.called) for way in ways(card, CHANNELS)] == [("tg", "first"), ("vb", "older")]
