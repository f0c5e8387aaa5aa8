"""Messages and the changes that reach them, in whatever order they come.

A customer's message has an id derived from the channel and the provider's id, so that inserting it twice stores it
once. A change (edit, delete, reaction, receipt) is put into `early_changes` first and then looked for its message; a
message is stored first and then looked for its early changes. Whoever comes second sees the other, so no change is
lost.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import BulkWriteError

from inbox.model.errors import Overtaken
from inbox.model.ids import now, sort_key
from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate, duplicate_positions
from inbox.storage.places import Place, standing_before

CURRENT: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}

_SHOWN_NEWER = 20
_BELATED = timedelta(days=1)
"""By how much a message that just came may be older than those that came before it, to be news all the same."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_RECEIPT_RANK = {"queued": 0, "sending": 1, "uncertain": 2, "failed": 3, "sent": 3, "delivered": 4, "read": 5}


_REACHING_BACK = {"delivered", "read"}


def _edited(change: Document) -> Document:
    """The newest text, or of an album the newest caption of the part, and of each part the newest file."""
    at, sequence, text = change["at"], change.get("sequence", 0), {"$literal": change["text"]}

    def newer(of: str) -> Document:
        # Where time and number are the same nobody knows which came last; by its text it is always the same one.
        present = [{"$ifNull": [f"{of}edited_at", _NEVER]}, {"$ifNull": [f"{of}edited_sequence", 0]}, f"{of}text"]
        return {"$gt": [[at, sequence, text], present]}

    caption = {
        **{field: change[field] for field in ("text", "entities")},
        "length": _utf16(change["text"]),
        "edited_at": at,
        "edited_sequence": sequence,
    }
    concerned = {"$and": [{"$eq": ["$$this.of", {"$literal": change["external_id"]}]}, newer("$$this.")]}
    captions = {
        "$map": {
            "input": "$captions",
            "in": {"$cond": [concerned, {"$mergeObjects": ["$$this", {"$literal": caption}]}, "$$this"]},
        }
    }
    album = {"$ne": [{"$type": "$captions"}, "missing"]}

    def shown(of_album: Document, of_message: object, present: object) -> Document:
        return {"$cond": [album, of_album, {"$cond": [newer("$"), of_message, present]}]}

    spoken = _spoken(captions)
    edits = {"$max": {"$map": {"input": captions, "in": "$$this.edited_at"}}}
    return {
        **_refiled(change),
        "captions": {"$cond": [album, captions, "$$REMOVE"]},
        "text": shown({"$let": {"vars": {"spoken": spoken}, "in": "$$spoken.text"}}, text, "$text"),
        "entities": shown(
            {"$let": {"vars": {"spoken": spoken}, "in": "$$spoken.entities"}},
            {"$literal": change["entities"]},
            "$entities",
        ),
        "edited_at": shown({"$ifNull": [edits, None]}, at, {"$ifNull": ["$edited_at", None]}),
        "edited_sequence": {"$cond": [newer("$"), sequence, {"$ifNull": ["$edited_sequence", 0]}]},
    }


def _refiled(change: Document) -> Document:
    """Files in place of those of the same part, unless a newer edit brought others; `refiled` keeps when it was.

    A file that is shown already stays with all that is known of it. What we sent ourselves keeps its files.
    """
    files = change.get("files")
    if not files:
        return {}
    mark = {"part": files[0]["part"], "at": change["at"], "sequence": change.get("sequence", 0)}
    marks: Document = {"$ifNull": ["$refiled", []]}
    same_part = {"$eq": ["$$this.part", {"$literal": mark["part"]}]}
    before = {
        "$max": {
            "$map": {"input": {"$filter": {"input": marks, "cond": same_part}}, "in": ["$$this.at", "$$this.sequence"]}
        }
    }
    theirs = {"$in": ["$author.type", ["customer", "shop"]]}
    newer = {"$and": [theirs, {"$gt": [[mark["at"], mark["sequence"]], {"$ifNull": [before, [_NEVER, -1]]}]}]}
    ids = [file["id"] for file in files]
    stays = {"$or": [{"$not": [same_part]}, {"$in": ["$$this.id", ids]}]}
    comes = {"$not": [{"$in": ["$$this.id", "$attachments.id"]}]}
    present = {
        "$concatArrays": [
            {"$filter": {"input": "$attachments", "cond": stays}},
            {"$filter": {"input": {"$literal": files}, "cond": comes}},
        ]
    }
    others = {"$filter": {"input": marks, "cond": {"$not": [same_part]}}}
    return {
        "attachments": {"$cond": [newer, {"$sortArray": {"input": present, "sortBy": {"part": 1}}}, "$attachments"]},
        "refiled": {"$cond": [newer, {"$concatArrays": [others, [{"$literal": mark}]]}, marks]},
    }


