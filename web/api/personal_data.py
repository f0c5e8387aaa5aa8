"""All that is known of one customer, as an archive that people and programs can read."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from inbox.avatars import Avatars
from inbox.cards import Cards
from inbox.customers import Customers
from inbox.exporting import PersonalData
from inbox.model.errors import NotFound
from inbox.storage.database import Document
from web.api.customer_notes import note_view
from web.api.customers import entry_view
from web.api.orders import order_view
from web.api.rows import row
from web.api.services import ApiServices
from web.api.tasks import task_view
from web.api.views import View, customer_view, message_view
from web.doors.answers import json_bytes
from web.doors.table import Call, Route, Who
from web.zips import Entry, safe_name, zipped

README = """What is here
============

card.json            the card: name, contacts, which of them are proven, fields, tags, and how each channel knows them
conversations/*.txt  what was said, to be read: one file a conversation, oldest first
conversations/*.jsonl  the same for programs: one message a line, as JSON
orders.jsonl         their orders, with what changed when
notes.jsonl          what managers noted on the card
tasks.jsonl          what is to be done for them
history.jsonl        who had their conversations, and when these were closed and opened
letters/*.html       letters as they came, called by the ids of their messages; opening one may fetch what it names
files/               the files of the messages; their names begin with the id by which a message calls them
pictures/            what they look like on each channel that shows it

Times are in UTC. A file that is named in a message and is not here never arrived, or is gone.
{scope}
"""

_WHOLE = "This is everything that is stored of them."
_PARTLY = "Conversations of teams that the person who exported this is not in are left out."


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDataHandlers:
    """`/customers/{id}/export`."""

    personal_data: PersonalData
    customers: Customers
    cards: Cards
    avatars: Avatars

    async def export(self, call: Call[None, None]) -> web.StreamResponse:
        """Send the archive."""
        customer = await self.customers.get(call.path())
        response = web.StreamResponse(
            headers={
                "Content-Disposition": f'attachment; filename="customer-{customer["_id"]}.zip"',
                "Cache-Control": "private, no-store",
            }
        )
        response.content_type = "application/zip"
        await response.prepare(call.request)
        if call.request.method != "HEAD":
            async for chunk in zipped(self._entries(call, customer)):
                await response.write(chunk)
        await response.write_eof()
        return response

    async def _entries(self, call: Call[None, None], customer: Document) -> AsyncIterator[Entry]:
        viewer, customer_id = call.viewer, customer["_id"]
        whole = await self.cards.one(customer)
        cases = await self.personal_data.conversations(viewer, customer_id)
        scope = _WHOLE if viewer.administers else _PARTLY
        yield Entry("README.txt", _at_once(README.format(scope=scope).encode()))
        yield Entry("card.json", _at_once(json_bytes(customer_view(whole))))
        for number, case in enumerate(cases, 1):
            name = f"conversations/{number:03} {case['created_at']:%Y-%m-%d}"
            yield Entry(f"{name}.txt", _readable(self.personal_data.messages(case)))
            yield Entry(f"{name}.jsonl", _lines(self.personal_data.messages(case), message_view))
        yield Entry("orders.jsonl", _lines(self.personal_data.orders(customer_id), order_view))
        yield Entry("notes.jsonl", _lines(self.personal_data.notes(customer_id), note_view))
        yield Entry("tasks.jsonl", _lines(self.personal_data.tasks(customer_id, cases), task_view))
        yield Entry("history.jsonl", _lines(self.personal_data.happenings(customer_id, cases), entry_view))
        for case in cases:
            async for message in self.personal_data.messages(case):
                letter = await self.personal_data.letter(message)
                if letter is not None:
                    yield Entry(f"letters/{message['_id']}.html", _at_once(letter.encode()))
                for attachment in message["attachments"]:
                    opened = await self.personal_data.file(attachment["id"])
                    if opened is not None:
                        file, read = opened
                        name = f"files/{file['_id']} {safe_name(file['name'])}"
                        yield Entry(name, read(0, file["size"]), packed=False)
        for identity in whole.identities:
            if identity.get("avatar"):
                try:
                    picture, read = await self.avatars.open(identity["_id"])
                except NotFound:
                    continue
                yield Entry(f"pictures/{safe_name(picture['name'])}", read(0, picture["size"]), packed=False)


async def _at_once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _lines(documents: AsyncIterator[Document], view: Callable[[Document], View]) -> AsyncIterator[bytes]:
    async for document in documents:
        yield json_bytes(view(document)) + b"\n"


async def _readable(messages: AsyncIterator[Document]) -> AsyncIterator[bytes]:
    """A conversation as people read it."""
    async for message in messages:
        yield _told(message).encode()


def _told(message: dict[str, Any]) -> str:
    author = message["author"]["name"] or message["author"]["type"]
    kind = " (note)" if message["direction"] == "note" else ""
    taken_back = " (taken back)" if message["deleted_at"] is not None else ""
    said = message.get("original") or message["text"]
    files = "".join(f"\n[{file['name']}]" for file in message["attachments"])
    return f"{message['sent_at']:%Y-%m-%d %H:%M} {author}{kind}{taken_back}:\n{said}{files}\n\n"


def rows(services: ApiServices) -> list[Route]:
    """The endpoint of a customer's own data."""
    handlers = PersonalDataHandlers(
        personal_data=services.personal_data,
        customers=services.customers,
        cards=services.cards,
        avatars=services.avatars,
    )
    return [
        row("GET", "/customers/{id}/export", Who.SIGNED_IN)(
            handler=handlers.export,
            summary="All that is known of a customer and that the caller may see, as a ZIP archive",
            media_type="application/zip",
            audit="customer.export",
        )
    ]
