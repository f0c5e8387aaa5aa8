import asyncio
from typing import Any

import pytest

from inbox.model.ids import now
from inbox.model.incoming import Person
from inbox.storage.people import PeopleStore, Sighting


@pytest.fixture
def people(database):
    return PeopleStore(database)


def seen(external_id: str, channel_id: str = "c1", **person: Any) -> dict[str, Sighting]:
    sighting = Sighting(channel_id=channel_id, kind="paper", person=Person(external_id=external_id, **person), at=now())
    return {sighting.identity_id: sighting}


async def test_a_person_met_by_many_at_once_gets_one_card(people, database):
    crowd = seen("1", name="Ann") | seen("2", name="Bob") | seen("3")
    met = await asyncio.gather(*(PeopleStore(database).resolve(crowd, ensure_cards=False) for _ in range(20)))
    cards = {frozenset(row["customer_id"] for row in each.values()) for each in met}
    assert len(cards) == 1
    stored = {row["_id"] async for row in database.durable.customers.find()}
    assert stored == next(iter(cards))
    assert await database.durable.identities.count_documents({}) == 3


async def test_the_same_id_on_two_channels_is_two_people(people):
    met = await people.resolve(seen("1", "c1") | seen("1", "c2"), ensure_cards=False)
    assert len({row["customer_id"] for row in met.values()}) == 2


async def test_a_card_that_a_crash_left_missing_comes_with_the_repeated_event(people, database):
    (identity,) = (await people.resolve(seen("1", name="Ann"), ensure_cards=False)).values()
    await database.durable.customers.delete_many({})
    await people.resolve(seen("1"), ensure_cards=True)
    card = await people.customer(identity["customer_id"])
    assert card["name"] == "Ann"


async def test_a_repeated_event_leaves_a_card_that_was_edited_as_it_is(people):
    (identity,) = (await people.resolve(seen("1", name="Ann"), ensure_cards=False)).values()
    await people.change_customer(identity["customer_id"], {"name": "Anna Kovalenko"})
    await people.resolve(seen("1", name="Ann"), ensure_cards=True)
    assert (await people.customer(identity["customer_id"]))["name"] == "Anna Kovalenko"


async def test_names_follow_the_provider(people):
    (identity,) = (await people.resolve(seen("1"), ensure_cards=False)).values()
    (named,) = (await people.resolve(seen("1", name="Ann", username="ann"), ensure_cards=False)).values()
    assert (named["name"], named["username"]) == ("Ann", "ann")
    assert (await people.customer(identity["customer_id"]))["name"] == "Ann"
    await people.resolve(seen("1", name="Ann Berg"), ensure_cards=False)
    assert (await people.customer(identity["customer_id"]))["name"] == "Ann Berg"


async def test_names_follow_the_provider_until_somebody_edits_them(people):
    (identity,) = (await people.resolve(seen("1", name="Ann"), ensure_cards=False)).values()
    await people.change_customer(identity["customer_id"], {"name": "Mrs Berg"})
    await people.resolve(seen("1", name="Anny"), ensure_cards=False)
    assert (await people.customer(identity["customer_id"]))["name"] == "Mrs Berg"
    assert (await people.identity(identity["_id"]))["name"] == "Anny"


async def test_what_an_event_leaves_out_is_not_forgotten(people):
    await people.resolve(seen("1", name="Ann", username="ann", language="uk"), ensure_cards=False)
    (identity,) = (await people.resolve(seen("1"), ensure_cards=False)).values()
    assert (identity["name"], identity["username"], identity["language"]) == ("Ann", "ann", "uk")


async def test_older_news_does_not_change_whether_somebody_is_reachable(people):
    (identity,) = (await people.resolve(seen("1"), ensure_cards=False)).values()
    key, early, late = identity["_id"], now(), now().replace(year=2100)
    assert await people.set_reachable(key, reachable=False, reason="blocked", at=late)
    assert not await people.set_reachable(key, reachable=True, reason="", at=early)
    assert (await people.identity(key))["reachable"] is False
