"""A customer's data as an archive: all of it, for who may see it, and no more for others."""

import io
import json
import zipfile
from typing import Any

from inbox.model.ids import now
from tests.inbox.customers import order
from tests.web.api.desk import Answer, Desk, written


def read(answer: Answer) -> dict[str, bytes]:
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    with zipfile.ZipFile(io.BytesIO(answer.raw)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def with_file(desk: Desk, conversation: dict[str, Any], name: str) -> None:
    """Have the first message of a conversation carry a file."""

    async def content() -> Any:
        yield b"what is in it"

    file = await desk.house.media.store(name, "text/plain", content(), desk.owner.id)
    stored = desk.house.database.durable
    message = await stored.messages.find_one({"conversation_id": conversation["_id"]})
    assert message is not None
    shown = {"id": file["_id"], "name": name, "content_type": "text/plain", "size": 13}
    await stored.messages.update_one({"_id": message["_id"]}, {"$push": {"attachments": shown}})
    tied = {"message_id": message["_id"], "conversation_id": conversation["_id"]}
    await stored.attachments.update_one({"_id": file["_id"]}, {"$set": tied})


async def test_everything_is_in_it(desk):
    conversation = await written(desk.house.database, "Good day", "Is the mug there?")
    customer_id = conversation["customer_id"]
    await with_file(desk, conversation, "../list.txt")
    await order(desk.house, customer_id, "77")
    await desk.owner.call("POST", f"/customers/{customer_id}/notes", {"text": "Likes blue"})
    await desk.owner.call("POST", "/tasks", {"title": "Call", "customer_id": customer_id, "due_at": now().isoformat()})
    files = read(await desk.admin.call("GET", f"/customers/{customer_id}/export"))
    assert json.loads(files["card.json"])["name"] == "Taras Bondar"
    assert b"everything" in files["README.txt"]
    talk = next(name for name in files if name.endswith(".jsonl") and name.startswith("conversations/"))
    assert [json.loads(line)["text"] for line in files[talk].splitlines()] == ["Good day", "Is the mug there?"]
    assert "Is the mug there?" in files[talk.replace(".jsonl", ".txt")].decode()
    assert json.loads(files["orders.jsonl"])["number"] == "77"
    assert json.loads(files["notes.jsonl"])["text"] == "Likes blue"
    assert json.loads(files["tasks.jsonl"])["title"] == "Call"
    (name,) = [name for name in files if name.startswith("files/")]
    assert name.endswith(" _list.txt")
    assert files[name] == b"what is in it"
    (entry,) = (await desk.owner.get("/audit?action=customer.export"))["items"]
    assert entry["object_id"] == customer_id


async def test_what_happened_in_their_conversations_and_letters_as_they_came_are_in_it(desk):
    conversation = await written(desk.house.database, "Good day")
    message = await desk.house.database.durable.messages.find_one({"conversation_id": conversation["_id"]})
    await desk.house.database.durable.messages.update_one({"_id": message["_id"]}, {"$set": {"html": True}})
    await desk.house.database.durable.bodies.insert_one({"_id": message["_id"], "html": "<p>Good <b>day</b></p>"})
    await desk.owner.call("PATCH", f"/conversations/{conversation['_id']}", {"status": "closed"})
    files = read(await desk.admin.call("GET", f"/customers/{conversation['customer_id']}/export"))
    (happened,) = [json.loads(line) for line in files["history.jsonl"].splitlines()]
    assert (happened["kind"], happened["status"], happened["conversation_id"]) == (
        "status",
        "closed",
        conversation["_id"],
    )
    assert files[f"letters/{message['_id']}.html"] == b"<p>Good <b>day</b></p>"


async def test_what_is_for_a_team_is_left_out_for_others(desk):
    team = (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    conversation = await written(desk.house.database, "For the team's eyes", team_id=team)
    await with_file(desk, conversation, "secret.txt")
    await desk.owner.call("PATCH", f"/conversations/{conversation['_id']}", {"status": "closed"})
    path = f"/customers/{conversation['customer_id']}/export"
    partly = read(await desk.manager.call("GET", path))
    assert not [name for name in partly if name.startswith(("conversations/", "files/"))]
    assert b"left out" in partly["README.txt"]
    assert partly["history.jsonl"] == b""
    assert [name for name in read(await desk.admin.call("GET", path)) if name.startswith("files/")]


async def test_strangers_and_nobody(desk):
    conversation = await written(desk.house.database)
    path = f"/customers/{conversation['customer_id']}/export"
    assert (await desk.anonymous.call("GET", path)).status == 401
    assert (await desk.admin.call("GET", "/customers/nobody/export")).status == 404
