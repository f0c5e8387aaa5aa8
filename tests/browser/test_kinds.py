"""Every kind shows the sign that it declares, one that the tests alone know too; an unknown one shows the usual."""

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser

from inbox.model.look import ON_COLOUR, ON_COLOUR_DARK, Look
from tests.channels.examples import KINDS
from tests.web.pages.app import made_up
from tests.web.pages.shop import Shop
from web.doors.headers import common_headers, header_signal
from web.pages.desk import View
from web.pages.fields import fields_of
from web.pages.pages import Pages


class Fair(Shop):
    """A shop in which one of each kind can be connected, and one that nobody knows."""

    def kinds(self) -> list[View]:
        known = [
            {"name": kind.name, "title": kind.title, "setup": kind.setup, "fields": fields_of(kind.settings)}
            for kind in KINDS.values()
        ]
        return [*known, {"name": "pigeons", "title": "Pigeons", "setup": (), "fields": ()}]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_icon_and_colour_are_those_that_the_kind_declares(browser: Browser, theme: str):
    app = made_up(Fair(), Pages(KINDS))
    app.on_response_prepare.append(header_signal(common_headers(secure=False, frame_ancestors=())))
    async with TestServer(app) as server:
        context = await browser.new_context(base_url=str(server.make_url("/")))
        await context.add_cookies([{"name": "skrynka_theme", "value": theme, "url": str(server.make_url("/"))}])
        page = await context.new_page()
        await page.goto("/settings/channels")
        for name, look in [*((kind.name, kind.look) for kind in KINDS.values()), ("pigeons", Look())]:
            sign = page.locator(f"#new-{name} .ch")
            ground, line, drawing, width = await sign.evaluate("""sign => {
                const path = sign.querySelector("path");
                const colour = getComputedStyle(sign).backgroundColor, line = getComputedStyle(path).stroke;
                return [colour, line, path.getAttribute("d"), path.getBoundingClientRect().width];
            }""")
            by_day, by_night = (look.colour, ON_COLOUR), (look.colour_dark, ON_COLOUR_DARK)
            assert [ground, line] == [*map(rgb, by_day if theme == "light" else by_night)], name
            assert drawing == look.icon
            assert 5 < width < 16
        await context.close()


def rgb(colour: str) -> str:
    """A colour as browsers say it."""
    red, green, blue = bytes.fromhex(colour[1:])
    return f"rgb({red}, {green}, {blue})"
