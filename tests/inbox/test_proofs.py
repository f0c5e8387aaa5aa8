"""What proves whose a contact is, and what does not."""

import pytest

from inbox.model.errors import Invalid
from inbox.model.ids import identity_id
from inbox.model.incoming import Contact, Person
from inbox.model.people import SYSTEM
from inbox.proofs import CODE_TYPED, PROVEN, TOLD, contact_timers
from inbox.storage.contacts import ContactStore
from inbox.storage.people import PeopleStore, Sighting
from tests.inbox.arrivals import ANN, accepted, at, said, work_off
from tests.people import check

PHONE = "380671234567"
IDENTITY = {"_id": "i1"}


def due(**fields):
    event = said(1, **fields)
    return [(kind, data) for kind, _, data in contact_timers(event, {"_id": "m1"}, IDENTITY)]


def proof(type_, value):
    return [(PROVEN, {"identity_id": "i1", "type": type_, "value": value})]


TOLD_ONLY = [(TOLD, {"message_id": "m1"})]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"content": Contact(phone=PHONE, own=True)}, proof("phone", f"+{PHONE}")),
        ({"content": Contact(phone=f"+{PHONE}", own=True)}, proof("phone", f"+{PHONE}")),
        ({"content": Contact(phone="995555123456", own=True)}, proof("phone", "+995555123456")),
        ({"proven_email": "Ann@X.example"}, proof("email", "ann@x.example")),
        ({"content": Contact(phone=PHONE, own=True), "forwarded": True}, TOLD_ONLY),
        ({"content": Contact(phone=PHONE, name="Ann")}, TOLD_ONLY),
        ({"content": Contact(phone="no phone at all", own=True)}, []),
        ({"text": "call 067 123 45 67"}, TOLD_ONLY),
        ({"text": "write to ann@x.example"}, TOLD_ONLY),
        ({"text": "123 456"}, [(CODE_TYPED, {"message_id": "m1"})]),
        ({"text": "Good day, is the dress in stock? Order 20261122"}, []),
    ],
)
def test_what_a_message_is_worth(fields, expected):
    assert due(**fields) == expected


def test_what_is_known_is_not_looked_at_again():
    known = {**IDENTITY, "proven": [{"type": "email", "value": "ann@x.example"}]}
    assert contact_timers(said(1, proven_email="ann@x.example"), {"_id": "m1"}, known) == []


async def work_off_timers(house):
    """What the timers of a working server do, oldest first, until there is nothing more."""
    doers = {PROVEN: house.proofs.learn, TOLD: house.proofs.hear}
    timers = house.database.durable.timers
    while (timer := await timers.find_one_and_delete({"kind": {"$in": list(doers)}})) is not None:
        await doers[timer["kind"]](timer["data"])


async def test_letters_that_their_providers_vouch_for_make_one_card_in_any_order_and_however_often(house):
    for channel_id in ("c1", "c2"):
        letter = said(1, proven_email="Ann@X.example")
        await work_off(house.ingest, [accepted(letter, channel_id=channel_id)])
        await work_off(house.ingest, [accepted(letter, channel_id=channel_id, repeated=True)])
    assert await house.database.durable.timers.count_documents({"kind": PROVEN}) == 2
    await work_off_timers(house)
    (card,) = await house.database.durable.customers.find({"merged_into": None}).to_list(None)
    assert card["emails"] == [{"address": "ann@x.example", "proven": True}]
    await work_off(house.ingest, [accepted(said(2, proven_email="ann@x.example"), channel_id="c1")])
    assert await house.database.durable.timers.count_documents({"kind": PROVEN}) == 0
    await check(house.database)


async def test_a_letter_that_nobody_vouches_for_joins_no_cards_before_the_proof_and_adds_nothing_after_it(house):
    async def cards():
        return await house.database.durable.customers.find({"merged_into": None}).to_list(None)

    await work_off(house.ingest, [accepted(said(1, proven_email="ann@x.example"), channel_id="c1")])
    await work_off(house.ingest, [accepted(said(1, "forged", unconfirmed=True), channel_id="c2")])
    await work_off_timers(house)
    assert sorted(len(card["emails"]) for card in await cards()) == [0, 1]
    await work_off(house.ingest, [accepted(said(2, proven_email="ann@x.example"), channel_id="c2")])
    await work_off_timers(house)
    (before,) = await cards()
    await work_off(house.ingest, [accepted(said(3, "forged again", unconfirmed=True), channel_id="c2")])
    assert await house.database.durable.timers.count_documents({"kind": PROVEN}) == 0
    assert await cards() == [before]
    heard = {"channel_id": "c2", "direction": "in"}
    stored = await house.database.durable.messages.find(heard).sort("sort", 1).to_list(None)
    assert [message.get("unconfirmed", False) for message in stored] == [True, False, True]
    await check(house.database)


