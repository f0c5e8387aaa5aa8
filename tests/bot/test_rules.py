import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions import Reply
from bot.conditions import CONDITIONS
from bot.rules import TRIGGERS, parse
from bot.situations import Situation, spoken
from bot.starters import STARTERS
from bot.understanding.reading import Reading
from inbox.model.errors import Invalid
from inbox.model.schedule import Schedule

HOURS = {"timezone": "Europe/Kyiv", "open": [{"days": ["mon"], "from": "09:00", "to": "24:00"}]}


def rule(**changes):
    return {
        "name": "Welcome",
        "enabled": True,
        "trigger": "conversation_opened",
        "conditions": [],
        "actions": [{"type": "reply", "text": "Welcome!"}],
        **changes,
    }


def situation(
    text="", *, at=datetime(2026, 6, 1, 12, tzinfo=UTC), channel_id="c1", channel_kind="telegram", openings=1, **known
):
    seen = Situation(
        at=at,
        channel_id=channel_id,
        text=text,
        openings=openings,
        shop_hours=Schedule.model_validate({"timezone": "Europe/Kyiv", "open": []}),
        labels=known.pop("labels", ()),
        team_id=known.pop("team_id", None),
    )
    seen.channel_kind = channel_kind
    for name, value in known.items():
        setattr(seen, name, value)
    return seen


def holds(condition, **seen):
    return not parse(rule(conditions=[condition])).unmet(situation(**seen))


def test_what_is_stored_is_what_was_written():
    written = rule(
        trigger="message_received",
        when={},
        conditions=[
            {"type": "hours", "is": "closed", "schedule": HOURS},
            {"type": "hours", "is": "open"},
            {"type": "text", "match": "phrase", "any": ["де замовлення"]},
            {"type": "channel", "in": ["telegram"]},
        ],
        actions=[
            {"type": "reply", "text": {"uk": "Вітаємо!", "en": "Hello!"}},
            {"type": "label", "add": ["new"], "remove": ["old"]},
            {"type": "priority", "value": "high"},
            {"type": "close"},
        ],
    )
    stored = parse(written).fields()
    assert stored == written
    assert parse(stored).fields() == stored
    assert json.loads(json.dumps(stored)) == stored


def test_what_a_rule_may_leave_out():
    parsed = parse({"name": "Tag", "trigger": "message_received", "actions": [{"type": "label", "add": ["a", "a"]}]})
    assert parsed.fields() == {
        "name": "Tag",
        "enabled": True,
        "trigger": "message_received",
        "when": {},
        "conditions": [],
        "actions": [{"type": "label", "add": ["a"], "remove": []}],
    }


def test_what_a_trigger_wants_to_know_is_kept_in_one_form():
    def when(trigger, **said):
        return parse(rule(trigger=trigger, when=said)).fields()["when"]

    assert when("no_reply", minutes=30) == {"minutes": 30}
    assert when("order_status_changed", to=[" shipped", "shipped", "lost"]) == {"to": ["shipped", "lost"]}
    assert when("order_status_changed") == {"to": []}
    assert when("label_added", labels=["vip"]) == {"labels": ["vip"]}
    assert when("customer_returned") == when("parcel_waiting") == {}


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter["name"])
def test_starter_rules_are_right_and_speak_four_languages(starter):
    parsed = parse(starter)
    assert not parsed.enabled
    assert set(parsed.fields()["actions"][0]["text"]) == {"uk", "ru", "en", "ka"}


def condition(**fields):
    return rule(conditions=[fields])


def action(**fields):
    return rule(actions=[fields])


def hours(**schedule):
    return condition(type="hours", **{"is": "open"}, schedule={**HOURS, **schedule})


def span(**changes):
    return hours(open=[{"days": ["mon"], "from": "09:00", "to": "18:00", **changes}])


