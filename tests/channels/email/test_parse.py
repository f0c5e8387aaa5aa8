"""Letters in our words: what a fixture cannot show because it is huge, generated, or comes from elsewhere."""

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from channels.email import identity, parse
from inbox.model.failures import Unreadable
from inbox.model.incoming import Echo, NewMessage
from tests.channels.email.conftest import RECEIVED

HEAD = (
    b"From: Olena <olena@mail.example>\r\nTo: support@shop.example\r\nSubject: Hi\r\n"
    b"Date: Mon, 3 Nov 2025 12:00:00 +0200\r\nMessage-ID: <1@mail.example>\r\nMIME-Version: 1.0\r\n"
)


def read(settings, letter: bytes, folder: parse.Folder = "inbox") -> list[Any]:
    return parse.read(parse.fetched(settings, letter, received=RECEIVED, folder=folder).raw)


class TestSize:
    def test_twenty_megabytes_come_whole(self, settings):
        content = bytes(range(256)) * (20 << 12)
        letter = (
            HEAD
            + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHere\r\n--b\r\n'
            + b"Content-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n"
            + b"Content-Disposition: attachment; filename=film.mp4\r\n\r\n"
            + base64.encodebytes(content).replace(b"\n", b"\r\n")
            + b"--b--\r\n"
        )
        [event] = read(settings, letter)
        assert (event.text, event.media[0].type, event.media[0].content) == ("Here", "video", content)

    def test_three_hundred_recipients(self, settings):
        many = ",\r\n ".join(f'"Person, Number {number}" <p{number}@mail.example>' for number in range(300))
        [event] = read(
            settings, HEAD.replace(b"To: support@shop.example", f"To: {many}".encode()) + b"\r\nHello all\r\n"
        )
        assert (event.person.external_id, event.text) == ("olena@mail.example", "Hello all")

    def test_a_text_beyond_measure_also_comes_as_a_file(self, settings):
        [event] = read(settings, HEAD + b"\r\n" + b"word " * 100_000)
        assert len(event.text) <= 100_000
        assert (event.media[0].name, event.media[0].size) == ("message.txt", 499_999)

    def test_html_beyond_measure_comes_as_a_file(self, settings):
        [event] = read(settings, HEAD + b"Content-Type: text/html\r\n\r\n<p>hello</p>" + b"<!-- x -->" * 200_000)
        assert (event.html, event.text, event.media[0].name) == ("", "hello", "message.html")

    @pytest.mark.parametrize("depth", [10, 90])
    def test_nested_as_deep_as_anybody_nests(self, settings, depth):
        letter = HEAD + b"".join(
            b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
        )
        [event] = read(settings, letter + b"Content-Type: text/plain\r\n\r\ndeep\r\n")
        assert event.text == "deep"

    @pytest.mark.parametrize("depth", [101, 5000])
    def test_nested_deeper_is_set_aside(self, settings, depth):
        letter = HEAD + b"".join(
            b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
        )
        with pytest.raises(Unreadable):
            read(settings, letter)

    @pytest.mark.parametrize(
        "body",
        [
            b"On a b c " * 200_000,
            b"> quoted\r\n" * 100_000,
            b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000,
            b"Content-Type: text/html\r\n\r\n" + b"<!--" * 100_000,
            b"Content-Type: text/html\r\n\r\n" + b"<a b='" * 100_000,
            b"Subject: " + b"=?utf-8?q?" * 50_000 + b"\r\n\r\nx",
            b"References: " + b"<a@b>" * 100_000 + b"\r\n\r\nx",
            b"To: " + b"(" * 20_000 + b"\r\n\r\nx",
            b"From: " + b'"<,>' * 20_000 + b"\r\n\r\nx",
        ],
    )
    def test_nobody_stops_the_shop_with_one_letter(self, settings, body):
        began = time.monotonic()
        read(settings, HEAD + (body if b"\r\n\r\n" in body else b"\r\n" + body))
        assert time.monotonic() - began < 10


