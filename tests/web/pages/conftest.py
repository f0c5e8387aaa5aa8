from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from channels.registry import KINDS
from tests.web.pages.app import made_up
from tests.web.pages.shop import Shop
from web.pages.pages import STATIC, VENDOR, Pages

Read = Callable[..., Awaitable[str]]
Client = TestClient[web.Request, web.Application]


@pytest.fixture
def desk() -> Shop:
    return Shop()


@pytest.fixture
def pages(tmp_path) -> Pages:
    """The real templates; front-end files that only have to be there."""
    for name in VENDOR:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    for name in ("logo.svg", "css/base.css"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((STATIC / name).read_bytes())
    return Pages(KINDS, tmp_path)


@pytest.fixture
async def client(desk: Shop, pages: Pages) -> AsyncIterator[Client]:
    async with TestClient(TestServer(made_up(desk, pages))) as opened:
        yield opened


@pytest.fixture
def read(client: Client) -> Read:
    """The text of a page that must be there, or answer with `status`."""

    async def read_(path: str, *, status: int = 200, **headers: str) -> str:
        async with client.get(path, headers=headers, allow_redirects=False) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return text

    return read_