def _deleted(change: Document) -> Document:
    return {"deleted_at": {"$ifNull": ["$deleted_at", change["at"]]}}


def _reacted(change: Document) -> Document:
    author, place = change["person"], {"at": change["at"], "sequence": change.get("sequence", 0)}
    before = {
        "$max": {
            "$map": {
                "input": {"$filter": {"input": "$reactions", "cond": {"$eq": ["$$this.by", author]}}},
                "in": ["$$this.at", {"$ifNull": ["$$this.sequence", 0]}],
            }
        }
    }
    newer = {"$gt": [[place["at"], place["sequence"]], {"$ifNull": [before, [_NEVER, 0]]}]}
    others = {"$filter": {"input": "$reactions", "cond": {"$ne": ["$$this.by", author]}}}
    mine = [{"emoji": emoji, "by": author, **place} for emoji in change["emoji"]]
    # Taking a reaction back leaves an empty mark, so that an older event cannot bring it back.
    mark = mine or [{"emoji": "", "by": author, **place}]
    return {"reactions": {"$cond": [newer, {"$concatArrays": [others, {"$literal": mark}]}, "$reactions"]}}


def _rank(state: str) -> Document:
    branches = [{"case": {"$eq": [state, name]}, "then": value} for name, value in _RECEIPT_RANK.items()]
    return {"$switch": {"branches": branches, "default": 0}}


def _receipted(change: Document) -> Document:
    """The best that the provider told stands in `receipt`; it shows once all parts are known to be sent."""
    rank = _RECEIPT_RANK[change["state"]]
    better = {"$gt": [rank, _rank("$state")]}
    if change["state"] == "failed":
        better = {"$in": ["$state", ["sending", "uncertain", "sent"]]}
    shows = {"$and": [better, {"$eq": [{"$ifNull": ["$unsent", 0]}, 0]}]}
    receipt = {"$literal": {"state": change["state"], "error": change["error"] or None}}
    return {
        "receipt": {"$cond": [{"$gt": [rank, _rank("$receipt.state")]}, receipt, "$receipt"]},
        "state": {"$cond": [shows, change["state"], "$state"]},
        "error": {"$cond": [shows, {"$literal": change["error"] or None}, "$error"]},
    }


_APPLY = {"edited": _edited, "deleted": _deleted, "reaction": _reacted, "receipt": _receipted}


def _utf16(text: str) -> int:
    """The unit of entities' offsets."""
    return len(text.encode("utf-16-le")) // 2


_BEHIND = {"$add": ["$$value.length", {"$cond": [{"$eq": ["$$value.length", 0]}, 0, 1]}]}


def _spoken(captions: object) -> Document:
    """An album's captions, one a line, as one text with its marks; parts without words take no line."""
    return {
        "$reduce": {
            "input": {"$filter": {"input": captions, "cond": {"$gt": ["$$this.length", 0]}}},
            "initialValue": {"text": "", "entities": [], "length": 0},
            "in": {
                "text": {
                    "$concat": ["$$value.text", {"$cond": [{"$eq": ["$$value.length", 0]}, "", "\n"]}, "$$this.text"]
                },
                "entities": {
                    "$concatArrays": [
                        "$$value.entities",
                        {
                            "$map": {
                                "input": "$$this.entities",
                                "as": "mark",
                                "in": {"$mergeObjects": ["$$mark", {"offset": {"$add": ["$$mark.offset", _BEHIND]}}]},
                            }
                        },
                    ]
                },
                "length": {"$add": [_BEHIND, "$$this.length"]},
            },
        }
    }


