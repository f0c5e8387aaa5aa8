"""Texts with variables: what they may say, what becomes of them, and what they must never get at."""

import contextlib
import string
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.model.errors import Invalid
from inbox.model.macros import MAX_VALUE, MacroTexts, language_for, variables

VALUES: dict[str, Any] = {
    "customer": {
        "name": "Taras Bondar",
        "first_name": "Taras",
        "phone": "",
        "fields": {"city": "Lviv", "Місто": "Львів", "shoe": " "},
    },
    "manager": {"name": "Olena", "first_name": "Olena"},
    "shop": {"name": "Крамниця"},
}
TEXTS = MacroTexts()


def filled(text: str, **values: Any) -> tuple[str, tuple[str, ...]]:
    TEXTS.check(text, "text")
    return TEXTS.fill(text, {**VALUES, **values})


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("Plain", "Plain"),
        ("Hi {{ customer.first_name }}!\n", "Hi Taras!\n"),
        ("{{ customer.phone | default('no phone') }}", "no phone"),
        ("{{ customer.phone | d('no phone', true) }}", "no phone"),
        ("{{ customer.phone or 'no phone' }}", "no phone"),
        ("{{ shop.name | upper }}", "КРАМНИЦЯ"),
        ("{% if customer.email %}{{ customer.email }}{% else %}?{% endif %}", "?"),
        ("{{ 'a' if customer.phone else 'b' }}", "b"),
        ("{{ 'a' if customer.phone }}", ""),
        ("{{ customer.fields.city }}, {{ customer.fields.Місто }}", "Lviv, Львів"),
        ("{# a remark #}100% {nothing} <b>", "100% {nothing} <b>"),
    ],
)
def test_a_text_is_filled_in(text, becomes):
    assert filled(text) == (becomes, ())


@pytest.mark.parametrize(
    ("text", "becomes", "missing"),
    [
        ("{{ customer.phone }}!", "{{ customer.phone }}!", ("customer.phone",)),
        ("{{ customer.phone | trim }}", "{{ customer.phone }}", ("customer.phone",)),
        (
            "{{ customer.fields.shoe }}{{ customer.fields.gone }}",
            None,
            ("customer.fields.shoe", "customer.fields.gone"),
        ),
        ("{{ order.number }} {{ order.total }} {{ order.number }}", None, ("order.number", "order.total")),
        ("{{ customer.phone | default(customer.email) }}", None, ("customer.email",)),
        ("{% if customer.phone %}{{ customer.phone }}{% endif %}", "", ()),
        ("{{ order.number if customer.name else order.total }}", None, ("order.number",)),
    ],
)
def test_what_has_no_value_is_named_and_never_a_gap(text, becomes, missing):
    text_filled, lacking = filled(text)
    assert lacking == missing
    assert all(variable in text_filled for variable in missing)
    if becomes is not None:
        assert text_filled == becomes


@pytest.mark.parametrize("variable", variables(["city"]))
def test_every_variable_there_is_can_be_used(variable):
    owner, _, name = variable.rpartition(".")
    value = {"fields": {"city": "X"}} if owner == "customer.fields" else {name: "X"}
    assert filled(f"{{{{ {variable} }}}}", **{owner.partition(".")[0]: value}) == ("X", ())


def test_what_a_customer_calls_themselves_is_only_text():
    assert filled("{{ customer.name }}", customer={"name": "{{ manager.name }}"}) == ("{{ manager.name }}", ())


def test_a_value_is_no_longer_than_a_text_can_bear():
    assert filled("{{ customer.name }}", customer={"name": "x" * 100_000}) == ("x" * MAX_VALUE, ())