@pytest.mark.parametrize(
    ("raw", "field", "remedy"),
    [
        (rule(name=" "), "name", "is needed"),
        (rule(enabled="yes"), "enabled", "is true or false"),
        (rule(colour="red"), "colour", "no such field"),
        (rule(trigger="full_moon"), "trigger", "is one of conversation_opened, message_received"),
        (rule(trigger=7), "trigger", "is a text"),
        (rule(when={"minutes": 5}), "when.minutes", "no such field"),
        (rule(when=[]), "when", "is an object"),
        (rule(trigger="no_reply"), "when.minutes", "is needed"),
        (rule(trigger="no_reply", when={"minutes": 0}), "when.minutes", "is at least 1"),
        (rule(trigger="no_reply", when={"minutes": "5"}), "when.minutes", "is a whole number"),
        (rule(trigger="order_status_changed", when={"to": ["shipped", " "]}), "when.to.1", "is needed"),
        (rule(trigger="label_added", when={"labels": ["x" * 41]}), "when.labels.0", "at most 40"),
        (rule(trigger="parcel_waiting", when={"days": 3}), "when.days", "no such field"),
        (rule(conditions="open"), "conditions", "list"),
        (rule(conditions=["open"]), "conditions.0", "object with a type"),
        (condition(type="mood"), "conditions.0.type", "is one of text, intent, hours"),
        (condition(), "conditions.0.type", "is one of"),
        (condition(type=["hours"]), "conditions.0.type", "is one of"),
        (condition(type="customer_field", field="city"), "conditions.0", "say one of is, has"),
        (condition(type="customer_field", field="city", has="x", empty=True), "conditions.0", "say one of is, has"),
        (condition(type="customer_field", empty=True), "conditions.0.field", "is needed"),
        (condition(type="language", **{"in": ["ukrainian"]}), "conditions.0.in.0", "is a language such as uk"),
        (condition(type="label"), "conditions.0", "any or in none"),
        (condition(type="intent", **{"in": ["weather"]}), "conditions.0.in.0", "'order_status'"),
        (condition(type="order_field"), "conditions.0", "say status"),
        (condition(type="order_field", at_least="much"), "conditions.0.at_least", "1500.00"),
        (condition(type="order_field", at_most="-1"), "conditions.0.at_most", "1500.00"),
        (condition(type="order_field", count_at_least=-1), "conditions.0.count_at_least", "is at least"),
        (condition(type="manager_availability", **{"is": "some"}), "conditions.0.is", "'any' or 'none'"),
        (condition(type="time"), "conditions.0", "say days"),
        (condition(type="time", **{"from": "09:00"}), "conditions.0", "both from and to"),
        (condition(type="time", since="2026-02-02", until="2026-02-01"), "conditions.0", "or later"),
        (condition(type="time", since="2026-02-30"), "conditions.0.since", "is a day such as 2030-12-31"),
        (condition(type="hours"), "conditions.0.is", "is needed"),
        (condition(type="hours", **{"is": "ajar"}), "conditions.0.is", "'open' or 'closed'"),
        (hours(timezone="Europe/Atlantis"), "conditions.0.schedule.timezone", "IANA"),
        (hours(timezone="../etc/passwd"), "conditions.0.schedule.timezone", "IANA"),
        (hours(timezone=""), "conditions.0.schedule.timezone", "is needed"),
        (span(days=["monday"]), "conditions.0.schedule.open.0.days.0", "'mon'"),
        (span(days=[]), "conditions.0.schedule.open.0.days", "is needed"),
        (span(to="25:00"), "conditions.0.schedule.open.0.to", "is a time such as 09:30"),
        (span(to="9:00"), "conditions.0.schedule.open.0.to", "is a time such as 09:30"),
        (span(to="18:00\n"), "conditions.0.schedule.open.0.to", "is a time such as 09:30"),
        (span(**{"from": "09:60"}), "conditions.0.schedule.open.0.from", "is a time such as 09:30"),
        (condition(type="text", any=[]), "conditions.0.any", "is needed"),
        (condition(type="text", any=["?!"]), "conditions.0.any", "no word"),
        (condition(type="text", any=["a", "two words"]), "conditions.0.any", "match phrase"),
        (condition(type="text", any=["a+", "(b"], match="regex"), "conditions.0.any", "character 1 of '(b': missing )"),
        (condition(type="text", any=["a**"], match="regex"), "conditions.0.any", "character 2"),
        (condition(type="text", any=["(?=a)"], match="regex"), "conditions.0.any", "character 1"),
        (condition(type="text", any=["(a{900}){9}"], match="regex"), "conditions.0.any", "character"),
        (condition(type="text", any=[".{1000}"], match="regex"), "conditions.0.any", "too large"),
        (condition(type="text", any=["a"], match="vibes"), "conditions.0.match", "'word', 'phrase'"),
        (condition(type="channel", **{"in": []}), "conditions.0.in", "is needed"),
        (rule(actions=[]), "actions", "is needed"),
        (action(type="dance"), "actions.0.type", "is one of reply, macro"),
        (action(type="macro"), "actions.0.macro_id", "is needed"),
        (action(type="reply"), "actions.0.text", "is needed"),
        (action(type="reply", text="  "), "actions.0.text", "is needed"),
        (action(type="reply", text="x" * 20_001), "actions.0.text", "at most 20000"),
        (action(type="reply", text=7), "actions.0.text", "is a text"),
        (action(type="reply", text="\ud800"), "actions.0.text", "unicode"),
        (action(type="reply", text={}), "actions.0.text", "is needed"),
        (action(type="reply", text={"uk": ""}), "actions.0.text.uk", "is needed"),
        (action(type="reply", text={"$where": "x"}), "actions.0.text.$where", "is a language such as uk"),
        (action(type="label"), "actions.0", "add or to remove"),
        (action(type="label", add=["x" * 41]), "actions.0.add.0", "at most 40"),
        (action(type="priority", value="mild"), "actions.0.value", "'low'"),
        (action(type="close", when="now"), "actions.0.when", "no such field"),
    ],
)
def test_a_mistake_is_named_by_its_field(raw, field, remedy):
    with pytest.raises(Invalid) as refused:
        parse(raw)
    assert refused.value.field == field
    assert remedy in refused.value.remedy


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
typed = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from([*CONDITIONS, "reply", "label", "priority", "close"]),
    st.dictionaries(st.sampled_from(["is", "schedule", "any", "in", "text", "match", "value", "add"]), json_values),
)


