"""`/search`: what is found, for whom, and how it is told."""

from urllib.parse import quote

import pytest

from tests.web.api.desk import written
from web.api import shapes
from web.api.search import FoundShape

ORDER = {
    "status": "new",
    "items": [{"name": "Teapot", "quantity": 1, "price": "10.00"}],
    "total": "10",
    "currency": "UAH",
}


async def search(caller, query):
    return (await caller.call("GET", f"/search?{query}")).fits(FoundShape).body


async def test_people_messages_and_orders_are_found_together(desk, database):
    conversation = await written(database, "Чи є <b>чайник</b> у наявності?", "Дякую")
    card = conversation["customer_id"]
    await desk.admin.call("PUT", "/orders/10234", {**ORDER, "customer_id": card})
    await desk.house.indexing.build()
    found = await search(desk.manager, f"q={quote('чайн')}")
    (hit,) = found["messages"]["items"]
    assert (hit["conversation_id"], hit["customer_id"], hit["customer_name"]) == (
        conversation["_id"],
        card,
        "Taras Bondar",
    )
    assert hit["snippet"] == [
        {"text": "Чи є <b>", "match": False},
        {"text": "чайн", "match": True},
        {"text": "ик</b> у наявності?", "match": False},
    ]
    assert found["customers"]["items"] == found["orders"]["items"] == []

    (person,) = (await search(desk.manager, "q=TARAS+bond"))["customers"]["items"]
    assert (person["id"], person["conversation_id"]) == (card, conversation["_id"])

    (order,) = (await search(desk.manager, f"q={quote('№10234')}"))["orders"]["items"]
    assert (order["number"], order["customer_name"], order["conversation_id"], order["total"]) == (
        "10234",
        "Taras Bondar",
        conversation["_id"],
        "10.00",
    )


async def test_the_order_of_exactly_this_number_is_told_first_and_once(desk):
    for number in ("77", "770", "771", "772"):
        await desk.admin.call("PUT", f"/orders/{number}", ORDER)
    await desk.house.indexing.build()
    first = (await search(desk.manager, "q=77&kind=orders&limit=2"))["orders"]
    rest = (await search(desk.manager, f"q=77&kind=orders&limit=2&cursor={first['next_cursor']}"))["orders"]
    assert [order["number"] for page in (first, rest) for order in page["items"]] == ["77", "772", "771", "770"]
    assert rest["next_cursor"] is None


async def test_one_kind_is_read_page_by_page(desk, database):
    conversation = await written(database, *(f"parcel {number}" for number in range(5)))
    await desk.house.indexing.build()
    first = await search(desk.manager, "q=parcel&kind=messages&limit=3")
    assert (first["customers"], first["orders"]) == (None, None)
    rest = await search(desk.manager, f"q=parcel&kind=messages&limit=3&cursor={first['messages']['next_cursor']}")
    texts = [
        "".join(part["text"] for part in hit["snippet"]) for page in (first, rest) for hit in page["messages"]["items"]
    ]
    assert texts == [f"parcel {number}" for number in reversed(range(5))]
    assert rest["messages"]["next_cursor"] is None
    for where in (f"conversation={conversation['_id']}", f"customer={conversation['customer_id']}", "channel=channel"):
        assert len((await search(desk.manager, f"q=parcel&kind=messages&{where}"))["messages"]["items"]) == 5, where
    for where in ("conversation=other", "customer=other", "channel=other"):
        assert (await search(desk.manager, f"q=parcel&kind=messages&{where}"))["messages"]["items"] == [], where


async def test_a_team_s_messages_are_found_by_its_members_alone(desk, database):
    team = (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    await written(database, "refund", team_id=team)
    await desk.house.indexing.build()
    assert len((await search(desk.admin, "q=refund"))["messages"]["items"]) == 1
    assert (await search(desk.manager, "q=refund"))["messages"] == {"items": [], "next_cursor": None}
    (card,) = (await search(desk.manager, "q=taras"))["customers"]["items"]
    assert card["conversation_id"] is None, "the card is everybody's, its conversation is not"
    assert (await desk.manager.get("/conversations?q=refund"))["items"] == []


async def test_cards_are_listed_by_the_same_words(desk):
    for name in ("Оксана Петренко", "Олег Петренко"):
        await desk.manager.call("POST", "/customers", {"name": name, "phones": ["0671234567"]})
    await desk.house.indexing.build()

    async def names(q):
        listed = (await desk.manager.call("GET", f"/customers?q={quote(q)}")).fits(shapes.Page[shapes.CustomerShape])
        return [card["name"] for card in listed.body["items"]]

    assert await names("петр") == ["Олег Петренко", "Оксана Петренко"]
    assert await names("петр окс") == ["Оксана Петренко"]
    assert await names("(067) 123-45-67") == ["Олег Петренко", "Оксана Петренко"]
    assert await names("?!") == []


@pytest.mark.parametrize("q", ["", "?!", "+", "%F0%9F%8E%89"])
async def test_what_holds_no_word_finds_nothing(desk, q):
    found = await search(desk.manager, f"q={q}")
    assert [page["items"] for page in found.values()] == [[], [], []]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=a&kind=secrets", "kind"),
        ("q=a&limit=101", "limit"),
        ("q=a&cursor=abc", "cursor"),
        ("q=a&kind=messages&cursor=abc", "cursor"),
        ("q=" + "a" * 1000, "q"),
    ],
)
async def test_a_question_that_makes_no_sense_names_what_is_wrong(desk, query, field):
    refused = await desk.manager.call("GET", f"/search?{query}")
    assert (refused.status, refused.fields) == (422, [field])


async def test_strangers_find_nothing(desk):
    assert (await desk.anonymous.call("GET", "/search?q=a")).status == 401
