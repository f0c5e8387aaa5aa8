"""The shop's side of a mailbox that is watched: what came in, and what went wrong."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from channels.email import parse
from channels.email.client import EmailConnection
from channels.email.spec import EmailSettings
from inbox.model.channel import Cursor, RawEvent
from inbox.model.failures import ChannelFailure
from inbox.model.incoming import Echo, NewMessage


class Desk(Cursor):
    """Takes events as the journal does: a key that is known does nothing. Listens again whatever ends it."""

    def __init__(self, settings: EmailSettings) -> None:
        self.settings = settings
        self.marks: dict[str, str] = {}
        self.raw: dict[str, bytes] = {}
        self.handed_over = 0
        self.failures: list[ChannelFailure] = []
        self.down = False
        self.turned_away = asyncio.Event()
        """Set once something was brought while this was down."""

    @property
    def value(self) -> Mapping[str, str]:
        return self.marks

    async def note(self, value: Mapping[str, str]) -> None:
        self.marks = dict(value)

    async def accept(self, events: Sequence[RawEvent]) -> None:
        if self.down:
            self.turned_away.set()
            raise RuntimeError("the journal is away")
        for event in events:
            self.handed_over += 1
            self.raw.setdefault(event.key, event.raw)

    async def listen(self) -> None:
        connection = EmailConnection(self.settings)
        while True:
            try:
                await connection.listen(self, self.accept)
            except ChannelFailure as failure:
                self.failures.append(failure)
            except RuntimeError:
                pass
            await asyncio.sleep(0.05)

    def events(self) -> list[Any]:
        return [found for raw in self.raw.values() for found in parse.read(raw)]

    def texts(self) -> list[str]:
        return sorted(event.text for event in self.events() if isinstance(event, NewMessage | Echo))

    async def has(self, *texts: str) -> None:
        async with asyncio.timeout(15):
            while self.texts() != sorted(texts):
                await asyncio.sleep(0.02)

    async def looked(self) -> None:
        """Wait until both folders were seen for the first time."""
        async with asyncio.timeout(15):
            while not {"inbox.validity", "sent.validity"} <= set(self.marks):
                await asyncio.sleep(0.02)
