"""Erasing all that is stored of a customer, in steps that may be repeated, with a count of what each took away.

An erasure is a row of `erasures`: `{_id, at, by, salt, digest, state, counts, cut_at, done_at, scope}`. `state` is
`waiting` (for the journal to work off what was accepted before), `erasing`, `done`. `scope` says by which ids and
contacts the rest is still found; at last only the proof remains of it: who erased when how much, and a salted digest
of the card's id.

The card, its identities and conversations and all that is small go in one transaction, the *cut*: from then on nobody
finds the person, and who writes again has a new card. Messages and what hangs on them go behind it, a portion at a
time. A step and its count change together, so a crash counts nothing twice. What lies outside transactions (files, the
index of search) is named in rows of `erasing_portions` until it is certain to be gone.
"""

import secrets
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from inbox.model.erasing import ERASED, digest_of, without_person
from inbox.model.errors import NotFound
from inbox.model.ids import derived_id, new_id, now
from inbox.storage.database import Database, Document
from inbox.storage.places import beyond
from inbox.storage.schema import COLLECTIONS

TIMER = "customer.erase"
"""The kind of timer that goes on with an erasure; its data names the row of `erasures`."""

PORTION = 200
"""How many messages go in one transaction."""

BEGUN_AFTER = timedelta(seconds=1)
"""How long whoever asked for an erasure has to do it, before others go on with it."""

_APART = frozenset({"identities", "conversations", "messages", "attachments", "outbox", "orders"})
"""What belongs to a customer or a conversation and has a step of its own."""

_CALLED = ("external_id", "address")
"""What providers call an identity."""

_WITH_THEM = tuple(row for row in COLLECTIONS if (row.of_customer or row.of_conversation) and row.name not in _APART)
_T = TypeVar("_T")
_Session = AsyncIOMotorClientSession


