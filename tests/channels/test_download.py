"""Files from addresses that strangers chose, over real HTTP. `127.0.0.2` plays the public internet."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from channels.download import MAX_REDIRECTS, IpAddress, download, is_forbidden
from inbox.model.failures import ChannelFailure, Refused, RetryLater

FILE = bytes(range(256)) * 1024
LIMIT = len(FILE)
PUBLIC = ipaddress.ip_address("127.0.0.2")
PRIVATE = ipaddress.ip_address("127.0.0.1")


def not_public(address: IpAddress) -> bool:
    return address != PUBLIC


@dataclass
class Names:
    """A name server: each name has answers that are given in turn, the last one for ever."""

    answers: dict[str, list[list[IpAddress]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, _port: int) -> list[IpAddress]:
        self.asked.append(host)
        answers = self.answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class Web:
    """A server on both addresses and one port."""

    port: int
    requests: list[web.Request] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)
    """Which of its addresses each request came to."""

    def url(self, host: str, path: str = "/file") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
async def servers() -> AsyncIterator[Web]:
    port = unused_port()
    found = Web(port)

    async def serve(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        found.requests.append(request)
        found.reached.append(request.transport.get_extra_info("sockname")[0])
        return web.Response(body=FILE)

    async def move(request: web.Request) -> web.StreamResponse:
        found.requests.append(request)
        return web.Response(status=302, headers={"Location": request.query["to"]})

    async def status(request: web.Request) -> web.StreamResponse:
        return web.Response(status=int(request.match_info["status"]), headers={"Retry-After": "7"})

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(LIMIT)})
        await response.prepare(request)
        await response.write(FILE[: LIMIT // 2])
        assert request.transport is not None
        request.transport.close()
        return response

    app = web.Application()
    app.router.add_get("/file", serve)
    app.router.add_get("/move", move)
    app.router.add_get("/status/{status}", status)
    app.router.add_get("/endless", endless)
    app.router.add_get("/broken", broken)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    for host in (PRIVATE, PUBLIC):
        await web.TCPSite(runner, str(host), port).start()
    yield found
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


Fetch = Callable[..., Awaitable[bytes]]


@pytest.fixture
def names() -> Names:
    return Names({"cdn.example": [[PUBLIC]], "inside.example": [[PRIVATE]]})


@pytest.fixture
def fetch(session: ClientSession, names: Names) -> Fetch:
    """Download whole, in a world where only `127.0.0.2` is public and `names` answers."""

    async def get(url: str, *, max_bytes: int = LIMIT, allowed_base: str = "") -> bytes:
        chunks = download(
            session,
            url,
            max_bytes=max_bytes,
            allowed_base=allowed_base,
            resolve=names.resolve,
            forbidden=not_public,
        )
        return b"".join([chunk async for chunk in chunks])

    return get


async def test_a_public_file_arrives_whole_and_its_server_sees_its_own_name(fetch, servers):
    assert await fetch(servers.url("cdn.example")) == FILE
    assert servers.requests[0].headers["Host"] == f"cdn.example:{servers.port}"
    assert not {"Authorization", "Cookie"} & set(servers.requests[0].headers)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "①②⑦.0.0.1",
    ],
)
async def test_no_way_of_writing_a_private_address_gets_there(session, servers, host):
    with pytest.raises(ChannelFailure) as refused:
        await anext(download(session, servers.url(host), max_bytes=LIMIT))
    assert isinstance(refused.value, Refused)
    assert refused.value.code == "address"
    assert servers.requests == []


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::"]
)
def test_public_addresses_are_not_forbidden(address):
    assert not is_forbidden(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_never_makes_it_public(address):
    number = int(address)
    wrapped = [(0xFFFF << 32) | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)]
    assert {is_forbidden(ipaddress.IPv6Address(value)) for value in wrapped} == {is_forbidden(address)}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cdn.example/file",
        "//cdn.example/file",
        "file:///etc/passwd",
        "ftp://cdn.example/file",
        "http://",
        "http://[::1",
        "http://user:word@cdn.example/file",
        "http://cdn.example:99999/",
        "http://" + "a" * 300 + "/",
    ],
)
async def test_what_is_no_web_address_is_refused_without_being_repeated(session, url):
    with pytest.raises(Refused) as refused:
        await anext(download(session, url, max_bytes=LIMIT))
    assert refused.value.code == "address"
    assert not url or url not in str(refused.value)
    assert refused.value.__context__ is None


async def test_redirects_are_followed_and_checked_at_each_step(fetch, servers):
    there = servers.url("cdn.example")
    assert await fetch(servers.url("cdn.example", f"/move?to={there}")) == FILE
    assert await fetch(servers.url("cdn.example", "/move?to=/file")) == FILE
    inside = servers.url("inside.example")
    servers.requests.clear()
    for path in (f"/move?to={inside}", f"/move?to=/move?to={inside}", "/move?to=gopher://cdn.example/"):
        with pytest.raises(Refused, match="address") as refused:
            await fetch(servers.url("cdn.example", path))
        assert inside not in str(refused.value)
    assert {request.path for request in servers.requests} == {"/move"}


async def test_redirects_end(fetch, servers):
    path = "/move?to=" + servers.url("cdn.example", "/move?to=/")
    loop = servers.url("cdn.example", path)
    with pytest.raises(Refused):
        await fetch(loop)
    assert len(servers.requests) <= MAX_REDIRECTS + 1


async def test_a_name_that_turns_private_after_the_check_leads_to_what_was_checked(fetch, servers, names):
    names.answers["turning.example"] = [[PUBLIC], [PRIVATE]]
    assert await fetch(servers.url("turning.example")) == FILE
    assert names.asked == ["turning.example"]
    assert servers.reached == [str(PUBLIC)]
    with pytest.raises(Refused, match="private"):
        await fetch(servers.url("turning.example"))


def certificate(name: str, folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself for one name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    present = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(present - timedelta(hours=1))
        .not_valid_after(present + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "server.crt", folder / "server.key"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


async def test_a_certificate_is_held_against_the_name_although_the_connection_goes_to_an_address(names, tmp_path):
    shown, key = certificate("cdn.example", tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(shown, key)

    async def serve(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=FILE)

    app = web.Application()
    app.router.add_get("/file", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    port = unused_port()
    await web.TCPSite(runner, str(PUBLIC), port, ssl_context=server).start()
    names.answers["other.example"] = [[PUBLIC]]
    trusting = ssl.create_default_context(cafile=str(shown))
    async with ClientSession(connector=TCPConnector(ssl=trusting)) as session:

        async def get(host: str) -> bytes:
            url = f"https://{host}:{port}/file"
            chunks = download(session, url, max_bytes=LIMIT, resolve=names.resolve, forbidden=not_public)
            return b"".join([chunk async for chunk in chunks])

        assert await get("cdn.example") == FILE
        with pytest.raises(RetryLater):
            await get("other.example")
    await runner.cleanup()


async def test_one_private_address_among_public_ones_is_enough(fetch, servers, names):
    names.answers["mixed.example"] = [[PUBLIC, PRIVATE]]
    with pytest.raises(Refused, match="private"):
        await fetch(servers.url("mixed.example"))


async def test_only_the_channels_own_origin_may_be_private(fetch, servers):
    base = servers.url("inside.example", "")
    assert await fetch(servers.url("inside.example"), allowed_base=base) == FILE
    assert await fetch(servers.url("INSIDE.example"), allowed_base=f"{base}/v1") == FILE
    for other in (f"https://inside.example:{servers.port}", "http://inside.example", servers.url("cdn.example", "")):
        with pytest.raises(Refused, match="private"):
            await fetch(servers.url("inside.example"), allowed_base=other)
    elsewhere = servers.url("inside.example", "/move?to=http://inside.example:1/")
    with pytest.raises(Refused, match="private"):
        await fetch(elsewhere, allowed_base=base)


async def test_another_address_is_tried_where_one_does_not_answer(session, servers, names):
    silent = ipaddress.ip_address("127.0.0.3")
    names.answers["two.example"] = [[silent, PUBLIC]]
    chunks = download(
        session, servers.url("two.example"), max_bytes=LIMIT, resolve=names.resolve, forbidden=lambda _: False
    )
    assert b"".join([chunk async for chunk in chunks]) == FILE


@pytest.mark.parametrize("path", ["/file", "/endless"])
async def test_what_is_larger_is_refused_by_its_stated_size_and_while_it_comes(fetch, servers, path):
    with pytest.raises(Refused) as refused:
        await fetch(servers.url("cdn.example", path), max_bytes=LIMIT - 1)
    assert refused.value.code == "too_big"


@pytest.mark.parametrize(
    ("path", "raised", "after"),
    [
        ("/status/404", Refused, None),
        ("/status/403", Refused, None),
        ("/status/204", Refused, None),
        ("/status/429", RetryLater, 7.0),
        ("/status/503", RetryLater, 7.0),
        ("/broken", RetryLater, None),
    ],
)
async def test_what_went_wrong_says_what_to_do(fetch, servers, path, raised, after):
    with pytest.raises(raised) as failure:
        await fetch(servers.url("cdn.example", path))
    assert getattr(failure.value, "after", None) == after
    assert "cdn.example" not in str(failure.value)
    assert failure.value.__context__ is None


async def test_a_server_that_is_away_or_unknown_is_tried_later(fetch, session):
    with pytest.raises(RetryLater):
        await fetch(f"http://cdn.example:{unused_port()}/")
    with pytest.raises(RetryLater):
        await anext(download(session, "http://no-such-name.invalid/", max_bytes=1))


async def test_a_session_with_credentials_is_a_mistake():
    async with ClientSession(headers={"X-Token": "t"}) as session:
        with pytest.raises(ValueError, match="credentials"):
            await anext(download(session, "http://cdn.example/", max_bytes=1))
