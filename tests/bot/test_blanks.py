"""A text with a blank is said whole, or not at all."""

import pytest

from bot.blanks import blanks, check, fill
from inbox.model.errors import Invalid


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no blank", set()),
        ("{{ queue.place }}", {"queue.place"}),
        ("{{queue.place}} and {{  queue.minutes  }}", {"queue.place", "queue.minutes"}),
        ("{ queue.place }, {{ 10% }}, {{ order.number }}", set()),
        ("{{ customer.name }}: {{ shop.opens }}", {"customer.name", "shop.opens"}),
    ],
)
def test_what_a_text_leaves_blank(text, left):
    assert blanks(text) == left
    assert check(text) == text


def test_what_nobody_can_fill_in_is_refused():
    with pytest.raises(ValueError, match=r"there is no queue\.length; there are: queue\.place, queue\.minutes"):
        check("{{ queue.length }}")


def test_a_text_is_filled_in():
    known = {"queue.place": 3, "queue.minutes": 15}
    assert fill("№ {{ queue.place }}, {{queue.minutes}} min, {{ 10% }}", known) == "№ 3, 15 min, {{ 10% }}"


@pytest.mark.parametrize("minutes", [{}, {"queue.minutes": None}, {"queue.minutes": ""}])
def test_no_text_is_said_with_a_gap(minutes):
    with pytest.raises(Invalid, match=r"queue\.minutes"):
        fill("{{ queue.place }}, {{ queue.minutes }}", {"queue.place": 3, **minutes})
