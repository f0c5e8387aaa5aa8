"""What is typed finds what was written."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inbox.model.words import LONGEST_WORD, read_query, words_of

WRITTEN = [
    # Ukrainian: apostrophes of every kind, ґ, ї and й as letters of their own
    ("М'ята з'їдена", ["мята", "м’ят", "МʼЯТА", "зʼїд", "зїдена"]),
    ("Ґанок і ґудзик", ["ганок", "ґанок", "ГУДЗ"]),
    ("Їжачок у Йосипа", ["їжачок", "йосип", "йосипа їжа"]),
    ("Доставка на завтра", ["дост", "ЗАВТРА ДОСТ", "на"]),
    # Russian: ё, stress marks
    ("Зелёный за́мок", ["зеленый", "зелён", "замок"]),
    # English and other Latin
    ("Don't send the café's order", ["dont", "don’t", "cafe", "café", "ORDER send"]),
    ("Straße, naïve, ﬁne", ["strasse", "naive", "fine"]),
    # Georgian in both of its cases
    ("გამარჯობა, შეკვეთა როდის?", ["გამარჯ", "ᲨᲔᲙᲕᲔᲗᲐ", "როდის გამარჯობა"]),
    # Numbers
    ("Замовлення №0010234", ["10234", "0010234", "#10234", "№ 10234", "102"]),
    ("Order SO-1001 and AB12345", ["so-1001", "1001", "SO 100", "ab12345", "12345"]),
    ("Full-width ２３４５", ["2345"]),
    # Phones
    ("+38 (067) 123-45-67", ["067 123 45 67", "+380671234567", "0671234567", "671234567", "1234567", "123-45-67"]),
    ("0671234567", ["+38 067 123-45-67", "380671234567", "067 12", "067", "+38(067)1234567"]),
    ("380671234567", ["067 123", "(067) 12", "+38067", "80671234567"]),
    ("+995 599 12 34 56", ["599 123456", "599123456", "+995599123456", "9123456"]),
    # E-mail and pages
    ("пишіть на Olena.K@Gmail.com!", ["olena.k@gmail.com", "olena", "olena.k@gm", "@gmail.com", "gmail", "OLENA.K@"]),
    ("https://shop.example/teapots/red-7?utm=x", ["teapots", "shop.example", "red-7", "shop teap"]),
    ("@olena_shop", ["olena", "@olena", "olena_shop", "shop"]),
]

APART = [
    ("кит", "кіт"),
    ("дім", "дим"),
    ("мила", "міла"),
    ("їжак", "іжак"),
    ("copa", "сора"),
    ("10234", "0234"),
    ("order 10234", "1023 order 99"),
    ("067 123 45 67", "067 123 45 68"),
    ("petro@shop.example", "petro@other"),
    ("доставка", "ставка"),
]


@pytest.mark.parametrize(("text", "typed"), [(text, q) for text, queries in WRITTEN for q in queries])
def test_what_is_typed_finds_what_was_written(text: str, typed: str) -> None:
    assert read_query(typed).matches([text])


@pytest.mark.parametrize(("text", "typed"), APART)
def test_other_words_are_other_words(text: str, typed: str) -> None:
    assert not read_query(typed).matches([text])


@pytest.mark.parametrize("typed", ["", "  ", "@", "+", "!?…", "'", "\u200d", "№", "🎉"])
def test_what_holds_no_word_asks_for_nothing(typed: str) -> None:
    assert read_query(typed).terms == ()


LETTERS = st.text(st.sampled_from("абвгґдеєжиіїйклмояюёщabcxyzéñაბგ"), min_size=2, max_size=12)


@given(st.lists(LETTERS, min_size=1, max_size=6), st.data())
def test_a_word_is_found_in_any_case_by_any_beginning_whatever_stands_around_it(
    words: list[str], data: st.DataObject
) -> None:
    word = data.draw(st.sampled_from(words))
    typed = word[: data.draw(st.integers(1, len(word)))]
    text = data.draw(st.sampled_from([" ", ", ", "\n", " — ", "/", "_"])).join(words)
    for shown in (typed, typed.upper(), unicodedata.normalize("NFD", typed), f"  {typed} "):
        assert read_query(shown).matches([text])
        assert read_query(shown).matches([text.upper()])
        assert read_query(shown).matches([unicodedata.normalize("NFD", text)])


@given(
    st.integers(100_000_000, 999_999_999), st.sampled_from(["{}{}{}{}", "({}) {}-{}-{}", "{} {} {} {}", "{}.{}.{}.{}"])
)
def test_a_phone_is_found_in_every_format_by_every_format(national: int, shape: str) -> None:
    digits = str(national)
    assume(digits[0] != "0")
    pieces = (digits[:2], digits[2:5], digits[5:7], digits[7:])
    forms = ["+380" + digits, "380" + digits, "0" + digits, "+38 " + shape.format("0" + pieces[0], *pieces[1:])]
    for written in forms:
        for typed in (*forms, digits[-7:], digits):
            assert read_query(typed).matches([f"тел. {written}, дякую"]), (written, typed)


@given(st.text(max_size=300))
def test_whatever_is_written_it_is_found_by_what_its_words_are(text: str) -> None:
    words = words_of([text])
    assert all(word == word.casefold() and word for word in words)
    for typed in text.split()[:5]:
        query = read_query(typed[:LONGEST_WORD])
        if query.terms:
            assert query.matches([text]) or len(typed) > LONGEST_WORD or "@" in typed


@given(st.text(max_size=400), st.text(min_size=1, max_size=20))
def test_a_snippet_says_what_the_text_says(text: str, typed: str) -> None:
    parts = read_query(typed).snippet([text])
    composed = unicodedata.normalize("NFC", text)
    assert all(part for part, _ in parts)
    assert "".join(part for part, _ in parts).strip("…") in composed or "…" in text


def test_a_snippet_marks_what_was_typed() -> None:
    def marked(typed: str, *texts: str) -> str:
        return "".join(f"[{part}]" if hit else part for part, hit in read_query(typed).snippet(texts))

    assert marked("достав", "Коли доставка? Доставити завтра") == "Коли [достав]ка? [Достав]ити завтра"
    assert marked("мят", "З м’ятою") == "З [м’ят]ою"
    assert marked("067123", "тел. +38 (067) 123-45-67.") == "тел. [+38 (067) 123-45-67]."
    assert marked("strasse", "Große Straße 5") == "Große [Straße] 5"
    assert marked("чай", "Petro", "чайник", "чай, чай") == "[чай], [чай]"
    assert marked("nothing", "here") == "here"
    long = marked("needle", "hay " * 100 + "needle " + "hay " * 100)
    assert long.startswith("…hay")
    assert long.endswith("…")
    assert "[needle]" in long
    assert len(long) < 180
