"""A kind's sign can be drawn, and seen."""

import pytest

from inbox.model.look import Look, contrast


@pytest.mark.parametrize(("one", "other", "ratio"), [("#ffffff", "#000000", 21), ("#777777", "#ffffff", 4.48)])
def test_contrast_is_what_the_guidelines_say(one, other, ratio):
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


def test_what_declares_nothing_is_a_speech_bubble():
    assert Look() == Look(icon=Look().icon)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("icon", ""),
        ("icon", "send"),
        ("icon", 'M4 4"/><script>'),
        ("colour", "red"),
        ("colour", "#FFFFFF"),
        ("colour", "#f5d000"),
        ("colour_dark", "#203040"),
        ("colour_dark", "#7d8893;"),
    ],
)
def test_what_could_not_be_drawn_or_hardly_be_seen_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"^{field}: "):
        Look(**{field: value})
