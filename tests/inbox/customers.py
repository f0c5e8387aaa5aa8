"""Customers of a house whose workers sleep: on which channels they are, what they wrote, what they ordered."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from inbox.model.conversation import arrived, new_conversation
from inbox.model.ids import new_id, now, sort_key
from inbox.model.incoming import Person
from inbox.model.orders import Item, OrderSnapshot
from inbox.model.people import Author
from inbox.storage.conversations import closing
from inbox.storage.database import Document
from inbox.storage.people import PeopleStore, Sighting
from web.house import House

ANN = Author(type="manager", id="m1", name="Ann")

SETTINGS: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {
    "telegram": ({}, {"token": "123456789:AAF-0123abcdefghijklmnopqrstuvwxyz0", "secret_token": "telegram-secret"}),
    "viber": ({"sender_name": "Crafts"}, {"token": "4f00000000000000-0000000000000000-000000000000000"}),
    "instagram": (
        {"account_id": "17841400000000001"},
        {"access_token": "IGAA0123456789abcdef", "app_secret": "0" * 32, "verify_token": "verify-me"},
    ),
    "email": ({"address": "hello@shop.example"}, {"smtp_url": "smtp://hello:secret@127.0.0.1:1"}),
}
"""The open and the secret settings of an account of each kind."""


async def channel(house: House, kind: str = "telegram", **fields: Any) -> str:
    """A connected account; nobody is asked whether it exists."""
    shown, secret = SETTINGS[kind]
    present = now()
    row = {
        "_id": new_id(),
        "kind": kind,
        "name": f"Our {kind}",
        "settings": shown,
        "sealed": house.box.seal(secret),
        "state": "connected",
        "state_reason": "",
        "state_since": present,
        "held": False,
        "created_at": present,
        "changed_at": present,
        **fields,
    }
    await house.database.durable.channels.insert_one(row)
    await house.channels.all()
    return str(row["_id"])


async def customer(house: House, *channels: str, wrote: timedelta = timedelta(hours=1), **card: Any) -> str:
    """A card with an identity on each channel, which wrote there so long ago; `card` are fields of the card."""
    people = PeopleStore(house.database)
    key = new_id()
    at = now() - wrote
    kinds = {row["_id"]: row["kind"] for row in await house.channels.all()}
    await people.insert_customer(
        {
            "_id": key,
            "name": "Oksana",
            "phones": [],
            "emails": [],
            "tags": [],
            "fields": {},
            "language": "en",
            "last_manager_id": None,
            "created_at": at,
            "updated_at": at,
            **card,
        }
    )
    for channel_id in channels:
        person = Person(external_id=f"{new_id()}@example.com", name="Oksana")
        sighting = Sighting(channel_id=channel_id, kind=kinds[channel_id], person=person, at=at, customer_id=key)
        await people.resolve({sighting.identity_id: sighting}, ensure_cards=False)
        await people.note_inbound({sighting.identity_id: at})
    return key


async def case(house: House, customer_id: str, channel_id: str, *, closed: timedelta | None = None) -> Document:
    """A conversation in which the customer wrote once; closed so long ago, or open."""
    at = now() - (closed or timedelta()) - timedelta(hours=1)
    made = new_conversation(new_id(), customer_id=customer_id, channel_id=channel_id, at=at)
    message = {
        "_id": new_id(),
        "conversation_id": made["_id"],
        "customer_id": customer_id,
        "channel_id": channel_id,
        "direction": "in",
        "author": {"type": "customer", "id": customer_id, "name": "Oksana", "machine": False},
        "text": "Hello",
        "content": None,
        "attachments": [],
        "state": "received",
        "sort": sort_key(at),
        "sent_at": at,
        "received_at": at,
        "created_at": at,
        "reactions": [],
    }
    made |= arrived(made, [message])
    if closed is not None:
        made |= closing(now() - closed)
    await house.database.durable.messages.insert_one(message)
    await house.database.durable.conversations.insert_one(made)
    return made


async def order(house: House, customer_id: str | None, number: str = "1001", **facts: Any) -> str:
    """A new order of theirs; its id. Making it tells nobody."""
    items = (Item(name="Mug", quantity=2, price="150.00"),)
    shown = OrderSnapshot(
        number=number, status="new", items=items, total="300.00", currency="UAH", customer_id=customer_id, **facts
    )
    made, new = await house.orders.put(ANN, shown)
    assert new
    return str(made["_id"])


async def notices_said(house: House) -> list[Document]:
    """Every message that tells of an order, oldest first."""
    return await house.database.durable.messages.find({"notice": {"$exists": True}}).sort("sort", 1).to_list(None)
