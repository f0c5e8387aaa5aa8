"""Awkward letters: each to exactly what it says, kept beside it. None is dropped and none breaks anything."""

import json
from pathlib import Path

import pytest

from channels.email import parse
from inbox.model.failures import Unreadable
from tests.channels.email.conftest import RECEIVED
from tests.channels.email.letters import told

FIXTURES = Path(__file__).parent / "fixtures"
EXPECTED = Path(__file__).parent / "expected"
LETTERS = sorted(FIXTURES.glob("*.eml"))


def test_there_are_many_of_them():
    assert len(LETTERS) >= 60


@pytest.mark.parametrize("path", LETTERS, ids=lambda path: path.stem)
def test_a_letter_says_exactly_this(settings, path):
    event = parse.fetched(settings, path.read_bytes(), received=RECEIVED, folder="inbox")
    expected = json.loads((EXPECTED / f"{path.stem}.json").read_text(encoding="utf-8"))
    try:
        found = told(parse.read(event.raw))
    except Unreadable as error:
        found = [{"event": "quarantined", "reason": str(error)}]
    assert found == expected
