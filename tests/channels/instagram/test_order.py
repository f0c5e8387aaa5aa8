"""What happens to one message ends the same in whatever order Meta tells it, and however often."""

import itertools
import json
from typing import Any

import pytest

from tests.flow import Shop, until
from tests.meta import connected_account

START = 1_760_000_000_000

THEIRS: dict[str, Any] = {
    "message": {"message": {"mid": "m", "text": "Превіт"}},
    "edit": {"message_edit": {"mid": "m", "text": "Привіт", "num_edit": 1}},
    "edit again": {"message_edit": {"mid": "m", "text": "Привіт!", "num_edit": 2}},
    "unsend": {"message": {"mid": "m", "is_deleted": True}},
}
OURS: dict[str, Any] = {
    "echo": {"message": {"mid": "m", "text": "Вітаю", "is_echo": True}},
    "reaction": {"reaction": {"mid": "m", "action": "react", "reaction": "love", "emoji": "❤"}},
    "reaction taken back": {"reaction": {"mid": "m", "action": "unreact"}},
    "read": {"read": {"mid": "m"}},
}
SHOWN = ("direction", "text", "state", "reactions", "edited_at", "deleted_at", "sent_at")


ENDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (THEIRS, {"direction": "in", "text": "Привіт!", "state": "received", "reactions": []}),
    (OURS, {"direction": "out", "text": "Вітаю", "state": "read", "reactions": []}),
]


@pytest.mark.parametrize(("happenings", "end"), ENDS, ids=["a customer's", "the shop's"])
async def test_each_order_ends_the_same(shop: Shop, happenings: dict[str, Any], end: dict[str, Any]):
    account, _ = await connected_account(shop)
    orders = list(itertools.permutations(happenings))
    for number, order in enumerate(orders):
        for name in (*order, order[0]):  # The first comes twice.
            assert (
                await account.post(batch(account.id, f"77{number:04d}", list(happenings).index(name), happenings[name]))
                == 200
            )
    await shop.settled()
    conversations = await until(lambda: all_of(shop, len(orders)))
    ends = [
        [{name: found[name] for name in SHOWN} for found in await shop.messages(one["id"])] for one in conversations
    ]
    [first] = ends[0]
    assert {name: first[name] for name in end} == end
    assert bool(first["deleted_at"]) is ("unsend" in happenings)
    assert [other for other in ends if other != [first]] == []


async def all_of(shop: Shop, count: int) -> list[dict[str, Any]] | None:
    found = await shop.conversations()
    return found if len(found) == count else None


def batch(account_id: str, customer_id: str, moment: int, happening: dict[str, Any]) -> bytes:
    """One event; message ids are the customer's own, for orders must not meet."""
    [(name, fields)] = happening.items()
    ends = [{"id": customer_id}, {"id": account_id}]
    sender, recipient = reversed(ends) if fields.get("is_echo") else ends
    event = {
        "sender": sender,
        "recipient": recipient,
        "timestamp": START + moment * 1000,
        name: fields | {"mid": f"m{customer_id}"},
    }
    return json.dumps(
        {"object": "instagram", "entry": [{"id": account_id, "time": START, "messaging": [event]}]}
    ).encode()
