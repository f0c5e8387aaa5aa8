import pytest

from inbox.customers import Customers, normalised_phone
from inbox.model.errors import Invalid, NotFound
from inbox.model.people import Role, Viewer
from inbox.search import Search
from inbox.storage.conversations import ConversationStore
from inbox.storage.search import SearchStore

VIEWER = Viewer(id="ann", name="Ann", role=Role.MANAGER)


@pytest.fixture
def customers(floor, database):
    search = Search(SearchStore(database), ConversationStore(database))
    return Customers(floor.people, floor.reach, floor.feed, search)


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
    with pytest.raises(Invalid, match=r"phones: .* write it as \+380671234567"):
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