HOSTILE = [
    "{{ customer.name",
    "{{ nobody }}",
    "{{ customer }}",
    "{{ customer.fields }}",
    "{{ customer.fields.city.upper }}",
    "{{ customer.fields.__class__ }}",
    "{{ customer.fields._private }}",
    "{{ customer.password_hash }}",
    "{{ customer.look_up }}",
    "{{ customer.__class__ }}",
    "{{ customer.name.__class__ }}",
    "{{ customer['name'] }}",
    "{{ customer|attr('__class__') }}",
    "{{ (customer|default('x')).__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ 'x'.join(['a', 'b']) }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum() }}",
    "{{ joiner }}",
    "{{ namespace(a=1) }}",
    "{{ range(10) }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ 'x' * 1000000000 }}",
    "{{ 'x' ~ 'y' }}",
    "{{ 2 ** 1000000 }}",
    "{{ 1 if 1 == 1 }}",
    "{{ customer.name is defined }}",
    "{{ customer.name in 'x' }}",
    "{{ customer.name | pprint }}",
    "{{ customer.name | map(attribute='x') }}",
    "{{ customer.name | center(1000000000) }}",
    "{{ customer.name | upper('x') }}",
    "{{ customer.name | trim(5) }}",
    "{{ customer.name | default }}",
    "{{ customer.name | default(default_value='x') }}",
    "{{ customer.name | default(*[1]) }}",
    "{{ customer.name | default(lipsum) }}",
    "{{ '\\ud800' }}",
    "{{ '\\ud800' if customer.phone }}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{% for i in customer.name %}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% macro x() %}{{ x() }}{% endmacro %}{{ x() }}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% set x = 1 %}",
    "{% with x = 1 %}{% endwith %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% if customer %}{% endif %}",
    "{% if customer.__class__ %}{% endif %}",
    "{% if customer.name %}" * 60 + "{% endif %}" * 60,
    "{{ " + "(" * 9_000 + "1" + ")" * 9_000 + " }}",
    "{{ " + "not " * 4_900 + "1 }}",
    "{{ 1" + " or 1" * 3_900 + " }}",
    "{{ 'x'" + "|upper" * 3_000 + " }}",
    "{{ " + "9" * 9_000 + " }}",
    "{{ 1 }}" * 2_800,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:40] for text in HOSTILE])
def test_a_text_that_is_more_than_text_is_refused_at_once(text):
    began = time.process_time()
    with pytest.raises(Invalid) as refused:
        TEXTS.check(text, "text.uk")
    assert (refused.value.field, bool(refused.value.remedy)) == ("text.uk", True)
    assert time.process_time() - began < 1.0


def test_a_mistake_is_named_with_its_line():
    with pytest.raises(Invalid, match=r"line 3: there is no variable customer\.nam;"):
        TEXTS.check("one\n{{ customer.name }}\n{{ customer.nam }}", "text")


def test_a_field_that_cards_do_not_have_is_refused_where_fields_are_known():
    TEXTS.check("{{ customer.fields.city }}", "text", ["city"])
    with pytest.raises(Invalid, match="the card has no field town; there are: city"):
        TEXTS.check("{{ customer.fields.town }}", "text", ["city"])


NAMES = st.sampled_from(
    ["customer", "order", "self", "loop", "lipsum", "name", "fields", "__class__", "__globals__", "_x", "'x'", "0", ""]
)
PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "if",
        "else",
        "endif",
        "for",
        "in",
        "|",
        ".",
        "[",
        "]",
        "(",
        ")",
        "default",
        "attr",
        "upper",
        "~",
        "*",
        ",",
        "=",
        "not",
        "or",
        "set",
        "'",
        "-",
        "{#",
        "#}",
    ]
)
TEMPLATES = st.one_of(
    st.text(),
    st.lists(st.one_of(NAMES, PIECES), max_size=25).map(" ".join),
    st.lists(NAMES, min_size=1, max_size=6).map(lambda names: "{{ " + ".".join(names) + " }}"),
    st.text(string.printable, max_size=30).map(lambda text: "{{ " + text + " }}"),
)


@given(TEMPLATES)
def test_any_text_is_either_refused_by_name_or_can_be_filled_in_with_words_only(text):
    with contextlib.suppress(Invalid):
        TEXTS.check(text, "text.uk")
        _is_words_only(text)


def _is_words_only(text: str) -> None:
    for values in ({}, VALUES):
        becomes, missing = TEXTS.fill(text, values)
        assert set(missing) <= {*variables(), *(one for one in missing if one.startswith("customer.fields."))}
        assert not {"<class", "<bound", "<function", "_Owner"} & set(becomes.replace(text, "").split())


@pytest.mark.parametrize(
    ("wishes", "chosen"), [(("ka",), "ka"), (("en-GB", "uk"), "en"), ((None, "", "fr", "uk"), "uk"), ((), "en")]
)
def test_a_language_falls_back(wishes, chosen):
    assert language_for({"en": "", "uk": "", "ka": ""}, *wishes) == chosen
