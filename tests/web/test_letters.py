"""Letters' HTML in a frame: nothing acts, nothing asks anybody, what came along is there."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.letters import as_data, page, policy

PIXEL = as_data("image/gif", b"GIF89a")


def body(html: str, inline: Mapping[str, str] | None = None, *, images: bool = False) -> str:
    found = re.search(r"<body>(.*)</body>", page(html, inline or {}, images=images), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        '<p onclick="alert(1)">x</p>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        '<iframe src="https://evil.example"></iframe>',
        '<object data="x"></object><embed src="x">',
        '<form action="https://evil.example"><input name=password></form>',
        '<meta http-equiv="refresh" content="0;url=https://evil.example">',
        '<base href="https://evil.example"><link rel=stylesheet href="https://evil.example/x.css">',
        "<style>body{background:url(https://evil.example/x)}</style>",
        '<p style="background:url(https://evil.example/x)">x</p>',
        '<p style="position:fixed;top:0">x</p>',
        '<svg onload=alert(1)><script>1</script></svg><math><mi xlink:href="javascript:1">',
        '<img src="data:image/svg+xml;base64,PHN2Zz4=">',
        "<img src=x onerror=alert(1)>",
        '<img srcset="https://evil.example/x 2x" src="//evil.example/x">',
    ],
)
def test_nothing_acts_and_nothing_is_asked_for(html):
    shown = body(html)
    assert not re.search(
        r"script|on\w+=|javascript|evil|iframe|object|embed|form|<input|meta|<base|<link|url\(|position|svg|srcset",
        shown,
    )


def test_what_it_looks_like_stays():
    html = '<table width="600"><tr><td style="color:red;padding:4px" bgcolor="#eee"><b>Привіт</b></td></tr></table>'
    shown = body(html)
    assert all(kept in shown for kept in ('width="600"', "color:red", 'bgcolor="#eee"', "<b>Привіт</b>"))


def test_links_leave_the_frame_and_tell_nothing():
    shown = body('<a href="https://shop.example/a?b=1">x</a>')
    assert 'target="_blank"' in shown
    assert "noreferrer" in shown


def test_pictures_that_came_along_are_in_the_page():
    shown = body('<img src="cid:001"><img src="cid:002">', {"001": PIXEL})
    assert shown.count(PIXEL) == 1


def test_pictures_from_elsewhere_come_on_request_only():
    html = '<img src="https://elsewhere.example/x.png" alt="x">'
    assert "elsewhere" not in body(html)
    assert "https://elsewhere.example/x.png" in body(html, images=True)
    assert "https:" not in policy(images=False)
    assert "https:" in policy(images=True)


@pytest.mark.parametrize("images", [False, True])
def test_the_policy_lets_nothing_run(images):
    told = policy(images=images)
    assert "default-src 'none'" in told
    assert "sandbox" in told
    assert "allow-scripts" not in told
    assert "allow-same-origin" not in told


@given(html=st.text())
def test_any_text_becomes_a_page(html):
    assert page(html, {}, images=False).startswith("<!DOCTYPE html>")
