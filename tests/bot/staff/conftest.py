"""A shop whose managers have a companion: its bot at the sandbox, and a manager's phone."""

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from channels.telegram.sandbox import Bot, Chat, Message
from inbox.model.ids import now
from inbox.model.schedule import DAYS, Schedule
from inbox.timers import Later
from routing.policy import Policy, RoutingSettings, Targets
from tests.flow import Person, Shop, until


@dataclass
class Phone:
    """A manager's Telegram: their chat with the companion, and who they are in the shop."""

    chat: Chat
    person: Person

    @property
    def last(self) -> Message:
        """The newest message of the companion that is there."""
        return self.chat.seen()[-1]

    async def shows(self, words: str) -> Message:
        """Wait until a message of the companion's says this; returns the newest one that does."""

        def found(chat: Chat) -> Message | None:
            return next((one for one in reversed(chat.seen()) if words in one.text), None)

        message = await self.chat.until(found, seconds=40)
        assert message is not None
        return message

    async def has(self, button: str) -> Message:
        """Wait until a message has a button with these words; returns the newest one that does."""

        def found(chat: Chat) -> Message | None:
            return next((one for one in reversed(chat.seen()) if _title(one, button)), None)

        message = await self.chat.until(found, seconds=40)
        assert message is not None
        return message

    async def press(self, button: str) -> str:
        """Press the newest button with these words, and wait until the press was heard."""
        message = await self.has(button)
        query = self.chat.press(message.id, _title(message, button) or "")
        await self.chat.until(lambda chat: query in chat.bot.answered, seconds=40)
        return query


def _title(message: Message, words: str) -> str | None:
    titles = [button["text"] for row in message.keyboard for button in row]
    return next((title for title in titles if words in title), None)


@dataclass
class Staffed:
    """A shop with a companion."""

    shop: Shop
    bot: Bot

    async def manager(self, name: str, **fields: Any) -> Phone:
        """A new manager with a linked phone who speaks English."""
        person = await self.shop.manager(name, **{"languages": ["en"], **fields})
        account = self.shop.sandbox.telegram.create_customer(name, language="en")
        phone = Phone(self.bot.chat(account), person)
        await self.link(phone)
        return phone

    async def link(self, phone: Phone) -> None:
        """Open the link of the profile page on the phone."""
        offered = await phone.person.call("POST", "/me/staff-link")
        assert offered.status == 201, offered
        phone.chat.start(offered.body["url"].partition("?start=")[2])
        await phone.shows("companion")
        await phone.has("Free")

    async def conversation(self, customer: Chat) -> dict[str, Any]:
        """The conversation of a customer who has written."""
        name = customer.customer.name

        async def found() -> dict[str, Any] | None:
            [card] = (await self.shop.owner.get(f"/customers?q={name}"))["items"] or [None]
            rows = await self.shop.conversations() if card else []
            return next((row for row in rows if row["customer_id"] == card["id"]), None)

        return dict(await until(found))

    async def promise(self) -> None:
        """Have customers promised a first reply within a minute, around the clock."""
        always = Schedule.model_validate(
            {"timezone": "UTC", "open": [{"days": list(DAYS), "from": "00:00", "to": "24:00"}]}
        )
        policy = Policy(targets=Targets(first_reply=1), hours=always)
        await self.shop.house.routing_setup.change(RoutingSettings(policy=policy))

    async def pass_by(self, conversation_id: str, *moments: str) -> None:
        """Have moments of a conversation's clock (`warn_at`, `due_at`) lie in the past, and somebody look at it."""
        past = now() - timedelta(seconds=1)
        await self.shop.house.database.durable.conversations.update_one(
            {"_id": conversation_id}, {"$set": {f"clock.{moment}": past for moment in moments}, "$inc": {"revision": 1}}
        )
        with contextlib.suppress(Later):
            await self.shop.house.clocks.strike({"conversation_id": conversation_id})


async def connected(shop: Shop) -> Staffed:
    """A shop with a companion's bot of its own."""
    bot = shop.sandbox.telegram.create_bot("staff_bot")
    settings = {"token": bot.token, "api_base": shop.sandbox.api_base("telegram")}
    answer = await shop.owner.call("PUT", "/staff-bot", settings)
    assert answer.status == 201, answer
    return Staffed(shop, bot)


@pytest.fixture
async def staffed(shop: Shop) -> Staffed:
    """The shop of `tests.flow` with a companion."""
    return await connected(shop)
