"""What every kind owes, whichever it is. A kind inherits these tests by registering and adding an `Example`.

Fixtures are bodies of `tests/channels/{kind}/fixtures/{event}__{variant}.json` (letters: `.eml`), one
webhook call each.
"""

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from channels.registry import KINDS as REGISTERED
from inbox.model.capabilities import Flow
from inbox.model.channel import ChannelKind, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.incoming import AccountChanged, Incoming
from tests.channels.examples import EXAMPLES, HERE, KINDS, Example, secrets_of, settings_of


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> ChannelKind:
    return KINDS[request.param]


@pytest.fixture
def example(kind: ChannelKind) -> Example:
    return EXAMPLES[kind.name]


@pytest.fixture(name="settings")
def _settings(kind: ChannelKind) -> BaseModel:
    return settings_of(kind.name)


def fixtures() -> list[Any]:
    paths = sorted(HERE.glob("*/fixtures/*.*"))
    return [pytest.param(path, id=f"{path.parent.parent.name}/{path.stem}") for path in paths]


def test_it_is_registered_under_its_own_name():
    assert all(kind.name == name and kind.title for name, kind in KINDS.items())
    assert set(EXAMPLES) == set(KINDS)


def test_its_customers_open_only_addresses_that_are_on_the_internet_as_they_are(kind, settings):
    assert kind.can_open(settings, "https://inbox.shop.example/files/t/a.pdf")
    assert not kind.can_open(settings, "http://127.0.0.1:8080/files/t/a.pdf")


def test_an_account_is_told_from_others(kind, settings):
    """With nothing, an admin could connect one twice, and each of its customers would be two."""
    assert kind.account(settings) == kind.account(settings.model_copy()) != ""


class TestWebhook:
    def test_a_true_call_passes(self, kind, example, settings):
        body = example.unknown_event
        kind.authenticate(settings, WebhookRequest(headers=example.headers(settings, body), query={}, body=body))

    @pytest.mark.parametrize("value", ["", "0", "ключ", "\udcff", "x" * 10_000])
    def test_a_forged_call_is_forged_whatever_it_shows(self, kind, example, settings, value):
        shown = dict.fromkeys(example.headers(settings, b""), value)
        with pytest.raises(Forged):
            kind.authenticate(settings, WebhookRequest(headers=shown, query={}, body=example.unknown_event))

    def test_a_call_proven_with_other_secrets_is_forged(self, kind, example, settings):
        body = example.unknown_event
        hidden = {name: value for name, value in settings if isinstance(value, SecretStr)}
        others = {name: SecretStr(f"{value.get_secret_value()}x") for name, value in hidden.items()}
        shown = example.headers(settings.model_copy(update=others), body)
        with pytest.raises(Forged):
            kind.authenticate(settings, WebhookRequest(headers=shown, query={}, body=body))

    def test_a_signature_is_of_one_body_only(self, kind, example, settings):
        if example.headers(settings, b"one") == example.headers(settings, b"other"):
            return  # A shared secret says nothing of the body.
        shown = example.headers(settings, example.unknown_event)
        with pytest.raises(Forged):
            kind.authenticate(settings, WebhookRequest(headers=shown, query={}, body=example.unknown_event + b" "))

    def test_a_call_that_shows_nothing_is_forged(self, kind, example, settings):
        with pytest.raises(Forged):
            kind.authenticate(settings, WebhookRequest(headers={}, query={}, body=example.unknown_event))

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"hello", b"[]", b"null", b"{", b"[" * 100_000])
    def test_what_is_no_event_is_unreadable(self, kind, settings, body):
        with pytest.raises(Unreadable) as raised:
            kind.split(settings, WebhookRequest(headers={}, query={}, body=body))
        assert str(raised.value)

    def test_an_unknown_event_is_kept_and_shows_nothing(self, kind, settings, example):
        [event] = kind.split(settings, WebhookRequest(headers={}, query={}, body=example.unknown_event))
        assert event.key
        assert kind.read(event.raw) == []

    @pytest.mark.parametrize("name", sorted(KINDS))
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # A busy machine is no finding.
    @given(body=st.binary() | st.from_type(dict[str, int | str | None]).map(lambda found: json.dumps(found).encode()))
    def test_nothing_that_is_posted_crashes_it(self, name, body):
        try:
            events = KINDS[name].split(settings_of(name), WebhookRequest(headers={}, query={}, body=body))
        except Unreadable:
            return
        for event in events:
            assert event.key

    @pytest.mark.parametrize("path", fixtures())
    def test_every_fixture_is_read_the_same_each_time(self, path: Path):
        kind = KINDS[path.parent.parent.name]
        settings = settings_of(kind.name)
        request = WebhookRequest(headers={}, query={}, body=EXAMPLES[kind.name].call(path.read_bytes()))
        events = kind.split(settings, request)
        assert [event.key for event in events] == [event.key for event in kind.split(settings, request)]
        read = [found for event in events for found in kind.read(event.raw)]
        assert read == [found for event in events for found in kind.read(event.raw)]
        for found in read:
            assert isinstance(found, AccountChanged) or found.person.external_id
            assert msgspec.json.decode(msgspec.json.encode(found), type=Incoming) == found


