"""A line of a customer's history follows from the change that it tells of: who dies in between takes none along."""

import itertools
from typing import Any

import pytest

from inbox.managers import NewManager
from inbox.model.happenings import ASSIGNMENT, STATUS
from inbox.model.people import Author, Role, Viewer
from inbox.storage.database import Document
from tests.inbox.arrivals import accepted, said, work_off
from tests.promises.crashing import until_crash, with_between
from web.house import House

ANN = Author(type="manager", id="ann", name="Ann")
OWNER = Viewer(id="ann", name="Ann", role=Role.OWNER)


async def case(house: House, channel_id: str) -> Document:
    """A new customer's open conversation."""
    await work_off(house.ingest, [accepted(said(1), channel_id=channel_id)])
    found: Document | None = await house.database.durable.conversations.find_one({"channel_id": channel_id})
    assert found is not None
    return found


async def told(house: House, conversation: Document) -> list[tuple[Any, ...]]:
    """What the customer's history says of their conversation, oldest first."""
    lines, _ = await house.timeline.page(
        OWNER, conversation["customer_id"], {ASSIGNMENT, STATUS}, limit=50, cursor=None
    )
    return [(row["kind"], row.get("status") or row.get("assignee_id"), row["by"]["name"]) for row in reversed(lines)]


async def test_who_dies_while_closing_leaves_the_line_and_the_next_change_keeps_it(house, watched, crash):
    for words in itertools.count(1):
        opened = await case(house, f"c{words}")
        closing = watched.conversations.change(opened["_id"], {"status": "closed"}, by=ANN)
        died = await until_crash(crash, closing, words)
        # Where its last word has reached the database, this changes nothing and tells of nothing.
        await house.conversations.change(opened["_id"], {"status": "closed"}, by=ANN)
        closed = (STATUS, "closed", "Ann")
        assert await told(house, opened) == [closed]
        await house.conversations.change(opened["_id"], {"status": "open"}, by=ANN)
        assert await told(house, opened) == [closed, (STATUS, "open", "Ann")]
        kept = await house.database.durable.happenings.count_documents({"conversation_id": opened["_id"]})
        assert kept == 2, "the next change keeps what the last one did not come to"
        if not died:
            assert words > 2
            return


async def test_who_dies_while_giving_a_conversation_to_somebody_leaves_the_line(house, watched, crash):
    hired = NewManager(email="mary@shop.example", name="Mary", password_hash="x", role=Role.MANAGER)
    mary = (await house.managers.create(hired, by=None))["_id"]
    for words in itertools.count(1):
        opened = await case(house, f"c{words}")
        died = await until_crash(crash, watched.assigner.hand_to(opened["_id"], mary, by=ANN), words)
        await house.assigner.hand_to(opened["_id"], mary, by=ANN)
        assert (ASSIGNMENT, mary, "Ann") in await told(house, opened)
        await house.conversations.change(opened["_id"], {"status": "closed"}, by=ANN)
        lines = await told(house, opened)
        assert lines[-1] == (STATUS, "closed", "Ann")
        kept = await house.database.durable.happenings.count_documents({"conversation_id": opened["_id"]})
        assert kept == len(lines)
        if not died:
            assert words > 2
            return


@pytest.mark.parametrize("team", [None, "sales"])
async def test_who_dies_while_putting_a_conversation_back_leaves_the_line(house, watched, crash, team):
    hired = NewManager(email="mary@shop.example", name="Mary", password_hash="x", role=Role.MANAGER)
    mary = (await house.managers.create(hired, by=None))["_id"]
    along = {} if team is None else {"team_id": team}
    for words in itertools.count(1):
        opened = await case(house, f"c{words}")
        await house.assigner.hand_to(opened["_id"], mary, by=ANN)
        # Done once under its name, however often it is asked for.
        back = {"by": ANN, "along": along, "once": f"back {words}"}
        died = await until_crash(crash, watched.assigner.hand_to(opened["_id"], None, **back), words)
        await house.assigner.hand_to(opened["_id"], None, **back)
        lines, _ = await house.timeline.page(OWNER, opened["customer_id"], {ASSIGNMENT}, limit=50, cursor=None)
        given = [(row["assignee_id"], row["to_team"], row["by"]["name"]) for row in reversed(lines)]
        assert given == [(mary, None, "Ann"), (None, team, "Ann")]
        if not died:
            assert words > 2
            return


async def test_a_line_that_is_kept_while_a_page_is_read_is_on_it_once(house, watched, crash):
    opened = await case(house, "c1")
    await house.conversations.change(opened["_id"], {"status": "closed"}, by=ANN)
    stored = house.database.durable.happenings
    (line,) = await stored.find().to_list(None)

    async def keep() -> None:
        await stored.insert_one(dict(line))

    pages: list[list[tuple[Any, ...]]] = []

    async def read() -> None:
        pages.append(await told(watched, opened))

    for words in itertools.count(1):
        await stored.delete_many({})
        kept = await with_between(crash, read(), words, keep)
        if not kept:
            break
    assert pages == [[(STATUS, "closed", "Ann")]] * words
    assert words > 2


async def test_a_line_is_there_once_on_every_page(house):
    opened = await case(house, "c1")
    for status in ("closed", "open", "pending", "closed"):
        await house.conversations.change(opened["_id"], {"status": status}, by=ANN)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        lines, cursor = await house.timeline.page(OWNER, opened["customer_id"], {STATUS}, limit=1, cursor=cursor)
        seen += [row["status"] for row in lines]
        if cursor is None:
            break
    assert seen == ["closed", "pending", "open", "closed"]