@given(
    st.fixed_dictionaries(
        {"name": st.text(max_size=10), "trigger": st.sampled_from(list(TRIGGERS)) | json_values},
        optional={"conditions": st.lists(typed | json_values, max_size=3), "actions": st.lists(typed, max_size=3)},
    )
)
def test_any_json_is_a_rule_or_a_named_mistake(raw):
    try:
        parsed = parse(raw)
    except Invalid:
        return
    assert parse(parsed.fields()).fields() == parsed.fields()


@pytest.mark.parametrize(
    ("match", "entries", "text", "found"),
    [
        ("word", ["ціна"], "Яка ЦІНА?", True),
        ("word", ["цін"], "Яка ціна?", False),
        ("word", ["price", "ціна"], "price!", True),
        ("word", ["im'я", "п'ять"], "мені п’ять", True),
        ("word", ["straße"], "STRASSE 7", True),
        ("phrase", ["де замовлення"], "Добрий день! Де   замовлення?", True),
        ("phrase", ["де замовлення"], "де моє замовлення", False),
        ("phrase", ["where is"], "somewhere is", False),
        ("word", ["ціна"], "", False),
    ],
)
def test_text_is_matched_by_whole_words(match, entries, text, found):
    assert holds({"type": "text", "match": match, "any": entries}, text=text) is found


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5))
def test_every_word_of_a_text_is_found_in_it(words):
    text = " ".join(words)
    for word in spoken(text).split():
        assert holds({"type": "text", "any": [word]}, text=text)


def test_hours_without_a_schedule_are_the_shops():
    assert holds({"type": "hours", "is": "closed"})
    assert not holds({"type": "hours", "is": "open"})


