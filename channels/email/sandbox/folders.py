"""A mailbox's folders as an IMAP server keeps them: letters under numbers that only grow, until they are numbered anew.

Everything is in memory and bounded; the oldest letters are forgotten first.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from channels.props import Changes

LETTERS_MAX: Final = 1000
MAX_BYTES: Final = 256 << 20


def _nobody_minds() -> None:
    return


@dataclass
class Stored:
    """A letter in a folder. `received` is what IMAP calls its internal date."""

    uid: int
    content: bytes
    received: datetime
    flags: set[str] = field(default_factory=set)
    read_by_somebody: Callable[[], None] = _nobody_minds
    """Called whenever its content has gone to a mail program."""


class Folder:
    """Letters by UID, ascending. UIDs mean something only together with `validity`."""

    def __init__(self, name: str, mark: str = "") -> None:
        self.name = name
        self.mark = mark
        """What it is for (RFC 6154), such as `\\Sent`."""
        self.validity = int(time.time())
        self.next_uid = 1
        self.letters: list[Stored] = []
        self.changes = Changes()

    def add(
        self,
        content: bytes,
        *,
        received: datetime | None = None,
        flags: set[str] | None = None,
        read_by_somebody: Callable[[], None] = _nobody_minds,
    ) -> Stored:
        """Put a letter there, as taken now unless `received` says otherwise."""
        stored = Stored(self.next_uid, content, received or datetime.now(UTC), flags or set(), read_by_somebody)
        self.next_uid += 1
        self.letters.append(stored)
        size = sum(len(letter.content) for letter in self.letters)
        while len(self.letters) > 1 and (len(self.letters) > LETTERS_MAX or size > MAX_BYTES):
            size -= len(self.letters.pop(0).content)
        self.changes.announce()
        return stored

    def renumber(self) -> None:
        """Forget every number, as a server does whose index was lost. Whoever has the folder open must open it anew."""
        self.validity += 1
        for uid, letter in enumerate(self.letters, 1):
            letter.uid = uid
        self.next_uid = len(self.letters) + 1


def usual() -> dict[str, Folder]:
    """What a new mailbox has, by name."""
    return {"INBOX": Folder("INBOX"), "Sent": Folder("Sent", "\\Sent")}
