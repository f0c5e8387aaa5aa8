"""How the process asks the system for memory, and gives it back.

The C library keeps a pool of its own for every thread that allocates, and hardly gives anything back from it. The
database driver works in ten threads that take turns, so most of what they held would lie idle: some 50 MB of it. From
the one pool that there is instead, only what lies at its end goes back by itself; what a burst leaves free before that
does when it is asked for.
"""

import ctypes
import sys
from collections.abc import Callable

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's mallopt(3)


def share_one_pool() -> None:
    """To be called before any thread is started. Does nothing where the C library is another one."""
    mallopt = _of_the_c_library("mallopt")
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)


async def give_back() -> None:
    """Let the system have what is free, in about a millisecond. Does nothing where the C library is another one."""
    malloc_trim = _of_the_c_library("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _of_the_c_library(name: str) -> Callable[..., int] | None:
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    return found
