"""What the bot has asked a customer and waits to hear: one row a conversation, under its id.

A row is `{_id, customer_id, asker, key, state, buttons, message_id, asked_at, expires_at, open, answer, missed, asked,
heard, forget_at}`. `key` names the question; `answer` is the `message_id` that was taken for the answer and what it
meant; `missed` are messages that did not fit. `asked` and `heard` outlast the question: the keys of the last questions
and the messages that they took, so that neither is taken again where a crash has something repeated.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pymongo

from inbox.storage.database import Database, Document
from inbox.storage.errors import Duplicate

REMEMBERED = timedelta(days=1)
"""How long a question is remembered after it has run out."""

_KEEP = 20
_AFTER: dict[str, Any] = {"return_document": pymongo.ReturnDocument.AFTER}


class QuestionStore:
    """The `questions` collection, and the mark on conversations that have a row in it.

    The mark is `asked_until`; by it the way of a message tells without a query that nothing was asked. The
    conversation's `revision` stays as it is: nothing that is decided about one looks at that field.
    """

    def __init__(self, database: Database) -> None:
        self._questions = database.durable.questions
        self._conversations = database.relaxed.conversations

    async def ask(
        self, question: Mapping[str, Any], *, after: str | None = None, heard: str | None = None
    ) -> Document | None:
        """Have a question wait, once for each `key`; None where another one waits, or this one did before.

        It may follow on the question of the key `after`, which took the message `heard` for its answer.
        """
        forget_at = question["expires_at"] + REMEMBERED
        marked = {"$max": {"asked_until": forget_at}}
        await self._conversations.update_one({"_id": question["_id"]}, marked)
        free: list[Document] = [{"open": False}, {"expires_at": {"$lte": question["asked_at"]}}, {"key": after}]
        fields = {**question, "open": True, "answer": None, "missed": [], "forget_at": forget_at}
        memory = {"asked": _last(question["key"]), **({"heard": _last(heard)} if heard is not None else {})}
        try:
            row: Document | None = await self._questions.find_one_and_update(
                {"_id": question["_id"], "asked": {"$ne": question["key"]}, "$or": free},
                {"$set": fields, "$push": memory},
                upsert=True,
                **_AFTER,
            )
        except Duplicate:
            row = await self.get(question["_id"])
        return row if row is not None and row["open"] and row["key"] == question["key"] else None

    async def get(self, conversation_id: str) -> Document | None:
        """What was asked last in a conversation."""
        return await self._questions.find_one({"_id": conversation_id})

    async def answer(self, conversation_id: str, key: str, answer: Mapping[str, Any]) -> Document | None:
        """Take a message for the answer unless another one was taken; the row as it is, None where it is another's."""
        return await self._noted(conversation_id, key, {"answer": None}, {"$set": {"answer": dict(answer)}})

    async def miss(self, conversation_id: str, key: str, message_id: str) -> Document | None:
        """Note a message that is no answer, once; the row as it is, None where it is another question's."""
        seen = {"answer": None, "missed": {"$ne": message_id}}
        return await self._noted(conversation_id, key, seen, {"$push": {"missed": message_id}})

    async def _noted(self, conversation_id: str, key: str, expected: Document, change: Document) -> Document | None:
        waiting = {"_id": conversation_id, "key": key, "open": True}
        row: Document | None = await self._questions.find_one_and_update({**waiting, **expected}, change, **_AFTER)
        return row or await self._questions.find_one(waiting)

    async def settle(self, conversation_id: str, key: str, heard: str | None = None) -> None:
        """End a question, and remember the message that it took."""
        taken = {"$push": {"heard": _last(heard)}} if heard is not None else {}
        await self._questions.update_one(
            {"_id": conversation_id, "key": key, "open": True}, {"$set": {"open": False}, **taken}
        )

    async def hear(self, conversation_id: str, key: str, message_id: str) -> None:
        """Remember a message that a question took and that leaves it open."""
        await self._questions.update_one(
            {"_id": conversation_id, "key": key, "heard": {"$ne": message_id}},
            {"$push": {"heard": _last(message_id)}},
        )


def _last(entry: str) -> Document:
    return {"$each": [entry], "$slice": -_KEEP}
