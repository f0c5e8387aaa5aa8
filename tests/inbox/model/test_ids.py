from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from inbox.model.ids import derived_id, event_id, identity_id, inbound_message_id, new_id, now, sort_key, sort_moment

parts = st.lists(st.text(max_size=8), max_size=4)
moments = st.timedeltas(timedelta(days=1), timedelta(days=80_000)).map(datetime(1970, 1, 1, tzinfo=UTC).__add__)


def test_fresh_ids_are_distinct_and_sort_by_the_time_of_their_making():
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    stamps = [identifier[:11] for identifier in made]
    assert stamps == sorted(stamps)
    assert {len(identifier) for identifier in made} == {24}


@given(parts, parts)
def test_a_derived_id_depends_on_its_parts_and_on_where_they_are_cut(one, other):
    assert (derived_id(*one) == derived_id(*other)) == (one == other)


def test_what_is_shifted_between_the_parts_is_something_else():
    assert derived_id("ab", "c") != derived_id("a", "bc") != derived_id("abc")
    assert derived_id("a", "") != derived_id("a")


def test_an_event_an_identity_and_a_message_of_the_same_name_do_not_meet():
    assert len({event_id("c", "1"), identity_id("c", "1"), inbound_message_id("c", "1")}) == 3
    assert identity_id("one", "1") != identity_id("two", "1")


@given(st.lists(st.tuples(moments, st.integers(min_value=0, max_value=2**63 - 1)), min_size=2, max_size=8))
def test_messages_sort_by_provider_time_and_then_by_the_providers_sequence(places):
    ours = sorted(places, key=lambda place: sort_key(*place))
    theirs = sorted(places, key=lambda place: (int(place[0].timestamp() * 1000), place[1]))
    assert [sort_key(*place) for place in ours] == [sort_key(*place) for place in theirs]


@given(moments)
def test_the_sequence_never_outweighs_a_millisecond(moment):
    assert sort_key(moment, 2**63 - 1) < sort_key(moment + timedelta(milliseconds=2), 0)


@given(moments, st.integers(min_value=0, max_value=2**63 - 1))
def test_a_sort_key_says_its_millisecond_again(moment, sequence):
    assert abs(sort_moment(sort_key(moment, sequence)) - moment) <= timedelta(milliseconds=1)


def test_the_present_is_what_the_database_gives_back():
    present = now()
    assert present.tzinfo is UTC
    assert present.microsecond % 1000 == 0
    assert abs(datetime.now(UTC) - present) < timedelta(seconds=5)
