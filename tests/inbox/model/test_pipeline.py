"""The stages of orders, and what a pipeline may not be."""

import pytest

from inbox.model.errors import Invalid
from inbox.model.pipeline import DEFAULT_PIPELINE, Pipeline, Stage, check_pipeline, unreachable


def stage(code: str, *following: str) -> Stage:
    return Stage(code=code, title={"en": code.title()}, next=following)


def test_the_default_is_sound_and_speaks_four_languages():
    check_pipeline(DEFAULT_PIPELINE)
    assert unreachable(DEFAULT_PIPELINE) == []
    assert DEFAULT_PIPELINE.codes == (
        "new",
        "confirmed",
        "awaiting_payment",
        "paid",
        "packed",
        "shipped",
        "delivered",
        "returned",
        "cancelled",
    )
    assert [one.code for one in DEFAULT_PIPELINE.stages if one.notify] == ["confirmed", "shipped", "delivered"]
    assert DEFAULT_PIPELINE.void == ("returned", "cancelled")
    assert all(set(one.title) == {"uk", "ru", "en", "ka"} for one in DEFAULT_PIPELINE.stages)


@pytest.mark.parametrize(
    ("stages", "field"),
    [
        ((), "statuses"),
        ((stage("new"), stage("new")), "statuses.1.code"),
        ((stage("new", "gone"),), "statuses.0.next"),
        ((stage("new", "new"),), "statuses.0.next"),
    ],
)
def test_what_contradicts_itself_is_refused_by_its_field(stages, field):
    with pytest.raises(Invalid) as refused:
        check_pipeline(Pipeline(stages))
    assert refused.value.field == field


def test_what_no_move_leads_to_is_told():
    assert unreachable(Pipeline((stage("new", "sent"), stage("sent"), stage("lost", "sent")))) == ["lost"]


def test_from_a_status_that_is_gone_an_order_may_go_anywhere():
    pipeline = Pipeline((stage("new", "sent"), stage("sent")))
    assert pipeline.allowed("sent") == ()
    assert pipeline.allowed("gone") == ("new", "sent")


def test_a_title_is_in_the_first_language_that_it_has():
    both = Pipeline((Stage(code="new", title={"en": "New", "uk": "Нове"}),))
    assert both.title("new", ["ka", "uk"]) == "Нове"
    assert both.title("new", ["ka"]) == "New"
    assert both.title("gone", ["uk"]) == "gone"
