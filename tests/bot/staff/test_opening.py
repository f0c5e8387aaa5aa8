"""What the companion costs where none is connected, and which texts it has."""

import string
import subprocess
import sys

import pytest

from bot.staff.words import LANGUAGES, TEXTS, Words


def test_a_house_without_a_companion_does_not_import_what_it_takes():
    code = "import sys, web.house; sys.exit('aiogram' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_is_there_in_each_language_and_says_the_same_of_the_same(key):
    texts = TEXTS[key]
    assert len(texts) == len(LANGUAGES)
    assert all(texts)
    named = [{name for _, name, _, _ in string.Formatter().parse(text) if name is not None} for text in texts]
    assert all(names == named[0] for names in named)


@pytest.mark.parametrize(
    ("manager", "shop", "spoken"),
    [(["ka", "en"], ["uk"], "ka"), (["en-GB"], ["uk"], "en"), (["fr"], ["ru", "uk"], "ru"), ([], ["pl"], "en")],
)
def test_it_speaks_the_managers_language_else_the_shops_else_english(manager, shop, spoken):
    assert Words(manager, shop).language == spoken


def test_what_is_filled_in_is_not_taken_for_a_text():
    assert "{name}" in Words(["en"])("refused", reason="{name}")
