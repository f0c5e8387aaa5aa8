"""`GET /conversations/{id}/suggestions`: for whoever may see the conversation, and macros that they may use."""

import pytest

from inbox.model.ids import new_id, now, sort_key
from tests.web.api.desk import written
from web.api.suggestions import PREVIEW, MacroSuggestionsShape

TEXT = "Your parcel is on its way, {{ customer.first_name }}. " * 5


async def made(caller, name, **fields):
    answer = await caller.call("POST", "/macros", {"name": name, "text": {"uk": name}, **fields})
    assert answer.status == 201, answer
    return answer.body["id"]


async def teach(desk, macro_id, *texts):
    """A manager answered these with a macro."""
    for text in texts:
        conversation = await written(desk.house.database, text)
        reply = {
            "_id": new_id(),
            "conversation_id": conversation["_id"],
            "customer_id": conversation["customer_id"],
            "direction": "out",
            "author": {"type": "manager", "id": desk.manager.id, "name": "Manager"},
            "automatic": False,
            "macro_id": macro_id,
            "sort": sort_key(now()),
            "created_at": now(),
        }
        assert await desk.house.suggesting.learn(reply)


async def suggested(caller, conversation):
    answer = await caller.call("GET", f"/conversations/{conversation['_id']}/suggestions")
    assert answer.status == 200, answer
    return answer.fits(MacroSuggestionsShape).body["items"]


@pytest.fixture
async def parcel(desk):
    """The id of a macro that was sent to who asked for a parcel."""
    macro_id = await made(desk.admin, "Parcel", text={"uk": TEXT})
    await teach(desk, macro_id, "Where is my order?", "Where is my parcel?", "Has the parcel been sent")
    return macro_id


async def test_a_macro_is_told_as_it_would_be_sent(desk, parcel):
    [item] = await suggested(desk.manager, await written(desk.house.database, "Hello", "where is my parcel"))
    text = TEXT.replace("{{ customer.first_name }}", "Taras")
    assert (item["macro_id"], item["name"], item["text"]) == (parcel, "Parcel", text)
    assert item["preview"] == text[:PREVIEW]
    assert 0 < item["score"] <= 1


async def test_at_most_three_the_likeliest_first(desk, parcel):
    for number in range(4):
        await teach(desk, await made(desk.admin, f"Also {number}"), "Where is my parcel?")
    items = await suggested(desk.manager, await written(desk.house.database, "Where is my parcel?"))
    assert len(items) == 3
    assert items[0]["macro_id"] == parcel
    scores = [item["score"] for item in items]
    assert scores == sorted(scores, reverse=True)


async def test_a_managers_own_macros_are_offered_to_them_alone(desk, parcel):
    own = await made(desk.manager, "Where is the parcel, my order")
    conversation = await written(desk.house.database, "Where is my parcel, the order?")
    assert own in [item["macro_id"] for item in await suggested(desk.manager, conversation)]
    assert own not in [item["macro_id"] for item in await suggested(desk.owner, conversation)]


async def test_nothing_fits(desk, parcel):
    assert await suggested(desk.manager, await written(desk.house.database, "ჰმმ")) == []
    assert await suggested(desk.manager, await written(desk.house.database, "")) == []


async def test_who_may_not_see_a_conversation_is_told_nothing_of_it(desk, parcel):
    team = (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    conversation = await written(desk.house.database, "Where is my parcel?", team_id=team)
    path = f"/conversations/{conversation['_id']}/suggestions"
    assert len(await suggested(desk.owner, conversation)) == 1
    for answer, status in (
        (await desk.manager.call("GET", path), 404),
        (await desk.anonymous.call("GET", path), 401),
        (await desk.owner.call("GET", "/conversations/nothing/suggestions"), 404),
    ):
        assert answer.status == status
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.body["detail"]


async def test_a_macro_that_is_deleted_is_not_suggested_any_more(desk, parcel):
    conversation = await written(desk.house.database, "Where is my parcel?")
    assert len(await suggested(desk.manager, conversation)) == 1
    assert (await desk.owner.call("DELETE", f"/macros/{parcel}")).status == 204
    assert await suggested(desk.manager, conversation) == []


async def test_what_was_learned_of_a_customer_goes_with_them(desk, parcel):
    cases = desk.house.database.durable.macro_cases
    learned = await cases.find({}).to_list(None)
    erased = await desk.owner.call("DELETE", f"/customers/{learned[0]['customer_id']}")
    assert erased.status in (200, 202), erased
    assert sorted([row["_id"] async for row in cases.find({})]) == sorted(row["_id"] for row in learned[1:])
