"""Reports and the wallboard over the API: what they tell, whom, and what they say to odd questions."""

from datetime import UTC, datetime, timedelta

import pytest

from inbox.model.ids import now
from inbox.model.numbers import SHARPNESS
from inbox.model.people import Role
from inbox.storage.numbers import NumberStore
from tests.inbox.lives import START, Life
from tests.web.api.desk import written
from web.api.reports import LoadReport, RatingsReport, RepliesReport, ResolutionsReport, WallboardShape

WEEK = "from=2026-11-02&to=2026-11-08"
"""The week of the lives below; they begin at eight on Monday, and each step takes seven minutes."""


async def count(database, *lives: Life) -> None:
    """Have the numbers of these lives."""
    store = NumberStore(database)
    await store.put([row for life in lives for row in life.read()], {}, 1)
    while cases := await store.stale(100):
        await store.sum_up(cases, 1)


@pytest.fixture
async def week(desk, database):
    """A case of Ann's in no team, answered after 14 minutes; one of the team's that the manager answered at once."""
    team = (await desk.owner.call("POST", "/teams", {"name": "Sales"})).body
    await desk.owner.call("PATCH", f"/managers/{desk.manager.id}", {"teams": [team["id"]]})
    ours, theirs = Life("ours"), Life("theirs")
    theirs.writes()
    theirs.goes_to(desk.admin.id)
    theirs.answers(desk.admin.id)
    theirs.is_put("closed")
    ours.clock += timedelta(days=1)
    ours.moves(team["id"])
    ours.writes()
    ours.goes_to(desk.owner.id)
    ours.answers(desk.owner.id)
    ours.answers(desk.manager.id)
    await count(database, ours, theirs)
    return team


async def test_what_was_asked_and_answered(desk, week):
    replies = (await desk.owner.call("GET", f"/reports/replies?{WEEK}&by=day")).fits(RepliesReport).body
    assert [row["time"] for row in replies["items"]] == [f"2026-11-{day:02}" for day in range(2, 9)]
    assert [row["replied"] for row in replies["items"]] == [1, 1, 0, 0, 0, 0, 0]
    assert replies["items"][0]["median"] == pytest.approx(14 * 60, rel=SHARPNESS)
    assert replies["items"][0]["mean"] == 14 * 60
    assert replies["items"][2]["median"] is None
    assert replies["total"]["replied"] == 2
    closed = (await desk.owner.call("GET", f"/reports/resolutions?{WEEK}")).fits(ResolutionsReport).body
    assert [row["resolved"] for row in closed["items"]] == [1]
    load = (await desk.owner.call("GET", f"/reports/load?{WEEK}&by=weekday")).fits(LoadReport).body
    assert [(row["time"], row["opened"]) for row in load["items"][:3]] == [("mon", 1), ("tue", 1), ("wed", 0)]
    assert load["total"]["replies"] == 3


async def test_by_whom_and_in_which_hour_of_whose_clock(desk, week):
    of = f"/reports/load?{WEEK}&by=hour&group=manager"
    rows = (await desk.owner.get(of))["items"]
    told = {(row["time"], row["name"]): row["replies"] for row in rows if row["replies"]}
    assert told == {("08:00", "Admin"): 1, ("08:00", "Owner"): 1, ("08:00", "Manager"): 1}
    rows = (await desk.owner.get(f"{of}&tz=Asia/Tokyo"))["items"]
    assert {row["time"] for row in rows} == {"15:00"}
    teams = (await desk.owner.get(f"/reports/load?{WEEK}&group=team"))["items"]
    assert [(row["name"], row["opened"]) for row in teams] == [("Sales", 1), ("", 1)]
    assert teams[0]["id"] == week["id"]


async def test_days_follow_the_clock_on_the_wall_through_a_change_of_it(desk, database):
    lives = [Life("before"), Life("after")]
    # Kyiv's Sunday of the autumn change ends at 22:00 UTC, the Saturday before it at 21:00.
    lives[0].clock = datetime(2026, 10, 24, 20, 30, tzinfo=UTC)
    lives[1].clock = datetime(2026, 10, 25, 21, 30, tzinfo=UTC)
    for life in lives:
        life.writes()
    await count(database, *lives)
    rows = (await desk.owner.get("/reports/load?from=2026-10-23&to=2026-10-27&by=day"))["items"]
    assert [row["opened"] for row in rows] == [0, 1, 1, 0, 0]


async def test_managers_see_their_own_numbers_and_their_teams(desk, week):
    load = (await desk.manager.get(f"/reports/load?{WEEK}&group=manager"))["items"]
    assert {row["name"]: row["replies"] for row in load} == {"Owner": 1, "Manager": 1}
    assert (await desk.manager.get(f"/reports/resolutions?{WEEK}"))["total"]["resolved"] == 0
    assert (await desk.admin.get(f"/reports/resolutions?{WEEK}"))["total"]["resolved"] == 1


