"""Posting to addresses that somebody else chose: guarded, in a limited time, and never led elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from channels.download import IpAddress
from channels.posting import Posting
from inbox.model.failures import Refused, RetryLater


@dataclass
class Place:
    """A server that notes what it gets, and may lead elsewhere."""

    url: str = ""
    got: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.headers["Host"], request.headers.get("X-Told", ""), await request.read()))
        if request.path == "/elsewhere":
            return web.Response(status=302, headers={"Location": self.url})
        return web.Response(status=202)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    there = Place()
    app = web.Application()
    app.router.add_post("/{path}", there.take)
    async with TestServer(app) as server:
        there.url = str(server.make_url("/told"))
        yield there


async def here(host: str, port: int) -> list[IpAddress]:  # A resolver's signature.
    return [ip_address("127.0.0.1")]


async def test_a_body_arrives_under_the_name_of_its_address(place):
    posting = Posting(private=True, resolve=here)
    url = place.url.replace("127.0.0.1", "shop.example")
    assert await posting.post(url, b"{}", {"X-Told": "yes"}) == 202
    await posting.close()
    [(host, told, body)] = place.got
    assert (host.partition(":")[0], told, body) == ("shop.example", "yes", b"{}")


async def test_our_own_network_is_not_called_by_whatever_name(place):
    guarded = Posting(resolve=here)
    for url in (place.url, place.url.replace("127.0.0.1", "shop.example")):
        with pytest.raises(Refused, match="private network"):
            await guarded.post(url, b"{}", {})
    await guarded.close()
    assert place.got == []


async def test_nobody_is_led_elsewhere(place):
    posting = Posting(private=True)
    assert await posting.post(place.url.replace("told", "elsewhere"), b"{}", {}) == 302
    await posting.close()
    assert len(place.got) == 1


@pytest.mark.parametrize("url", ["ftp://shop.example/x", "not an address", "https://me:secret@shop.example/x"])
async def test_what_is_no_address_is_refused_without_being_repeated(url):
    posting = Posting()
    with pytest.raises(Refused) as refused:
        await posting.post(url, b"{}", {})
    assert "shop.example" not in str(refused.value)


async def test_where_nobody_answers_it_may_be_tried_later():
    posting = Posting(private=True)
    with pytest.raises(RetryLater):
        await posting.post(f"http://127.0.0.1:{unused_port()}/told", b"{}", {})
    await posting.close()
