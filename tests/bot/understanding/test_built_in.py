import subprocess
import sys

import pytest

from bot.understanding.built_in import BuiltIn
from bot.understanding.linear import WEIGHTS, Classifier, Damaged

UNDERSTANDING_ALONE = """
import asyncio, sys
from bot.understanding.built_in import BuiltIn
assert "bot.understanding.linear" not in sys.modules, "loaded before it is needed"
assert asyncio.run(BuiltIn().read("де моє замовлення 1024")).intent == "order_status"
assert not {"numpy", "scipy", "sklearn"} & set(sys.modules)
"""


@pytest.mark.parametrize(
    ("text", "intent", "language"),
    [
        ("Де моє замовлення №1024?", "order_status", "uk"),
        ("где мой заказ", "order_status", "ru"),
        ("Where is my order?", "order_status", "en"),
        ("სად არის ჩემი შეკვეთა?", "order_status", "ka"),
        ("Дякую!", "thanks", "uk"),
        ("Здравствуйте", "greeting", "ru"),
        ("operator", "person", "en"),
    ],
)
async def test_plain_phrases_are_understood(text, intent, language):
    reading = await BuiltIn().read(text)
    assert (reading.intent, reading.language) == (intent, language)


@pytest.mark.parametrize(
    "text", ["How much is delivery?", "Is the red one still there?", "Скільки коштує доставка?", "Красная ещё есть?"]
)
async def test_questions_before_buying_are_none_about_an_order(text):
    assert (await BuiltIn().read(text)).intent != "order_status"


async def test_below_the_confidence_there_is_no_intent_and_still_a_language():
    reading = await BuiltIn(confidence=1.01).read("где мой заказ")
    assert reading.intent is None
    assert reading.confidence > 0.5
    assert reading.language == "ru"


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "...", "\u0301", "\ud800"])
async def test_where_nothing_is_said_nothing_is_known(text):
    assert (await BuiltIn().read(text)).intent is None


async def test_of_a_very_long_text_the_beginning_is_read():
    asked = "Where is my order? "
    assert await BuiltIn().read(asked * 40) == await BuiltIn().read(asked * 20_000)


def test_the_server_needs_no_library_for_it():
    subprocess.run([sys.executable, "-c", UNDERSTANDING_ALONE], check=True, timeout=60)


def test_a_damaged_file_is_refused(tmp_path):
    cut = tmp_path / "weights.bin"
    cut.write_bytes(WEIGHTS.read_bytes()[:-1])
    with pytest.raises(Damaged):
        Classifier.load(cut)
    cut.write_bytes(b"{}\n")
    with pytest.raises(Damaged):
        Classifier.load(cut)
