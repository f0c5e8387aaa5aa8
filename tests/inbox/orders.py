"""What a channel's events make of the database must not depend on their order. Kinds use this for their own events."""

from collections.abc import Sequence
from typing import Any

from inbox.ingest import Ingest
from inbox.model.accepted import Accepted
from inbox.model.ids import new_id
from inbox.model.incoming import Incoming
from inbox.storage.database import Database
from tests.inbox.arrivals import accepted, at, work_off


async def told(database: Database, channel_id: str) -> dict[str, Any]:
    """Everything that the database says about a channel's customers, in words that have no ids of its own."""
    stored = database.durable
    messages = (
        await stored.messages.find({"channel_id": channel_id}).sort([("sort", 1), ("external_ids", 1)]).to_list(None)
    )
    files = {row["_id"]: row["ref"] async for row in stored.attachments.find({"channel_id": channel_id})}
    names = {row["_id"]: row["external_ids"][0] for row in messages}
    threads = [
        {
            "external_ids": row["external_ids"],
            "direction": row["direction"],
            "who": (row["author"]["type"], row["author"]["name"]),
            "case": row["conversation_id"],
            "text": row["text"],
            "files": [(file["part"], files.get(file["id"])) for file in row["attachments"]],
            "sort": row["sort"],
            "state": row["state"],
            "error": row["error"],
            "edited_at": row["edited_at"],
            "deleted_at": row["deleted_at"],
            "reactions": [mark["emoji"] for mark in row["reactions"]],
            "reply_to": names.get(row["reply_to"]),
            "public": row.get("public", False),
            "subject": row.get("subject", ""),
        }
        for row in messages
    ]
    cases = {}
    async for row in stored.conversations.find({"channel_id": channel_id}):
        shown = row["last_message"]
        fields = ("status", "active", "unanswered", "last_inbound_sort", "last_reply_sort", "last_at")
        cases[row["_id"]] = {
            **{field: row[field] for field in fields},
            "last": (names[shown["id"]], shown["text"], shown["sort"]),
        }
    order = {case: position for position, case in enumerate(dict.fromkeys(thread["case"] for thread in threads))}
    people = await stored.identities.find({"channel_id": channel_id}).to_list(None)
    return {
        "messages": [{**thread, "case": order[thread["case"]]} for thread in threads],
        "cases": {order[case]: fields for case, fields in cases.items()},
        "cards": len({row["customer_id"] for row in people}),
        "reachable": sorted((row["external_id"], row["reachable"], row.get("last_inbound_at")) for row in people),
        "early": await stored.early_changes.count_documents({"channel_id": channel_id}),
    }


async def arrive(database: Database, ingest: Ingest, coming: Sequence[Accepted]) -> list[Accepted]:
    """Have events processed one after the other as they lie in the journal; returns those that were put off."""
    for event in coming:
        row = {"_id": event.id, "state": "pending", "channel_id": event.channel_id, "kind": event.kind}
        await database.durable.journal.update_one({"_id": event.id}, {"$setOnInsert": row}, upsert=True)
        await work_off(ingest, [event])
    pending = {row["_id"] async for row in database.durable.journal.find({"state": "pending"})}
    return [event for event in coming if event.id in pending]


async def outcome(
    database: Database, ingest: Ingest, events: Sequence[Incoming], *, channel_id: str = ""
) -> dict[str, Any]:
    """What events that come in this order end in, over a channel of their own."""
    own = channel_id or new_id()
    coming = [accepted(event, channel_id=own, received_at=at(3600)) for event in events]
    assert await arrive(database, ingest, coming) == []
    return await told(database, own)
