"""Password hashes: argon2id in worker threads, a few at once, so that sign-ins cannot starve the server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from inbox.model.errors import Invalid
from web.doors.problems import Problem

MIN_LENGTH = 8
MAX_LENGTH = 200
AT_ONCE = 2

_QUEUE_LIMIT = 64
_DECOY = "$argon2id$v=19$m=19456,t=2,p=1$Gkzf31n0Z7Bfr/2iCCVQtw$2YKagPSvbtzoi+eclpaTE4yoIz+J/175sfWqbfg5TFU"
"""The hash of a random text that nobody kept, as dear as every other."""


class Passwords:
    """Hashes and checks passwords. The cost is OWASP's for argon2id: 19 MiB, two passes, one lane."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._queued = 0

    async def hash(self, password: str) -> str:
        """The hash under which a password is kept. Raises `Invalid` for one that nobody should have."""
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise Invalid("password", f"use {MIN_LENGTH} to {MAX_LENGTH} characters")
        return await self._in_thread(password, None)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password. Without a hash (an unknown account) it takes as long and says no."""
        verdict = await self._in_thread(password, password_hash or _DECOY)
        return password_hash is not None and bool(verdict)

    async def _in_thread(self, password: str, against: str | None) -> str:
        """A new hash; or, where there is one to compare with, that one if it matches and an empty string if not."""
        if self._queued >= _QUEUE_LIMIT:
            raise Problem(503, "too many people sign in at this moment; try again", headers={"Retry-After": "2"})
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, password, against)
        finally:
            self._queued -= 1

    def _work(self, password: str, against: str | None) -> str:
        if against is None:
            return self._hasher.hash(password)
        try:
            self._hasher.verify(against, password)
        except (VerificationError, InvalidHashError):
            return ""
        return against

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)
