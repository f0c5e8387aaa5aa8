"""People at the API: what the tests of this folder share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from pydantic import BaseModel

from inbox.model.conversation import arrived, new_conversation
from inbox.model.ids import identity_id, new_id, now, sort_key
from inbox.model.incoming import Person as Writer
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Database, Document
from inbox.storage.people import PeopleStore, Sighting
from web.doors.table import Route
from web.house import House

API = "/api/v1"
PASSWORD = "correct horse"

Client = TestClient[web.Request, web.Application]


@dataclass
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON in it."""
        return json.loads(self.raw)

    @property
    def fields(self) -> list[str]:
        """Which fields a problem names."""
        return [error["field"] for error in self.body.get("errors", [])]

    def fits(self, shape: type[BaseModel]) -> "Answer":
        """Assert that the body is what the table promises."""
        shape.model_validate_json(self.raw)
        return self


@dataclass
class Caller:
    """Somebody who calls the API: a manager with a token, or nobody in particular."""

    client: Client
    token: str | None = None
    id: str = ""

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Make a request; `body` is JSON unless it is bytes."""
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None and "data" not in options:
            options["data"] = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        response = await self.client.request(method, f"{API}{path}", headers=headers, **options)
        return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        answer = await self.call("GET", path)
        assert answer.status == 200, answer
        return answer.body


@dataclass
class Desk:
    """The API over a whole house, with somebody of every role."""

    house: House
    client: Client
    table: list[Route]
    people: dict[str, Caller]

    @property
    def owner(self) -> Caller:
        return self.people["owner"]

    @property
    def admin(self) -> Caller:
        return self.people["admin"]

    @property
    def manager(self) -> Caller:
        return self.people["manager"]

    @property
    def anonymous(self) -> Caller:
        return self.people["anonymous"]


async def written(database: Database, *texts: str, team_id: str | None = None, channel_id: str = "channel") -> Document:
    """A conversation in which a customer wrote these texts, as ingest leaves it."""
    external_id = new_id()
    key = identity_id(channel_id, external_id)
    people = PeopleStore(database)
    person = Writer(external_id=external_id, name="Taras Bondar", username="taras", language="uk")
    sighting = Sighting(channel_id=channel_id, kind="telegram", person=person, at=now())
    identity = (await people.resolve({key: sighting}, ensure_cards=True))[key]
    conversation = new_conversation(new_id(), customer_id=identity["customer_id"], channel_id=channel_id, at=now())
    messages = [
        _message(conversation, identity, text, position) for position, text in enumerate(texts or ("Good day",))
    ]
    conversation["team_id"] = team_id
    conversation.update(arrived(conversation, messages))
    await ConversationStore(database).insert([conversation])
    await database.durable.messages.insert_many(messages)
    return conversation


def _message(conversation: Document, identity: Document, text: str, position: int) -> Document:
    at = now() + timedelta(milliseconds=position)
    return {
        "_id": new_id(),
        "conversation_id": conversation["_id"],
        "customer_id": conversation["customer_id"],
        "channel_id": conversation["channel_id"],
        "identity_id": identity["_id"],
        "external_ids": [new_id()],
        "direction": "in",
        "author": {"type": "customer", "id": conversation["customer_id"], "name": identity["name"], "machine": False},
        "text": text,
        "entities": [],
        "content": None,
        "attachments": [],
        "forwarded": False,
        "reply_to": None,
        "state": "received",
        "error": None,
        "sort": sort_key(at),
        "sent_at": at,
        "received_at": at,
        "created_at": at,
        "edited_at": None,
        "deleted_at": None,
        "reactions": [],
        "automatic": False,
    }