class TestHandshake:
    def test_the_provider_that_shows_the_secret_gets_its_answer(self, kind, example, settings):
        if example.handshake is not None:
            query, answer = example.handshake
            assert kind.handshake(settings, WebhookRequest(headers={}, query=query, body=b"")) == answer

    @pytest.mark.parametrize("shown", ["", "0", "ключ", "\udcff", "x" * 10_000])
    def test_nobody_else_does(self, kind, example, settings, shown):
        query: dict[str, str] = {}
        if example.handshake is not None:
            query = dict(example.handshake[0])
            query[list(query)[-1]] = shown
        with pytest.raises(Forged):
            kind.handshake(settings, WebhookRequest(headers={}, query=query, body=b""))
        with pytest.raises(Forged):
            kind.handshake(settings, WebhookRequest(headers={}, query={}, body=b""))


class TestSettings:
    def test_no_secret_is_shown(self, settings):
        secrets = secrets_of(settings)
        assert secrets
        shown = f"{settings!r} {settings!s} {settings.model_dump_json()}"
        assert not [secret for secret in secrets if secret in shown]

    def test_an_error_names_the_field_and_never_the_value(self, kind, example):
        for name in kind.settings.model_fields:
            with pytest.raises(ValidationError) as raised:
                kind.settings.model_validate({**example.settings, name: "ключ до дому\n" * 1000})
            assert name in str(raised.value)
            assert "ключ до дому" not in str(raised.value)

    def test_an_unknown_setting_is_not_swallowed(self, kind, example):
        with pytest.raises(ValidationError):
            kind.settings.model_validate({**example.settings, "tokn": "x"})

    def test_what_prepare_makes_up_is_shown_once(self, kind, example):
        required = {
            name: example.settings[name] for name, field in kind.settings.model_fields.items() if field.is_required()
        }
        prepared, shown = kind.prepare(kind.settings.model_validate(required))
        for name, value in shown.items():
            assert getattr(prepared, name).get_secret_value() == value
        again, nothing = kind.prepare(prepared)
        assert (again, nothing) == (prepared, {})

    async def test_a_connection_shows_no_secret(self, kind, settings):
        connection = await kind.connect(settings)
        secrets = secrets_of(settings)
        assert not [secret for secret in secrets if secret in f"{connection!r} {connection!s}"]
        await connection.close()


class TestForm:
    def test_every_step_and_every_field_is_in_plain_words(self, kind):
        assert kind.setup
        assert all(step.endswith(".") for step in kind.setup)
        for name, field in kind.settings.model_fields.items():
            assert field.title, name
            assert field.description, name
            assert not field.title.endswith("."), name

    def test_what_is_left_to_do_names_no_secret(self, kind, settings):
        secrets = secrets_of(settings)
        steps = " ".join(kind.webhook_steps(settings))
        assert not [secret for secret in secrets if secret in steps]

    @pytest.mark.parametrize("name", sorted(REGISTERED))
    def test_the_page_with_all_the_steps_is_there(self, name):
        assert (HERE.parent.parent / "docs" / "channels" / f"{name}.md").exists()


class TestCapabilities:
    def test_limits_stand_where_something_is_sent(self, kind):
        can = kind.capabilities
        assert not can.text.sends or can.text_limit > 0
        assert not can.media.sends or can.media_limits
        assert can.media is Flow.NONE or can.receive_max_bytes > 0
        assert can.album_limit >= 1
        assert all(limit.max_bytes > 0 for limit in can.media_limits.values())
        assert set(can.media_limits) <= {"photo", "video", "audio", "voice", "document"}

    def test_paces_let_something_through(self, kind):
        for pace in (kind.capabilities.channel_pace, kind.capabilities.chat_pace):
            assert pace.per_second > 0
            assert pace.burst >= 1


def test_each_kind_has_its_page():
    for kind in KINDS.values():
        page = Path(inspect.getfile(type(kind))).with_name("README.md").read_text(encoding="utf-8")
        for heading in ("## Connect", "## Supported", "## Not supported", "## Quirks"):
            assert heading in page
