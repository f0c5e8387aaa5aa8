"""A house with managers and customers, for tests of who gets what."""

from datetime import timedelta
from typing import Any

import pytest

from inbox.managers import NewManager
from inbox.model.conversation import new_conversation
from inbox.model.ids import new_id, now
from inbox.model.people import Author, Role, Status, Viewer
from inbox.storage.conversations import ConversationStore
from inbox.storage.people import PeopleStore
from routing.policy import Policy, RoutingSettings
from web.house import House

BOSS = Author(type="manager", id="boss", name="Boss")
OWNER = Viewer(id="boss", name="Boss", role=Role.OWNER)


class Office:
    """A house with managers and customers."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.people = PeopleStore(house.database)
        self.store = ConversationStore(house.database)
        self._moment = now() - timedelta(hours=1)

    async def manager(self, status: str = "online", **fields: Any) -> str:
        wanted = NewManager(email=f"{new_id()}@shop.example", name="Mary", password_hash="", **fields)
        created = await self.house.managers.create(wanted, by=None)
        await self.house.assigner.set_status(created["_id"], Status(status))
        identifier: str = created["_id"]
        return identifier

    async def conversation(self, *, language: str = "", last_manager: str | None = None, **fields: Any) -> str:
        """A customer who waits; each a second longer than the next."""
        self._moment += timedelta(seconds=1)
        customer: dict[str, Any] = {
            "_id": new_id(),
            "name": "Ann",
            "language": language,
            "last_manager_id": last_manager,
        }
        await self.people.insert_customer(customer)
        row = new_conversation(new_id(), customer_id=customer["_id"], channel_id="c1", at=self._moment)
        await self.store.insert([{**row, "waiting_since": self._moment, **fields}])
        identifier: str = row["_id"]
        return identifier

    async def conversations(self, count: int) -> list[str]:
        return [await self.conversation() for _ in range(count)]

    async def holder(self, conversation_id: str) -> str | None:
        row = await self.store.get(conversation_id)
        assert row is not None
        held: str | None = row["assignee_id"]
        return held

    async def reason(self, conversation_id: str) -> str:
        row = await self.store.get(conversation_id)
        assert row is not None
        reason: str = row["assignment"]["reason"]
        return reason

    async def row(self, conversation_id: str) -> dict[str, Any]:
        row = await self.store.get(conversation_id)
        assert row is not None
        return row

    async def team(self, name: str, **policy: Any) -> str:
        """A team that goes by a policy of its own."""
        stored = Policy(**policy).model_dump(mode="json", by_alias=True)
        await self.house.team_store.insert({"_id": name, "name": name, "policy": stored, "created_at": now()})
        self.house.policies.forget()
        return name

    async def shop_policy(self, **policy: Any) -> None:
        """What everybody else goes by."""
        await self.house.routing_setup.change(RoutingSettings(policy=Policy(**policy)))

    async def set_presence(self, manager_id: str, **fields: bool) -> None:
        """What presence and shifts write of a manager, and that they tell of it."""
        await self.house.database.durable.managers.update_one({"_id": manager_id}, {"$set": fields})
        await self.house.assigner.availability_changed(await self.house.managers.get(manager_id))

    async def load(self, manager_id: str) -> int:
        return len((await self.house.managers.get(manager_id))["holding"])

    async def check_loads(self) -> None:
        """What every manager is said to hold is what they hold."""
        async for manager in self.house.database.durable.managers.find():
            held = await self.store.held_by(manager["_id"])
            assert sorted(manager["holding"]) == sorted(held)
            if manager["capacity"]:
                assert manager["ratio"] == pytest.approx(len(held) / manager["capacity"])