class TestSentByHand:
    LETTER = HEAD.replace(b"olena@mail.example", b"support@shop.example").replace(
        b"To: support@shop.example", "To: Олена <Olena@mail.example>, taras@mail.example".encode()
    )

    def test_it_is_the_shops_word_to_the_customer(self, settings):
        [event] = read(settings, self.LETTER + b"\r\nSent from my phone program\r\n", "sent")
        assert isinstance(event, Echo)
        assert (event.person.external_id, event.person.name) == ("olena@mail.example", "Олена")
        assert (event.text, event.subject) == ("Sent from my phone program", "Hi")

    def test_ours_is_known_by_its_name(self, settings):
        ours = identity.message_id(settings, "reply-1")
        [event] = read(settings, self.LETTER.replace(b"1@mail.example", ours.encode()) + b"\r\nx\r\n", "sent")
        assert event.external_id == ours

    def test_a_letter_to_nobody_is_none(self, settings):
        assert read(settings, HEAD.replace(b"olena@mail.example", b"support@shop.example") + b"\r\nx", "sent") == []

    def test_both_folders_may_have_a_letter_of_one_name(self, settings):
        events = [
            parse.fetched(settings, self.LETTER + b"\r\nx", received=RECEIVED, folder=folder)
            for folder in ("inbox", "sent")
        ]
        assert events[0].key != events[1].key


class TestNames:
    def test_one_id_for_different_letters_makes_two_messages(self, settings):
        [first] = read(settings, HEAD + b"\r\none")
        [second] = read(settings, HEAD.replace(b"12:00:00", b"12:05:00") + b"\r\ntwo")
        assert first.external_id != second.external_id
        assert parse.message_id_of(first.external_id) == parse.message_id_of(second.external_id) == "1@mail.example"

    def test_a_letter_is_one_event_however_often_it_is_fetched(self, settings):
        later = RECEIVED + timedelta(days=3)
        first = parse.fetched(settings, HEAD + b"\r\nx", received=RECEIVED, folder="inbox")
        again = parse.fetched(settings, HEAD + b"\r\nx", received=later, folder="inbox")
        assert first.key == again.key

    def test_the_same_letter_in_two_mailboxes_has_one_name(self, settings):
        other = settings.model_copy(update={"address": "sales@shop.example"})
        [[first], [second]] = [read(one, HEAD + b"\r\nx") for one in (settings, other)]
        assert first.external_id == second.external_id

    def test_a_name_of_ours_is_believed_in_its_own_mailbox_only(self, settings):
        ours = identity.message_id(settings, "reply-1")
        assert identity.found_in(settings, f"x{ours}y".encode()) == [ours.partition("@")[0]]
        other = settings.model_copy(update={"signing_key": None})
        assert identity.found_in(other, ours.encode()) == []


@with_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    head=st.binary(max_size=300),
    body=st.binary(max_size=300),
    kind=st.sampled_from(
        [b"text/plain", b"text/html", b"multipart/mixed; boundary=x", b"multipart/report", b"message/rfc822"]
    ),
)
def test_any_bytes_are_a_letter_or_set_aside(settings, head, body, kind):
    letter = head + b"\r\nContent-Type: " + kind + b"\r\n\r\n--x\r\n" + body
    for folder in ("inbox", "sent"):
        event = parse.fetched(settings, letter, received=datetime.now(UTC), folder=folder)
        try:
            found = parse.read(event.raw)
        except Unreadable:
            continue
        assert found or folder == "sent"
        assert all(len(one.text) <= 100_000 for one in found if isinstance(one, NewMessage))


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ("", ""),
        ("Content-Language: uk", "uk"),
        ("Accept-Language: en-US", "en-us"),
        ("Accept-Language: en-GB, uk;q=0.8\r\nContent-Language: uk", "en-gb"),
        ("Accept-Language: ka;q=0.9", "ka"),
        ("Accept-Language: *\r\nContent-Language: ru", "ru"),
        ("Content-Language: uk, en", ""),
        ("Content-Language: whatever they like", ""),
    ],
)
def test_a_letter_tells_a_language_only_where_its_program_does(settings, headers, language):
    [event] = read(settings, HEAD + headers.encode() + (b"\r\n" if headers else b"") + b"\r\nHello\r\n")
    assert event.person.language == language


def test_what_a_form_on_a_page_speaks_is_not_what_its_visitor_does(settings):
    form = HEAD.replace(b"olena@mail.example", b"noreply@form.example")
    [event] = read(settings, form + b"Reply-To: olena@mail.example\r\nContent-Language: en\r\n\r\nHello\r\n")
    assert (event.person.external_id, event.person.language) == ("olena@mail.example", "")
