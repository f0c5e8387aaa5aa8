import pytest

from inbox.model.capabilities import Flow


@pytest.mark.parametrize(
    ("flow", "sends"), [(Flow.NONE, False), (Flow.RECEIVE, False), (Flow.SEND, True), (Flow.BOTH, True)]
)
def test_only_what_goes_out_sends(flow, sends):
    assert flow.sends is sends