def test_hours_with_a_schedule_are_their_own():
    monday_noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert holds({"type": "hours", "is": "open", "schedule": HOURS}, at=monday_noon)


def test_a_conversation_is_new_once():
    first, again = {"type": "opening", "is": "first"}, {"type": "opening", "is": "again"}
    assert (holds(first, openings=1), holds(again, openings=1)) == (True, False)
    assert (holds(first, openings=2), holds(again, openings=2)) == (False, True)


def test_a_channel_is_meant_by_its_id_or_by_its_kind():
    assert holds({"type": "channel", "in": ["c1"]})
    assert holds({"type": "channel", "in": ["email", "telegram"]})
    assert not holds({"type": "channel", "in": ["c2", "viber"]})


def test_why_a_rule_does_not_fire():
    parsed = parse(rule(conditions=[{"type": "hours", "is": "open"}, {"type": "text", "any": ["ціна"]}]))
    assert parsed.unmet(situation("Привіт")) == [
        "the shop was closed when the message came",
        "the message has no such word",
    ]


@pytest.mark.parametrize(
    ("customer", "shop", "text"),
    [
        ("uk", ["en"], "Вітаємо"),
        ("en-US", ["uk"], "Hello"),
        ("fr", ["de", "en", "uk"], "Hello"),
        ("", ["uk"], "Вітаємо"),
        ("fr", ["de"], "გამარჯობა"),
    ],
)
def test_a_reply_speaks_the_customers_language_else_the_shops_else_its_first(customer, shop, text):
    parsed = parse(rule(actions=[{"type": "reply", "text": {"ka": "გამარჯობა", "uk": "Вітаємо", "en": "Hello"}}]))
    [reply] = parsed.actions
    assert isinstance(reply, Reply)
    assert reply.text_for(customer, shop) == text


@pytest.mark.parametrize(
    ("patterns", "text", "found"),
    [
        ([r"№\s*\d{4,}"], "Замовлення № 12345", True),
        (["ПРИВІТ"], "привіт", True),
        (["(?-i)OK"], "ok", False),
        (["^ціна", "price$"], "What is the price", True),
        (["ціна"], "оцінацією", True),
        ([r"\bціна"], "", False),
    ],
)
def test_an_expression_fits_wherever_it_fits(patterns, text, found):
    assert holds({"type": "text", "match": "regex", "any": patterns}, text=text) is found


def test_a_language_is_the_cards_else_the_channels():
    ukrainian = {"type": "language", "in": ["uk"]}
    assert holds(ukrainian, card={"language": "uk"}, told_language="en")
    assert holds(ukrainian, card={"language": ""}, told_language="uk-UA")
    assert not holds(ukrainian, card={"language": "en"}, told_language="uk")
    assert not holds(ukrainian)


def test_labels_that_are_wanted_and_labels_that_are_not():
    assert holds({"type": "label", "any": ["vip", "late"]}, labels=["vip"])
    assert not holds({"type": "label", "any": ["vip"]}, labels=["new"])
    assert holds({"type": "label", "none": ["vip"]}, labels=["new"])
    assert not holds({"type": "label", "any": ["new"], "none": ["vip"]}, labels=["new", "vip"])