async def test_what_was_only_told_stands_on_the_card_and_merges_nobody(house):
    await work_off(house.ingest, [accepted(said(1, text="my number is 067 123 45 67"))])
    await work_off(house.ingest, [accepted(said(1, content=Contact(phone=PHONE)), channel_id="c2")])
    await work_off_timers(house)
    cards = await house.database.durable.customers.find({}).sort("_id", 1).to_list(None)
    assert sorted(hint["source"] for card in cards for hint in card["hints"]) == ["contact", "typed"]
    assert {hint["value"] for card in cards for hint in card["hints"]} == {f"+{PHONE}"}
    assert [card["phones"] for card in cards] == [[], []]


async def test_a_proof_that_comes_while_its_card_is_merged_is_on_the_card_that_stays(house):
    for channel_id in ("c1", "c2"):
        await work_off(house.ingest, [accepted(said(1), channel_id=channel_id)])
    first, second = [identity_id(channel_id, ANN.external_id) for channel_id in ("c1", "c2")]
    cards = [(await house.database.durable.identities.find_one({"_id": key}))["customer_id"] for key in (first, second)]
    merged = house.merging.merge_proven(
        *[await house.customers.get(key) for key in cards], reason={"type": "email", "value": "ann@x.example"}
    )
    await merged
    await house.proofs.prove(second, "phone", f"+{PHONE}")
    (card,) = await house.database.durable.customers.find({"merged_into": None}).to_list(None)
    assert card["phones"] == [{"number": f"+{PHONE}", "proven": True}]


BOB = Person(external_id="bob@x.example")


@pytest.fixture
async def joined(house):
    """Ann's card, and Bob's identity, which is on it because he answered a letter to her."""
    await work_off(house.ingest, [accepted(said(1))])
    ann = await house.database.durable.identities.find_one({"_id": identity_id("c1", ANN.external_id)})
    bob = Sighting(channel_id="c1", kind="email", person=BOB, at=at(2), customer_id=ann["customer_id"], joined="answer")
    await PeopleStore(house.database).resolve({bob.identity_id: bob}, ensure_cards=False)
    return ann["customer_id"], bob.identity_id


async def test_what_is_proven_by_who_only_answered_is_not_the_cards_until_somebody_confirms_them(house, joined):
    card_id, bob = joined
    letter = said(3, person=BOB, proven_email=BOB.external_id)
    await work_off(house.ingest, [accepted(said(1, person=BOB, proven_email=BOB.external_id), channel_id="c2")])
    await work_off(house.ingest, [accepted(letter)])
    await work_off_timers(house)
    assert (await house.customers.get(card_id))["emails"] == []
    assert await house.database.durable.customers.count_documents({"merged_into": None}) == 2
    await house.merging.confirm(card_id, bob)
    await work_off(house.ingest, [accepted(said(4, person=BOB, proven_email=BOB.external_id))])
    await work_off_timers(house)
    (card,) = await house.database.durable.customers.find({"merged_into": None}).to_list(None)
    assert card["emails"] == [{"address": BOB.external_id, "proven": True}]
    await check(house.database)


async def test_who_answered_and_proves_what_is_the_cards_already_is_confirmed_by_it(house, joined):
    card_id, bob = joined
    await house.proofs.prove(identity_id("c1", ANN.external_id), "email", BOB.external_id)
    await house.proofs.prove(bob, "email", BOB.external_id)
    stored = await house.database.durable.identities.find_one({"_id": bob})
    assert ("joined" in stored, stored["customer_id"]) == (False, card_id)


async def test_a_code_goes_to_nobody_who_only_answered(house, joined):
    card_id, bob = joined
    store = ContactStore(house.database)
    await house.proofs.prove(identity_id("c1", ANN.external_id), "phone", f"+{PHONE}")
    found = await store.identities_proven_by(card_id, "phone", f"+{PHONE}")
    assert [row["external_id"] for row in found] == [ANN.external_id]
    with pytest.raises(Invalid, match="not known to be this customer"):
        await house.codes.ask(card_id, bob, f"+{PHONE}", by=SYSTEM)
