import pytest

from inbox.model.likeness import MOST, contacts_in, looks_like_code, may_tell, name_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Олена Коваль", "Olena Koval"),
        ("Коваль Олена", "olena KOVAL"),
        ("Наталія Шевченко", "Nataliya Shevchenko"),
        ("Наталия Шевченко", "Natalia Shevchenko"),
        ("ნინო ბერიძე", "Nino Beridze"),
        ("Hélène Dupont", "helene dupont"),
        ("Мар'яна Ґудзь", "Maryana Gudz"),
        ("👋 Ann Smith!", "Smith, Ann"),
    ],
)
def test_names_that_are_one_name_to_people(one, other):
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Олена Коваль", "Олена Ковальчук"), ("Ann Smith", "Anna Smith")])
def test_names_that_are_two(one, other):
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("name", ["", "Олена", "+380671234567", "😀", "A. B.", "user_12345"])
def test_what_says_too_little_is_like_nobody(name):
    assert name_key(name) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("мій номер 067 123-45-67", [("phone", "+380671234567")]),
        ("+995 555 12 34 56 or ANN@x.Example", [("phone", "+995555123456"), ("email", "ann@x.example")]),
        ("0671234567 0671234567", [("phone", "+380671234567")]),
        ("замовлення 20261122", []),
        ("price 12 500, size 38", []),
        ("@ann", []),
        ("card 4111 1111 1111 1111 1111", []),
        ("0671234567abc", []),
    ],
)
def test_contacts_are_found_in_what_people_type(text, found):
    assert contacts_in(text, "UA") == found
    assert may_tell(text) or not found


@pytest.mark.parametrize("text", ["замовлення 20261122, 34 на 22 см", "1 200 або 1500, до 24.12.2026", "0671 234", ""])
def test_numbers_that_are_no_phone_set_nothing_going(text):
    assert not may_tell(text)


def test_a_list_of_numbers_is_cut_off():
    text = " ".join(f"+38067123450{number}" for number in range(9))
    assert len(contacts_in(text)) == MOST


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ("123456", True),
        (" 123 456\n", True),
        ("123-456", True),
        ("12345", False),
        ("1234567", False),
        ("no 123456", False),
    ],
)
def test_a_code_is_six_digits_and_nothing_else(text, is_code):
    assert looks_like_code(text) is is_code
