from benchmarks.understanding import held_out
from bot.understanding.features import words
from bot.understanding.linear import EXAMPLES, WEIGHTS, Classifier, digest, digest_of_reading, read_examples
from bot.understanding.reading import INTENTS

LEARNED, HELD = read_examples(EXAMPLES), held_out()


def test_the_held_out_half_is_of_other_families():
    assert {each.family for each in HELD}.isdisjoint(each.family for each in LEARNED)


def test_no_phrase_is_in_both_halves_however_it_is_written():
    assert {tuple(words(each.phrase)) for each in HELD}.isdisjoint(tuple(words(each.phrase)) for each in LEARNED)


def test_the_held_out_half_is_large_enough_in_each_language():
    assert len({each.phrase for each in HELD}) >= 150
    assert {each.intent for each in HELD} == set(INTENTS)
    for language in ("uk", "ru", "en", "ka"):
        asked = [each.intent == "order_status" for each in HELD if each.language == language]
        assert min(asked.count(True), asked.count(False)) >= 30


def test_the_weights_are_of_these_examples():
    header = Classifier.load().header
    assert header.examples == digest(LEARNED), "the examples were changed: `make train`"
    assert header.reading == digest_of_reading(), "words.tsv or features.py was changed: `make train`"
    assert header.intents.answers == INTENTS
    assert WEIGHTS.stat().st_size <= 600_000
