"""The lane before aiohttp: what it takes is read as aiohttp would read it, and all else goes on unharmed."""

import asyncio
import contextlib
import re
from typing import Any

import pytest
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.model.ids import new_id
from web.app import build_app, listening
from web.express import read_plain
from web.settings import Settings

SECRET = "what_Telegram_was_told"
TOKEN = "123456789:AAF-0123456789abcdefghijklmnopqrstuvw"


def call(path: str, body: bytes, *fields: str) -> bytes:
    """A webhook call as it goes over the wire."""
    head = (f"POST {path} HTTP/1.1", "Host: shop.example", f"Content-Length: {len(body)}", *fields)
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


ORDINARY = call(
    "/webhooks/telegram/1a2b?sig=0a", b'{"update_id": 1}', "X-Telegram-Bot-Api-Secret-Token: s", "Accept: */*"
)


class Nobody:
    """The protocol and the loop that aiohttp's parser wants to know."""

    def __getattr__(self, _name: str) -> "Nobody":
        return self

    def __call__(self, *_arguments: object, **_options: object) -> "Nobody":
        return self


def as_aiohttp_reads(data: bytes) -> list[tuple[str, str, dict[str, str], bytes]]:
    """Method, target, headers and body of each message in these bytes. Raises where there is none."""
    nobody: Any = Nobody()
    parser = HttpRequestParser(nobody, nobody, 2**16)
    messages, upgraded, tail = parser.feed_data(data)
    assert not upgraded
    assert not tail
    read = []
    for message, payload in messages:
        headers = {name.lower(): value for name, value in message.headers.items()}
        assert len(headers) == len(message.headers)
        assert payload.is_eof() or not payload._buffer
        read.append((message.method, message.path, headers, b"".join(payload._buffer)))
    return read


def assert_read_alike(data: bytes) -> None:
    plain = read_plain(data)
    if plain is None:
        return
    [(method, target, headers, body)] = as_aiohttp_reads(data)
    assert method == "POST"
    assert target.partition("?")[0] == f"/webhooks/{plain.kind}/{plain.channel_id}"
    assert headers == dict(plain.request.headers)
    assert body == plain.request.body


def test_an_ordinary_call_is_read():
    plain = read_plain(ORDINARY)
    assert plain is not None
    assert (plain.kind, plain.channel_id) == ("telegram", "1a2b")
    assert plain.request.headers["x-telegram-bot-api-secret-token"] == "s"
    assert plain.request.query == {"sig": "0a"}
    assert plain.request.body == b'{"update_id": 1}'
    assert_read_alike(ORDINARY)


@settings(deadline=None, max_examples=400)
@given(
    at=st.integers(0, len(ORDINARY)),
    cut=st.integers(0, 3),
    put=st.one_of(
        st.binary(max_size=3),
        st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n ", b"\t", b"\0", b": ", b" HTTP/1.1", b"\r\n\r\n"]),
        st.sampled_from([b"\r\nContent-Length: 1", b"\r\nTransfer-Encoding: chunked", b"\r\nConnection: keep-alive"]),
    ),
)
def test_whatever_the_lane_takes_aiohttp_reads_the_same(at, cut, put):
    assert_read_alike(ORDINARY[:at] + put + ORDINARY[at + cut :])


BODY = b'{"update_id": 1}'


@pytest.mark.parametrize(
    "data",
    {
        "two calls": ORDINARY + ORDINARY,
        "half a body": ORDINARY[:-1],
        "half a head": ORDINARY[:40],
        "another method": ORDINARY.replace(b"POST", b"PUT"),
        "another path": ORDINARY.replace(b"/webhooks/", b"/webhook/"),
        "an escaped path": ORDINARY.replace(b"1a2b", b"1a%2b"),
        "an older protocol": ORDINARY.replace(b"HTTP/1.1", b"HTTP/1.0"),
        "no host": ORDINARY.replace(b"Host: shop.example\r\n", b""),
        "a chunked body": call("/webhooks/telegram/1", BODY, "Transfer-Encoding: chunked"),
        "two lengths": call("/webhooks/telegram/1", BODY, "Content-Length: 3"),
        "a length with a sign": ORDINARY.replace(b"Content-Length: ", b"Content-Length: +"),
        "a compressed body": call("/webhooks/telegram/1", BODY, "Content-Encoding: gzip"),
        "an expectation": call("/webhooks/telegram/1", BODY, "Expect: 100-continue"),
        "the last call": call("/webhooks/telegram/1", BODY, "Connection: close"),
        "a folded line": call("/webhooks/telegram/1", BODY, "X-A: 1\r\n 2"),
        "a space before the colon": call("/webhooks/telegram/1", BODY, "X-A : 1"),
        "a bare line end": call("/webhooks/telegram/1", BODY, "X-A: 1\nX-B: 2"),
        "a letter beyond ASCII": call("/webhooks/telegram/1", BODY, "X-A: ключ"),
    }.items(),
    ids=lambda named: named[0].replace(" ", "-"),
)
def test_what_is_not_plain_is_left_to_aiohttp(data):
    assert read_plain(data[1]) is None


