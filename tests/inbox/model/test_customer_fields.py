"""What may stand in a field, and how it is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.model.customer_fields import CustomerField, FieldType, check_fields, checked_values
from inbox.model.errors import Invalid

FIELDS = [
    CustomerField(code="city", title="City"),
    CustomerField(code="size", title="Shoe size", type=FieldType.NUMBER),
    CustomerField(code="born", title="Birthday", type=FieldType.DATE),
    CustomerField(code="way", title="Delivery", type=FieldType.CHOICE, choices=("Нова Пошта", "Укрпошта")),
    CustomerField(code="vip", title="VIP", type=FieldType.YES_NO),
    CustomerField(code="old", title="Old", archived=True),
]


@pytest.mark.parametrize(
    ("code", "written", "kept"),
    [
        ("city", "  Львів ", "Львів"),
        ("size", "1 299,50", "1299.5"),
        ("size", "-0", "0"),
        ("size", "1e3", "1000"),
        ("born", "22.11.1990", "1990-11-22"),
        ("born", "1990-11-22", "1990-11-22"),
        ("way", "нова пошта", "Нова Пошта"),
        ("vip", "True", "yes"),
        ("vip", "no", "no"),
        ("unheard of", "anything", "anything"),
        ("city", "   ", None),
        ("old", None, None),
    ],
)
def test_a_value_is_kept_in_the_form_of_its_type(code, written, kept):
    assert checked_values(FIELDS, {code: written}) == {code: kept}


@pytest.mark.parametrize(
    ("code", "written", "remedy"),
    [
        ("size", "big", "a number such as 12.5"),
        ("size", "nan", "a number such as 12.5"),
        ("size", "1e400", "a number such as 12.5"),
        ("born", "31.02.1990", "a date such as 2026-11-22"),
        ("born", "0099-01-01", "a date such as 2026-11-22"),
        ("way", "Meest", "is one of Нова Пошта, Укрпошта"),
        ("vip", "perhaps", "is yes or no"),
        ("old", "x", "archived"),
        ("city", "x" * 2001, "at most 2000"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(code, written, remedy):
    with pytest.raises(Invalid, match=remedy) as refused:
        checked_values(FIELDS, {code: written})
    assert refused.value.field == f"fields.{code}"


@given(st.sampled_from(FIELDS[:-1]), st.text(max_size=20))
def test_what_is_kept_stays_as_it_is_when_it_is_written_again(field, written):
    try:
        kept = checked_values(FIELDS, {field.code: written})
    except Invalid:
        return
    assert checked_values(FIELDS, kept) == kept


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ([CustomerField(code="a b", title="x")], "fields.0.code"),
        ([CustomerField(code="1a", title="x")], "fields.0.code"),
        ([CustomerField(code="a", title="x"), CustomerField(code="a", title="y")], "fields.1.code"),
        ([CustomerField(code="a", title=" ")], "fields.0.title"),
        ([CustomerField(code="a", title="x", type=FieldType.CHOICE)], "fields.0.choices"),
        ([CustomerField(code="a", title="x", type=FieldType.CHOICE, choices=("A", "a"))], "fields.0.choices"),
        ([CustomerField(code="a", title="x", choices=("A",))], "fields.0.choices"),
        ([CustomerField(code=f"a{n}", title="x") for n in range(101)], "fields"),
    ],
)
def test_definitions_that_contradict_themselves_are_refused(fields, place):
    with pytest.raises(Invalid) as refused:
        check_fields(fields)
    assert refused.value.field == place
