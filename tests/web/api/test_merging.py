"""Who is who over the API: what is answered to good, bad and forbidden calls."""

import pytest

from inbox.model.ids import identity_id
from inbox.model.incoming import Person
from tests.inbox.arrivals import accepted, said, work_off
from web.api.merging import CodeShape, MergesShape, SuggestionsShape
from web.api.shapes import CustomerShape

ANN, OLENA = Person(external_id="ann", name="Olena Koval"), Person(external_id="olena", name="Олена Коваль")


@pytest.fixture
async def cards(desk):
    """Two cards of people who are called alike; the second has typed the first one's phone."""
    phone = "0671234567"
    await work_off(desk.house.ingest, [accepted(said(1, person=ANN), channel_id="c1")])
    await work_off(desk.house.ingest, [accepted(said(2, person=OLENA, text=f"Мій номер {phone}"), channel_id="c2")])
    first, second = [
        (await desk.house.database.durable.identities.find_one({"_id": identity_id(channel, person.external_id)}))[
            "customer_id"
        ]
        for channel, person in (("c1", ANN), ("c2", OLENA))
    ]
    await desk.house.customers.change(first, {"phones": [phone]})
    async for timer in desk.house.database.durable.timers.find({"kind": "contact.told"}):
        await desk.house.proofs.hear(timer["data"])
    return first, second


async def test_a_suggestion_says_in_words_what_speaks_for_and_against_and_is_accepted(desk, cards):
    first, second = cards
    answer = (await desk.owner.call("GET", f"/customers/{first}/suggestions")).fits(SuggestionsShape)
    (suggestion,) = answer.body["items"]
    assert suggestion["customer"]["id"] == second
    assert suggestion["reasons_for"] == [
        "+380671234567 was typed in a chat of Олена Коваль",
        "both are called Olena Koval",
    ]
    assert suggestion["reasons_against"] == ["nobody has proven that +380671234567 is theirs"]
    merged = await desk.owner.call("POST", f"/customers/{first}/merge", {"other_id": second, "suggested": True})
    assert merged.status == 200
    assert {row["channel_id"] for row in merged.fits(CustomerShape).body["identities"]} == {"c1", "c2"}
    assert (await desk.owner.call("GET", f"/customers/{first}/suggestions")).body["items"] == []


async def test_a_merge_is_told_and_undone(desk, cards):
    first, second = cards
    before = [(await desk.owner.call("GET", f"/customers/{key}")).body for key in cards]
    await desk.owner.call("POST", f"/customers/{first}/merge", {"other_id": second})
    assert (await desk.owner.call("GET", f"/customers/{second}")).body["id"] == first
    (merge,) = (await desk.owner.call("GET", f"/customers/{first}/merges")).fits(MergesShape).body["items"]
    assert (merge["customer_id"], merge["name"], merge["reason"]["type"]) == (second, "Олена Коваль", "manual")
    assert "joined this one" in merge["text"]
    undone = await desk.owner.call("POST", f"/customers/{first}/merges/{merge['id']}/undo")
    assert undone.status == 200
    assert [(await desk.owner.call("GET", f"/customers/{key}")).body for key in cards] == before
    again = await desk.owner.call("POST", f"/customers/{first}/merges/{merge['id']}/undo")
    assert again.status == 409
    assert (await desk.owner.call("GET", f"/customers/{first}/suggestions")).body["items"] == []


async def test_a_dismissed_suggestion_does_not_come_again(desk, cards):
    first, second = cards
    assert (await desk.owner.call("POST", f"/customers/{first}/suggestions/{second}/dismiss")).status == 204
    for key in cards:
        assert (await desk.owner.call("GET", f"/customers/{key}/suggestions")).body["items"] == []


async def test_an_identity_is_split_off_but_for_the_last_one(desk, cards):
    first, second = cards
    merged = (await desk.owner.call("POST", f"/customers/{first}/merge", {"other_id": second})).body
    taken = next(row["id"] for row in merged["identities"] if row["channel_id"] == "c2")
    split = await desk.owner.call("POST", f"/customers/{first}/split", {"identity": taken})
    assert split.status == 201
    card = split.fits(CustomerShape).body
    assert (card["name"], [row["id"] for row in card["identities"]]) == ("Олена Коваль", [taken])
    last = await desk.owner.call("POST", f"/customers/{card['id']}/split", {"identity": taken})
    assert last.status == 409
    assert "only identity" in last.body["detail"]


