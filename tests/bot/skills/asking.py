"""Customers of a whole shop who ask where their orders are, and what they see on their phones."""

from datetime import timedelta
from typing import Any

from channels.viber.sandbox import Bot as ViberBot
from inbox.model.ids import now
from tests.flow import Shop, until

NUMBER = "10045"
PHONE = "380671234567"
PARCEL = "20450000000017"
ITEM = "Porcelain teapot"
WHERE = "Where is my order?"

Shown = tuple[str, tuple[tuple[str, str], ...]]
"""A message on a phone: its text, and the buttons under it as (title, data)."""

ORDER: dict[str, Any] = {
    "status": "shipped",
    "items": [{"name": ITEM, "quantity": 2, "price": "771.30"}],
    "total": "1542.60",
    "currency": "UAH",
    "customer": {"phone": f"+{PHONE}", "name": "Oksana Kovalenko"},
    "payment": "paid",
    "delivery": {"carrier": "Nova Poshta", "tracking_number": PARCEL},
}


async def ordered(shop: Shop, number: str = NUMBER, **fields: Any) -> dict[str, Any]:
    """An order; where no card is named it waits for somebody who proves its phone."""
    answer = await shop.owner.call("PUT", f"/orders/{number}", {**ORDER, **fields})
    assert answer.status in (200, 201), answer
    return dict(answer.body)


async def under_way(shop: Shop, order: dict[str, Any], *, days: int = 3, stage: str = "moving") -> str:
    """What the carrier tells of an order's parcel; returns the day on which it is expected, as customers read it."""
    expected = (now() + timedelta(days=days)).date()
    await shop.house.database.durable.parcels.insert_one(
        {
            "_id": order["id"],
            "carrier": "nova_poshta",
            "number": PARCEL,
            "stage": stage,
            "text": "Прямує до відділення №5, Львів",
            "code": "5",
            "expected_on": expected.isoformat(),
            "arrived_at": None,
            "final": False,
            "changed_at": now(),
            "looked_at": now(),
            "next_look_at": None,
            "applied": None,
            "irregular": None,
            "waiting_told": False,
        }
    )
    return f"{expected:%d.%m.%Y}"


async def quiet(shop: Shop, *bots: Any) -> None:
    """Everything that was said has arrived, what follows from it is done, and every answer is on its phone."""
    for bot in bots:
        await bot.drained()
    await shop.settled()
    stored = shop.house.database.durable

    async def at_rest() -> bool:
        kinds = {"$in": ["contact.proven", "contact.told", "code.typed"]}
        due = await stored.timers.count_documents({"kind": kinds})
        return due + await stored.outbox.count_documents({"live": True}) == 0

    await until(at_rest)


async def proven(shop: Shop, chat: Any, phone: str = PHONE) -> None:
    """The customer shares their own phone."""
    chat.contact(phone)
    await quiet(shop)


async def say(shop: Shop, chat: Any, *texts: str) -> None:
    """Write one after the other, each after what came of the one before it."""
    for text in texts:
        chat.text(text)
        await quiet(shop, chat.bot)


async def press(shop: Shop, chat: Any, title: str) -> None:
    """Press the button of this title under the last message."""
    chat.press(chat.seen()[-1].id, title)
    await quiet(shop, chat.bot)


def shown(chat: Any) -> list[Shown]:
    """All that the shop has said on a phone, buttons included."""
    return [
        (
            message.text,
            tuple((button["text"], button.get("callback_data", "")) for row in message.keyboard for button in row),
        )
        for message in chat.seen()
    ]


async def case_of(shop: Shop, chat: Any) -> dict[str, Any]:
    """The stored conversation of whoever has this chat."""
    stored = shop.house.database.durable
    identity = await stored.identities.find_one({"external_id": chat.user_id})
    assert identity is not None
    found = await stored.conversations.find_one({"customer_id": identity["customer_id"]}, sort=[("created_at", -1)])
    assert found is not None
    return dict(found)


async def viber_bot(shop: Shop) -> ViberBot:
    """A Viber account of the shop's."""
    bot = shop.sandbox.viber.create_bot()
    settings = {"token": bot.token, "api_base": shop.sandbox.api_base("viber"), "sender_name": "Shop"}
    created = await shop.owner.call("POST", "/channels", {"kind": "viber", "name": "Viber", "settings": settings})
    assert created.status == 201, created
    return bot
