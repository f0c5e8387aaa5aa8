"""A customer chooses by pressing, by number, by title; what is no choice is none."""

from typing import Any

import pytest

from bot.choices import chosen

BUTTONS = [{"title": "Так, дякую!", "data": "yes"}, {"title": "Ні", "data": "no"}, {"title": "⭐⭐⭐", "data": "stars"}]


def wrote(text: str) -> dict[str, Any]:
    return {"text": text, "content": None}


def pressed(data: str, text: str = "") -> dict[str, Any]:
    return {"text": text, "content": {"type": "button", "data": data, "acknowledge": ""}}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1", "yes"),
        ("2.", "no"),
        ("№2", "no"),
        ("2️⃣", "no"),
        (" (3) ", "stars"),
        ("так дякую", "yes"),
        ("ТАК, ДЯКУЮ", "yes"),
        ("ні...", "no"),
        ("⭐⭐⭐", "stars"),
        ("⭐️⭐️⭐️", "stars"),
        ("0", None),
        ("4", None),
        ("99", None),
        ("2 штуки", None),
        ("ні, не так", None),
        ("дякую", None),
        ("", None),
        ("?", None),
    ],
)
def test_what_a_text_means(text: str, meant: str | None) -> None:
    assert chosen(wrote(text), BUTTONS) == meant


def test_a_press_means_its_own_button_whatever_it_is_called() -> None:
    assert chosen(pressed("no", "Так, дякую!"), BUTTONS) == "no"


def test_a_press_of_an_older_button_means_none_even_under_the_same_title() -> None:
    assert chosen(pressed("older", "Ні"), BUTTONS) is None


def test_a_place_or_a_contact_means_none() -> None:
    place = {"type": "location", "latitude": 50.4, "longitude": 30.5, "title": "", "address": ""}
    assert chosen({"text": "2", "content": place}, BUTTONS) is None


def test_a_title_goes_before_a_number() -> None:
    stars = [{"title": str(number), "data": f"rated {number}"} for number in (5, 4, 3, 2, 1)]
    assert chosen(wrote("5"), stars) == "rated 5"


def test_where_nothing_is_offered_nothing_is_chosen() -> None:
    assert chosen(wrote("1"), []) is None
