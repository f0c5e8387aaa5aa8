"""Amounts are exact, and as fine as their currency."""

from decimal import Decimal

import pytest

from inbox.model.money import NoAmount, checked_amount, checked_currency, rounded_amount


@pytest.mark.parametrize(
    ("written", "currency", "kept"),
    [
        ("0.1", "UAH", "0.10"),
        ("1299", "UAH", "1299.00"),
        ("1299.50", "USD", "1299.50"),
        ("999999999999999.99", "EUR", "999999999999999.99"),
        ("1500", "JPY", "1500"),
        ("1500.00", "JPY", "1500"),
        ("1.234", "KWD", "1.234"),
        ("1.2", "KWD", "1.200"),
        ("1.2345", "CLF", "1.2345"),
        ("-0.00", "UAH", "0.00"),
        ("-5", "UAH", "-5.00"),
    ],
)
def test_an_amount_is_kept_with_its_currencys_digits(written, currency, kept):
    assert checked_amount(written, currency) == kept


def test_a_tenth_and_two_tenths_are_three_tenths():
    total = Decimal(checked_amount("0.1", "UAH")) + Decimal(checked_amount("0.2", "UAH"))
    assert str(total) == checked_amount("0.3", "UAH")


@pytest.mark.parametrize(
    ("written", "currency"),
    [
        ("0.001", "UAH"),
        ("10.5", "JPY"),
        ("1.2345", "KWD"),
        ("1,5", "UAH"),
        ("1e3", "UAH"),
        ("NaN", "UAH"),
        ("", "UAH"),
        (" 1", "UAH"),
        ("٣", "UAH"),
        ("1" * 16, "UAH"),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(written, currency):
    with pytest.raises(NoAmount):
        checked_amount(written, currency)


def test_a_quotient_is_rounded_to_the_nearest_even():
    assert rounded_amount("33.333333", "UAH") == "33.33"
    assert rounded_amount("0.125", "UAH") == "0.12"
    assert rounded_amount("0.5", "JPY") == "0"


def test_a_currency_is_one_of_the_standard():
    assert checked_currency(" uah ") == "UAH"
    with pytest.raises(NoAmount, match="ISO 4217"):
        checked_currency("XYZ")
