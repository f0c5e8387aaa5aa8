import itertools
import re

import pytest

from inbox.model.notice_texts import TEXTS, language_of, ready_made, subject_of
from inbox.model.pipeline import DEFAULT_PIPELINE

VALUES = {
    "number": "1001",
    "status": "In the workshop",
    "sum": "1250.00 UAH",
    "carrier": "Nova Poshta",
    "tracking_number": "20450000000000",
    "shop": "Crafts",
}
OPTIONAL = ("sum", "carrier", "tracking_number", "shop")


def test_every_status_of_the_default_pipeline_has_words_in_four_languages():
    assert set(TEXTS) == {"uk", "ru", "en", "ka"}
    for texts in TEXTS.values():
        assert set(texts) == {*DEFAULT_PIPELINE.codes, ""}


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("status", [*DEFAULT_PIPELINE.codes, "in_the_workshop"])
def test_no_text_has_a_blank_whatever_is_missing(language, status):
    for missing in itertools.chain.from_iterable(itertools.combinations(OPTIONAL, count) for count in range(5)):
        values = {**VALUES, **dict.fromkeys(missing, "")}
        text = ready_made(status, language, values)
        assert "1001" in text
        assert not re.search(r"[{}]|  |: ?[.,]|— ?[.,]|\s[.,!]", text), text


def test_what_is_known_is_said():
    assert ready_made("shipped", "en", VALUES) == (
        "Your order 1001 is on its way. It travels with Nova Poshta under the number 20450000000000."
    )
    assert ready_made("shipped", "en", {**VALUES, "carrier": ""}) == (
        "Your order 1001 is on its way. Its tracking number is 20450000000000."
    )
    assert ready_made("shipped", "en", {"number": "7"}) == "Your order 7 is on its way."
    assert ready_made("in_the_workshop", "en", VALUES) == "Your order 1001 has a new status: In the workshop."


def test_the_first_language_that_there_are_texts_in():
    assert language_of(["pl", "ka", "uk"]) == "ka"
    assert language_of(["", "pl"]) == "en"


@pytest.mark.parametrize("language", TEXTS)
def test_a_subject_names_order_and_status_in_every_language(language):
    subject = subject_of(language, VALUES)
    assert "1001" in subject
    assert subject.endswith(": In the workshop")
