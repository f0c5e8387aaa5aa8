"""What stands before the inbox."""

import pytest

from channels.registry import KINDS
from web.pages.entry import local
from web.pages.pages import VENDOR, Pages


@pytest.mark.parametrize("path", ["/inbox", "/inbox/1?tab=all", "/settings/audit"])
def test_sign_in_leads_back_within_the_site(path):
    assert local(path) == path


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:x", "/\nx"]
)
def test_and_never_out_of_it(path):
    assert local(path) == "/inbox"


async def test_the_sign_in_page_keeps_where_one_was_going(read):
    assert 'data-next="/inbox/1?tab=all"' in await read("/login?next=%2Finbox%2F1%3Ftab%3Dall")
    assert 'data-next="/inbox"' in await read("/login?next=%2F%2Fevil.example")


async def test_files_are_cached_for_good_under_their_fingerprint_only(client, pages):
    async with client.get(f"/static/{pages.version}/css/base.css") as answer:
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
    async with client.get("/static/older/css/base.css") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
    async with client.get("/favicon.ico") as answer:
        assert answer.content_type == "image/svg+xml"


async def test_the_kinds_colours_are_a_file_of_the_front_end_as_any_other(client, pages, read):
    async with client.get(f"/static/{pages.version}/css/kinds.css") as answer:
        assert (answer.status, answer.content_type) == (200, "text/css")
        assert "immutable" in answer.headers["Cache-Control"]
        styles = await answer.text()
    assert all(kind.look.colour in styles and kind.look.colour_dark in styles for kind in KINDS.values())
    assert f'href="/static/{pages.version}/css/kinds.css"' in await read("/inbox")


def test_another_colour_makes_another_address(pages):
    assert Pages({}, pages.static).version != pages.version


@pytest.mark.parametrize("path", ["..%2f..%2fpages.py", "css", "nothing.css", "%2fetc%2fpasswd", "css/%00"])
async def test_nothing_else_is_served(client, pages, path):
    async with client.get(f"/static/{pages.version}/{path}") as answer:
        assert answer.status in (404, 500)
        assert "root:" not in await answer.text()


@pytest.mark.parametrize("name", VENDOR)
async def test_missing_front_end_files_are_named_with_the_step_that_brings_them(client, pages, name):
    (pages.static / name).unlink()
    for path in ("/login", "/inbox", "/settings/audit"):
        async with client.get(path) as answer:
            text = await answer.text()
            assert answer.status == 503
            assert ".ci/setup run" in text
            assert "The API and the webhooks work" in text


async def test_home_is_the_inbox(client):
    async with client.get("/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/inbox")


async def test_pages_are_never_kept_by_caches(client):
    async with client.get("/inbox") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
