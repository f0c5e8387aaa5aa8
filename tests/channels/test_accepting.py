"""What a kind's provider posts goes through the door of the flow: once, whole, and never where it is forged."""

import pytest

from inbox.model.channel import WebhookRequest
from inbox.model.failures import Forged
from tests.channels.examples import EXAMPLES, HERE, KINDS, secrets_of, settings_of


def call(name: str) -> WebhookRequest:
    """Somebody's text as the kind's provider posts it."""
    example = EXAMPLES[name]
    folder = HERE / name / "fixtures"
    text = next(path for variant in ("text", "plain") for path in folder.glob(f"message*__{variant}.*"))
    body = example.call(text.read_bytes())
    headers = example.headers(settings_of(name), body)
    return WebhookRequest(headers=headers, query={}, body=body)


async def rows(house, channel_id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = await house.database.durable.journal.find({"channel_id": channel_id}).to_list(None)
    return found


@pytest.mark.parametrize("name", KINDS)
async def test_a_call_that_is_repeated_is_kept_once(house, name):
    kind, settings, request = KINDS[name], settings_of(name), call(name)
    for number in range(2):
        await house.journal.accept(kind, "c1", settings, request, f"request-{number}")
    kept = await rows(house, "c1")
    assert len(kept) == len({event.key for event in kind.split(settings, request)}) > 0
    assert not [secret for secret in secrets_of(settings) if secret in repr(kept)]


@pytest.mark.parametrize("name", KINDS)
async def test_a_forged_call_leaves_no_trace(house, name):
    request = call(name)
    forged = WebhookRequest(headers=dict.fromkeys(request.headers, "0"), query={}, body=request.body)
    with pytest.raises(Forged):
        await house.journal.accept(KINDS[name], "c1", settings_of(name), forged, "request")
    assert await rows(house, "c1") == []


@pytest.mark.parametrize("name", KINDS)
async def test_what_nobody_knows_is_kept_and_shows_nothing(house, name):
    body = EXAMPLES[name].unknown_event
    request = WebhookRequest(headers=EXAMPLES[name].headers(settings_of(name), body), query={}, body=body)
    await house.journal.accept(KINDS[name], "c1", settings_of(name), request, "request")
    [kept] = await rows(house, "c1")
    assert kept["state"] != "quarantined"
