"""Rules in words."""

import pytest

from bot.actions import ACTIONS
from bot.conditions import CONDITIONS
from bot.rules import TRIGGERS
from web.pages.rules import ACTION_KINDS, CONDITION_KINDS
from web.pages.sentences import TRIGGER_NAMES, Names, sentence

NAMES = Names(
    channels={"telegram": "Telegram", "tg": "Telegram магазину"},
    managers={"ihor": "Ігор"},
    teams={"wholesale": "Гурт"},
    macros={"ship": "Відправка"},
    stages={"shipped": "Відправлено"},
    fields={"city": "Місто"},
)
REPLY = {"type": "reply", "text": {"uk": "Добре"}}
HOURS = {"timezone": "Europe/Kyiv", "open": []}


def rule(*actions, trigger="message_received", when=None, conditions=()):
    return {"trigger": trigger, "when": when or {}, "conditions": list(conditions), "actions": list(actions)}


@pytest.mark.parametrize(
    ("trigger", "when", "words"),
    [
        ("message_received", {}, "When a customer writes: reply “Добре”."),
        ("no_reply", {"minutes": 90}, "When nobody has answered for 90 minutes:"),
        ("no_reply", {"minutes": 120}, "When nobody has answered for 2 hours:"),
        ("no_reply", {"minutes": 1440}, "When nobody has answered for 1 day:"),
        ("label_added", {"labels": []}, "When a label is added:"),
        ("label_added", {"labels": ["vip", "гурт"]}, "When the label vip or гурт is added:"),
        ("order_status_changed", {"to": ["shipped"]}, "When an order moves to Відправлено:"),
        ("to_come", {"x": 1}, "When to_come:"),
    ],
)
def test_what_is_waited_for(trigger, when, words):
    assert sentence(rule(REPLY, trigger=trigger, when=when), NAMES).startswith(words)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"type": "text", "match": "word", "any": ["a"]}, "the message has the word a"),
        ({"type": "text", "match": "phrase", "any": ["a", "b", "c", "d", "e"]}, "says a, b, c or 2 more"),
        ({"type": "text", "match": "regex", "any": ["№ ?[0-9]+"]}, "the message fits № ?[0-9]+"),
        ({"type": "intent", "in": ["complaint"]}, "the message is about a complaint"),
        ({"type": "language", "in": ["uk", "pl"]}, "the customer speaks Ukrainian or pl"),
        ({"type": "channel", "in": ["telegram", "gone"]}, "it came over Telegram or gone"),
        ({"type": "opening", "is": "first"}, "the conversation is new"),
        ({"type": "hours", "is": "closed"}, "the shop is closed"),
        ({"type": "hours", "is": "open", "schedule": HOURS}, "it is within these hours"),
        ({"type": "label", "any": ["vip"], "none": ["гурт"]}, "it is labelled vip, and it is not labelled гурт"),
        (
            {"type": "time", "days": ["mon", "sun"], "from": "22:00", "to": "06:00"},
            "Mon or Sun, and it is between 22:00",
        ),
        ({"type": "time", "days": [], "until": "2026-12-31"}, "it is 2026-12-31 or earlier"),
        ({"type": "customer_field", "field": "city", "is": "Львів", "one_of": []}, "Місто is Львів"),
        ({"type": "customer_field", "field": "tags", "one_of": ["a", "b"]}, "tag is a or b"),
        ({"type": "customer_field", "field": "city", "has": "ів", "one_of": []}, "Місто has ів in it"),
        ({"type": "customer_field", "field": "name", "empty": False, "one_of": []}, "name is not empty"),
        ({"type": "customer_field", "field": "first_contact", "is": "yes"}, "the customer never wrote before"),
        (
            {"type": "order_field", "status": ["shipped"], "at_least": "10"},
            "Відправлено, and the order comes to at least",
        ),
        ({"type": "manager_availability", "is": "none", "team_id": "wholesale"}, "nobody is free in the team Гурт"),
    ],
)
def test_what_must_hold(condition, words):
    told = sentence(rule(REPLY, conditions=[condition]), NAMES)
    assert told.startswith("When a customer writes, and ")
    assert words in told


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"type": "reply", "text": "так " * 40}, "…”"),
        ({"type": "ask", "text": "Так?", "buttons": [{}, {}]}, "ask “Так?” with 2 buttons"),
        ({"type": "ask", "text": "Номер?", "buttons": []}, "ask “Номер?”."),
        ({"type": "macro", "macro_id": "ship"}, "send the macro Відправка"),
        ({"type": "macro", "macro_id": "gone"}, "send the macro gone"),
        ({"type": "label", "add": ["a"], "remove": ["b", "c"]}, "label it a, take off b, c"),
        ({"type": "priority", "value": "high"}, "set the priority to high"),
        ({"type": "assign", "manager_id": "ihor"}, "give it to Ігор"),
        ({"type": "assign", "team_id": "wholesale"}, "give it to the team Гурт"),
        ({"type": "close"}, "close it"),
        ({"type": "snooze", "minutes": 60}, "snooze it for 1 hour"),
        ({"type": "handoff"}, "hand over to a person"),
        ({"type": "order_status", "status": "shipped"}, "move the order to Відправлено"),
        ({"type": "task", "title": "Дзвінок", "minutes": 5}, "make the task “Дзвінок”"),
        ({"type": "webhook", "url": "https://crm.example/hook?key=1"}, "call crm.example."),
        ({"type": "to_come"}, "to_come"),
    ],
)
def test_what_is_done(action, words):
    assert words in sentence(rule(action), NAMES)


def test_actions_follow_each_other():
    assert sentence(rule(REPLY, {"type": "close"}), NAMES).endswith("reply “Добре”, then close it.")


def test_all_that_rules_are_made_of_has_its_words():
    assert set(TRIGGERS) == set(TRIGGER_NAMES)
    assert set(CONDITIONS) == set(CONDITION_KINDS)
    assert set(ACTIONS) == set(ACTION_KINDS)
