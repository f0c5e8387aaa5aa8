"""What a burst needed goes back to the system."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from web.memory import give_back, share_one_pool

BURST, SIZE = 40_000, 2_000


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def burst() -> str:
    """Take much memory in small pieces, let go of all but the last and then give back; how much was and is free."""
    share_one_pool()
    pieces = [bytes(SIZE) for _ in range(BURST)]
    last = pieces.pop()
    full = resident()
    pieces.clear()
    held = resident()
    asyncio.run(give_back())
    assert len(last) == SIZE
    return f"{full - held} {full - resident()}"


def test_what_a_burst_needed_is_given_back():
    program = "from tests.web.test_memory import burst; print(burst())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    by_itself, when_asked = map(int, ran.stdout.split())
    assert by_itself < BURST * SIZE / 10
    assert when_asked > BURST * SIZE * 0.8
