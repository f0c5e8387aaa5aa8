"""What happens ends the same in whatever order Viber tells it, and however often."""

import functools
import itertools
import json
from typing import Any

import pytest

from channels.viber.sandbox import Bot, Chat, Message
from tests.flow import Shop, until

START = 1_793_612_400_000
WHO = {"conversation_started": "user", "subscribed": "user", "unsubscribed": "user_id", "message": "sender"}

STORY: list[dict[str, Any]] = [
    {"event": "conversation_started", "type": "open", "context": "spring_sale", "subscribed": False},
    {"event": "message", "message": {"type": "text", "text": "Добрий день"}},
    {"event": "unsubscribed"},
    {"event": "subscribed"},
]
"""One customer's, as it happened."""


@pytest.fixture
async def channel_id(shop: Shop, bot: Bot) -> str:
    settings = {"token": bot.token, "sender_name": "Скринька", "api_base": shop.sandbox.api_base("viber")}
    created = await shop.owner.call("POST", "/channels", {"kind": "viber", "name": "Viber", "settings": settings})
    assert created.status == 201, created
    return str(created.body["id"])


async def post(bot: Bot, moment: int, **fields: Any) -> None:
    status, _ = await bot.post(json.dumps({"timestamp": START + moment * 1000, **fields}).encode())
    assert status == 200


def told(moment: int, user_id: str) -> dict[str, Any]:
    """The callback of what happened at a moment of the story, about one of its customers."""
    happened = STORY[moment]
    who = WHO[happened["event"]]
    return {
        **happened,
        "message_token": 5_900_000_000_000_000_000 + moment,
        who: user_id if who == "user_id" else {"id": user_id},
    }


async def test_a_customers_story(shop: Shop, bot: Bot, channel_id: str):
    orders = list(itertools.permutations(range(len(STORY))))
    for number, order in enumerate(orders):
        for moment in (*order, order[0]):  # The first comes twice.
            callback = told(moment, f"{number:04d}==")
            callback["message_token"] += number * 10
            await post(bot, moment, **callback)
    await shop.settled()
    conversations = await shop.conversations()
    assert len(conversations) == len(orders)
    for conversation in conversations:
        assert (conversation["status"], conversation["channel_id"]) == ("open", channel_id)
        opened, said = await shop.messages(conversation["id"])
        assert (opened["sent_at"] < said["sent_at"], said["text"]) == (True, "Добрий день")
        card = await shop.owner.get(f"/customers/{conversation['customer_id']}")
        assert [identity["reachable"] for identity in card["identities"]] == [True]


def last_of(chat: Chat, count: int) -> Message | None:
    """The shop's last message, once there are so many."""
    return chat.seen()[-1] if len(chat.seen()) == count else None


@pytest.mark.usefixtures("channel_id")
async def test_receipts_of_a_message(shop: Shop, bot: Bot):
    chat = bot.chat(shop.sandbox.viber.create_customer("Олена Мельник"))
    chat.text("Добрий день")
    chat.switch(on=False)  # So that no receipts come but those of the orders below.
    [conversation] = await until(shop.conversations)
    orders = sorted(set(itertools.permutations(["delivered", "seen", "delivered"])))
    for number, order in enumerate(orders):
        path = f"/conversations/{conversation['id']}/messages"
        assert (await shop.owner.call("POST", path, {"text": f"Вітаю {number}"})).status == 201
        ours = await chat.until(functools.partial(last_of, count=number + 1))
        assert ours is not None
        for state in order:
            moment = ["delivered", "seen"].index(state)
            await post(bot, moment, event=state, user_id=chat.user_id, message_token=ours.id)

    async def all_read() -> bool:
        messages = await shop.messages(conversation["id"])
        return [one["state"] for one in messages if one["direction"] == "out"] == ["read"] * len(orders)

    await until(all_read)
