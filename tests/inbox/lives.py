"""Conversations that live through what conversations live through, for tests of what is counted of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from inbox.model.conversation import answered, arrived, new_conversation
from inbox.model.ids import sort_key
from inbox.model.numbers import cases_of
from inbox.model.schedule import Schedule
from inbox.storage.database import Database

Document = dict[str, Any]

START = datetime(2026, 11, 2, 6, tzinfo=UTC)
"""A Monday, eight o'clock in Kyiv."""

OPEN = Schedule.model_validate(
    {"timezone": "Europe/Kyiv", "open": [{"days": ["mon", "tue", "wed"], "from": "09:00", "to": "18:00"}]}
)


class Life:
    """A conversation as the house keeps it: its row, what happened in it, its messages. A step takes seven minutes."""

    def __init__(self, key: str = "k1") -> None:
        self.clock = START
        self.conversation: Document = new_conversation(key, customer_id=f"{key}-card", channel_id="tg", at=START)
        self.happenings: list[Document] = []
        self.messages: list[Document] = []
        self.untold: list[Document] = []

    @property
    def key(self) -> str:
        """The conversation's id."""
        return str(self.conversation["_id"])

    async def store(self, database: Database) -> None:
        """Have a database hold all of it, the row last: that is the change that is followed."""
        self.told()
        for name, rows in (("happenings", self.happenings), ("messages", self.messages)):
            for row in rows:
                await database.durable[name].replace_one({"_id": row["_id"]}, row, upsert=True)
        self.conversation["revision"] += 1
        await database.durable.conversations.replace_one({"_id": self.key}, self.conversation, upsert=True)

    def writes(self, channel: str = "tg") -> None:
        """The customer does."""
        message = self._said("in", {"type": "customer", "id": self.conversation["customer_id"]}, channel)
        self.conversation |= arrived(self.conversation, [message])

    def answers(self, manager: str | None = "ann") -> None:
        """A manager, the shop by another way (None), or the bot does."""
        author = {"type": "bot" if manager == "bot" else "manager" if manager else "shop", "id": manager}
        message = self._said("out", author, self.conversation["channel_id"])
        self.conversation |= answered(self.conversation, message, by_person=manager != "bot")

    def is_answered_by_bot(self) -> None:
        """The bot answers so that nobody waits any more."""
        message = self._said("out", {"type": "bot", "id": None}, self.conversation["channel_id"])
        message["answers"] = list(self.conversation["unanswered"])
        self.conversation |= answered(self.conversation, message, by_person=False)

    def is_handed_off(self) -> None:
        """The bot leaves it to people."""
        self._pass()
        self._happened("handoff", reason="asked")

    def rates(self, score: int) -> None:
        """The customer does, of the case that is the last one by now."""
        number = self.conversation["openings"]
        others = [rating for rating in self.conversation.get("ratings", ()) if rating["no"] != number]
        self._pass()
        rating = {"no": number, "score": score, "at": self.clock, "sort": "", "comment": ""}
        self.conversation["ratings"] = [*others, rating]

    def notes(self) -> None:
        """A manager does, for managers."""
        self._said("note", {"type": "manager", "id": "ann"}, self.conversation["channel_id"])

    def goes_to(self, manager: str | None) -> None:
        """Somebody gets it, or the queue does."""
        self._pass()
        if manager == self.conversation["assignee_id"]:
            return
        assignment = None if manager is None else {"reason": "manual", "at": self.clock}
        self.conversation |= {"assignee_id": manager, "assignment": assignment}
        self._happened("assignment", assignee_id=manager)

    def is_put(self, status: str) -> None:
        """Somebody closes, opens or snoozes it."""
        self._pass()
        closed = status == "closed"
        if status != self.conversation["status"]:
            changes = {"status": status, "active": not closed, "closed_at": self.clock if closed else None}
            self.conversation |= changes
            self._happened("status", status=status)

    def moves(self, team: str | None) -> None:
        """Another team gets it."""
        self._pass()
        self.conversation["team_id"] = team

    def read(self, known: Sequence[Document] = ()) -> list[Document]:
        """Its cases; what happened last may not have been told yet."""
        by_number = {row["no"]: row for row in known}
        return cases_of(self.conversation, self.happenings, self.messages, OPEN, by_number)

    def told(self) -> None:
        """What happened is told to everybody by now."""
        self.happenings += self.untold
        self.untold = []

    def _pass(self) -> None:
        self.clock += timedelta(minutes=7)
        self.told()

    def _happened(self, kind: str, **fields: Any) -> None:
        where = {"case": self.conversation["openings"], "team_id": self.conversation["team_id"]}
        number = len(self.happenings) + len(self.untold)
        place = {"_id": f"{self.key}:h{number}", "conversation_id": self.key, "sort": sort_key(self.clock, number)}
        self.untold.append({**place, "kind": kind, "at": self.clock, **where, **fields})

    def _said(self, direction: str, author: Document, channel: str) -> Document:
        self._pass()
        number = len(self.messages)
        message = {
            "_id": f"{self.key}:m{number}",
            "conversation_id": self.key,
            "direction": direction,
            "author": author,
            "channel_id": channel,
            "sort": sort_key(self.clock, number),
            "created_at": self.clock,
            "received_at": self.clock,
            "sent_at": self.clock,
            "text": "",
            "attachments": [],
            "content": None,
            "state": "received",
        }
        self.messages.append(message)
        return message
