"""Places in a list: what it is sorted by, and an id where two have the same."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from inbox.storage.database import Document

Place: TypeAlias = tuple[str, str]
"""`sort` and `_id` of a document."""


def beyond(field: str, place: Sequence[Any] | None, *, direction: int = -1) -> Document:
    """The condition for documents that stand behind a place in a list by `field`, then `_id`; for all where it is None.

    `place` is (value of `field`, id); `direction` is 1 where the list ascends, -1 where it descends.
    """
    if place is None:
        return {}
    value, key = place
    past = "$lt" if direction < 0 else "$gt"
    return {"$or": [{field: {past: value}}, {field: value, "_id": {past: key}}]}


def standing_before(place: Place | None) -> Document:
    """The condition for documents that stand before a place in a conversation; for all of them where it is None."""
    return beyond("sort", place)
