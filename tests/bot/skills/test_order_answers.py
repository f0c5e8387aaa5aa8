"""What is said of orders in four languages: everything to the customer, little to a stranger, never a blank."""

import string
from datetime import date
from typing import Any

import pytest

from bot.skills.order_answers import LISTED, WORDS, Facts, answer, language_of, overview
from inbox.model.carrier import Stage

TODAY = date(2026, 11, 22)
LANGUAGES = ("uk", "ru", "en", "ka")
ITEMS = [{"name": "Mug", "quantity": 2, "price": "150.00"}, {"name": "Plate", "quantity": 1, "price": "99.00"}]


def facts(**known: Any) -> Facts:
    return Facts(**{"number": "10045", "status": "Shipped", **known})


def parcel(**known: Any) -> Facts:
    page = "https://carrier.example/20450000000017"
    return facts(
        carrier="Nova Poshta",
        tracking_number="20450000000017",
        page=page,
        **{"stage": Stage.MOVING, "expected_on": "2026-11-25", **known},
    )


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "uk",
            (
                "Замовлення №10045: Shipped.\nУ замовленні: 2 × Mug, Plate.\n"
                "Перевізник — Nova Poshta, номер відправлення 20450000000017. Посилка в дорозі.\n"
                "Стежити: https://carrier.example/20450000000017\nОчікувана дата доставки: 25.11.2026."
            ),
        ),
        (
            "ru",
            (
                "Заказ №10045: Shipped.\nВ заказе: 2 × Mug, Plate.\n"
                "Перевозчик — Nova Poshta, номер отправления 20450000000017. Посылка в пути.\n"
                "Отследить: https://carrier.example/20450000000017\nОжидаемая дата доставки: 25.11.2026."
            ),
        ),
        (
            "en",
            (
                "Order 10045: Shipped.\nIn it: 2 × Mug, Plate.\n"
                "It travels with Nova Poshta under the number 20450000000017. The parcel is on its way.\n"
                "Follow it: https://carrier.example/20450000000017\nIt is expected on 25.11.2026."
            ),
        ),
        (
            "ka",
            (
                "შეკვეთა №10045: Shipped.\nშეკვეთაში: 2 × Mug, Plate.\n"
                "გადამზიდი: Nova Poshta, გზავნილის ნომერი: 20450000000017. გზავნილი გზაშია.\n"
                "თვალის დევნება: https://carrier.example/20450000000017\nმიწოდების სავარაუდო თარიღი: 25.11.2026."
            ),
        ),
    ],
)
def test_the_customer_hears_all_that_is_known(language, expected):
    assert answer(parcel(items=ITEMS), language, today=TODAY, whole=True) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stranger_hears_nothing_of_the_goods(language):
    told = answer(parcel(items=ITEMS), language, today=TODAY, whole=False)
    assert "20450000000017" in told
    assert "25.11.2026" in told
    assert not any(word in told for word in ("Mug", "Plate", "150", "99"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_of_a_parcel_has_words_but_the_unknown(language, stage):
    without = answer(parcel(stage=Stage.UNKNOWN), language, today=TODAY, whole=True)
    told = answer(parcel(stage=stage), language, today=TODAY, whole=True)
    assert (told != without) == (stage is not Stage.UNKNOWN)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"expected_on": "2026-11-22"}, True),
        ({"expected_on": "2026-11-21"}, False),  # It should have come yesterday: nobody knows when it will.
        ({"expected_on": ""}, False),
        ({"expected_on": "soon"}, False),
        ({"expected_on": "2026-11-25", "stage": Stage.ARRIVED}, False),
        ({"expected_on": "2026-11-25", "stage": Stage.DELIVERED}, False),
        ({"expected_on": "2026-11-25", "stage": Stage.CREATED}, True),
    ],
)
def test_a_day_is_told_that_is_still_to_come(known, told):
    assert ("expected" in answer(parcel(**known), "en", today=TODAY, whole=True)) is told


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_an_order_without_a_parcel_its_status_is_told(language):
    told = answer(facts(), language, today=TODAY, whole=True)
    assert told.count("\n") == 0
    assert "10045" in told


def test_more_goods_than_are_named_are_counted():
    many = [{"name": f"Thing {number}", "quantity": 1, "price": "1.00"} for number in range(5)]
    assert "In it: Thing 0, Thing 1, Thing 2 and 2 more." in answer(facts(items=many), "en", today=TODAY, whole=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_orders_have_a_line_each(language):
    told = overview([facts(number=f"#{number}") for number in range(1, LISTED + 1)], language)
    assert told.splitlines()[0] == WORDS[language].several
    assert [line.count("Shipped") for line in told.splitlines()[1:]] == [1] * LISTED
    assert "#" not in told


def test_all_languages_say_the_same_things():
    assert set(WORDS) == set(LANGUAGES)
    for field in WORDS["en"].__struct_fields__:
        if field == "stages":
            assert len({frozenset(words.stages) for words in WORDS.values()}) == 1
            continue
        blanks = {
            frozenset(name for _, name, _, _ in string.Formatter().parse(getattr(words, field)) if name)
            for words in WORDS.values()
        }
        assert len(blanks) == 1, field
        assert all(getattr(words, field) for words in WORDS.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_buttons_fit_wherever_there_are_buttons(language):
    words = WORDS[language]
    assert all(len(title) <= 20 for title in (words.person, words.refresh, words.other))


def test_an_unknown_language_is_answered_in_one_that_is_known():
    assert language_of("de", None, "", "ka") == "ka"
    assert language_of("de") == "en"
