"""A channel looks after itself: what breaks at the provider is repaired, or said; what recovers is noticed."""

from typing import Any

from channels.faults import Fault
from inbox.model.ids import now
from tests.flow import Shop, until


async def look_now(shop: Shop) -> None:
    """The time to look after the channel has come."""
    due = await shop.house.database.durable.timers.update_one({"kind": "channel.check"}, {"$set": {"due_at": now()}})
    assert due.matched_count == 1


async def turned(shop: Shop, state: str) -> dict[str, Any]:
    """The channel once it was found to be in this state."""

    async def so() -> Any:
        await look_now(shop)
        channel = await shop.owner.get(f"/channels/{shop.channel_id}")
        return channel if channel["state"] == state else None

    found: dict[str, Any] = await until(so)
    return found


async def test_a_webhook_that_somebody_took_away_is_set_again_without_anybody_noticing(shop):
    shop.bot.webhook.url = "https://elsewhere.example/"
    chat = shop.customer()
    await look_now(shop)

    async def repaired() -> bool:
        return bool(shop.bot.webhook.url == shop.webhook)

    await until(repaired)
    chat.text("Чи ви тут?")
    await shop.settled()
    assert (await turned(shop, "connected"))["state_reason"] is None


async def test_trouble_is_said_while_it_lasts_and_no_longer(shop):
    shop.sandbox.telegram.fault(Fault(kind="status", method="getMe", status=502))
    degraded = await turned(shop, "degraded")
    assert "Telegram" in degraded["state_reason"]
    async with shop.http.get(f"{shop.url}/metrics") as answer:
        labels = f'channel="{shop.channel_id}",kind="telegram",state="degraded"'
        assert f"skrynka_channel_state{{{labels}}} 1.0" in await answer.text()
    shop.sandbox.telegram.faults.clear()
    connected = await turned(shop, "connected")
    assert connected["state_reason"] is None
    assert connected["state_since"] > degraded["state_since"]


async def test_what_is_written_to_a_channel_paused_by_hand_waits_until_it_is_resumed(shop):
    chat = shop.customer()
    chat.text("Добрий день")
    await shop.settled()
    (conversation,) = await shop.conversations()
    path = f"/channels/{shop.channel_id}"
    await shop.owner.call("PATCH", path, {"paused": True})
    reply = await shop.owner.call("POST", f"/conversations/{conversation['id']}/messages", {"text": "Вітаю!"})
    chat.text("Ви мене чуєте?")
    await shop.settled()
    assert len(await shop.messages(conversation["id"])) >= 3
    await look_now(shop)
    await shop.house.channels.look_after_all()

    async def looked() -> Any:
        timer = await shop.house.database.durable.timers.find_one({"kind": "channel.check"})
        return timer and timer["due_at"] > now()

    await until(looked)
    assert (await shop.owner.get(path))["paused_by_hand"]
    assert chat.texts() == []
    await shop.owner.call("PATCH", path, {"paused": False})

    async def sent() -> bool:
        rows = await shop.messages(conversation["id"])
        return any(row["id"] == reply.body["id"] and row["state"] == "sent" for row in rows)

    await until(sent)
    assert chat.texts() == ["Вітаю!"]
