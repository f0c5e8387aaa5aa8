import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aioviberbot.api.messages import (
    ContactMessage,
    LocationMessage,
    PictureMessage,
    StickerMessage,
    TextMessage,
    URLMessage,
)
from aioviberbot.api.messages.data_types.contact import Contact as ViberContact
from aioviberbot.api.messages.data_types.location import Location as ViberLocation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from channels.viber import Viber, parse, tracking
from channels.viber.spec import ViberSettings
from inbox.model.channel import WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.incoming import (
    AccountChanged,
    ButtonPress,
    Contact,
    Incoming,
    Location,
    Media,
    NewMessage,
    Person,
    Placeholder,
    ReachabilityChanged,
    Receipt,
)

FIXTURES = Path(__file__).parent / "fixtures"
SETTINGS = ViberSettings(token=SecretStr("445da6az1s345z78-dazcczb2542zv51a"), sender_name="Скринька")
AT = datetime(2026, 11, 2, 9, 40, 0, 123000, tzinfo=UTC)
USER_ID = "Z8fQ3+x0/5nKpV1aYq2tUw=="
OLENA = Person(
    external_id=USER_ID,
    name="Олена Мельник",
    avatar="https://media-direct.cdn.viber.com/download_photo?dlid=x",
    language="uk",
)
CDN = "https://dl-media.viber.com/5/media/2"


def request(body: bytes, headers: dict[str, str] | None = None, query: dict[str, str] | None = None) -> WebhookRequest:
    return WebhookRequest(headers=headers or {}, query=query or {}, body=body)


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def read(body: bytes) -> list[Incoming]:
    [event] = parse.split(request(body))
    return parse.read(event.raw)


def read_message(body: bytes) -> NewMessage:
    subscribed, message = read(body)
    assert subscribed == ReachabilityChanged(person=message.person, at=subscribed.at, reachable=True)  # type: ignore[union-attr]
    assert isinstance(message, NewMessage)
    return message


def callback(**fields: Any) -> bytes:
    return json.dumps({"event": "message", "timestamp": 1793612400123, "message_token": 1, **fields}).encode()


def message(**fields: Any) -> bytes:
    return callback(sender={"id": USER_ID}, message=fields)


class TestMessages:
    def test_says_who_wrote_what_when(self):
        token = json.loads(fixture("message__text"))["message_token"]
        assert token > 2**53
        assert read_message(fixture("message__text")) == NewMessage(
            person=OLENA, external_id=str(token), sent_at=AT, sequence=token, text="Добрий день! Є дубова скринька?"
        )

    @pytest.mark.parametrize(
        ("name", "text", "media"),
        [
            (
                "picture",
                "Ось така",
                Media(
                    type="photo",
                    ref=f"{CDN}/short/any/sig/image/0x0/3f4a/8b1c.jpg",
                    name="8b1c.jpg",
                    content_type="image/jpeg",
                    size=81234,
                ),
            ),
            (
                "video",
                "",
                Media(
                    type="video",
                    ref=f"{CDN}/short/any/sig/video/5d1e/77aa.mp4",
                    name="77aa.mp4",
                    content_type="video/mp4",
                    size=1345678,
                    duration=9,
                ),
            ),
            (
                "file",
                "",
                Media(
                    type="document",
                    ref=f"{CDN}/long/any/sig/file/9c2f/1f0b.pdf",
                    name="чек.pdf",
                    content_type="application/octet-stream",
                    size=20480,
                ),
            ),
            (
                "sticker",
                "",
                Media(
                    type="sticker",
                    ref="https://content.cdn.viber.com/stickers/102/0004/00040133.png",
                    content_type="image/png",
                ),
            ),
        ],
    )
    def test_files(self, name, text, media):
        found = read_message(fixture(f"message__{name}"))
        assert (found.text, found.media, found.content) == (text, (media,), None)

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("contact", Contact(phone="+380501234567", name="Андрій Коваль", own=False)),
            ("location", Location(latitude=49.842957, longitude=24.031111)),
            ("unknown_type", Placeholder(what="rich_media")),
            ("sticker_without_picture", Placeholder(what="sticker")),
        ],
    )
    def test_content(self, name, content):
        found = read_message(fixture(f"message__{name}"))
        assert (found.text, found.media, found.content) == ("", (), content)

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            (TextMessage(text="Привіт"), {"text": "Привіт"}),
            (URLMessage(media="https://skrynka.example"), {"text": "https://skrynka.example"}),
            (
                PictureMessage(text="Ось", media="https://x.example/a.jpg"),
                {
                    "text": "Ось",
                    "media": (Media(type="photo", ref="https://x.example/a.jpg", content_type="image/jpeg"),),
                },
            ),
            (
                ContactMessage(contact=ViberContact("Тато", "+380671112233", None)),
                {"content": Contact(phone="+380671112233", name="Тато")},
            ),
            (
                LocationMessage(location=ViberLocation(50.4, 30.5)),
                {"content": Location(latitude=50.4, longitude=30.5)},
            ),
            (StickerMessage(sticker_id=40133), {"content": Placeholder(what="sticker")}),
        ],
    )
    def test_messages_as_the_communitys_library_writes_them(self, written, expected):
        found = read_message(message(**written.to_dict()))
        assert {name: getattr(found, name) for name in expected} == expected

    def test_a_pressed_button(self):
        found = read_message(fixture("message__button"))
        assert (found.text, found.content) == ("Беремо", ButtonPress(data="order:yes"))

    @pytest.mark.parametrize("attached", ["t", "{", '{"buttons": 1}', '{"buttons": {"ні": "x"}}', "[" * 9000])
    def test_what_was_attached_may_be_anything(self, attached):
        assert read_message(message(type="text", text="так", tracking_data=attached)).content is None

    def test_a_link_is_text(self):
        assert read_message(fixture("message__url")).text == "https://skrynka.example/oak"
        beside = read_message(message(type="url", text="Ось", media="https://skrynka.example/oak"))
        assert beside.text == "Ось\nhttps://skrynka.example/oak"

    def test_fields_may_be_null(self):
        found = read_message(fixture("message__nulls"))
        assert (found.person, found.text) == (Person(external_id=USER_ID), "hi")

    def test_even_an_empty_text_is_shown(self):
        assert read_message(message(type="text")).content == Placeholder(what="text")

    @pytest.mark.parametrize("size", ["file_size", "size"])
    def test_both_names_of_a_size(self, size):
        assert read_message(message(type="file", media="https://x.example/a", **{size: 7})).media[0].size == 7

    def test_a_number_may_come_as_text(self):
        body = callback(
            sender={"id": USER_ID}, message={"type": "text", "text": "a"}, message_token="5912661846655238145"
        )
        assert read_message(body).external_id == "5912661846655238145"


