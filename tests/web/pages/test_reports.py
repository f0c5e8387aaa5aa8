"""The wallboard and the reports as HTML, over a made-up shop."""

import json
import re
from html import unescape
from typing import Any

from tests.web.pages.shop import ago


async def test_the_wallboard_says_who_waits_and_who_is_full(desk, read):
    page = await read("/wallboard")
    assert 'href="/inbox/olena"' in page
    assert "1 h" in page.partition("Waiting longest")[2]
    assert "5 min late" in page
    assert "half within 4 min" in page
    assert 'class="online full"' in page
    assert "Connection lost" in page
    assert "Off shift" in page


async def test_a_calm_shop_is_said_to_be_one(desk, read):
    desk.board |= {"queue": [], "waiting": [], "due": [], "at_risk": 0, "late": 0}
    page = await read("/wallboard")
    assert "nobody waits" in page
    assert "Nobody waits for a manager" in page
    assert "Nobody's answer is at risk" in page
    assert "figure warn" not in page
    desk.board["waiting"] = [{**desk.first_in_queue, "since": ago(minutes=1), "customer": "<b>Ann</b>"}]
    assert "&lt;b&gt;Ann" in await read("/wallboard")


def plots(page: str) -> list[dict[str, Any]]:
    return [json.loads(unescape(found)) for found in re.findall(r"data-plot='([^']*)'", page)]


async def test_each_plot_says_the_same_as_the_table_below_it(read):
    page = await read("/reports?from=2026-11-02&to=2026-11-03")
    replies, resolutions, load = plots(page)
    assert replies["labels"] == ["Mon 2 Nov", "Tue 3 Nov"]
    assert [row["title"] for row in replies["series"]] == [
        "Answered",
        "Half within, opening hours",
        "90% within, opening hours",
    ]
    assert load["series"][0]["values"] == [3, 0]
    assert resolutions["apart"] is False
    table = page.partition("<table>")[2]
    assert "Mon 2 Nov" in table
    assert "1 h 15 min" in table
    assert "–" in table
    csv = "/api/v1/reports/load?from=2026-11-02&amp;to=2026-11-03&amp;tz=UTC&amp;by=day&amp;format=csv"
    assert re.sub(r"tz=[^&]+", "tz=UTC", csv) in re.sub(r"tz=[^&]+", "tz=UTC", page)


async def test_by_whom_or_when(read):
    [replies, *_] = plots(await read("/reports?per=manager"))
    assert replies["labels"] == ["Оксана", "No manager", "Somebody who is gone"]
    assert replies["apart"] is True
    [replies, *_] = plots(await read("/reports?per=weekday"))
    assert replies["labels"][:2] == ["Monday", "Tuesday"]
    [replies, *_] = plots(await read("/reports?per=hour"))
    assert replies["labels"][8:10] == ["08:00", "09:00"]


async def test_days_the_wrong_way_round_and_too_many_are_put_right(read):
    page = await read("/reports?from=2026-11-05&to=2026-11-03")
    assert 'name="from" value="2026-11-03"' in page
    page = await read("/reports?from=2020-01-01&to=2026-11-03")
    assert 'name="from" value="2025-09-30"' in page


async def test_nothing_to_show_is_said(desk, read):
    desk.figures = {}
    page = await read("/reports?from=2026-11-02&to=2026-11-03")
    assert "Nothing in these days" in page
    assert "data-plot" not in page
