from __future__ import annotations

import pytest

from web.embedded.process import next_backoff


@pytest.mark.parametrize(
    ("previous", "alive", "expected"),
    [
        pytest.param(0.0, 3600, 0.0, id="a lone misfortune after a long life"),
        pytest.param(0.0, 1, 0.2, id="an early death"),
        pytest.param(0.2, 1, 0.4, id="it did not help"),
        pytest.param(8.0, 1, 10.0, id="never longer than this"),
    ],
)
def test_backoff(previous, alive, expected):
    assert next_backoff(previous, alive=alive) == expected
