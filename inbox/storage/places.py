"""Places in the order of time: a sort key, and an id where two have the same."""

from typing import TypeAlias

from inbox.storage.database import Document

Place: TypeAlias = tuple[str, str]
"""`sort` and `_id` of a document."""


def standing_before(place: Place | None) -> Document:
    """The condition for documents that stand before a place; for all of them where there is none."""
    if place is None:
        return {}
    sort, key = place
    return {"$or": [{"sort": {"$lt": sort}}, {"sort": sort, "_id": {"$lt": key}}]}
