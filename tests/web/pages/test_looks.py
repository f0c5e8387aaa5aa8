"""How names, times, sizes and links are shown."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.pages.looks import Clock, initials, lasting, link, plain, size, zone

KYIV = ZoneInfo("Europe/Kyiv")
FRIDAY = datetime(2026, 11, 20, 12, 32, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Олена Мельник", "ОМ"),
        ("marta.handmade", "MH"),
        ("Андрій", "А"),
        ("Ганна Марія фон Штольц", "ГШ"),
        ("+380 67 123", "?"),
        ("", "?"),
        ("🌸", "?"),
        ("გიორგი ბერიძე", "გბ"),
    ],
)
def test_initials(name, letters):
    assert initials(name) == letters


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("див. https://a.example/x.", '">https://a.example/x</a>.'),
        ("(https://a.example/(b))", '">https://a.example/(b)</a>)'),
        ("HTTP://A.example", '">HTTP://A.example</a>'),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("<b>", "&lt;b&gt;"),
        ('https://a.example/"onclick="x', '">https://a.example/</a>&#34;onclick=&#34;x'),
    ],
)
def test_links(text, html):
    assert link(text).endswith(html)


@given(st.text())
def test_linked_text_has_no_markup_but_our_links(text):
    html = str(link(text))
    assert html.count("<") == 2 * html.count('<a href="')
    assert "<script" not in html


def test_a_preview_is_one_line_and_cannot_turn_the_row_around():
    assert plain("один\n\n  два\u202e") == "один два"
    assert plain("👩\u200d💻") == "👩\u200d💻"


def test_sizes():
    assert [size(count) for count in (None, 12, 2048, 5_500_000)] == ["", "12 B", "2 KB", "5.2 MB"]


def test_zones_fall_back():
    assert zone("No/Where", "", None, "Europe/Kyiv") == KYIV
    assert zone("../../etc/passwd") == UTC


def test_the_clock_says_it_as_short_as_it_is_clear():
    clock = Clock(KYIV, FRIDAY)
    assert clock.short(FRIDAY) == "14:32"
    assert clock.short(FRIDAY - timedelta(days=1)) == "Thu"
    assert clock.short(FRIDAY - timedelta(days=30)) == "21 Oct"
    assert clock.short(FRIDAY - timedelta(days=400)) == "16 Oct 2025"
    assert clock.until(FRIDAY + timedelta(hours=1)) == "15:32"
    assert clock.until(FRIDAY + timedelta(days=3)) == "Mon 14:32"
    assert clock.until(FRIDAY + timedelta(days=30)) == "20 Dec, 14:32"


def test_waiting():
    clock = Clock(UTC, FRIDAY)
    waits = [timedelta(seconds=-5), timedelta(minutes=4), timedelta(minutes=95), timedelta(days=3)]
    assert [clock.waited(FRIDAY - wait) for wait in waits] == ["0 min", "4 min", "1 h", "3 d"]
    assert [clock.late(FRIDAY - wait) for wait in waits] == [False, False, True, True]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0.0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599.0, "1 h"),
        (4500.0, "1 h 15 min"),
        (86_399.0, "1 d"),
        (183_600.0, "2 d 3 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds, said):
    assert lasting(seconds) == said
