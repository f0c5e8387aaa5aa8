"""Why a conversation is with whoever holds it, in words."""

import re
from typing import get_args

import pytest

from inbox.model.eligibility import Hindrance
from tests.web.pages.shop import ago

BAR = "/fragments/conversations/olena/bar"


def candidate(key: str, name: str, note: str) -> dict[str, object]:
    return {"manager_id": key, "name": name, "load": 3, "capacity": 10, "note": note}


def olena(desk) -> dict[str, object]:
    return next(row for row in desk.cases_list if row["id"] == "olena")


def given(desk, reason: str, *, to: str = "me", **fields: object) -> None:
    """Have Olena's conversation be with somebody for a reason."""
    told = {"reason": reason, "at": ago(minutes=5), "by": None, "load": 3, "capacity": 10, **fields}
    olena(desk).update(assignee_id=to, assignment=told)


def panel(page: str) -> str:
    """What stands in the popover, as it is read."""
    inside = re.search(r'<div class="panel why-me">(.*?)</div>', page, re.DOTALL)
    assert inside is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inside[1])).strip()


@pytest.mark.parametrize(
    ("reason", "by", "yours", "theirs"),
    [
        ("last_manager", None, "You were this customer's last manager", "Their last manager, who had room"),
        ("waited_for_last", None, "It waited for you", "It waited for their last manager"),
        ("least_loaded", None, "Of all who could take it you", "Of all who could take it they"),
        ("round_robin", None, "It was your turn", "It was their turn"),
        ("replied", "Оксана Коваль", "You answered while nobody held it", "They answered while nobody held it"),
        ("manual", "Nino", "Nino gave it to you", "Nino gave it to them"),
        ("manual", "Оксана Коваль", "You took it", "Оксана Коваль gave it to them"),
        ("handed_over", "Nino", "Nino handed it over to you", "Nino handed it over to them"),
        ("macro", "Nino", "Nino sent a macro", "Nino sent a macro"),
        ("manual", "system", "a colleague gave it to you", "a colleague gave it to them"),
        ("because", None, "No reason was kept", "No reason was kept"),
    ],
)
async def test_every_reason_has_its_sentence(desk, read, reason, by, yours, theirs):
    given(desk, reason, by=by)
    assert f"Why you? {yours}" in panel(await read(BAR))
    given(desk, reason, by=by, to="ihor")
    assert f"Why Ігор Бондар? {theirs}" in panel(await read(BAR))


async def test_who_else_was_looked_at_and_what_spoke_against_each(desk, read):
    notes = ["chosen", "more_loaded", "later_turn", *get_args(Hindrance), "something newer"]
    others = [candidate(f"m{place}", f"Name {place}", note) for place, note in enumerate(notes)]
    given(desk, "least_loaded", strategy="sticky", candidates=others, considered=len(others) + 2)
    told = panel(await read(BAR))
    for words in ("got it", "busier for their capacity", "another team", "off shift", "connection lost", "full"):
        assert words in told
    assert told.count("did not come into question") == 1, "every note that there is has words of its own"
    assert "2 more were looked at" in told
    assert "Sticky first" in told


async def test_the_word_to_whoever_got_it_is_shown_and_is_no_markup(desk, read):
    given(desk, "handed_over", by="Nino", note="<b>Ask for the receipt</b>")
    page = await read(BAR)
    assert "&lt;b&gt;Ask for the receipt&lt;/b&gt;" in page
    assert "<b>Ask" not in page


@pytest.mark.parametrize("assignment", [None, {"reason": "least_loaded"}, {"reason": "manual", "at": None, "by": None}])
async def test_what_older_versions_kept_breaks_nothing(desk, read, assignment):
    olena(desk).update(assignee_id="me", assignment=assignment)
    assert "Why you?" in panel(await read(BAR))


async def test_in_the_queue_it_says_what_it_waits_for(desk, read):
    olena(desk).update(assignee_id=None, assignment=None)
    assert "Why nobody? It waits in the queue" in panel(await read(BAR))