class TestOtherCallbacks:
    def test_a_links_context_is_kept_without_opening_anything(self):
        [found] = read(fixture("conversation_started__with_context"))
        assert isinstance(found, NewMessage)
        assert (found.source, found.quiet, found.person) == ("spring_sale", True, OLENA)
        assert found.content == Placeholder(what="opened the chat by spring_sale")

    @pytest.mark.parametrize("name", ["conversation_started__plain", "webhook__swapped"])
    def test_what_says_nothing(self, name):
        assert read(fixture(name)) == []

    def test_subscriptions(self):
        assert read(fixture("subscribed__plain")) == [ReachabilityChanged(person=OLENA, at=AT, reachable=True)]
        assert read(fixture("unsubscribed__plain")) == [
            ReachabilityChanged(person=Person(external_id=USER_ID), at=AT, reachable=False, reason="unsubscribed")
        ]

    @pytest.mark.parametrize(
        ("name", "state", "error"),
        [
            ("delivered__plain", "delivered", ""),
            ("seen__plain", "read", ""),
            ("failed__media", "failed", "Media not found"),
        ],
    )
    def test_receipts(self, name, state, error):
        token = str(json.loads(fixture(name))["message_token"])
        assert read(fixture(name)) == [
            Receipt(person=Person(external_id=USER_ID), external_id=token, at=AT, state=state, error=error)
        ]

    @pytest.mark.parametrize("time", [{}, {"timestamp": None}, {"timestamp": 0}])
    def test_a_callback_without_a_time_happened_when_it_came(self, time):
        [event] = parse.split(request(json.dumps(json.loads(fixture("seen__without_time")) | time).encode()))
        [receipt] = parse.read(event.raw)
        assert isinstance(receipt, Receipt)
        assert abs((receipt.at - datetime.now(UTC)).total_seconds()) < 60
        assert parse.read(event.raw) == [receipt]


class TestKeys:
    def test_receipts_of_one_message_have_keys_of_their_own(self):
        keys = {
            parse.split(request(json.dumps({"event": event, "message_token": 7, "user_id": user}).encode()))[0].key
            for event in ("delivered", "seen")
            for user in ("a==", "b==")
        }
        assert len(keys) == 4

    def test_the_same_callback_has_the_same_key_each_time(self):
        first, again = (parse.split(request(fixture("seen__without_time")))[0].key for _ in range(2))
        assert first == again


def signed(body: bytes, token: str = "445da6az1s345z78-dazcczb2542zv51a") -> str:
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


class TestSignature:
    def test_over_the_bytes_as_they_came(self):
        body = fixture("message__text")
        parse.authenticate(SETTINGS, request(body, {parse.SIGNATURE_HEADER: signed(body)}))
        again = json.dumps(json.loads(body)).encode()
        with pytest.raises(Forged):
            parse.authenticate(SETTINGS, request(again, {parse.SIGNATURE_HEADER: signed(body)}))

    def test_in_the_query_where_there_is_no_header(self):
        parse.authenticate(SETTINGS, request(b"{}", query={"sig": signed(b"{}")}))
        with pytest.raises(Forged):
            parse.authenticate(SETTINGS, request(b"{}", {parse.SIGNATURE_HEADER: "0"}, {"sig": signed(b"{}")}))

    @pytest.mark.parametrize("shown", [signed(b"{}", "another-token"), signed(b"{}").upper(), "ключ", "\udcff", " "])
    def test_forged(self, shown):
        with pytest.raises(Forged):
            parse.authenticate(SETTINGS, request(b"{}", {parse.SIGNATURE_HEADER: shown}))


