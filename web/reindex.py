"""`skrynka reindex`: the index of search built anew of what is stored, beside the old one and a running server."""

import sys
import time

import uvloop

from inbox.model.searched import Searched
from web.app import opened
from web.settings import Settings

SHOWN_EVERY = 1.0
"""Seconds between two looks at how far it is."""


def run(settings: Settings) -> int:
    """Build it; prints how far it is and returns the exit code."""
    return uvloop.run(_build(settings))


async def _build(settings: Settings) -> int:
    shown = Shown()
    async with opened(settings) as house:
        built = await house.indexing.build(shown)
    if not built:
        print("skrynka: another process builds the index already: let it finish", file=sys.stderr)  # noqa: T201 - a line for the person at the terminal
        return 1
    return 0


class Shown:
    """Shows progress: a line that changes where a person watches, else one line for each kind."""

    def __init__(self) -> None:
        self._at = 0.0

    def __call__(self, kind: Searched, done: int, total: int) -> None:
        """Say how many of how many there are."""
        whole = done == total
        if not whole and (not sys.stdout.isatty() or time.monotonic() - self._at < SHOWN_EVERY):
            return
        self._at = time.monotonic()
        start, end = ("\r", "\n" if whole else "") if sys.stdout.isatty() else ("", "\n")
        print(f"{start}{kind.value}: {done} of {total}", end=end, flush=True)  # noqa: T201 - a line for the person at the terminal
