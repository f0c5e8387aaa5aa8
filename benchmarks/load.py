"""The load: Telegram updates over keep-alive connections, from a process of its own, and a browser on the live feed.

    python -m benchmarks.load '{"url": ..., "secret": ..., "connections": 64, ...}'

It speaks HTTP/1.1 by hand, because a client library would cost as much as the server that is measured.
"""

import asyncio
import json
import sys
import time
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import uvloop
from aiohttp import ClientSession

GRACE_SECONDS = 60.0
"""How long after the last request the live feed may take to show the rest."""


BODY = (
    b'{"update_id":%(update)d,"message":{"message_id":%(update)d,"date":%(date)d,'
    b'"chat":{"id":%(chat)d,"type":"private","first_name":"Customer %(chat)d"},'
    b'"from":{"id":%(chat)d,"is_bot":false,"first_name":"Customer %(chat)d","language_code":"uk"},'
    b'"text":"%(update)d ' + "Добрий день! Чи є в наявності скринька дубова, 34 на 22 см?".encode() + b'"}}'
)


class Plan(msgspec.Struct, kw_only=True):
    """What to do. `rate` in requests a second over all connections; 0 sends the next as soon as one is answered."""

    url: str
    secret: str
    connections: int
    chats: int
    seconds: float
    max_requests: int
    rate: float = 0.0
    first_update: int = 1
    live_url: str = ""
    token: str = ""


class Line(asyncio.Protocol):
    """One keep-alive connection with one request on it at a time, whose answer has a length and fits one read."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[str] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if complete and len(body) >= _content_length(head) and self._answer is not None:
            self._received = b""
            self._answer.set_result(head[9:12].decode())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server hung up"))

    def ask(self, request: bytes) -> "asyncio.Future[str]":
        """Send a request; the future is the status of its answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Hang up."""
        assert self._transport is not None
        self._answer = None
        self._transport.close()


class Load:
    """One run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.next_update = plan.first_update
        self.answers: list[float] = []
        self.statuses: dict[str, int] = {}
        self.accepted_at: dict[int, float] = {}
        self.visible_at: dict[int, float] = {}
        self.ends_at = 0.0
        self.started_at = 0.0
        self.address = urlsplit(plan.url)
        self.head = (
            f"POST {self.address.path} HTTP/1.1\r\nHost: {self.address.netloc}\r\nContent-Type: application/json\r\n"
            f"X-Telegram-Bot-Api-Secret-Token: {plan.secret}\r\nContent-Length: %d\r\n\r\n"
        ).encode()

    def request(self) -> tuple[int, bytes]:
        """The next update as a whole HTTP request."""
        update = self.next_update
        self.next_update += 1
        body = BODY % {b"update": update, b"chat": 1_000_000 + update % self.plan.chats, b"date": int(time.time())}
        return update, self.head % len(body) + body

    async def connection(self, number: int) -> None:
        """Send, wait for the answer, send the next."""
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(Line, self.address.hostname or "", self.address.port or 80)
        interval = self.plan.connections / self.plan.rate if self.plan.rate else 0.0
        due = self.started_at + interval * number / self.plan.connections
        while time.perf_counter() < self.ends_at and self.next_update < self.plan.first_update + self.plan.max_requests:
            if interval:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                due += interval
            update, request = self.request()
            began = time.perf_counter()
            status = await line.ask(request)
            ended = time.perf_counter()
            self.answers.append(ended - began)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == "200":
                self.accepted_at[update] = ended
        line.close()

    async def watch(self, ready: asyncio.Event) -> None:
        """Note when each message appears on the live feed."""
        async with (
            ClientSession(headers={"Authorization": f"Bearer {self.plan.token}"}) as http,
            http.ws_connect(self.plan.live_url, max_msg_size=0) as socket,
        ):
            ready.set()
            async for message in socket:
                frame = json.loads(message.data)
                if frame["type"] == "message.created":
                    self.visible_at[int(frame["data"]["text"].partition(" ")[0])] = time.perf_counter()

    async def run(self) -> dict[str, Any]:
        """Do it; times in milliseconds."""
        ready = asyncio.Event()
        watcher = asyncio.create_task(self.watch(ready)) if self.plan.live_url else None
        if watcher is not None:
            await ready.wait()
        self.started_at = time.perf_counter()
        self.ends_at = self.started_at + self.plan.seconds
        await asyncio.gather(*(self.connection(number) for number in range(self.plan.connections)))
        took = time.perf_counter() - self.started_at
        if watcher is not None:
            deadline = time.perf_counter() + GRACE_SECONDS
            while len(self.visible_at) < len(self.accepted_at) and time.perf_counter() < deadline:
                await asyncio.sleep(0.05)
            watcher.cancel()
        shown = [max(0.0, self.visible_at[key] - at) for key, at in self.accepted_at.items() if key in self.visible_at]
        return {
            "requests": len(self.answers),
            "accepted": len(self.accepted_at),
            "statuses": self.statuses,
            "seconds": took,
            "per_second": len(self.accepted_at) / took,
            "answer_p50_ms": _percentile(self.answers, 50),
            "answer_p99_ms": _percentile(self.answers, 99),
            "visible": len(shown),
            "visible_p50_ms": _percentile(shown, 50),
            "visible_p99_ms": _percentile(shown, 99),
            "settled_seconds": (max(self.visible_at.values()) - self.started_at) if self.visible_at else None,
        }


def _content_length(head: bytes) -> int:
    _, named, rest = head.partition(b"Content-Length: ")
    return int(rest.partition(b"\r\n")[0]) if named else 0


def _percentile(values: list[float], percent: int) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 2)


if __name__ == "__main__":
    print(json.dumps(uvloop.run(Load(msgspec.json.decode(sys.argv[1], type=Plan)).run())))
