"""Texts with variables: what they may say, and what becomes of them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.macros import MacroTexts, known_variables
from inbox.model.errors import Invalid

VALUES = {
    "customer": {"name": "Taras Bondar", "first_name": "Taras", "phone": "", "email": ""},
    "manager": {"name": "Olena", "first_name": "Olena"},
    "shop": {"name": "Крамниця"},
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Plain", "Plain"),
        ("Hi {{ customer.first_name }}!\n", "Hi Taras!\n"),
        ("{{ customer.phone | default('no phone', true) }}", "no phone"),
        ("{{ shop.name | upper }}", "КРАМНИЦЯ"),
        ("{% if customer.email %}{{ customer.email }}{% else %}?{% endif %}", "?"),
        ("{{ 'a' if customer.phone else 'b' }}", "b"),
        ("100% {nothing} <b>", "100% {nothing} <b>"),
    ],
)
def test_a_text_is_filled_in(text, filled):
    texts = MacroTexts()
    texts.check(text, "text")
    assert texts.fill(text, VALUES) == filled


@pytest.mark.parametrize("variable", known_variables())
def test_every_variable_there_is_can_be_used(variable):
    texts = MacroTexts()
    texts.check(f"{{{{ {variable} }}}}", "text")
    owner, name = variable.split(".")
    assert texts.fill(f"{{{{ {variable} }}}}", VALUES) == VALUES[owner][name]


@given(st.text())
def test_any_text_is_either_refused_by_name_or_can_be_filled_in(text):
    texts = MacroTexts()
    with contextlib.suppress(Invalid):
        texts.check(text, "text.uk")
        assert isinstance(texts.fill(text, VALUES), str)


def test_what_a_customer_calls_themselves_is_only_text():
    texts = MacroTexts()
    values = {**VALUES, "customer": {**VALUES["customer"], "name": "{{ manager.name }}"}}
    assert texts.fill("{{ customer.name }}", values) == "{{ manager.name }}"
