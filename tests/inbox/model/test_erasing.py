from hypothesis import given
from hypothesis import strategies as st

from inbox.model.erasing import digest_of, impersonal, traces, without_person


def test_an_event_is_known_by_whole_ids_and_addresses():
    said = traces(["123456"], ["ann@shop.example"], [])
    assert said is not None
    assert said.search(b'{"from":{"id":123456}}')
    assert said.search(b"From: <Ann@Shop.example>")
    assert said.search(b'{"id":1234567}') is None
    assert said.search(b"joann@shop.example") is None


def test_a_phone_is_known_however_it_is_written():
    said = traces([], [], ["+380671112277"])
    assert said is not None
    for written in (b"+380671112277", b"0671112277", b"+38 (067) 111-22-77", b"067.111.22.77"):
        assert said.search(written), written
    assert said.search(b"+3806711122770") is None


def test_what_is_too_short_tells_nothing():
    assert traces(["99"], [], []) is None


@given(st.text(), st.text())
def test_a_digest_tells_cards_apart(one: str, other: str):
    assert (digest_of("salt", one) == digest_of("salt", other)) == (one == other)
    assert digest_of("salt", one) != digest_of("pepper", one)


def test_of_a_payment_stays_how_far_it_is_paid():
    facts = {"payment": {"state": "paid", "by": "Ann"}, "delivery": {"carrier": "np", "tracking_number": "1"}}
    assert impersonal(facts)["payment"] == "paid"
    assert impersonal(facts)["delivery"] == {"carrier": "np", "tracking_number": ""}


def test_of_what_became_of_an_order_stays_how_far_it_was_paid_and_nothing_of_who_bought_it():
    nobody, ann = {"phone": "", "email": "", "name": ""}, {"phone": "", "email": "", "name": "Ann"}
    changes = {
        "contact": {"from": ann, "to": nobody},
        "payment": {"from": None, "to": {"state": "paid", "by": "Ann"}},
        "delivery": {"from": {"carrier": "", "tracking_number": ""}, "to": {"carrier": "np", "tracking_number": "1"}},
        "status": {"from": "new", "to": "paid"},
    }
    said = {"message_id": "m", "macro_id": "x", "macro": "Paid"}
    order = {
        "payment": "paid",
        "delivery": {"carrier": "np"},
        "history": [{"no": 2, "changes": changes}, {"no": 3, "changes": {}, "reply": said}],
    }
    assert without_person(order)["history"] == [
        {"no": 2, "changes": {"payment": {"from": None, "to": "paid"}, "status": {"from": "new", "to": "paid"}}},
        {"no": 3, "changes": {}, "reply": {**said, "message_id": None}},
    ]