class TestWelcome:
    greeting = SETTINGS.model_copy(update={"welcome": "Вітаємо! Напишіть нам."})

    def answer(self, settings: ViberSettings, body: bytes) -> bytes:
        return Viber().answer(settings, request(body))

    def test_whoever_opens_the_chat_is_greeted(self):
        said = json.loads(self.answer(self.greeting, fixture("conversation_started__plain")))
        assert said == {
            "min_api_version": 1,
            "sender": {"name": "Скринька"},
            "type": "text",
            "text": "Вітаємо! Напишіть нам.",
        }

    @pytest.mark.parametrize("name", ["message__text", "subscribed__plain", "webhook__swapped"])
    def test_nobody_else_is(self, name):
        assert self.answer(self.greeting, fixture(name)) == b""

    def test_not_who_has_subscribed(self):
        body = json.loads(fixture("conversation_started__plain")) | {"subscribed": True}
        assert self.answer(self.greeting, json.dumps(body).encode()) == b""

    def test_nor_anybody_where_there_is_no_welcome(self):
        assert self.answer(SETTINGS, fixture("conversation_started__plain")) == b""

    def test_nor_what_cannot_be_read(self):
        assert self.answer(self.greeting, b"{") == b""


class TestUnreadable:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (b"{", "truncated"),
            (b'{"event": "seen", "user_id": "a"}', "message_token"),
            (b'{"event": "seen", "message_token": -1, "user_id": "a"}', "message_token"),
            (b'{"event": "seen", "message_token": 99999999999999999999, "user_id": "a"}', "message_token"),
            (b'{"event": "seen", "message_token": 1, "timestamp": -1, "user_id": "a"}', "timestamp"),
            (b'{"event": "seen", "message_token": 1, "timestamp": 1}', "user_id"),
            (b'{"event": "seen", "message_token": 1, "timestamp": 1, "user_id": ""}', "user_id"),
            (b'{"event": "message", "message_token": 1, "timestamp": 1, "sender": {"id": "a"}}', "message"),
            (callback(sender={"id": "a"}, message={"type": "location", "location": {"lat": "x", "lon": 1}}), "lat"),
        ],
    )
    def test_a_reason_names_the_field(self, body, field):
        with pytest.raises(Unreadable, match=field):
            read(body)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.fixed_dictionaries(
            {"event": st.sampled_from(["message", "seen", "subscribed", "conversation_started", "failed", "webhook"])},
            optional={
                "message_token": st.integers() | st.text(),
                "timestamp": st.integers() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
                "sender": st.dictionaries(st.sampled_from(["id", "name"]), st.text() | st.none()),
                "user": st.dictionaries(st.sampled_from(["id", "name"]), st.text() | st.none()),
                "user_id": st.text() | st.integers(),
                "context": st.text() | st.none(),
                "message": st.dictionaries(
                    st.sampled_from(["type", "text", "media", "location", "contact", "size", "tracking_data"]),
                    st.text() | st.integers() | st.none() | st.dictionaries(st.text(), st.text()),
                ),
            },
        )
    )
    def test_whatever_comes_is_read_or_unreadable(self, body):
        try:
            found = read(json.dumps(body).encode())
        except Unreadable:
            return
        assert all(event.person.external_id for event in found if not isinstance(event, AccountChanged))


class TestTracking:
    @given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
    def test_what_is_attached_comes_back(self, key, buttons):
        attached = tracking.Tracking(key, buttons)
        assert tracking.read(tracking.written(attached)) == attached

    def test_what_is_too_long_is_attached_without_its_buttons(self):
        attached = tracking.Tracking("m1:000", {f"{number}" * 250: "x" for number in range(24)})
        assert tracking.read(tracking.written(attached)) == tracking.Tracking("m1:000")


class TestSettings:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("token", "short"),
            ("token", "with a space in it"),
            ("token", "ключ-ключ-ключ"),
            ("sender_name", ""),
            ("sender_name", "ї" * 29),
            ("sender_name", "a\nb"),
            ("sender_avatar", "logo.png"),
            ("api_base", "https://chatapi.viber.com/"),
            ("api_base", "https://chatapi.viber.com/pa"),
            ("api_base", "chatapi.viber.com"),
            ("welcome", "ї" * 7001),
        ],
    )
    def test_what_cannot_work_is_refused_by_name(self, field, value):
        with pytest.raises(ValueError, match=f"{field}: "):
            ViberSettings.model_validate({"token": "445da6az1s345z78", "sender_name": "Скринька", field: value})

    def test_what_was_copied_with_spaces(self):
        settings = ViberSettings.model_validate({"token": " 445da6az1s345z78\n", "sender_name": " Скринька "})
        assert (settings.token.get_secret_value(), settings.sender_name) == ("445da6az1s345z78", "Скринька")
