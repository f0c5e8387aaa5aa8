"""Cursors go out and come back, and nothing else is taken for one."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.model.errors import Invalid
from inbox.paging import decode_cursor, encode_cursor, page


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.datetimes(timezones=st.just(UTC)))
def test_a_cursor_comes_back_as_it_went(key, at):
    assert decode_cursor(encode_cursor(at, key), datetime, str) == (at, key)


@given(st.text())
def test_anything_else_is_refused_by_name(text):
    with contextlib.suppress(Invalid):
        assert isinstance(decode_cursor(text, str)[0], str)


def test_a_cursor_of_another_list_is_refused():
    for cursor in (encode_cursor("id"), encode_cursor(5, "id"), encode_cursor(datetime.now(UTC))):
        with pytest.raises(Invalid, match="cursor"):
            decode_cursor(cursor, datetime, str)


def test_a_page_says_whether_there_is_more():
    rows = [{"_id": letter} for letter in "abc"]
    assert page(rows, 3, "_id") == (rows, None)
    kept, cursor = page(rows, 2, "_id")
    assert kept == rows[:2]
    assert decode_cursor(cursor or "", str) == ("b",)
