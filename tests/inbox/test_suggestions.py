"""Who is suggested as the same person, and what is said for it and against it."""

import pytest

from inbox.model.errors import Invalid
from inbox.model.ids import new_id, now
from inbox.model.people import Author

MARY = Author(type="manager", id="mary", name="Mary")
PHONE = "+380671234567"


async def card(house, name="", *, phones=(), typed=(), proven=(), **fields):
    """A card with contacts of each sort; returns its id."""
    made = await house.customers.create({"name": name, "phones": list(phones), **fields})
    rows = [{"number": number, "proven": number in proven} for number in dict.fromkeys([*phones, *proven])]
    hints = [
        {"type": "phone", "value": number, "source": "typed", "message_id": new_id(), "at": now()} for number in typed
    ]
    change = {"$set": {"phones": rows, "hints": hints}}
    await house.database.durable.customers.update_one({"_id": made["_id"]}, change)
    return made["_id"]


async def reasons(house, customer_id):
    return {
        each.customer["_id"]: (each.reasons_for, each.reasons_against)
        for each in await house.suggestions.of(customer_id)
    }


async def test_the_same_unproven_phone_the_same_name_and_a_typed_phone_are_told_apart(house):
    ann = await card(house, "Ann Petrenko", phones=[PHONE])
    same_phone = await card(house, "Bo Lysenko", phones=[PHONE])
    typed = await card(house, "Vira Tkach", typed=[PHONE])
    namesake = await card(house, "Петренко Анн")
    await card(house, "Somebody Else", phones=["+380500000001"])
    found = await reasons(house, ann)
    assert found[same_phone] == (
        [f"both cards have {PHONE}"],
        [f"nobody has proven that {PHONE} is theirs", "the names differ: Ann Petrenko and Bo Lysenko"],
    )
    assert found[typed][0] == [f"{PHONE} was typed in a chat of Vira Tkach"]
    assert found[namesake] == (["both are called Ann Petrenko"], [])
    assert set(found) == {same_phone, typed, namesake}
    assert next(iter(found)) == namesake


async def test_a_proof_on_one_side_speaks_for_it_and_another_proof_against(house):
    ann = await card(house, "Ann", proven=[PHONE])
    typed = await card(house, "Ann", typed=[PHONE], proven=["+380500000001"])
    speaks_for, against = (await reasons(house, ann))[typed]
    assert speaks_for == [f"{PHONE} was typed in a chat of Ann", f"Ann proved that {PHONE} is theirs"]
    assert against == ["they have proven different phones"]


async def test_a_number_that_everybody_types_is_nobodys(house):
    cards = [await card(house, f"Customer {number}", typed=[PHONE]) for number in range(8)]
    assert await reasons(house, cards[0]) == {}


async def test_who_was_told_apart_is_not_suggested_again_whichever_card_is_looked_at(house):
    ann, bo = await card(house, "Ann", phones=[PHONE]), await card(house, "Bo", phones=[PHONE])
    assert set(await reasons(house, ann)) == {bo}
    await house.suggestions.dismiss(ann, bo, by=MARY)
    await house.suggestions.dismiss(bo, ann, by=MARY)
    assert await reasons(house, ann) == await reasons(house, bo) == {}


async def test_a_card_is_no_stranger_to_itself(house):
    ann = await card(house, "Ann")
    with pytest.raises(Invalid, match="one card"):
        await house.suggestions.dismiss(ann, ann, by=MARY)
