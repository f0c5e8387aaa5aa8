"""Another classifier, played by a small honest server with its errors."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web

from bot.settings import BotSettings
from bot.understanding.as_set import AsSet
from bot.understanding.by_http import LONGEST_ANSWER, MOST_FAULTS, ByHttp

ORDER = "Where is my order 1024?"


class Elsewhere:
    """A classifier that answers as it is told to."""

    def __init__(self):
        self.url = ""
        self.asked = []
        self.tokens = []
        self.answer: Any = {"intent": "complaint", "confidence": 0.9}

    async def handle(self, request):
        self.asked.append((await request.json())["text"])
        self.tokens.append(request.headers.get("Authorization"))
        if isinstance(self.answer, web.Response):
            return self.answer
        return web.json_response(self.answer)


@pytest.fixture
async def elsewhere(aiohttp_server):
    classifier = Elsewhere()
    application = web.Application()
    application.router.add_post("/read", classifier.handle)
    server = await aiohttp_server(application)
    classifier.url = str(server.make_url("/read"))
    return classifier


@pytest.fixture
async def by_http():
    client = ByHttp("a secret", rest=0.05)
    yield client
    await client.close()


def understanding(by_http, url, confidence=0.6):
    settings = BotSettings.model_validate({"classifier": {"url": url} if url else None, "confidence": confidence})

    async def present():
        return settings

    return AsSet(present, by_http)


async def test_it_is_asked_in_the_place_of_the_one_inside(elsewhere, by_http):
    reading = await understanding(by_http, elsewhere.url).read(ORDER)
    assert (reading.intent, reading.confidence, reading.language) == ("complaint", 0.9, "en")
    assert elsewhere.asked == [ORDER]
    assert elsewhere.tokens == ["Bearer a secret"]


async def test_what_it_is_unsure_of_is_no_intent(elsewhere, by_http):
    assert (await understanding(by_http, elsewhere.url, confidence=0.95).read(ORDER)).intent is None
    elsewhere.answer = {"intent": None, "confidence": 1.0}
    assert (await understanding(by_http, elsewhere.url).read(ORDER)).intent is None


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500),
        web.Response(status=302, headers={"Location": "/elsewhere"}),
        web.Response(body=b"no json"),
        web.Response(body=b" " * (LONGEST_ANSWER + 1) + b'{"intent": null, "confidence": 1}'),
        {"intent": "make_coffee", "confidence": 0.9},
        {"intent": "complaint", "confidence": 7},
        {"intent": "complaint"},
        ["complaint", 0.9],
    ],
)
async def test_a_fault_of_it_leaves_the_one_inside(elsewhere, by_http, answer):
    elsewhere.answer = answer
    assert (await understanding(by_http, elsewhere.url).read(ORDER)).intent == "order_status"


async def test_nobody_there_leaves_the_one_inside(by_http, unused_tcp_port):
    reading = await understanding(by_http, f"http://127.0.0.1:{unused_tcp_port}/").read(ORDER)
    assert reading.intent == "order_status"


async def test_a_dead_one_is_left_alone_for_a_while_and_then_asked_again(elsewhere, by_http):
    elsewhere.answer = web.Response(status=503)
    reader = understanding(by_http, elsewhere.url)
    for _ in range(MOST_FAULTS + 3):
        await reader.read(ORDER)
    assert len(elsewhere.asked) == MOST_FAULTS
    elsewhere.answer = {"intent": "complaint", "confidence": 0.9}
    ends = time.monotonic() + 5
    while (await reader.read(ORDER)).intent != "complaint":
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)


async def test_without_one_the_one_inside_reads(by_http):
    assert (await understanding(by_http, None).read(ORDER)).intent == "order_status"
