import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.understanding.numbers import MOST_NUMBERS, order_numbers


def first(text):
    """The numbers in a text as they were written."""
    return [mention.spellings[0] for mention in order_numbers(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("№ 1024", ["1024"]),
        ("№1024, №1025", ["1024", "1025"]),
        ("замовлення 1024 де?", ["1024"]),
        ("де мій заказ 10 245", ["10245"]),
        ("заказ 10 24", ["1024"]),
        ("заказ 1024 2 футболки", ["1024"]),
        ("order10245", ["10245"]),
        ("zamovlennya10245 de vono", ["10245"]),
        ("Where is #A-1024", ["A-1024"]),
        ("order #A 1024 please", ["A1024"]),
        ("#1024-B", ["1024-B"]),
        ("order number is 10-24", ["10-24"]),
        ("შეკვეთა 1024 სად არის", ["1024"]),
        ("shekveta 1024", ["1024"]),
        ("заказ номер 7", ["7"]),
        ("номер замовлення: 312345678", ["312345678"]),
        ("7", ["7"]),
        ("1024?", ["1024"]),
        ("S-15", ["S-15"]),
        ("order of 12 May 2026 no 5512", ["5512"]),
        ("замовлення від 12.05 №SK-2024-0015", ["SK-2024-0015"]),
        ("моє замовлення 1024, телефон 067 123 45 67", ["1024"]),
        ("+380671234567 1024", ["1024"]),
        ("1024 500 грн", ["1024"]),
        ("Добрий день! коли прийде 1024 дякую", ["1024"]),
    ],
)
def test_a_number_is_found_however_it_is_written(text, expected):
    assert first(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "067 123 45 67",
        "+38 (067) 123-45-67",
        "мій номер 0671234567",
        "заказ 0671234567",
        "512345678",
        "+995 512 34 56 78",
        "12 500 грн",
        "$1024",
        "сума 1024.50",
        "1024 лари",
        "знижка 500%",
        "12.05.2026",
        "2026-05-12",
        "замовив 12 травня о 14:30",
        "чекаю вже 120 днів",
        "хочу замовити 3 шт",
        "2 футболки розмір 42",
        "відділення №5",
        "поштомат 5124",
        "артикул 12345",
        "ТТН 20450012345678",
        "20450012345678",
        "tracking: RR123456789UA",
        "5168 7422 1234 5678",
        "https://shop.example/orders/1024",
        "anna1024@shop.example",
        "iphone15 pro",
        "де моє замовлення?",
        "",
    ],
)
def test_other_numbers_are_no_orders(text):
    assert first(text) == []


def test_what_is_said_to_be_a_number_comes_first():
    assert [(mention.spellings[0], mention.marked) for mention in order_numbers("5551, але замовлення №1024")] == [
        ("1024", True),
        ("5551", False),
    ]


def test_a_number_is_looked_for_as_shops_write_it():
    (mention,) = order_numbers("заказ а1024")
    assert {"а1024", "А1024", "А-1024", "A1024", "A-1024", "1024"} == set(mention.spellings)
    assert order_numbers("№ 0001024")[0].spellings == ("0001024", "1024")


def test_numbers_of_one_text_are_few():
    assert len(order_numbers(", ".join(str(number) for number in range(1000, 1100)))) == MOST_NUMBERS


@given(st.text(alphabet="0123456789 -+#№.,/абorder$грн@:\n", max_size=60))
def test_no_text_is_too_odd(text):
    for mention in order_numbers(text):
        assert all(spelling.strip() == spelling != "" for spelling in mention.spellings)
        assert sum(sign.isdigit() for sign in mention.spellings[0]) <= 12
