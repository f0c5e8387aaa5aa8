"""How the process asks the system for memory: one pool instead of one for each of the driver's threads.

The C library keeps a pool of its own for every thread that allocates, and hardly gives anything back from it. The
database driver works in ten threads that take turns, so most of what they held would lie idle: some 50 MB of it.
"""

import ctypes
import sys

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's mallopt(3)


def share_one_pool() -> None:
    """To be called before any thread is started. Does nothing where the C library is another one."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_ARENA_MAX, 1)
