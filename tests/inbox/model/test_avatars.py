"""When a customer's picture is looked at."""

from datetime import UTC, datetime, timedelta

import pytest

from inbox.model.avatars import REFRESHED_AFTER, is_due, told_source

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LOOKED = {"avatar_source": "a", "avatar_of": "a", "avatar_at": NOW}


@pytest.mark.parametrize(
    ("identity", "due", "source"),
    [
        ({}, True, ""),
        ({"avatar_source": "a"}, True, "a"),
        (LOOKED, False, ""),
        ({**LOOKED, "avatar_source": "b"}, True, "b"),
        ({**LOOKED, "avatar_at": NOW - REFRESHED_AFTER}, True, ""),
        ({**LOOKED, "avatar_at": NOW - REFRESHED_AFTER + timedelta(seconds=1)}, False, ""),
        ({"avatar_of": "", "avatar_at": NOW}, False, ""),
    ],
)
def test_it_is_looked_at_once_and_again_when_another_is_told_or_days_have_passed(identity, due, source):
    assert (is_due(identity, NOW), told_source(identity)) == (due, source)