class MessageStore:
    """The `messages` and `early_changes` collections.

    `watermarks` says up to which message everything was delivered to an identity and read by it, where a provider tells
    only of the last one: for messages that are known to be sent only after that.
    """

    def __init__(self, database: Database) -> None:
        self._relaxed = database.relaxed.messages
        self._durable = database.durable.messages
        self._early = database.relaxed.early_changes
        self._watermarks = database.relaxed.watermarks
        self._bodies = database.relaxed.bodies
        self._outbox = database.durable.outbox
        self._conversations = database.durable.conversations
        self._attachments = database.durable.attachments
        self._timers = database.durable.timers
        self._client = database.client

    async def get(self, message_id: str) -> Document | None:
        """One message."""
        return await self._durable.find_one({"_id": message_id})

    async def by_token(self, conversation_id: str, client_token: str) -> Document | None:
        """The message of ours that was posted under this token."""
        return await self._durable.find_one({"conversation_id": conversation_id, "client_token": client_token})

    async def existing(self, message_ids: Sequence[str]) -> dict[str, Document]:
        """Those of these messages that are stored, by id."""
        return {row["_id"]: row async for row in self._relaxed.find({"_id": {"$in": list(message_ids)}})}

    async def insert(self, messages: Sequence[Document]) -> set[str]:
        """Store messages; returns the ids of those that were there already."""
        try:
            await self._relaxed.insert_many(messages, ordered=False)
        except BulkWriteError as error:
            return {messages[position]["_id"] for position in duplicate_positions(error)}
        return set()

    async def forget(self, message_ids: Sequence[str]) -> None:
        """Remove messages that are about to be stored anew."""
        await self._relaxed.delete_many({"_id": {"$in": list(message_ids)}})

    async def join_album(self, part: Document) -> Document:
        """Store one part of an album into its message, creating it with the first part that comes.

        The message keeps every part's place (`sorts`) and its caption: where it stands and what it says are made of all
        parts there are, and so do not depend on which came first. A caption that was edited stays as edited.
        """
        (external_id,) = part["external_ids"]
        caption = {
            "of": external_id,
            "sort": part["sort"],
            "text": part["text"],
            "entities": part["entities"],
            "length": _utf16(part["text"]),
        }
        first = {**part, "sorts": [part["sort"]], "captions": [caption]}
        files = {"$setUnion": ["$attachments", {"$literal": part["attachments"]}]}
        captions = {"$concatArrays": ["$captions", {"$literal": [caption]}]}
        # Its file or its caption may have been replaced meanwhile, so the part is known by its own id.
        known = {"$in": [{"$literal": external_id}, "$external_ids"]}
        collected = {
            "external_ids": {"$setUnion": ["$external_ids", {"$literal": part["external_ids"]}]},
            "attachments": {"$cond": [known, "$attachments", {"$sortArray": {"input": files, "sortBy": {"part": 1}}}]},
            "sorts": {"$setUnion": ["$sorts", first["sorts"]]},
            "captions": {"$cond": [known, "$captions", {"$sortArray": {"input": captions, "sortBy": {"sort": 1}}}]},
        }
        told = {"sort": {"$min": "$sorts"}, "text": "$spoken.text", "entities": "$spoken.entities"}
        update: list[Document] = [
            {"$replaceWith": {"$mergeObjects": [{"$literal": first}, "$$ROOT"]}},
            {"$set": collected},
            {"$set": {"spoken": _spoken("$captions")}},
            {"$set": told},
            {"$unset": "spoken"},
        ]
        for _ in range(3):
            try:
                joined: Document = await self._relaxed.find_one_and_update(
                    {"_id": part["_id"]}, update, upsert=True, **CURRENT
                )
            except Duplicate:
                continue
            return joined
        message = f"album {part['_id']} could not be joined"
        raise RuntimeError(message)

    async def post(
        self,
        message: Document,
        rows: Sequence[Document],
        *,
        files: Sequence[Document] = (),
        timer: Document | None = None,
        seen: Document | None = None,
    ) -> tuple[Document, bool]:
        """Store a message of ours with its outbox rows, its files' rows and what is due after it: all or nothing.

        A client token known in its conversation returns the first message and False. Raises `Overtaken` where
        others' messages came after the one `seen`: of two who answer at the same moment, one is told of the other.
        """

        async def write(session: AsyncIOMotorClientSession) -> None:
            if seen is not None:
                # The write makes transactions that answer in the same conversation follow one another.
                mark = {"$set": {"last_posted": message["_id"]}}
                await self._conversations.update_one({"_id": message["conversation_id"]}, mark, session=session)
                newer = await self._newer(message, seen, session)
                if newer:
                    raise Overtaken(newer)
            await self._durable.insert_one(message, session=session)
            if rows:
                await self._outbox.insert_many(rows, session=session)
            if files:
                await self._attachments.insert_many(files, session=session)
            if timer is not None:
                await self._timers.insert_one(timer, session=session)

        try:
            async with await self._client.start_session() as session:
                await session.with_transaction(write)
        except (Duplicate, BulkWriteError):
            first = await self.by_token(message["conversation_id"], message["client_token"])
            if first is None:
                raise
            return first, False
        return message, True

    async def _newer(self, reply: Document, seen: Document, session: AsyncIOMotorClientSession) -> list[Document]:
        """What the customer, or anybody of the shop but the writer, said after a message: at most 20, oldest first.

        When it came counts, not where it stands: what came late stands where it was written, which may be before a
        reply.
        """
        said: Document = {
            "conversation_id": reply["conversation_id"],
            "created_at": {"$gt": seen["created_at"]},
            "sort": {"$gt": sort_key(seen["sent_at"] - _BELATED)},
            "direction": {"$in": ["in", "out"]},
            "author.id": {"$ne": reply["author"]["id"]},
            "deleted_at": None,
            "quiet": {"$ne": True},
            "notice": None,
        }
        newest = self._durable.find(said, session=session).sort([("created_at", -1), ("sort", -1)]).limit(_SHOWN_NEWER)
        return list(reversed(await newest.to_list(_SHOWN_NEWER)))

    async def change(self, message_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Set fields of a message."""
        changed: Document | None = await self._durable.find_one_and_update(
            {"_id": message_id}, {"$set": dict(changes)}, **CURRENT
        )
        return changed

    async def set_attachment(self, attachment_id: str, message_id: str, changes: Mapping[str, Any]) -> Document | None:
        """Change what a message says of one of its files."""
        changed: Document | None = await self._relaxed.find_one_and_update(
            {"_id": message_id, "attachments.id": attachment_id},
            {"$set": {f"attachments.$.{field}": value for field, value in changes.items()}},
            **CURRENT,
        )
        return changed

    async def external_to_ids(self, channel_id: str, external_ids: Sequence[str]) -> dict[str, Document]:
        """Messages of one channel by the provider's ids (each message under each of its ids that was asked for)."""
        cursor = self._relaxed.find({"channel_id": channel_id, "external_ids": {"$in": list(external_ids)}})
        wanted = set(external_ids)
        return {external: row async for row in cursor for external in wanted.intersection(row["external_ids"])}

    async def keep_html(self, bodies: Mapping[str, str]) -> None:
        """Keep messages' HTML, by message id, apart from the messages: those are read and shown all the time."""
        try:
            await self._bodies.insert_many([{"_id": key, "html": html} for key, html in bodies.items()], ordered=False)
        except BulkWriteError as error:
            duplicate_positions(error)

    async def html(self, message_id: str) -> str | None:
        """A message as HTML, as it came; None where it has no such version."""
        body = await self._bodies.find_one({"_id": message_id})
        return None if body is None else str(body["html"])

    async def unanswered(self, identity: Mapping[str, Any], before: str | None = None) -> int:
        """How many requests went to an identity since it wrote last, `before` a sort key where one is given."""
        wrote = identity.get("last_inbound_at")
        places = {"$gt": sort_key(wrote) if wrote is not None else ""}
        if before is not None:
            places["$lt"] = before
        ours = {"direction": "out", "identity_id": identity["_id"], "state": {"$ne": "failed"}}
        counted = await self._durable.aggregate(
            [
                {"$match": {"customer_id": identity["customer_id"], "sort": places, **ours}},
                {"$group": {"_id": None, "requests": {"$sum": {"$ifNull": ["$parts", 1]}}}},
            ]
        ).to_list(1)
        return int(counted[0]["requests"]) if counted else 0

    async def last_to(self, customer_id: str, identity_id: str, *, before: str) -> Document | None:
        """The last message of ours to an identity that stands before a sort key."""
        ours = {"direction": "out", "identity_id": identity_id}
        found = self._durable.find({"customer_id": customer_id, "sort": {"$lt": before}, **ours})
        rows: list[Document] = await found.sort("sort", -1).limit(1).to_list(1)
        return rows[0] if rows else None

    async def standing_at(self, conversation_id: str, sorts: Sequence[str]) -> list[Document]:
        """The messages that stand at these places of a conversation."""
        there = {"conversation_id": conversation_id, "sort": {"$in": list(sorts)}}
        return await self._durable.find(there).to_list(None)

    async def last_writers(self, conversation_id: str, channel_ids: Sequence[str]) -> dict[str, str]:
        """The identities that wrote last on these channels in a conversation, by channel."""
        found = {}
        for channel_id in channel_ids:
            theirs = {"conversation_id": conversation_id, "channel_id": channel_id, "direction": "in"}
            last = await self._durable.find_one(theirs, {"identity_id": 1}, sort=[("sort", -1)])
            if last is not None:
                found[channel_id] = last["identity_id"]
        return found

    async def exchange(self, message: Mapping[str, Any], limit: int) -> list[Document]:
        """What was said on a message's channel in its conversation before it: the last `limit` messages, oldest first.

        Only their `external_ids`, `subject` and `notice`.
        """
        earlier = {
            "conversation_id": message["conversation_id"],
            "channel_id": message["channel_id"],
            "sort": {"$lt": message["sort"]},
            "direction": {"$in": ["in", "out"]},
        }
        told = {"external_ids": 1, "subject": 1, "notice": 1}
        found = self._durable.find(earlier, told).sort("sort", -1).limit(limit)
        return list(reversed(await found.to_list(limit)))

    async def hold_changes(self, changes: Sequence[Document]) -> None:
        """Remember changes until their message is known. Each has `_id`, `channel_id`, `external_id`, `type`, `at`."""
        # An event may have waited in quarantine for weeks; its change is kept as long as any other from here on.
        held = [{**change, "stored_at": now()} for change in changes]
        try:
            await self._early.insert_many(held, ordered=False)
        except BulkWriteError as error:
            duplicate_positions(error)

    async def told_of(self, channel_id: str, external_ids: Sequence[str]) -> bool:
        """Whether a receipt waits for a message that has one of these ids."""
        wanted = {"channel_id": channel_id, "external_id": {"$in": list(external_ids)}, "type": "receipt"}
        return await self._early.find_one(wanted, {"_id": 1}) is not None

    async def settle_changes(
        self, channel_id: str, external_ids: Sequence[str], *, sent_to: Sequence[str] = ()
    ) -> list[Document]:
        """Apply what was held for these messages as far as they are stored; returns the messages as they are now.

        `sent_to` are the identities to which some of them went: those may be read by all that is known.
        """
        touched = await self._settle_held(channel_id, external_ids)
        if sent_to:
            async for mark in self._watermarks.find({"_id": {"$in": list(sent_to)}}):
                concerned = {"channel_id": channel_id, "external_ids": {"$in": list(external_ids)}}
                for state in _REACHING_BACK.intersection(mark):
                    touched |= await self._receipt_before(str(mark["_id"]), state, str(mark[state]), concerned)
        return list(touched.values())

    async def _settle_held(self, channel_id: str, external_ids: Sequence[str]) -> dict[str, Document]:
        held = await self._early.find({"channel_id": channel_id, "external_id": {"$in": list(external_ids)}}).to_list(
            None
        )
        if not held:
            return {}
        messages = await self.external_to_ids(channel_id, [change["external_id"] for change in held])
        settled: list[str] = []
        touched: dict[str, Document] = {}
        for change in sorted(held, key=lambda row: (row["at"], row.get("sequence", 0))):
            message = messages.get(change["external_id"])
            if message is None:
                continue
            if change["type"] == "quotation":
                key, apply = change["by"], {"reply_to": message["_id"]}
            else:
                key, apply = message["_id"], _APPLY[change["type"]](change)
            changed = await self._relaxed.find_one_and_update({"_id": key}, [{"$set": apply}], **CURRENT)
            if changed is not None:
                touched[key] = changed
                settled.append(change["_id"])
                if change.get("all_before") and changed["direction"] == "out":
                    touched |= await self._reach_back(change["state"], changed)
        await self._early.delete_many({"_id": {"$in": settled}})
        return touched

    async def _reach_back(self, state: str, message: Document) -> dict[str, Document]:
        """A message's receipt holds for all before it: for those that are sent now, and by the mark for the others."""
        identity_id = str(message["identity_id"])
        place = str(message.get("resent_sort", message["sort"]))
        await self._watermarks.update_one(
            {"_id": identity_id}, {"$max": {state: place}, "$set": {"stored_at": now()}}, upsert=True
        )
        return await self._receipt_before(identity_id, state, place, {"customer_id": message["customer_id"]})

    async def _receipt_before(
        self, identity_id: str, state: str, place: str, concerned: Document
    ) -> dict[str, Document]:
        """Give a receipt to those of the `concerned` that went to an identity before a place in its conversation."""
        worse = {"$in": [known for known in ("sent", "delivered") if _RECEIPT_RANK[known] < _RECEIPT_RANK[state]]}
        went = {"sort": {"$lt": place}, "resent_sort": {"$not": {"$gte": place}}}
        earlier = {**concerned, "identity_id": identity_id, "direction": "out", "state": worse, **went}
        ids = [row["_id"] async for row in self._relaxed.find(earlier, {"_id": 1})]
        if not ids:
            return {}
        receipt = [{"$set": _receipted({"state": state, "error": ""})}]
        await self._relaxed.update_many({"_id": {"$in": ids}, "state": worse}, receipt)
        return await self.existing(ids)

    async def thread(self, conversation_id: str, before: str | None, limit: int) -> list[Document]:
        """A page of a conversation, newest first; `before` is a sort key."""
        condition: Document = {"conversation_id": conversation_id}
        if before is not None:
            condition["sort"] = {"$lt": before}
        return await self._durable.find(condition).sort([("sort", -1), ("_id", -1)]).limit(limit).to_list(limit)

    async def with_files(
        self, customer_id: str, conversation_ids: Sequence[str], types: Sequence[str], place: Place | None, limit: int
    ) -> list[Document]:
        """A page of messages that carry files of these types, newest first: the one at `place` and those before it."""
        condition: Document = {
            "customer_id": customer_id,
            "conversation_id": {"$in": list(conversation_ids)},
            "attachments.type": {"$in": list(types)},
            "deleted_at": None,
        }
        if place is not None:
            sort, key = place
            condition["$or"] = [{"sort": {"$lt": sort}}, {"sort": sort, "_id": {"$lte": key}}]
        return await self._durable.find(condition).sort([("sort", -1), ("_id", -1)]).limit(limit).to_list(limit)

    async def timeline(
        self, customer_id: str, conversation_ids: Sequence[str], before: Place | None, limit: int
    ) -> list[Document]:
        """A page of everything said with a customer in these conversations, newest first."""
        theirs: Document = {"customer_id": customer_id, "conversation_id": {"$in": list(conversation_ids)}}
        condition = {**theirs, **standing_before(before)}
        return await self._durable.find(condition).sort([("sort", -1), ("_id", -1)]).limit(limit).to_list(limit)