async def test_what_customers_said(desk, database):
    lives = [Life(f"life {score}") for score in (5, 4, 1)]
    for life, score in zip(lives, (5, 4, 1), strict=True):
        life.writes()
        life.goes_to(desk.owner.id)
        life.answers(desk.owner.id)
        life.is_put("closed")
        life.rates(3)
        life.rates(score)
    await count(database, *lives)
    told = (await desk.owner.call("GET", f"/reports/ratings?{WEEK}&group=manager")).fits(RatingsReport).body
    assert [(row["name"], row["rated"], row["points"]) for row in told["items"]] == [("Owner", 3, 10)]
    assert (told["total"]["satisfied"], told["total"]["csat"], told["total"]["average"]) == (2, 66.67, 3.33)
    nothing = (await desk.owner.get("/reports/ratings?from=2026-10-01&to=2026-10-02"))["total"]
    assert (nothing["rated"], nothing["csat"], nothing["average"]) == (0, None, None)


@pytest.mark.parametrize("path", ["wallboard", "replies", "resolutions", "load", "ratings"])
async def test_nobody_else_sees_any(desk, path):
    assert (await desk.anonymous.call("GET", f"/reports/{path}")).status == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-13-01", "from"),
        ("from=yesterday", "from"),
        ("from=1700000000", "from"),
        ("to=0001-01-01", "to"),
        ("from=2026-11-02&to=2026-11-01", "from"),
        ("from=2024-01-01&to=2026-11-01", "from"),
        ("tz=Mars/Olympus", "tz"),
        ("by=year", "by"),
        ("group=customer", "group"),
        ("format=xls", "format"),
        ("since=2026-11-02", "since"),
    ],
)
async def test_odd_questions_are_answered_with_what_is_wrong(desk, query, field):
    answer = await desk.owner.call("GET", f"/reports/load?{query}")
    assert (answer.status, answer.fields) == (422, [field])


async def test_as_a_table_it_has_the_same_columns_and_no_formula(desk, database, week):
    await database.durable.managers.update_one({"_id": desk.manager.id}, {"$set": {"name": '=HYPERLINK("evil")'}})
    answer = await desk.owner.call("GET", f"/reports/replies?{WEEK}&group=manager&format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="replies-2026-11-02-2026-11-08.csv"' in answer.headers["Content-Disposition"]
    [header, *lines] = answer.raw.decode().splitlines()
    told = (await desk.owner.get(f"/reports/replies?{WEEK}&group=manager"))["items"]
    assert header.split(",") == list(told[0])
    assert len(lines) == len(told) == 2
    answer = await desk.owner.call("GET", f"/reports/load?{WEEK}&group=manager&format=csv")
    assert '"\'=HYPERLINK(""evil"")"' in answer.raw.decode()


async def test_the_wallboard_shows_who_waits_and_who_works(desk, database):
    team = (await desk.owner.call("POST", "/teams", {"name": "Sales"})).body
    present = now()
    here = await written(database, "hello")
    there = await written(database, "hello", team_id=team["id"])
    due = await written(database, "hello")
    moments = {here["_id"]: 5, there["_id"]: 20, due["_id"]: 10}
    for key, minutes in moments.items():
        since = present - timedelta(minutes=minutes)
        change: dict[str, object] = {"waiting_since": since}
        if key == due["_id"]:
            clock = {"kind": "first", "since": since, "warn_at": since, "due_at": present - timedelta(minutes=1)}
            change |= {"assignee_id": desk.manager.id, "clock": clock}
        await database.durable.conversations.update_one({"_id": key}, {"$set": change})
    board = (await desk.owner.call("GET", "/reports/wallboard")).fits(WallboardShape).body
    assert {row["name"]: row["count"] for row in board["queue"]} == {"": 1, "Sales": 1}
    assert [row["id"] for row in board["waiting"]] == [there["_id"], here["_id"]]
    assert (board["at_risk"], board["late"]) == (0, 1)
    assert [(row["id"], row["assignee_id"]) for row in board["due"]] == [(due["_id"], desk.manager.id)]
    assert {row["role"] for row in board["managers"]} == set(Role)
    seen = (await desk.manager.call("GET", "/reports/wallboard")).fits(WallboardShape).body
    assert [row["id"] for row in seen["waiting"]] == [here["_id"]]
    assert [row["id"] for row in seen["managers"]] == [desk.manager.id]


async def test_today_is_told_by_the_shops_calendar(desk, database):
    life = Life()
    life.clock = now() - timedelta(minutes=8)
    life.writes()
    past = Life("past")
    past.clock = START - timedelta(days=300)
    past.writes()
    await count(database, life, past)
    board = await desk.owner.get("/reports/wallboard")
    assert (board["today"]["opened"], board["today"]["replied"], board["today"]["reply_median"]) == (1, 0, None)