@pytest.fixture
async def served(house):
    """Where a server listens, and the webhook of a Telegram channel whose provider was never asked."""
    key = new_id()
    sealed = house.box.seal({"token": TOKEN, "secret_token": SECRET})
    row = {"_id": key, "kind": "telegram", "name": "Bot", "settings": {}, "sealed": sealed, "state": "connected"}
    row |= {"state_reason": "", "created_at": 1, "changed_at": 1}
    await house.database.durable.channels.insert_one(row)
    async with listening(build_app(Settings(), house), house, host="127.0.0.1", port=0) as (host, port):
        yield host, port, f"/webhooks/telegram/{key}"


class Wire:
    """A connection on which every byte is ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, host: str, port: int):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def answer(self) -> tuple[int, dict[str, str]]:
        """The next answer's status and headers."""
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 10)).decode()
        headers = dict(re.findall(r"^([^:\r\n]+): ([^\r\n]*)", head, re.MULTILINE))
        await self._reader.readexactly(int(headers.get("Content-Length", 0)))
        return int(head.split()[1]), headers


def told(update: int) -> bytes:
    return b'{"update_id": %d}' % update


async def stored(house) -> list[str]:
    return sorted([row["key"] async for row in house.database.durable.journal.find()])


async def test_calls_that_follow_each_other_are_answered_in_order(served, house):
    host, port, path = served
    proof = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}"
    async with Wire.to(host, port) as wire:
        wire.writer.write(call(path, told(1), proof))
        await asyncio.sleep(0)
        wire.writer.write(call(path, told(2), proof) + call(path, told(3), "X-Telegram-Bot-Api-Secret-Token: no"))
        wire.writer.write(b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")
        wire.writer.write(call(path, told(4), proof))
        assert [(await wire.answer())[0] for _ in range(5)] == [200, 200, 401, 200, 200]
    assert await stored(house) == ["1", "2", "4"]


async def test_a_call_in_pieces_is_one_call(served, house):
    host, port, path = served
    whole = call(path, told(1), f"X-Telegram-Bot-Api-Secret-Token: {SECRET}")
    async with Wire.to(host, port) as wire:
        for position in range(0, len(whole), 50):
            wire.writer.write(whole[position : position + 50])
            await wire.writer.drain()
            await asyncio.sleep(0.005)
        assert (await wire.answer())[0] == 200
    assert await stored(house) == ["1"]


async def test_a_channel_that_is_not_there_is_explained(served):
    host, port, _ = served
    async with Wire.to(host, port) as wire:
        for _ in range(2):
            wire.writer.write(call("/webhooks/telegram/0123456789", told(1)))
            status, headers = await wire.answer()
            assert status == 404
            assert headers["Content-Type"].startswith("application/problem+json")


async def test_both_lanes_answer_with_the_same_headers(served):
    host, port, path = served
    proof = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}"
    async with Wire.to(host, port) as wire:
        wire.writer.write(call(path, told(1), proof, "X-Request-Id: 0123456789"))
        _, express = await wire.answer()
        wire.writer.write(call(path, told(2), proof, "X-Request-Id: 0123456789", "TE: trailers"))
        _, aiohttp = await wire.answer()
    framework = {"Server", "Content-Type"}
    assert {name for name in aiohttp if name not in framework} == set(express)
    assert express["X-Request-Id"] == aiohttp["X-Request-Id"] == "0123456789"
    assert express["Content-Security-Policy"] == aiohttp["Content-Security-Policy"]


async def test_a_stopping_server_answers_what_it_has_taken(house, served):
    host, port, path = served
    proof = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}"
    async with contextlib.AsyncExitStack() as stack:
        async with listening(build_app(Settings(), house), house, host=host, port=0) as (host, port):
            wires = [await stack.enter_async_context(Wire.to(host, port)) for _ in range(20)]
            for number, wire in enumerate(wires):
                wire.writer.write(call(path, told(number), proof))
            await asyncio.gather(*(wire.writer.drain() for wire in wires))
            await asyncio.sleep(0.01)
        answered = 0
        for wire in wires:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                assert (await wire.answer())[0] == 200
                answered += 1
    assert answered == len(await stored(house))