class ErasureStore:
    """The `erasures` and `erasing_portions` collections, and whatever knows of a customer."""

    def __init__(self, database: Database) -> None:
        self._client = database.client
        self._stored = database.durable

    async def get(self, erasure_id: str) -> Document | None:
        """One erasure."""
        return await self._stored.erasures.find_one({"_id": erasure_id})

    async def page(self, before: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """Erasures, newest first; `before` is the (time, id) of the last one seen."""
        found = self._stored.erasures.find(beyond("at", before), {"scope": 0}).sort([("at", -1), ("_id", -1)])
        return await found.limit(limit).to_list(limit)

    async def begin(self, customer_id: str, by: Document) -> Document:
        """Have a card erased; an erasure that is under way is returned again. Raises `NotFound`."""

        async def write(session: _Session) -> Document:
            card = await self._living(customer_id, session)
            if card is None:
                raise NotFound("there is no such customer")
            known = await self._stored.erasures.find_one({"_id": card.get("erasure_id")}, session=session)
            if known is not None:
                return known
            salt, present = secrets.token_hex(16), now()
            erasure: Document = {
                "_id": new_id(),
                "at": present,
                "by": by,
                "salt": salt,
                "digest": digest_of(salt, card["_id"]),
                "state": "waiting",
                "counts": {},
                "scope": {"customer_ids": [card["_id"]]},
            }
            await self._stored.erasures.insert_one(erasure, session=session)
            mark = {"$set": {"erasure_id": erasure["_id"]}}
            await self._stored.customers.update_one({"_id": card["_id"]}, mark, session=session)
            timer = {
                "_id": f"{TIMER}:{erasure['_id']}",
                "kind": TIMER,
                "due_at": present + BEGUN_AFTER,
                "data": {"erasure_id": erasure["_id"]},
                "lease_until": None,
                "holder": None,
                "attempts": 0,
            }
            await self._stored.timers.insert_one(timer, session=session)
            return erasure

        return await self._together(write)

    async def cut(self, erasure: Document, settled: Mapping[str, str]) -> Document | None:
        """Take the card away with all by which it is found; returns the erasure as it is now.

        `settled` are the merges, undoes and splits that are finished, each with its state; None where there was another
        one since: somebody else's messages may still be here, or the person's elsewhere.
        """

        async def write(session: _Session) -> Document | None:
            current = await self._stored.erasures.find_one({"_id": erasure["_id"]}, session=session)
            if current is None or current["state"] != "waiting":
                return current or erasure
            return await self._cut(current, settled, session)

        return await self._together(write)

    async def _cut(self, erasure: Document, settled: Mapping[str, str], session: _Session) -> Document | None:
        family = await self._family(erasure["scope"]["customer_ids"][0], session)
        cards = await self._found("customers", {"_id": {"$in": family}}, session)
        identities = await self._found("identities", {"customer_id": {"$in": family}}, session)
        identity_ids = [row["_id"] for row in identities]
        either = {"$or": [{"survivor_id": {"$in": family}}, {"loser_id": {"$in": family}}]}
        states = {row["_id"]: row["state"] for row in await self._found("merges", either, session)}
        if states != settled:
            return None
        merges = list(states)
        cases = await self._found("conversations", {"customer_id": {"$in": family}}, session)
        case_ids = [row["_id"] for row in cases]
        absorbed = {"$or": [{"merge_id": {"$in": merges}}, {"into": {"$in": case_ids}}]}
        case_ids += [row["_id"] for row in await self._found("absorbed", absorbed, session)]
        phones = {row["number"] for card in cards for row in card["phones"]}
        emails = {row["address"] for card in cards for row in card["emails"]}
        orders = await self._orders(family, phones, emails, session)
        order_ids = [row["_id"] for row in orders]
        tasks = {"$or": [_belongs(family, case_ids), {"order_id": {"$in": order_ids}}]}
        task_ids = [row["_id"] for row in await self._found("tasks", tasks, session)]
        took: dict[str, int] = {}

        async def take(name: str, condition: Document) -> None:
            taken = await self._stored[name].delete_many(condition, session=session)
            took[name] = took.get(name, 0) + int(taken.deleted_count)

        await take("customers", {"_id": {"$in": family}})
        await take("identities", {"_id": {"$in": identity_ids}})
        await take("watermarks", {"_id": {"$in": identity_ids}})
        await take("early_changes", {"person": {"$in": identity_ids}})
        await take("merges", {"_id": {"$in": merges}})
        await take("absorbed", absorbed)
        await take("strangers", {"customer_ids": {"$in": family}})
        typed = {"$or": [{"identity_id": {"$in": identity_ids}}, {"value": {"$in": [*phones, *emails]}}]}
        await take("one_time_codes", typed)
        await take("conversations", {"_id": {"$in": case_ids}})
        await take("tasks", {"_id": {"$in": task_ids}})
        await take("notices", {"order_id": {"$in": order_ids}})
        await take("parcels", {"_id": {"$in": order_ids}})
        for declared in _WITH_THEM:
            if declared.name != "tasks":
                await take(declared.name, _belongs(family, case_ids))
        about = {
            "identity_id": identity_ids,
            "conversation_id": case_ids,
            "merge_id": merges,
            "task_id": task_ids,
        }
        await take("timers", {"$or": [{f"data.{field}": {"$in": ids}} for field, ids in about.items()]})
        took["orders_cleared"] = await self._clear_orders(orders, session)
        pictures = [{"file_id": row["avatar"]["file_id"], "preview": None} for row in identities if row.get("avatar")]
        took["pictures"] = len(pictures)
        await self._portion(erasure, {"files": pictures}, session)
        present = now()
        scope = {
            "customer_ids": family,
            "identity_ids": identity_ids,
            "conversation_ids": case_ids,
            "order_ids": order_ids,
            "task_ids": task_ids,
            "tags": sorted({tag for card in cards for tag in card["tags"]}),
            "external_ids": sorted({row[key] for row in identities for key in _CALLED if key in row}),
            "phones": sorted(phones),
            "emails": sorted(emails),
        }
        changes = {"state": "erasing", "cut_at": present, "scope": scope}
        await self._note(erasure, took, session, **changes)
        return {**erasure, **changes, "counts": took}

    async def _family(self, customer_id: str, session: _Session) -> list[str]:
        """The card that this one is now, and all that were merged into it, by whatever way."""
        card = await self._living(customer_id, session)
        joined = [customer_id if card is None else card["_id"]]
        family = list(joined)
        while joined:
            rows = await self._found("customers", {"merged_into": {"$in": joined}}, session)
            joined = [row["_id"] for row in rows]
            family += joined
        return family

    async def _orders(
        self, family: Sequence[str], phones: Iterable[str], emails: Iterable[str], session: _Session
    ) -> list[Document]:
        """The orders of these cards, and those of nobody whose contact no other card has."""
        found = await self._found("orders", {"customer_id": {"$in": list(family)}}, session)
        for field, key, contacts in (("phones", "phone", phones), ("emails", "email", emails)):
            within = "number" if field == "phones" else "address"
            for contact in contacts:
                others = {f"{field}.{within}": contact, "_id": {"$nin": list(family)}}
                if await self._stored.customers.find_one(others, {"_id": 1}, session=session) is None:
                    waiting = {"customer_id": None, f"contact.{key}": contact}
                    found += await self._found("orders", waiting, session)
        return list({row["_id"]: row for row in found}.values())

    async def _clear_orders(self, orders: Sequence[Document], session: _Session) -> int:
        for order in orders:
            cleared = {"$set": without_person(order), "$inc": {"version": 1}}
            await self._stored.orders.update_one({"_id": order["_id"]}, cleared, session=session)
        return len(orders)

    async def take_portion(self, erasure: Document) -> bool:
        """Take away the next messages of the erased, and what hangs on them; False where there are none left."""

        async def write(session: _Session) -> bool:
            scope = erasure["scope"]
            again = await self._found("conversations", {"_id": {"$in": scope["conversation_ids"]}}, session, only="_id")
            # A case whose id is made of its customer's may have been begun anew by who wrote again.
            gone = [key for key in scope["conversation_ids"] if key not in {row["_id"] for row in again}]
            late = {"customer_id": {"$in": scope["customer_ids"]}, "created_at": {"$lte": erasure["at"]}}
            theirs = {"$or": [{"conversation_id": {"$in": gone}}, late]}
            messages = await self._found("messages", theirs, session, limit=PORTION)
            ids = [row["_id"] for row in messages]
            of_them: Document = {"message_id": {"$in": ids}} if ids else {"conversation_id": {"$in": gone}}
            files = await self._found("attachments", {**of_them, "macro_id": None}, session, limit=5 * PORTION)
            rows = await self._found("outbox", of_them, session)
            if not (ids or files or rows):
                return False
            file_ids = [row["_id"] for row in files]
            took: dict[str, int] = {}

            async def take(name: str, condition: Document) -> None:
                taken = await self._stored[name].delete_many(condition, session=session)
                took[name] = int(taken.deleted_count)

            await take("messages", {"_id": {"$in": ids}})
            await take("bodies", {"_id": {"$in": ids}})
            await take("attachments", {"_id": {"$in": file_ids}})
            await take("outbox", {"_id": {"$in": [row["_id"] for row in rows]}})
            await take("lanes", {"_id": {"$in": list({row["lane"] for row in rows})}, "lease_until": None})
            await take("early_changes", {"type": "quotation", "by": {"$in": ids}})
            confirmed = [derived_id("acknowledge", key) for key in ids]
            due = [{"_id": {"$in": confirmed}}, {"data.message_id": {"$in": ids}}]
            await take("timers", {"$or": [*due, {"data.attachment_id": {"$in": file_ids}}]})
            if any(row.get("macro_id") for row in messages):
                pulled: Document = {"$pull": {"recent": {"$in": ids}}}
                await self._stored.macro_uses.update_many({"recent": {"$in": ids}}, pulled, session=session)
            took["audit_cleared"] = await self._clear_audit(erasure, [*ids, *file_ids], session)
            stored = [row for row in files if row.get("file_id") is not None]
            took["files"] = len(stored)
            shown = ("_id", "file_id", "preview", "shared")
            kept = [{"preview": None} | {field: row[field] for field in shown if field in row} for row in stored]
            await self._portion(erasure, {"files": kept, "message_ids": ids}, session)
            await self._note(erasure, took, session)
            return True

        return await self._together(write)

    async def portions(self, erasure: Document) -> list[Document]:
        """What is to be removed outside the database's transactions: `{files, message_ids, events}`, oldest first."""
        found = self._stored.erasing_portions.find({"erasure_id": erasure["_id"]}).sort("_id", 1)
        return await found.to_list(None)

    async def clear_audit(self, erasure: Document) -> None:
        """Have the audit say what was done and by whom, no longer to which of the erased's things and how."""

        async def write(session: _Session) -> None:
            scope = erasure["scope"]
            concerned = ("customer_ids", "identity_ids", "conversation_ids", "task_ids")
            ids = [key for field in concerned for key in scope[field]]
            cleared = await self._clear_audit(erasure, ids, session)
            told = [{f"changed.{field}": {"$in": ids}} for field in ("customer_id", "other_id", "identity")]
            emptied: Document = {"$set": {"changed": {}}}
            also = await self._stored.audit.update_many({"$or": told}, emptied, session=session)
            await self._note(erasure, {"audit_cleared": cleared + int(also.modified_count)}, session)

        await self._together(write)

    async def _clear_audit(self, erasure: Document, object_ids: Sequence[str], session: _Session) -> int:
        emptied = {"$set": {"object_id": erasure["_id"], "changed": {}}}
        cleared = await self._stored.audit.update_many(
            {"object_id": {"$in": list(object_ids)}}, emptied, session=session
        )
        return int(cleared.modified_count)

    async def clear_frames(self, erasure: Document) -> None:
        """Empty the live frames that told of the erased. They keep their numbers: nobody misses one."""

        async def write(session: _Session) -> None:
            scope = erasure["scope"]
            of_orders = {"frames.data._id": {"$in": scope["order_ids"]}, "at": {"$lte": erasure["cut_at"]}}
            things = ("customer_ids", "identity_ids", "conversation_ids", "task_ids")
            ids = [key for field in things for key in scope[field]]
            theirs = [
                {"frames.data._id": {"$in": ids}},
                {"frames.data.customer_id": {"$in": scope["customer_ids"]}},
                {"frames.data.conversation_id": {"$in": scope["conversation_ids"]}},
            ]
            cleared = 0
            async for row in self._stored.live.find({"$or": [*theirs, of_orders]}, session=session):
                before = row["at"] <= erasure["cut_at"]
                frames = [
                    _EMPTY if _tells_of(frame, scope, erasure["at"], before=before) else frame
                    for frame in row["frames"]
                ]
                count = sum(new is not old for new, old in zip(frames, row["frames"], strict=True))
                if count:
                    emptied = {"$set": {"frames": frames}}
                    await self._stored.live.update_one({"_id": row["_id"]}, emptied, session=session)
                    cleared += count
            await self._note(erasure, {"live_frames": cleared}, session)

        await self._together(write)

    async def silence(self, erasure: Document, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take the bodies of quarantined events away. The rows stay: their repetition is still known."""

        async def write(session: _Session) -> None:
            done = {"state": "done", "done_at": now()}
            lost = {"raw": "", "key": "", "lease_until": "", "reason": "", "holder": "", "file": ""}
            ids = {"_id": {"$in": [row["_id"] for row in rows]}, "state": "quarantined"}
            silenced = await self._stored.journal.update_many(ids, {"$set": done, "$unset": lost}, session=session)
            large = [row["file"] for row in rows if "file" in row]
            if large:
                await self._portion(erasure, {"events": large}, session)
            await self._note(erasure, {"journal": int(silenced.modified_count)}, session)

        await self._together(write)

    async def forget_tags(self, erasure: Document) -> None:
        """Suggest no longer what only the erased was tagged with."""
        tags = erasure["scope"].get("tags", [])
        if tags:
            used = set(await self._stored.customers.distinct("tags", {"tags": {"$in": tags}}))
            gone = [tag.casefold() for tag in tags if tag not in used]
            await self._stored.tags.delete_many({"_id": {"$in": gone}})

    async def finish(self, erasure: Document) -> Document:
        """Note that everything is gone, and forget the contacts by which it was found."""
        scope = {field: ids for field, ids in erasure["scope"].items() if field.endswith("_ids")}
        scope.pop("external_ids", None)
        done = {"state": "done", "done_at": now(), "scope": scope}
        await self._stored.erasures.update_one({"_id": erasure["_id"], "state": "erasing"}, {"$set": done})
        return {**erasure, **done}

    async def settle(self, erasure: Document) -> None:
        """Keep of an erasure its proof alone."""
        await self._stored.erasing_portions.delete_many({"erasure_id": erasure["_id"]})
        await self._stored.erasures.update_one({"_id": erasure["_id"]}, {"$unset": {"scope": ""}})

    async def _portion(self, erasure: Document, named: Document, session: _Session) -> None:
        portion = {"files": [], "message_ids": [], "events": [], **named}
        row = {"_id": new_id(), "erasure_id": erasure["_id"], **portion}
        await self._stored.erasing_portions.insert_one(row, session=session)

    async def _note(self, erasure: Document, took: Mapping[str, int], session: _Session, **changes: Any) -> None:
        update: Document = {"$inc": {f"counts.{name}": count for name, count in took.items()}}
        if changes:
            update["$set"] = changes
        await self._stored.erasures.update_one({"_id": erasure["_id"]}, update, session=session)

    async def _found(
        self, name: str, condition: Document, session: _Session, *, only: str | None = None, limit: int = 0
    ) -> list[Document]:
        fields = None if only is None else {only: 1}
        return await self._stored[name].find(condition, fields, session=session, limit=limit).to_list(None)

    async def _living(self, customer_id: str, session: _Session) -> Document | None:
        card: Document | None = await self._stored.customers.find_one({"_id": customer_id}, session=session)
        while card is not None and card.get("merged_into") is not None:
            card = await self._stored.customers.find_one({"_id": card["merged_into"]}, session=session)
        return card

    async def _together(self, write: Callable[[_Session], Coroutine[Any, Any, _T]]) -> _T:
        """Do all of it or nothing."""
        async with await self._client.start_session() as session:
            outcome: _T = await session.with_transaction(
                write,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern(w="majority", j=True),
                read_preference=ReadPreference.PRIMARY,
            )
        return outcome


_EMPTY: Document = {"type": ERASED, "data": {"_id": ""}, "audience": "everyone", "scope": None, "was": None}


def _belongs(customer_ids: Sequence[str], conversation_ids: Sequence[str]) -> Document:
    return {"$or": [{"customer_id": {"$in": customer_ids}}, {"conversation_id": {"$in": conversation_ids}}]}


def _tells_of(frame: Mapping[str, Any], scope: Mapping[str, Any], at: datetime, *, before: bool) -> bool:
    """Whether a frame is about somebody erased; one from behind the cut only where it shows what was there before."""
    data = frame["data"]
    if frame["type"] in (ERASED, "customer.erased", "conversation.removed"):
        return False
    if before and data.get("_id") in scope["order_ids"]:
        return True
    things = (*scope["customer_ids"], *scope["identity_ids"], *scope["conversation_ids"], *scope["task_ids"])
    theirs = (
        data.get("_id") in things
        or data.get("customer_id") in scope["customer_ids"]
        or data.get("conversation_id") in scope["conversation_ids"]
    )
    return theirs and (before or data.get("created_at", at) <= at)
