"""How fast we may send. Buckets live in Redis, so that all processes share them; without Redis each keeps its own."""

import time

from redis.asyncio import Redis
from redis.exceptions import RedisError

from inbox.model.capabilities import Pace

# The generic cell rate algorithm: one time stamp a bucket, "when the bucket is empty again".
_TAKE = """
local now = redis.call('TIME')
local t = tonumber(now[1]) + tonumber(now[2]) / 1e6
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), t)
local wait = full - t - interval * (burst - 1)
if wait > 0 then return tostring(wait) end
redis.call('SET', KEYS[1], string.format('%.6f', full + interval), 'PX', math.ceil((full + interval - t) * 1000) + 1000)
return '0'
"""
_KEPT_BUCKETS = 10_000


class Pacer:
    """Rate limits by key."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis = redis
        self._prefix = f"skrynka:pace:{namespace}:"
        self._local: dict[str, float] = {}

    async def take(self, key: str, pace: Pace) -> float:
        """Take one token; returns 0, or the seconds to wait before asking again."""
        interval = 1 / pace.per_second
        try:
            answer = await self._redis.eval(_TAKE, 1, self._prefix + key, str(interval), str(pace.burst))
            return float(answer)
        except (RedisError, OSError, TimeoutError):
            return self._take_locally(key, interval, pace.burst)

    def _take_locally(self, key: str, interval: float, burst: int) -> float:
        present = time.monotonic()
        full = max(self._local.get(key, 0.0), present)
        wait = full - present - interval * (burst - 1)
        if wait > 0:
            return wait
        if len(self._local) >= _KEPT_BUCKETS:
            self._local = {kept: until for kept, until in self._local.items() if until > present}
        self._local[key] = full + interval
        return 0.0
