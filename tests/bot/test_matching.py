"""Ten thousand rules are asked as if each were asked by itself."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching import Matcher, in_order
from bot.regexes import MAX_PROGRAM, MOST_SEEN, Regexes, compiled
from bot.rules import Rule, parse, restore
from bot.situations import Need, Situation
from bot.understanding.reading import INTENTS, Reading
from inbox.model.schedule import Schedule

WORDS = ("ціна", "Price", "де", "order", "ПОВЕРНЕННЯ", "п'ять", "ok")
PATTERNS = (r"\d{3,}", r"ціна|price", r"^де\b", r"order\s*№?\d+", r"(?-i)OK", ".", r"\bповернен\w+", "^$")
LABELS = ("vip", "new", "late")
LANGUAGES = ("uk", "en")
HOURS = Schedule.model_validate(
    {"timezone": "Europe/Kyiv", "open": [{"days": ["mon", "tue"], "from": "09:00", "to": "18:00"}]}
)


def some(values: Any, key: str, **more: Any) -> Any:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(lambda few: {key: few, **more})


conditions = st.one_of(
    some(WORDS, "any", type="text"),
    some(("де order", "order ok", "ціна"), "any", type="text", match="phrase"),
    some(PATTERNS, "any", type="text", match="regex"),
    some(("c1", "c2", "telegram", "viber"), "in", type="channel"),
    some(LANGUAGES, "in", type="language"),
    some(LABELS, "any", type="label"),
    some(LABELS, "none", type="label"),
    some(INTENTS, "in", type="intent"),
    some(("new", "shipped"), "status", type="order_field"),
    st.sampled_from(["first", "again"]).map(lambda which: {"type": "opening", "is": which}),
    st.sampled_from(["open", "closed"]).map(lambda which: {"type": "hours", "is": which}),
    st.sampled_from(["any", "none"]).map(lambda which: {"type": "manager_availability", "is": which}),
    st.sampled_from(["Kyiv", "kyiv", "Lviv"]).map(lambda city: {"type": "customer_field", "field": "city", "is": city}),
    st.sampled_from(["yi", "x"]).map(lambda part: {"type": "customer_field", "field": "city", "has": part}),
    st.booleans().map(lambda empty: {"type": "customer_field", "field": "tags", "empty": empty}),
    st.sampled_from(["yes", "no"]).map(lambda said: {"type": "customer_field", "field": "first_contact", "is": said}),
    st.integers(0, 3).map(lambda count: {"type": "order_field", "count_at_least": count}),
    st.sampled_from([["mon"], ["tue", "sun"]]).map(
        lambda days: {"type": "time", "days": days, "from": "20:00", "to": "13:00"}
    ),
)


def a_rule(number: int, asked: list[dict[str, Any]]) -> Rule:
    raw = {
        "_id": f"{number:05}",
        "name": str(number),
        "trigger": "message_received",
        "conditions": asked,
        "actions": [{"type": "close"}],
    }
    return restore(raw)


def a_situation(text: str, **known: Any) -> Situation:
    seen = Situation(
        at=known.pop("at", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        channel_id="c1",
        text=text,
        openings=known.pop("openings", 1),
        shop_hours=HOURS,
        labels=known.pop("labels", ()),
    )
    for name, value in known.items():
        setattr(seen, name, value)
    return seen


situations = st.builds(
    a_situation,
    st.lists(st.sampled_from([*WORDS, "123", "№12", "?!", "Повернення"]), max_size=6).map(" ".join),
    at=st.integers(0, 14 * 24).map(lambda hours: datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=hours)),
    openings=st.integers(1, 2),
    labels=st.sets(st.sampled_from(LABELS)),
    channel_kind=st.sampled_from(["telegram", "viber", ""]),
    told_language=st.sampled_from(["uk-UA", "en", ""]),
    card=st.sampled_from([{}, {"fields": {"city": "Kyiv"}, "tags": ["A"]}, {"language": "uk", "fields": {}}]),
    order=st.sampled_from([None, {"status": "new", "total": "10.00"}, {"status": "shipped", "total": "99.50"}]),
    orders=st.integers(0, 3),
    first_contact=st.booleans(),
    free_teams=st.sampled_from([(), ((),), (("t1",),)]),
    reading=st.sampled_from([Reading(), Reading("complaint", 0.9), Reading("person", 0.9)]),
)


def fired(matcher: Matcher, situation: Situation) -> list[str]:
    candidates = matcher.candidates(situation)
    for need in Need:
        if matcher.needs(need, candidates):
            candidates = matcher.narrowed(candidates, need, situation)
    return [rule.id for rule in in_order(candidates)]


@given(st.lists(st.lists(conditions, max_size=4), max_size=30), st.lists(situations, min_size=1, max_size=5))
def test_the_outcome_is_that_of_asking_every_rule_in_its_order(asked, seen):
    rules = [a_rule(number, some_of) for number, some_of in enumerate(asked)]
    matcher = Matcher(rules)
    for situation in seen:
        assert fired(matcher, situation) == [rule.id for rule in rules if not rule.unmet(situation)]


def test_only_what_may_still_matter_is_asked_for():
    rules = [
        a_rule(0, [{"type": "text", "any": ["price"]}, {"type": "language", "in": ["uk"]}]),
        a_rule(1, [{"type": "text", "any": ["hello"]}, {"type": "intent", "in": ["person"]}]),
    ]
    matcher = Matcher(rules)
    assert [need for need in Need if matcher.needs(need, matcher.candidates(a_situation("hello")))] == [Need.READING]
    assert [need for need in Need if matcher.needs(need, matcher.candidates(a_situation("price")))] == [Need.CARD]
    nobody_is_met = matcher.candidates(a_situation("good day"))
    assert not any(matcher.needs(need, nobody_is_met) for need in Need)


@given(st.lists(st.sampled_from(PATTERNS), max_size=12), st.text(max_size=40))
def test_expressions_fit_together_as_they_fit_alone(patterns, text):
    alone = [place for place, pattern in enumerate(patterns) if compiled(pattern).search(text)]
    assert sorted(Regexes(patterns).fitting(text)) == alone


def test_hundreds_of_expressions_without_any_word_fit_as_they_fit_alone():
    patterns = [rf"^\d{{{count}}}$" for count in range(1, 351)]
    together = Regexes(patterns)
    for count in (1, 99, 100, 101, 350, 351):
        assert sorted(together.fitting("7" * count)) == ([count - 1] if count <= 350 else [])


def test_large_expressions_fit_together_as_they_fit_alone():
    patterns = [rf"^[^{sign}]{{100}}\W{{{count}}}$" for sign in "абвг" for count in range(1, 31)]
    assert sorted(Regexes(patterns).fitting("в" * 100 + "!" * 7)) == [
        place for place, pattern in enumerate(patterns) if pattern.endswith("{7}$") and "в" not in pattern
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)+$",
        r"(\w+\s*)+!$",
        "(.*)(.*)(.*)(.*)x$",
        "|".join(f"{word}{number}" for number in range(20) for word in ("a", "aa", "ба")),
    ],
)
def test_no_expression_takes_more_time_than_a_text_has_characters(pattern):
    """An engine that goes back over what it has read needs longer than the world exists for these."""
    rule = parse(
        {
            "name": "Evil",
            "trigger": "message_received",
            "conditions": [{"type": "text", "match": "regex", "any": [pattern]}],
            "actions": [{"type": "close"}],
        }
    )
    text = "a" * 60_000 + "b"
    matcher = Matcher([rule])
    began = time.perf_counter()
    matcher.candidates(a_situation(text))
    compiled(pattern).search(text)
    assert time.perf_counter() - began < 0.5


def test_an_expression_that_would_grow_too_large_is_refused_at_once():
    began = time.perf_counter()
    for pattern in (".{1000}", r"(\W{30}){30}", "((a{100}){100}){100}"):
        with pytest.raises(ValueError, match=r"too large|character"):
            compiled(pattern)
    assert time.perf_counter() - began < 0.5
    assert MAX_PROGRAM < 8_004


def test_the_end_of_a_very_long_message_is_not_looked_at():
    matcher = Matcher([a_rule(0, [{"type": "text", "any": ["needle"]}])])
    assert fired(matcher, a_situation("needle " + "hay " * MOST_SEEN)) == ["00000"]
    assert fired(matcher, a_situation("hay " * MOST_SEEN + "needle")) == []
