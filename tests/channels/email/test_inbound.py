"""What providers post: Postmark's JSON, Mailgun's and SendGrid's forms, each raw and taken apart."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest

from channels.email import Email
from channels.email.inbound import FRESH_SECONDS, Tokens
from inbox.model.channel import WebhookRequest
from inbox.model.failures import Forged, Unreadable

SECRET = "s3cret-of-the-webhook"
LETTER = (
    b"From: =?utf-8?B?0J7Qu9C10L3QsA==?= <olena@mail.example>\r\nTo: support@shop.example\r\nSubject: Hi\r\n"
    b"Date: Mon, 3 Nov 2025 12:00:00 +0200\r\nMessage-ID: <1@mail.example>\r\n\r\nhello\r\n"
)
HEADERS = [["Message-Id", "<1@mail.example>"], ["Date", "Mon, 3 Nov 2025 12:00:00 +0200"], ["From", "x@y.example"]]


def multipart(*fields: Any) -> tuple[str, bytes]:
    body = b""
    for name, content, *file in fields:
        body += f'--edge\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if file:
            body += f'; filename="{file[0]}"\r\nContent-Type: {file[1]}'.encode()
        body += b"\r\n\r\n" + content + b"\r\n"
    return 'multipart/form-data; boundary="edge"', body + b"--edge--\r\n"


def mailgun(**fields: Any) -> list[tuple[str, bytes]]:
    stamp = {"timestamp": str(int(time.time())), "token": "t" * 50} | fields
    raw = {key: value.encode() if isinstance(value, str) else value for key, value in stamp.items()}
    signature = hmac.new(SECRET.encode(), raw["timestamp"] + raw["token"], hashlib.sha256).hexdigest()
    return list(({"signature": signature.encode()} | raw).items())


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def call(body: bytes, content_type: str = "application/json", headers: dict[str, str] | None = None) -> WebhookRequest:
    return WebhookRequest(headers={"content-type": content_type} | (headers or {}), query={}, body=body)


def posted(*fields: Any) -> WebhookRequest:
    content_type, body = multipart(*fields)
    return call(body, content_type)


@pytest.fixture
def kind() -> Email:
    return Email()


def using(settings, provider: str):
    return settings.model_copy(update={"inbound": provider})


def read(kind, settings, request):
    return [found for event in kind.split(settings, request) for found in kind.read(event.raw)]


class TestPostmark:
    def record(self, **fields: object) -> bytes:
        record = {
            "FromFull": {"Email": "olena@mail.example"},
            "From": "Олена <olena@mail.example>",
            "To": "support@shop.example",
            "OriginalRecipient": "support@shop.example",
            "Subject": "Hi",
            "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
            "Date": "Mon, 3 Nov 2025 12:00:00 +0200",
            "TextBody": "hello\n",
            "HtmlBody": '<p>hello</p><img src="cid:pic">',
            "StrippedTextReply": "",
            "Headers": [{"Name": "Message-ID", "Value": "<1@mail.example>"}],
            "Attachments": [
                {
                    "Name": "box.png",
                    "Content": "iVBORw==",
                    "ContentType": "image/png",
                    "ContentID": "pic",
                    "ContentLength": 4,
                }
            ],
        }
        return json.dumps(record | fields).encode()

    def test_a_letter(self, kind, settings):
        [event] = read(kind, settings, call(self.record()))
        assert (event.person.external_id, event.person.name) == ("olena@mail.example", "Олена")
        assert (event.text, event.subject, event.html) == ("hello", "Hi", '<p>hello</p><img src="cid:001">')
        assert parsed(event) == [("photo", "box.png", b"\x89PNG")]

    def test_its_test_call_writes_data_for_content(self, kind, settings):
        [event] = read(
            kind,
            settings,
            call(self.record(Attachments=[{"Name": "a.txt", "Data": "aGk=", "ContentType": "text/plain"}])),
        )
        assert parsed(event) == [("document", "a.txt", b"hi")]

    def test_a_raw_letter_goes_before_what_was_taken_apart(self, kind, settings):
        [event] = read(kind, settings, call(self.record(RawEmail=LETTER.decode(), TextBody="other")))
        assert event.text == "hello"

    def test_the_letters_own_name_is_the_key_and_not_postmarks(self, kind, settings):
        keys = {kind.split(settings, call(self.record(MessageID=one)))[0].key for one in ("a", "b")}
        assert len(keys) == 1

    @pytest.mark.parametrize(
        "headers", [{}, basic("wrong"), basic(""), {"authorization": "Bearer x"}, {"authorization": "Basic ключ"}]
    )
    def test_without_the_password_it_is_forged(self, kind, settings, headers):
        with pytest.raises(Forged):
            kind.authenticate(settings, call(self.record(), headers=headers))

    @pytest.mark.parametrize("user", ["", "postmark", "user@shop.example"])
    def test_the_password_opens_for_any_user(self, kind, settings, user):
        kind.authenticate(settings, call(self.record(), headers=basic(SECRET, user)))


class TestMailgun:
    FORM: ClassVar[dict[str, str]] = {
        "from": "Олена <olena@mail.example>",
        "sender": "bounce@mail.example",
        "recipient": "support@shop.example",
        "subject": "Hi",
        "body-plain": "hello",
        "body-html": '<img src="cid:pic">',
        "stripped-text": "hello",
        "message-headers": json.dumps(HEADERS),
    }

    def test_a_form_taken_apart(self, kind, settings):
        fields = [
            *mailgun(**self.FORM, **{"content-id-map": '{"<pic>": "attachment-1"}'}),
            ("attachment-1", b"\x89PNG", "box.png", "image/png"),
        ]
        content_type, body = multipart(*fields)
        [event] = read(kind, using(settings, "mailgun"), call(body, content_type))
        assert (event.person.external_id, event.text, event.subject) == ("olena@mail.example", "hello", "Hi")
        assert (event.html, parsed(event)) == ('<img src="cid:001">', [("photo", "box.png", b"\x89PNG")])
        assert event.external_id.startswith("1@mail.example/")

    def test_an_urlencoded_form(self, kind, settings):
        body = urlencode(mailgun(**self.FORM)).encode()
        request = call(body, "application/x-www-form-urlencoded")
        kind.authenticate(using(settings, "mailgun"), request)
        [event] = read(kind, using(settings, "mailgun"), request)
        assert (event.person.name, event.text) == ("Олена", "hello")

    def test_a_raw_letter(self, kind, settings):
        content_type, body = multipart(*mailgun(**{"body-mime": LETTER, "recipient": "support@shop.example"}))
        [event] = read(kind, using(settings, "mailgun"), call(body, content_type))
        assert (event.person.name, event.text) == ("Олена", "hello")

    def test_a_fresh_signature_opens_once(self, kind, settings):
        request = posted(*mailgun(**self.FORM))
        for _ in range(2):  # Mailgun itself may send a call again.
            kind.authenticate(using(settings, "mailgun"), request)
        replayed = posted(*mailgun(**(self.FORM | {"body-plain": "forged"})))
        with pytest.raises(Forged, match="used before"):
            kind.authenticate(using(settings, "mailgun"), replayed)

    def test_another_process_knows_a_token_by_its_key(self, kind, settings):
        calls = [posted(*mailgun(**(self.FORM | {"body-plain": text}))) for text in ("a", "b")]
        keys = {kind.split(using(settings, "mailgun"), one)[0].key for one in calls}
        assert len(keys) == 1

    @pytest.mark.parametrize("age", [-FRESH_SECONDS - 10, FRESH_SECONDS + 10])
    def test_an_old_signature_is_forged(self, kind, settings, age):
        content_type, body = multipart(*mailgun(**self.FORM, timestamp=str(int(time.time()) - age)))
        with pytest.raises(Forged, match="too old"):
            kind.authenticate(using(settings, "mailgun"), call(body, content_type))

    @pytest.mark.parametrize(
        "wrong", [{"signature": "0" * 64}, {"signature": ""}, {"timestamp": "ключ"}, {"signature": "ключ"}]
    )
    def test_a_wrong_signature_is_forged(self, kind, settings, wrong):
        content_type, body = multipart(*mailgun(**(self.FORM | wrong)))
        with pytest.raises(Forged):
            kind.authenticate(using(settings, "mailgun"), call(body, content_type))

    def test_tokens_are_forgotten_in_time(self):
        tokens = Tokens()
        tokens._seen["old"] = (time.monotonic() - 3 * FRESH_SECONDS, b"")
        assert tokens.first("new", b"x")
        assert list(tokens._seen) == ["new"]


class TestSendGrid:
    FORM = (
        (
            "headers",
            (
                b"Message-ID: <1@mail.example>\nDate: Mon, 3 Nov 2025 12:00:00 +0200\n"
                b"From: =?utf-8?B?0J7Qu9C10L3QsA==?= <olena@mail.example>\n"
            ),
        ),
        ("from", "Олена <olena@mail.example>".encode()),
        ("to", b"support@shop.example"),
        ("subject", "Привіт".encode("cp1251")),
        ("text", "Є питання".encode("cp1251")),
        ("html", b'<img src="cid:pic">'),
        ("charsets", b'{"to":"UTF-8","from":"UTF-8","subject":"windows-1251","text":"windows-1251","html":"UTF-8"}'),
        ("attachments", b"1"),
        (
            "attachment-info",
            json.dumps({"attachment1": {"filename": "коробка.png", "type": "image/png", "content-id": "pic"}}).encode(),
        ),
        ("attachment1", b"\x89PNG", "box", "application/octet-stream"),
        ("envelope", b'{"to":["support@shop.example"],"from":"olena@mail.example"}'),
    )

    def test_a_form_whose_texts_keep_their_charsets(self, kind, settings):
        content_type, body = multipart(*self.FORM)
        [event] = read(kind, using(settings, "sendgrid"), call(body, content_type))
        assert (event.person.name, event.subject, event.text) == ("Олена", "Привіт", "Є питання")
        assert (event.html, parsed(event)) == ('<img src="cid:001">', [("photo", "коробка.png", b"\x89PNG")])

    def test_a_raw_letter(self, kind, settings):
        content_type, body = multipart(("email", LETTER), ("envelope", b"{}"))
        [event] = read(kind, using(settings, "sendgrid"), call(body, content_type))
        assert event.text == "hello"

    def test_without_the_password_it_is_forged(self, kind, settings):
        content_type, body = multipart(*self.FORM)
        with pytest.raises(Forged):
            kind.authenticate(using(settings, "sendgrid"), call(body, content_type, basic("wrong")))
        kind.authenticate(using(settings, "sendgrid"), call(body, content_type, basic(SECRET)))

    def test_what_tells_no_sender_is_set_aside(self, kind, settings):
        content_type, body = multipart(("text", b"x"))
        with pytest.raises(Unreadable):
            kind.split(using(settings, "sendgrid"), call(body, content_type))


def test_nobody_posts_to_a_mailbox_that_is_fetched(kind, settings):
    fetched = settings.model_copy(update={"inbound": None})
    with pytest.raises(Forged):
        kind.authenticate(fetched, call(b"{}", headers=basic(SECRET)))


def parsed(event) -> list[tuple[str, str, bytes]]:
    return [(media.type, media.name, media.content) for media in event.media]
