"""The sums of the classifier: what the file says they are, however long the text and whatever was read before."""

import math
import random

import pytest

from bot.understanding.features import BUCKETS, features
from bot.understanding.linear import ZERO, Classifier, Header, Question

SIDES = Question(("left", "right"), (0.01, 0.02), (0.1, -0.1), (1.0, 0.5, 0.25, 2.0))
TONGUES = Question(("uk", "en"), (0.01, 0.01), (0.0, 0.0), (1.0, 1.0, 1.0, 1.0))
WIDTH = 4


@pytest.fixture(scope="module")
def table() -> bytes:
    return random.Random(7).randbytes(BUCKETS * WIDTH)


@pytest.fixture(scope="module")
def classifier(table: bytes) -> Classifier:
    header = Header(buckets=BUCKETS, examples="", reading="", parameters={}, intents=SIDES, languages=TONGUES)
    return Classifier(header, table)


def confidence(table: bytes, text: str, question: Question, first: int) -> dict[str, float]:
    """By the description of the file, one weight after the other."""
    values = []
    for place, (scale, bias) in enumerate(zip(question.scales, question.biases, strict=True)):
        value = bias
        for factor, group in zip(question.factors, features(text), strict=True):
            weights = [(table[bucket * WIDTH + first + place] - ZERO) * scale for bucket in group]
            value += factor * sum(weights) / math.sqrt(len(group) or 1)
        values.append(math.exp(value))
    return {answer: value / sum(values) for answer, value in zip(question.answers, values, strict=True)}


MANY_WORDS = " ".join(f"слово{chr(ord('а') + number % 30)}{number}те" for number in range(80))


@pytest.mark.parametrize(
    "text", ["Де моє замовлення 7841?", "ok", "where is my parcel, it was sent on Monday", MANY_WORDS]
)
def test_a_guess_is_what_the_rows_of_its_features_come_to(classifier, table, text):
    guess = classifier.guess(text)
    sides, tongues = confidence(table, text, SIDES, 0), confidence(table, text, TONGUES, 2)
    assert guess.confidence == pytest.approx(max(sides.values()))
    assert sides[guess.intent] == max(sides.values())
    assert tongues[guess.language] == pytest.approx(guess.language_confidence) == max(tongues.values())


def test_more_texts_than_rows_are_kept_for_change_no_sum(classifier, table):
    for number in range(600):
        classifier.guess(f"{number:x}дрібниці{number * 7919:x} {number * 104729:x}інше")
    text = "Чи приїхала моя посилка?"
    assert classifier.guess(text).confidence == pytest.approx(max(confidence(table, text, SIDES, 0).values()))


def test_where_there_is_no_word_there_is_no_guess(classifier):
    assert classifier.guess(" … 💬 ") is None
