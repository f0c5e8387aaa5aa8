"""What happens to one message ends the same in whatever order its provider tells it, and however often."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from inbox.model.incoming import Incoming
from tests.channels.examples import EXAMPLES
from tests.inbox.orders import outcome
from web.house import House

STORIES = [(name, whose) for name, example in EXAMPLES.items() for whose in example.stories()]


async def alone(house: House, story: Sequence[Incoming]) -> dict[str, Any]:
    """What a story ends in where nothing else ever happened: some kinds know a message on another channel again."""
    stored = house.database.durable
    for name in ("messages", "conversations", "identities", "customers", "early_changes"):
        await stored[name].delete_many({})
    return await outcome(house.database, house.ingest, story)


@pytest.mark.parametrize(("name", "whose"), STORIES, ids=lambda value: value)
async def test_each_order_ends_the_same(house, name, whose):
    story = EXAMPLES[name].stories()[whose]
    expected = await alone(house, story)
    assert len(expected["messages"]) == 1
    assert expected["early"] == 0
    for order in itertools.permutations(story):
        assert await alone(house, [*order, order[0]]) == expected
