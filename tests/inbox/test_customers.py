import asyncio

import pytest

from inbox.customer_fields import CustomerFields
from inbox.customers import Customers, languages_of, normalised_phone
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.people import Role, Viewer
from inbox.search import Search
from inbox.settings import ShopSettings
from inbox.storage.conversations import ConversationStore
from inbox.storage.customer_fields import CustomerFieldStore
from inbox.storage.managers import ManagerStore
from inbox.storage.queue import QueueStore
from inbox.storage.search import SearchStore
from inbox.storage.settings import SettingsStore

VIEWER = Viewer(id="ann", name="Ann", role=Role.MANAGER)


@pytest.fixture
def customers(floor, database):
    return Customers(
        people=floor.people,
        managers=ManagerStore(database),
        reach=floor.reach,
        fields=CustomerFields(CustomerFieldStore(database)),
        settings=ShopSettings(SettingsStore(database)),
        search=Search(SearchStore(database), ConversationStore(database)),
        queue=QueueStore(database),
        feed=floor.feed,
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+380671234567", "+380671234567"),
        ("067 123-45-67", "+380671234567"),
        ("(067) 123 45 67", "+380671234567"),
        ("+995 555 12 34 56", "+995555123456"),
        ("+1 (650) 253-0000", "+16502530000"),
    ],
)
def test_a_phone_is_kept_as_the_world_dials_it(typed, kept):
    assert normalised_phone(typed) == kept


@pytest.mark.parametrize("typed", ["", "12", "call me", "+", "+380", "0" * 50, "😀", "+999999999999999999"])
def test_what_is_no_phone_is_refused_with_an_example(typed):
    with pytest.raises(Invalid, match=r"phones: .* write it as \+380501234567"):
        normalised_phone(typed)


async def test_typed_phones_and_mails_are_not_proven_and_stand_once(customers):
    card = await customers.create(
        {"name": "Ann", "phones": ["0671234567", "+380671234567"], "emails": [" Ann@X.example", "ann@x.example"]}
    )
    assert card["phones"] == [{"number": "+380671234567", "proven": False}]
    assert card["emails"] == [{"address": "ann@x.example", "proven": False}]


async def test_what_was_proven_stays_proven_when_a_manager_edits_the_card(customers, database):
    card = await customers.create({"name": "Ann"})
    proven = [{"number": "+380671234567", "proven": True}]
    await database.durable.customers.update_one({"_id": card["_id"]}, {"$set": {"phones": proven}})
    changed = await customers.change(card["_id"], {"phones": ["0501112233", "0671234567"]})
    assert {phone["number"]: phone["proven"] for phone in changed["phones"]} == {
        "+380501112233": False,
        "+380671234567": True,
    }


async def test_a_wrong_phone_changes_nothing(customers):
    card = await customers.create({"name": "Ann"})
    with pytest.raises(Invalid):
        await customers.change(card["_id"], {"name": "Bob", "phones": ["nonsense"]})
    assert (await customers.get(card["_id"]))["name"] == "Ann"


async def test_nobody_is_nobody(customers):
    with pytest.raises(NotFound):
        await customers.get("nobody")
    with pytest.raises(NotFound):
        await customers.change("nobody", {"name": "Ann"})


async def test_every_card_is_on_one_page_of_the_list(customers):
    made = {(await customers.create({"name": f"Customer {number}"}))["_id"] for number in range(7)}
    seen: list[str] = []
    cursor = None
    while True:
        rows, cursor = await customers.page(VIEWER, "", limit=3, cursor=cursor)
        seen.extend(row["_id"] for row in rows)
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)


async def test_a_phone_without_country_is_read_as_of_the_shops_country(customers, database):
    await ShopSettings(SettingsStore(database)).change({"timezone": "Asia/Tbilisi"})
    card = await customers.create({"name": "Nino", "phones": ["555 12 34 56"]})
    assert [phone["number"] for phone in card["phones"]] == ["+995555123456"]
    with pytest.raises(Invalid, match=r"write it as \+995"):
        await customers.change(card["_id"], {"phones": ["12"]})


async def test_what_is_no_address_is_refused(customers):
    with pytest.raises(Invalid, match=r"emails: .* name@example\.com"):
        await customers.create({"name": "Ann", "emails": ["ann at x"]})


async def test_fields_change_one_by_one(customers):
    card = await customers.create({"name": "Ann", "fields": {"city": "Lviv", "size": "M", "empty": None}})
    assert card["fields"] == {"city": "Lviv", "size": "M"}
    changed = await customers.change(card["_id"], {"fields": {"size": None, "floor": "3"}})
    assert changed["fields"] == {"city": "Lviv", "floor": "3"}


async def test_of_two_who_saw_the_same_card_the_second_is_told(customers):
    card = await customers.create({"name": "Ann", "tags": ["vip"]})
    first = await customers.change(card["_id"], {"tags": ["vip", "wholesale"]}, version=card["version"])
    with pytest.raises(Conflict) as refused:
        await customers.change(card["_id"], {"tags": []}, version=card["version"])
    assert refused.value.current == first["version"]
    assert (await customers.get(card["_id"]))["tags"] == ["vip", "wholesale"]


async def test_changes_at_once_of_different_fields_all_stand(customers):
    card = await customers.create({"name": "Ann"})
    await asyncio.gather(*(customers.change(card["_id"], {"fields": {f"f{n}": str(n)}}) for n in range(12)))
    assert (await customers.get(card["_id"]))["fields"] == {f"f{n}": str(n) for n in range(12)}


async def test_the_first_language_is_the_preferred_one(customers):
    card = await customers.create({"name": "Ann", "languages": ["ka", "en"]})
    assert (card["language"], languages_of(card)) == ("ka", ["ka", "en"])
    assert languages_of({"language": "uk"}) == ["uk"]


async def test_tags_are_suggested_by_their_beginning(customers):
    card = await customers.create({"name": "Ann", "tags": ["Опт", "vip"]})
    await customers.change(card["_id"], {"tags": ["оптовик (Львів)"]})
    assert sorted(await customers.tags("ОПТ", 10)) == ["Опт", "оптовик (Львів)"]
    assert await customers.tags("оптовик (", 10) == ["оптовик (Львів)"]
    assert await customers.tags("ptовик", 10) == []
    assert len(await customers.tags("", 10)) == 3


async def test_who_looks_after_a_customer_is_somebody_who_answers(customers, database):
    await ManagerStore(database).insert({"_id": "m1", "email": "m@x.example", "capacity": 1, "active": True})
    card = await customers.create({"name": "Ann", "responsible_manager_id": "m1"})
    assert card["responsible_manager_id"] == "m1"
    assert (await customers.change(card["_id"], {"responsible_manager_id": None}))["responsible_manager_id"] is None
    with pytest.raises(Invalid, match="responsible_manager_id"):
        await customers.change(card["_id"], {"responsible_manager_id": "nobody"})
