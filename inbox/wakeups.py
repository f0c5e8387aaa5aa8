"""Step 3, adopt: what a dead process left behind is taken over, and what must not grow is trimmed.

Every process sweeps; leases keep two of them from taking the same thing. Outbox lanes and timers are claimed straight
from their collections, so their expired leases need no sweeping of their own.
"""

import asyncio
import contextlib
from collections import defaultdict

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inbox.model.ids import new_id

_log = structlog.get_logger(__name__)

TOPICS = ("live", "outbox", "timers", "queue", "notices")
_PREFIX = "skrynka:wake:"
_RETRY_SECONDS = 1.0


class Wakeups:
    """Bells by topic. A bell rung here is heard here at once and in other processes through Redis, if it is there."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis = redis
        self._prefix = f"{_PREFIX}{namespace}:"
        self._bells: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._tolling: set[str] = set()
        self._toll = asyncio.Event()
        self._self = new_id().encode()

    def ring_here(self, topic: str) -> None:
        """Wake who waits for this topic in this process."""
        self._bells[topic].set()

    def ring(self, topic: str) -> None:
        """Wake who waits for this topic, in every process."""
        self.ring_here(topic)
        self._tolling.add(topic)
        self._toll.set()

    async def wait(self, topic: str, seconds: float) -> None:
        """Wait for the bell, at most so long."""
        bell = self._bells[topic]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await bell.wait()
        bell.clear()

    async def run(self) -> None:
        """Carry bells to and from Redis until cancelled; while Redis is away, keep trying quietly."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send())
            group.create_task(self._listen())

    async def _send(self) -> None:
        while True:
            await self._toll.wait()
            self._toll.clear()
            topics, self._tolling = self._tolling, set()
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                for topic in topics:
                    await self._redis.publish(self._prefix + topic, self._self)
            end_if_cancelled()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as listener:
                    await listener.subscribe(*(self._prefix + topic for topic in TOPICS))
                    end_if_cancelled()
                    async for message in listener.listen():
                        if message["type"] == "message" and message["data"] != self._self:
                            self._bells[message["channel"].decode().removeprefix(self._prefix)].set()
            except (RedisError, OSError, TimeoutError) as error:
                _log.debug("redis_away", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)


def end_if_cancelled() -> None:
    """Redis's client loses a cancellation that meets it while it connects: to be called after it was."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
