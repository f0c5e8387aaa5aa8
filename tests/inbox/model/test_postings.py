"""Segments find what their entries say, however they came together."""

from hypothesis import given
from hypothesis import strategies as st

from inbox.model.postings import Entry, Segment, block_of, having, members_of, segment_of, united

WORDS = st.text("абвab", min_size=1, max_size=5)
ENTRIES = st.lists(
    st.builds(
        Entry, st.text("123", min_size=1, max_size=3), st.text("xyz", min_size=1, max_size=2), st.frozensets(WORDS)
    ),
    max_size=40,
)


def found(segment: Segment, beginning: str) -> list[str]:
    """Ids of the entries with a word of this beginning, newest first."""
    numbers = having(beginning, segment.blocks.get(block_of(beginning), {}), len(segment.rows))
    return [segment.rows[number].id for number in members_of(numbers)]


def expected(entries: list[Entry], beginning: str) -> list[str]:
    fits = [
        (entry.place, entry.id)
        for entry in entries
        if any(word == beginning or (len(beginning) > 1 and word.startswith(beginning)) for word in entry.words)
    ]
    return [key for _, key in sorted(set(fits), reverse=True)]


@given(ENTRIES, WORDS)
def test_a_segment_finds_every_entry_with_a_word_newest_first(entries: list[Entry], beginning: str) -> None:
    assert found(segment_of(entries), beginning) == expected(entries, beginning)


@given(ENTRIES, st.data(), WORDS)
def test_united_segments_find_the_same_but_what_is_left_out(
    entries: list[Entry], data: st.DataObject, beginning: str
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(entries)), max_size=4)))
    pieces = [entries[start:end] for start, end in zip([0, *cuts], [*cuts, len(entries)], strict=True)]
    gone = data.draw(st.frozensets(st.sampled_from([entry.id for entry in entries]))) if entries else frozenset()
    whole = united([segment_of(piece) for piece in pieces], gone)
    left = [entry for entry in entries if entry.id not in gone]
    assert found(whole, beginning) == expected(left, beginning)
    assert whole == segment_of(left), "and nothing else is left of them"


@given(st.integers(1, 3000), st.data())
def test_few_and_many_numbers_are_kept_alike(entries: int, data: st.DataObject) -> None:
    having_it = data.draw(st.sets(st.integers(0, entries - 1), max_size=200))
    said = [
        Entry(f"{entries - number:05}", str(number), {"word"} if number in having_it else {"other"})
        for number in range(entries)
    ]
    segment = segment_of(said)
    numbers = having("word", segment.blocks.get("wor", {}), entries)
    assert list(members_of(numbers)) == sorted(having_it)
