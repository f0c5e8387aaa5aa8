"""How often somebody may guess a password.

Failures are counted by account and address, and more loosely by address over all accounts; never by account alone, or
anybody could lock a manager out. Counts live in Redis, so that every process knows them; while Redis is away each
process counts for itself.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from web.doors.addresses import counted_as

ACCOUNT_FAILURES = 5
ADDRESS_FAILURES = 50
WINDOW_SECONDS = 15 * 60

_REDIS_PATIENCE_SECONDS = 0.5
_LOCAL_LIMIT = 10_000
_LOST = (RedisError, OSError, TimeoutError)

_log = structlog.get_logger(__name__)


class LocalCounts:
    """Counts in this process, each forgotten at the end of its window."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[int, float]] = {}

    def add(self, key: str) -> None:
        """One more; the first opens the window."""
        present = self._clock()
        if len(self._counts) >= _LOCAL_LIMIT:
            self._counts = {kept: row for kept, row in self._counts.items() if row[1] > present}
        count, until = self._counts.get(key, (0, 0.0))
        self._counts[key] = (count + 1, until) if until > present else (1, present + WINDOW_SECONDS)

    def get(self, key: str) -> tuple[int, float]:
        """How many, and for how many seconds they count."""
        count, until = self._counts.get(key, (0, 0.0))
        left = until - self._clock()
        return (count, left) if left > 0 else (0, 0.0)

    def forget(self, key: str) -> None:
        """Start over."""
        self._counts.pop(key, None)


class LoginThrottle:
    """Counts failed sign-ins. `namespace` keeps shops that share a Redis apart."""

    def __init__(self, redis: Redis, *, namespace: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._prefix = f"skrynka:{namespace}:signin:"
        self._local = LocalCounts(clock)

    async def wait(self, account: str, address: str) -> int:
        """For how many seconds this account is closed to this address; 0 when it is open."""
        limits = self._limits(account, address)
        try:
            async with asyncio.timeout(_REDIS_PATIENCE_SECONDS):
                pipeline = self._redis.pipeline(transaction=False)
                for key, _ in limits:
                    pipeline.get(key)
                    pipeline.pttl(key)
                answers = await pipeline.execute()
            counts = [(int(answers[i] or 0), max(answers[i + 1], 0) / 1000) for i in range(0, len(answers), 2)]
        except _LOST:
            counts = [self._local.get(key) for key, _ in limits]
        waits = [left for (count, left), (_, limit) in zip(counts, limits, strict=True) if count >= limit]
        return math.ceil(max(waits, default=0.0))

    async def failed(self, account: str, address: str) -> None:
        """Count a wrong password."""
        keys = [key for key, _ in self._limits(account, address)]
        try:
            async with asyncio.timeout(_REDIS_PATIENCE_SECONDS):
                pipeline = self._redis.pipeline(transaction=True)
                for key in keys:
                    pipeline.incr(key)
                    pipeline.expire(key, WINDOW_SECONDS, nx=True)
                await pipeline.execute()
        except _LOST as error:
            _log.warning("signin_counted_locally", error=str(error))
            for key in keys:
                self._local.add(key)

    async def succeeded(self, account: str, address: str) -> None:
        """Forget the account's failures from this address; the address's own count stays."""
        key = self._limits(account, address)[0][0]
        self._local.forget(key)
        try:
            async with asyncio.timeout(_REDIS_PATIENCE_SECONDS):
                await self._redis.delete(key)
        except _LOST as error:
            _log.warning("signin_count_kept", error=str(error))

    def _limits(self, account: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
        """The two counts that a guess belongs to, each with its limit. Redis learns no e-mail address."""
        origin = counted_as(address)
        digest = hashlib.sha256(account.encode(errors="surrogatepass")).hexdigest()[:32]
        return (
            (f"{self._prefix}{digest}:{origin}", ACCOUNT_FAILURES),
            (f"{self._prefix}{origin}", ADDRESS_FAILURES),
        )
