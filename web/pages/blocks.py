"""What a card shows besides the customer, beside a thread and on the customer's own page."""

import asyncio
from typing import Any

from inbox.model.people import Viewer
from web.pages.desk import Desk

FILES = {"media": 9, "files": 5}
"""How many files of each sort the card shows at once."""


async def card_blocks(desk: Desk, viewer: Viewer, customer_id: str) -> dict[str, Any]:
    """Everything that the blocks of a card are made of, as their templates name it."""
    (cases, same, orders, tasks), (fields, notes, media, files) = await asyncio.gather(
        asyncio.gather(
            desk.cases(viewer, customer_id),
            desk.same_person(customer_id),
            desk.orders(customer_id),
            desk.tasks(viewer, customer_id=customer_id),
        ),
        asyncio.gather(
            desk.customer_fields(),
            desk.customer_notes(customer_id),
            files_page(desk, viewer, customer_id, "media", None),
            files_page(desk, viewer, customer_id, "files", None),
        ),
    )
    parcels = await desk.parcels([order["id"] for order in orders["orders"]])
    return {
        "cases": cases,
        "same": same,
        "orders": orders,
        "parcels": parcels,
        "tasks": tasks,
        "fields": fields,
        "notes": notes,
        "gallery": {"media": media, "files": files},
    }


async def files_page(desk: Desk, viewer: Viewer, customer_id: str, type_: str, cursor: str | None) -> dict[str, Any]:
    """A page of a customer's files: `rows` and the `cursor` of the next one."""
    rows, following = await desk.files(viewer, customer_id, type_, cursor, FILES[type_])
    return {"rows": rows, "cursor": following}
