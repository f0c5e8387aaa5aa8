"""Every fixture of every kind says exactly what stands beside it."""

import json
from pathlib import Path

import pytest

from tests.channels.examples import HERE, KINDS
from tests.channels.sidecars import fixtures, sidecar, told


@pytest.mark.parametrize("path", fixtures(), ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_a_fixture_says_exactly_this(path: Path):
    expected = json.loads(sidecar(path).read_text(encoding="utf-8"))
    assert json.loads(json.dumps(told(path), default=list)) == expected


def test_every_kind_has_fixtures_and_nothing_is_expected_of_none():
    folders = {name: {path.stem for path in (HERE / name / "fixtures").iterdir()} for name in KINDS}
    assert all(folders.values())
    for name, stems in folders.items():
        assert {path.stem for path in (HERE / name / "expected").iterdir()} == stems
