"""Whose address it is, whatever the headers claim."""

import pytest

from tests.web.doors.house import BuildHouse, Serve
from web.doors.addresses import counted_as

LOCAL = ("127.0.0.0/8",)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        ((), [], "127.0.0.1"),
        ((), ["203.0.113.9"], "127.0.0.1"),
        (LOCAL, [], "127.0.0.1"),
        (LOCAL, ["203.0.113.9"], "203.0.113.9"),
        (LOCAL, ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (LOCAL, ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (LOCAL, ["203.0.113.9, 127.0.0.2"], "203.0.113.9"),
        (LOCAL, ["127.0.0.3, 127.0.0.2"], "127.0.0.3"),
        (LOCAL, ["203.0.113.9, rubbish"], "127.0.0.1"),
        (LOCAL, ["::ffff:203.0.113.9"], "203.0.113.9"),
        (LOCAL, ["2001:DB8:0::1"], "2001:db8::1"),
        (("10.0.0.0/8",), ["203.0.113.9"], "127.0.0.1"),
    ],
)
async def test_only_trusted_proxies_are_believed(build_house: BuildHouse, serve: Serve, proxies, forwarded, address):
    client = await serve(await build_house(proxies=proxies))
    answer = await client.get("/api/hello", headers=[("X-Forwarded-For", line) for line in forwarded])
    assert await answer.json() == {"address": address}


@pytest.mark.parametrize(
    ("address", "counted"),
    [("203.0.113.9", "203.0.113.9"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("unknown", "unknown")],
)
def test_an_ipv6_site_counts_as_one_address(address, counted):
    assert counted_as(address) == counted
