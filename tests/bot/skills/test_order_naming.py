"""Which of their own orders customers mean, and what of a text is a phone and what a number beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.skills.order_naming import is_same, named, phone_alone, said

ANN = "+380671234567"
OWN = [{"number": number} for number in ("10045", "10046", "A-1001", "WC-5532", "7", "#2001")]


@pytest.mark.parametrize(
    ("text", "number", "phone"),
    [
        ("10045 0671234567", "10045", ANN),
        ("10045,067 123-45-67", "10045", ANN),
        ("10045 067 123 45 67", "10045", ANN),
        ("067 1234567 10045", "10045", ANN),
        ("10045\n+38 (067) 123 45 67", "10045", ANN),
        ("#1001 380671234567", "1001", ANN),
        ("+380 67 123-45-67, замовлення A-1001", "A-1001", ANN),
        ("заказ 10045, телефон 0671234567", "10045", ANN),
        ("my order is A-1001 and the phone +380671234567.", "A-1001", ANN),
        ("შეკვეთა 10045, ტელეფონი +995 599 12 34 56", "10045", "+995599123456"),
        ("38 0671234567", "38", ANN),
        ("10 245 0671234567", "10245", ANN),
        ("0671234567", "", ANN),
        ("10045", "10045", ""),
        ("№10045", "10045", ""),
        ("не пам'ятаю", "", ""),
        ("", "", ""),
    ],
)
def test_number_and_phone_are_told_apart(text, number, phone):
    told = said(text, "UA")
    assert (told.number.spellings[0] if told.number else "", told.phone) == (number, phone)


def test_a_phone_without_its_country_is_read_by_that_of_the_shop():
    assert said("500 599123456", "GE").phone == "+995599123456"
    assert said("500 599123456", "UA").phone == ""


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("0671234567", ANN),
        (" +38(067)123-45-67 ", ANN),
        ("0001234567", "+380001234567"),
        ("call 0671234567", ""),
        ("12345", ""),
        ("", ""),
    ],
)
def test_whoever_was_asked_for_a_phone_may_give_one_that_nobody_has(text, phone):
    assert phone_alone(text, "UA") == phone


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("10045", ["10045"]),
        ("where is 10045?", ["10045"]),
        ("№ 10046", ["10046"]),
        ("A-1001", ["A-1001"]),
        ("a1001", ["A-1001"]),
        ("А-1001", ["A-1001"]),  # A Cyrillic letter.
        ("1001", ["A-1001"]),
        ("wc 5532", ["WC-5532"]),
        ("2001", ["#2001"]),
        ("order 7", ["7"]),
        ("order 1045", ["10045"]),  # One is missing.
        ("order 100451", ["10045"]),  # One too many.
        ("order 10054", ["10045"]),  # Two exchanged.
        ("order 5533", ["WC-5532"]),
        ("order 10047", ["10045", "10046"]),  # Either may be meant.
        ("order 99999", []),
        ("where is my order?", []),
        ("I paid 10047 UAH on 12.11.2026", []),
    ],
)
def test_an_order_is_known_by_its_number_and_by_one_slip_of_the_pen(text, numbers):
    assert [order["number"] for order in named(said(text).numbers, OWN)] == numbers


def test_a_slip_of_the_pen_is_known_for_one():
    (mention,) = said("order 10054").numbers
    assert not is_same(mention, "10045")
    (mention,) = said("order a1001").numbers
    assert is_same(mention, "A-1001")


@given(st.text(max_size=300), st.sampled_from(["UA", "GE", ""]))
def test_whatever_is_written_is_read(text, region):
    told = said(text, region)
    assert told.phone == "" or told.phone.startswith("+")
    named(told.numbers, OWN)


def test_a_long_text_of_digits_takes_no_time():
    said("1 " * 50_000, "UA")
    said("+38067" * 20_000, "UA")
