import re

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inbox.model.capabilities import Capabilities, Flow, MediaLimit
from inbox.model.parts import Part, media_type, plan, split_text

MEASURES = {
    "characters": len,
    "utf16": lambda text: len(text.encode("utf-16-le")) // 2,
    "utf8": lambda text: len(text.encode()),
}
WIDEST = 4
"""No character is longer than this in any unit, so a limit from here on can always be kept."""

letters = st.one_of(
    st.sampled_from("аїґє Ґabc.,!?…\n\t "),
    st.sampled_from("გამარჯობა მეგობარო"),
    st.sampled_from(["👩‍👩‍👧", "😀", "🇺🇦", "é", "é", "ї", "  ", "\n\n", "\n \n", "\u00a0", "\u3000"]),
    st.characters(exclude_categories=["Cs"]),
)
texts = st.lists(letters, max_size=80).map("".join)
limits = st.integers(min_value=WIDEST, max_value=40)
units = st.sampled_from(sorted(MEASURES))


def bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


@given(texts, limits, units)
def test_every_piece_fits_and_nothing_but_white_space_is_lost(text, limit, unit):
    pieces = split_text(text, limit, unit)
    assert all(0 < MEASURES[unit](piece) <= limit for piece in pieces)
    assert bare("".join(pieces)) == bare(text)
    assert all(piece == piece.strip() for piece in pieces)


@given(texts, limits, units)
def test_pieces_are_runs_of_the_text_in_its_order(text, limit, unit):
    position = 0
    for piece in split_text(text, limit, unit):
        found = text.find(piece, position)
        assert found >= position
        assert not text[position:found].strip()
        position = found + len(piece)
    assert not text[position:].strip()


@given(texts, limits)
def test_no_piece_begins_or_ends_within_a_surrogate_pair(text, limit):
    for piece in split_text(text, limit, "utf16"):
        assert piece.encode("utf-16-le").decode("utf-16-le") == piece


@given(texts, units)
def test_a_text_within_the_limit_stays_whole(text, unit):
    assume(text.strip())
    assert split_text(text, MEASURES[unit](text), unit) == [text.strip()]


@given(limits, units)
def test_a_word_longer_than_the_limit_is_cut_to_full_pieces(limit, unit):
    pieces = split_text("ї" * 200, limit, unit)
    assert "".join(pieces) == "ї" * 200
    assert len({len(piece) for piece in pieces[:-1]}) == 1


CHARACTERS = ["ї", "i\u0308", "e\u0301\u0323", "👩\u200d👩\u200d👧", "🇺🇦", "👍🏽", "❤\ufe0f", "a", "კ"]


@given(st.lists(st.sampled_from(CHARACTERS), max_size=120), st.integers(60, 90), units)
def test_what_readers_take_for_one_character_stays_one(characters, limit, unit):
    rest = list(characters)
    for piece in split_text("".join(characters), limit, unit):
        taken = ""
        while rest and len(taken) < len(piece):
            taken += rest.pop(0)
        assert taken == piece
    assert not rest


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("one two.\n\nthree four", ["one two.", "three four"]),
        ("one, two,\nthree four five", ["one, two,", "three four five"]),
        ("One and two. Three four five", ["One and two.", "Three four five"]),
        ("one two three four five", ["one two three", "four five"]),
        ("გამარჯობა მეგობარო", ["გამარჯობა", "მეგობარო"]),
        ("   ", []),
        ("", []),
    ],
)
def test_cuts_where_a_reader_would(text, pieces):
    assert split_text(text, 16, "characters") == pieces


def test_emoji_count_as_the_provider_counts_them():
    assert split_text("😀" * 4, 4, "utf16") == ["😀😀", "😀😀"]
    assert split_text("😀" * 4, 4, "utf8") == ["😀"] * 4
    assert split_text("😀" * 4, 4, "characters") == ["😀" * 4]


def capabilities(*, caption_limit: int = 10, album_limit: int = 3) -> Capabilities:
    return Capabilities(
        text=Flow.BOTH,
        media=Flow.BOTH,
        buttons=Flow.NONE,
        quote=Flow.NONE,
        edit=Flow.NONE,
        delete=Flow.NONE,
        reaction=Flow.NONE,
        typing=Flow.NONE,
        text_limit=20,
        text_unit="utf16",
        caption_limit=caption_limit,
        media_limits={
            "photo": MediaLimit(100, ("image/jpeg", "image/png")),
            "video": MediaLimit(200, ("video/*",)),
            "document": MediaLimit(1000),
        },
        receive_max_bytes=1000,
        album_limit=album_limit,
    )


@pytest.mark.parametrize(
    ("content_type", "size", "type_"),
    [
        ("image/png", 100, "photo"),
        ("image/png", 101, "document"),
        ("image/webp", 1, "document"),
        ("video/mp4", 200, "video"),
        ("audio/ogg", 1, "document"),
        ("application/pdf", 1, "document"),
        ("", 1, "document"),
    ],
)
def test_a_file_goes_out_as_what_it_is_where_the_channel_takes_that(content_type, size, type_):
    assert media_type(content_type, size, capabilities()) == type_


def files(*types: str) -> list[dict[str, object]]:
    return [{"id": f"{position}", "type": type_, "size": 1} for position, type_ in enumerate(types)]


@pytest.mark.parametrize(
    ("text", "types", "parts"),
    [
        ("hello", [], [Part("hello")]),
        ("", [], []),
        ("hello", ["photo"], [Part("hello", ("0",))]),
        ("longer than ten", ["photo"], [Part("longer than ten"), Part("", ("0",))]),
        ("", ["photo", "video", "photo", "photo"], [Part("", ("0", "1", "2")), Part("", ("3",))]),
        ("", ["photo", "document", "photo", "photo"], [Part("", ("0",)), Part("", ("1",)), Part("", ("2", "3"))]),
        ("", ["document", "document"], [Part("", ("0",)), Part("", ("1",))]),
    ],
)
def test_the_requests_that_carry_a_reply(text, types, parts):
    assert plan(text, files(*types), capabilities()) == parts


def test_a_text_goes_ahead_of_a_file_that_takes_no_caption():
    limited = msgspec.structs.replace(capabilities(), captioned=("photo",))
    assert plan("hello", files("photo"), limited) == [Part("hello", ("0",))]
    assert plan("hello", files("document"), limited) == [Part("hello"), Part("", ("0",))]


def test_a_letter_takes_files_of_every_type():
    letter = msgspec.structs.replace(capabilities(album_limit=2), album_any=True)
    found = plan("hello", files("document", "photo", "audio"), letter)
    assert found == [Part("hello", ("0", "1")), Part("", ("2",))]


def test_a_channel_without_albums_gets_one_file_a_request():
    assert [part.files for part in plan("", files("photo", "photo"), capabilities(album_limit=1))] == [("0",), ("1",)]


@given(texts, st.lists(st.sampled_from(["photo", "video", "document", "voice"]), max_size=12), st.integers(1, 10))
def test_a_plan_carries_every_word_and_every_file_once_and_in_order(text, types, album_limit):
    limited = capabilities(album_limit=album_limit)
    planned = plan(text, files(*types), limited)
    assert [key for part in planned for key in part.files] == [f"{position}" for position in range(len(types))]
    assert bare("".join(part.text for part in planned)) == bare(text)
    for part in planned:
        assert part.text or part.files
        assert len(part.files) <= album_limit
        limit = limited.caption_limit if part.files else limited.text_limit
        assert MEASURES["utf16"](part.text) <= limit
        if len(part.files) > 1:
            assert {types[int(key)] for key in part.files} <= {"photo", "video"}