async def test_an_identity_that_joined_by_an_answer_is_confirmed_by_a_person_or_split_off(desk, cards):
    first, second = cards
    merged = (await desk.owner.call("POST", f"/customers/{first}/merge", {"other_id": second})).body
    theirs = [row["id"] for row in merged["identities"]]
    identities = desk.house.database.durable.identities
    await identities.update_many({"_id": {"$in": theirs}}, {"$set": {"joined": "answer"}})
    shown = (await desk.owner.call("GET", f"/customers/{first}")).fits(CustomerShape).body["identities"]
    assert [row["joined"] for row in shown] == ["answer", "answer"]
    confirmed = await desk.owner.call("POST", f"/customers/{first}/confirm", {"identity": theirs[0]})
    assert confirmed.status == 200
    assert {row["id"]: row["joined"] for row in confirmed.fits(CustomerShape).body["identities"]} == {
        theirs[0]: None,
        theirs[1]: "answer",
    }
    split = await desk.owner.call("POST", f"/customers/{first}/split", {"identity": theirs[1]})
    assert [row["joined"] for row in split.body["identities"]] == [None]
    audited = (await desk.owner.call("GET", "/audit")).body["items"]
    assert [row["changed"] for row in audited if row["action"] == "customer.confirm"] == [{"identity": theirs[0]}]


@pytest.mark.parametrize(
    ("path", "body", "status", "fields"),
    [
        ("merge", {"other_id": "nobody"}, 404, []),
        ("merge", {"other_id": ""}, 422, ["other_id"]),
        ("merge", {}, 422, ["other_id"]),
        ("merges/none/undo", None, 404, []),
        ("split", {"identity": "nobody"}, 404, []),
        ("confirm", {"identity": "nobody"}, 404, []),
        ("confirm", {}, 422, ["identity"]),
        ("suggestions/nobody/dismiss", None, 404, []),
        ("codes", {"contact": "12", "identity": "x"}, 422, ["contact"]),
        ("codes", {"contact": "call me", "identity": "x"}, 422, ["contact"]),
        ("codes", {"contact": "a@b", "identity": "x"}, 422, ["contact"]),
        ("codes", {"contact": "0671234567", "identity": "x"}, 422, ["identity"]),
    ],
)
async def test_what_cannot_be_is_refused_by_name(desk, cards, path, body, status, fields):
    answer = await desk.owner.call("POST", f"/customers/{cards[0]}/{path}", body)
    assert (answer.status, answer.fields) == (status, fields)


async def test_a_card_is_not_merged_with_itself(desk, cards):
    answer = await desk.owner.call("POST", f"/customers/{cards[0]}/merge", {"other_id": cards[0]})
    assert (answer.status, answer.fields) == (422, ["other_id"])


@pytest.mark.parametrize(
    "method_path", ["POST merge", "GET merges", "POST split", "POST confirm", "GET suggestions", "POST codes"]
)
async def test_strangers_learn_nothing(desk, cards, method_path):
    method, path = method_path.split()
    assert (await desk.anonymous.call(method, f"/customers/{cards[0]}/{path}", {})).status == 401


async def test_asking_for_a_code_says_the_same_of_known_and_unknown_contacts_and_has_a_limit(desk, cards):
    first, _ = cards
    identity = (await desk.owner.call("GET", f"/customers/{first}")).body["identities"][0]["id"]
    said_of = [
        await desk.owner.call("POST", f"/customers/{first}/codes", {"contact": contact, "identity": identity})
        for contact in ("+380671234567", "+380500000001", "somebody@x.example")
    ]
    assert {(answer.status, answer.raw) for answer in said_of} == {(202, said_of[0].fits(CodeShape).raw)}
    refused = await desk.owner.call(
        "POST", f"/customers/{first}/codes", {"contact": "+380500000002", "identity": identity}
    )
    assert (refused.status, int(refused.headers["Retry-After"])) == (429, 3600)