# A Friday in Kyiv, where it is three hours later than in UTC.
@pytest.mark.parametrize(
    ("asked", "at", "held"),
    [
        ({"days": ["fri"]}, datetime(2026, 6, 4, 21, tzinfo=UTC), True),
        ({"days": ["fri"]}, datetime(2026, 6, 5, 21, tzinfo=UTC), False),
        ({"from": "09:00", "to": "18:00"}, datetime(2026, 6, 5, 6, tzinfo=UTC), True),
        ({"from": "09:00", "to": "18:00"}, datetime(2026, 6, 5, 15, tzinfo=UTC), False),
        ({"from": "09:00", "to": "24:00"}, datetime(2026, 6, 5, 20, 59, tzinfo=UTC), True),
        ({"days": ["fri"], "from": "22:00", "to": "06:00"}, datetime(2026, 6, 5, 23, tzinfo=UTC), True),
        ({"days": ["fri"], "from": "22:00", "to": "06:00"}, datetime(2026, 6, 4, 23, tzinfo=UTC), False),
        ({"days": ["fri"], "from": "22:00", "to": "06:00"}, datetime(2026, 6, 5, 19, tzinfo=UTC), True),
        ({"since": "2026-06-05"}, datetime(2026, 6, 4, 21, tzinfo=UTC), True),
        ({"since": "2026-06-05"}, datetime(2026, 6, 4, 20, 59, tzinfo=UTC), False),
        ({"until": "2026-06-05"}, datetime(2026, 6, 5, 20, 59, tzinfo=UTC), True),
        ({"since": "2026-06-01", "until": "2026-06-05"}, datetime(2026, 6, 5, 21, tzinfo=UTC), False),
    ],
)
def test_time_is_what_the_shops_clock_and_calendar_show(asked, at, held):
    assert holds({"type": "time", **asked}, at=at) is held


CARD = {
    "name": "Олена",
    "phones": [{"number": "+380501112233"}, {"number": "+995555000111"}],
    "emails": [],
    "tags": ["VIP", "Опт"],
    "fields": {"city": "Львів", "size": "42"},
}


@pytest.mark.parametrize(
    ("field", "asked", "held"),
    [
        ("city", {"is": "львів"}, True),
        ("city", {"is": "Київ"}, False),
        ("city", {"has": "вів"}, True),
        ("city", {"one_of": ["Київ", "Львів"]}, True),
        ("city", {"empty": False}, True),
        ("street", {"empty": True}, True),
        ("street", {"is": "any"}, False),
        ("name", {"has": "олен"}, True),
        ("tags", {"is": "vip"}, True),
        ("tags", {"one_of": ["new"]}, False),
        ("phones", {"has": "+995"}, True),
        ("emails", {"empty": True}, True),
    ],
)
def test_what_stands_on_the_card(field, asked, held):
    assert holds({"type": "customer_field", "field": field, **asked}, card=CARD) is held


def test_the_first_contact_is_known_apart_from_the_card():
    first = {"type": "customer_field", "field": "first_contact", "is": "yes"}
    assert holds(first, first_contact=True)
    assert not holds(first, first_contact=False)


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        ({"status": ["new", "shipped"]}, True),
        ({"status": ["lost"]}, False),
        ({"at_least": "1500.00"}, True),
        ({"at_least": "1500.01"}, False),
        ({"at_most": "1500"}, True),
        ({"status": ["shipped"], "at_most": "100"}, False),
        ({"count_at_least": 2}, True),
        ({"count_at_most": 1}, False),
        ({"status": ["shipped"], "count_at_least": 3}, False),
    ],
)
def test_what_an_order_is_like(asked, held):
    order = {"status": "shipped", "total": "1500.00"}
    assert holds({"type": "order_field", **asked}, order=order, orders=2) is held


def test_without_an_order_only_their_number_can_be_asked():
    assert not holds({"type": "order_field", "status": ["new"]}, order=None)
    assert holds({"type": "order_field", "count_at_most": 0}, order=None)


def test_somebody_is_there_in_the_team_or_nobody_is():
    anybody, nobody = ({"type": "manager_availability", "is": word} for word in ("any", "none"))
    assert holds(anybody, free_teams=((),))
    assert holds(nobody, free_teams=())
    assert holds(nobody, free_teams=((),), team_id="sales")
    assert holds(anybody, free_teams=((), ("sales",)), team_id="sales")
    assert holds({**anybody, "team_id": "sales"}, free_teams=(("sales",),))
    assert not holds({**anybody, "team_id": "sales"}, free_teams=(("help",),))


def test_an_intent_is_what_the_bot_is_sure_of():
    wanted = {"type": "intent", "in": ["complaint", "returning"]}
    assert holds(wanted, reading=Reading("complaint", 0.9))
    assert not holds(wanted, reading=Reading("thanks", 0.9))
    assert not holds(wanted, reading=Reading(None, 0.4))
