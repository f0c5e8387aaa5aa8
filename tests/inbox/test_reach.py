"""Who an answer goes to, where several of a customer's identities are on one channel."""

from datetime import timedelta

import pytest

from inbox.model.ids import now
from inbox.reach import addressee

OLD, NEW = now() - timedelta(days=1), now()


def identity(key, *, at=OLD, reachable=True, joined=None):
    return {"_id": key, "created_at": at, "reachable": reachable, "joined": joined}


@pytest.mark.parametrize(
    ("identities", "wrote_last", "chosen"),
    [
        ([identity("a"), identity("b", at=NEW)], "", "b"),
        ([identity("a"), identity("b", at=NEW)], "a", "a"),
        ([identity("a"), identity("b", at=NEW, joined="answer")], "", "a"),
        ([identity("a"), identity("b", at=NEW, joined="answer")], "b", "b"),
        ([identity("a"), identity("b", at=NEW, reachable=False)], "b", "a"),
        ([identity("a", reachable=False), identity("b", joined="answer")], "", "b"),
    ],
)
def test_who_wrote_last_then_who_is_confirmed_then_the_newest_of_those_who_can_be_reached(
    identities, wrote_last, chosen
):
    assert addressee(identities, wrote_last)["_id"] == chosen
    assert addressee(identities[::-1], wrote_last)["_id"] == chosen
