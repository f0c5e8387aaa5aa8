"""An address is proven by the verdict of the provider that took the letter in, and by nothing that a sender can write.

The headers stand as they do in Postmark's and Mailgun's real calls: what the provider found out, its note of whom it
had the letter from, and below that what came with the letter. SendGrid's form has its fields in any order.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.email import Email, mime, parse, proof
from tests.channels.email.test_inbound import call, mailgun, multipart, using

FROM = ("From", "Олена <olena@mail.example>")
SIGNED = ("DKIM-Signature", "v=1; a=rsa-sha256; c=relaxed/relaxed; d=mail.example; s=k1; h=from:to; bh=x; b=y")
FORGED_SIGNATURE = ("DKIM-Signature", "v=1; a=rsa-sha256; d=evil.example; s=k1; h=from:to; bh=x; b=y")
BORDER = ("Received", "from mx.mail.example (mx.mail.example [192.0.2.7]) by inbound.provider.example; Mon, 3 Nov 2025")
REST = (
    ("Received", "by mx.mail.example with HTTP; Mon, 3 Nov 2025 11:59:58 +0200"),
    ("Date", "Mon, 3 Nov 2025 12:00:00 +0200"),
    ("Message-ID", "<1@mail.example>"),
    ("Subject", "Hi"),
)
VERDICTS = {
    "postmark": ("X-Spam-Tests", "DKIM_SIGNED,DKIM_VALID,DKIM_VALID_AU,\tFREEMAIL_FROM,SPF_PASS"),
    "mailgun": ("X-Mailgun-Dkim-Check-Result", "Pass"),
}
PASSED = "{@mail.example : pass}"


@pytest.fixture
def kind() -> Email:
    return Email()


def raw(headers: Any) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\nhello\r\n"


def posted(provider: str, headers: Any, *, whole: bool, dkim: str = PASSED) -> tuple[str, bytes]:
    """A provider's call with this letter, raw or taken apart."""
    if provider == "postmark":
        one = [value for name, value in headers if name == "From"][:1]
        record: dict[str, Any] = {"From": (one or [""])[0], "TextBody": "hello"}
        record["Headers"] = [{"Name": name, "Value": value} for name, value in headers if name != "From"]
        if whole:
            record["RawEmail"] = raw(headers).decode()
        return "application/json", json.dumps(record).encode()
    if provider == "mailgun":
        form = {"body-mime": raw(headers).decode()} if whole else {"body-plain": "hello"}
        form |= {} if whole else {"from": FROM[1], "message-headers": json.dumps(headers)}
        return multipart(*mailgun(**form))
    if whole:
        return multipart(("email", raw(headers)), ("dkim", dkim.encode()))
    return multipart(
        ("headers", raw(headers).partition(b"\r\n\r\n")[0]),
        ("text", b"hello"),
        ("dkim", dkim.encode()),
        ("SPF", b"pass"),
    )


def letter(provider: str, *headers: tuple[str, str], signature: Any = SIGNED) -> list[tuple[str, str]]:
    """A letter as the provider has it: its verdict, its border, what came."""
    verdict = [VERDICTS[provider]] if provider in VERDICTS else []
    return [*verdict, BORDER, *REST, *([signature] if signature else []), *(headers or (FROM,))]


@pytest.fixture
def proven(kind, settings):
    def read(provider: str, headers: Any, *, whole: bool = True, dkim: str = PASSED) -> str:
        content_type, body = posted(provider, headers, whole=whole, dkim=dkim)
        return read_call(provider, content_type, body)

    def read_call(provider: str, content_type: str, body: bytes) -> str:
        [event] = kind.split(using(settings, provider), call(body, content_type))
        [message] = kind.read(event.raw)
        return str(message.proven_email)

    read.call = read_call  # type: ignore[attr-defined]
    return read


PROVIDERS = ("postmark", "mailgun", "sendgrid")
every_provider = pytest.mark.parametrize("provider", PROVIDERS)
both_forms = pytest.mark.parametrize("whole", [True, False], ids=["raw", "taken apart"])


@every_provider
@both_forms
def test_a_provider_that_found_the_authors_signature_proves_the_address(proven, provider, whole):
    assert proven(provider, letter(provider), whole=whole) == "olena@mail.example"


@every_provider
@pytest.mark.parametrize(
    ("author", "signer", "proves"),
    [
        ("olena@mail.example", "mail.example", True),
        ("olena@Mail.Example", "mail.EXAMPLE", True),
        ("olena@kyiv.mail.example", "mail.example", True),
        ("olena@mail.example", "kyiv.mail.example", False),  # Perhaps a stranger's: a shop in somebody's shop house.
        ("olena@mail.example", "evil.example", False),
        ("olena@mail.example", "il.example", False),
        ("olena@mail.example", "example", False),
        ("olena@mail.example", "mail.example; d=evil.example", False),
        ("olena@mail.example", "evil.example; =?utf-8?q?d=3Dmail.example?=", False),
        ("olena@mail.example", "mail.example; x==?utf-8?q?; d=ab.example; y?=", False),
    ],
)
def test_the_signature_is_of_the_addresss_domain_or_of_one_above_it(proven, provider, author, signer, proves):
    signature = ("DKIM-Signature", f"v=1; a=rsa-sha256; d={signer}; s=k1; bh=x; b=y")
    found = proven(provider, letter(provider, ("From", f"<{author}>"), signature=signature))
    assert found == (author.lower() if proves else "")


@every_provider
def test_without_a_verdict_nothing_is_proven(proven, provider):
    assert proven(provider, letter("none"), dkim="none") == ""


@pytest.mark.parametrize(
    ("provider", "verdict"),
    [
        ("postmark", "DKIM_SIGNED,DKIM_VALID,SPF_PASS"),
        ("postmark", "NOT_DKIM_VALID_AU"),
        ("mailgun", "Fail"),
        ("mailgun", ""),
    ],
)
def test_another_verdict_proves_nothing(proven, provider, verdict):
    headers = letter(provider)
    assert proven(provider, [(headers[0][0], verdict), *headers[1:]]) == ""


@pytest.mark.parametrize(
    "dkim",
    [
        "",
        "none",
        "pass",
        "{@mail.example : fail}",
        "{@mail.example : pass, @evil.example : fail}",
        "{@mail.example : pass} {@evil.example : fail}",
        "[@mail.example : pass]",
    ],
)
def test_sendgrids_field_must_say_that_every_signature_passed(proven, dkim):
    assert proven("sendgrid", letter("sendgrid"), dkim=dkim) == ""


@pytest.mark.parametrize("provider", ["postmark", "mailgun"])
@both_forms
@pytest.mark.parametrize("with_its_own", [True, False])
def test_a_verdict_that_came_with_the_letter_proves_nothing(proven, provider, whole, with_its_own):
    name, passed = VERDICTS[provider]
    own = [(name, "DKIM_SIGNED" if provider == "postmark" else "Fail")] if with_its_own else []
    forged = [*own, BORDER, (name, passed), ("Received", "from a by b"), *REST, SIGNED, FROM]
    assert proven(provider, forged, whole=whole) == ""


@pytest.mark.parametrize("provider", ["postmark", "mailgun"])
def test_two_verdicts_are_none(proven, provider):
    assert proven(provider, [VERDICTS[provider], *letter(provider)]) == ""


@pytest.mark.parametrize("provider", ["postmark", "mailgun"])
def test_where_no_border_shows_no_verdict_counts(proven, provider):
    assert proven(provider, [VERDICTS[provider], SIGNED, FROM, *REST[1:]]) == ""


@every_provider
def test_what_others_are_said_to_have_found_proves_nothing(proven, provider):
    claims = [
        ("Authentication-Results", "mx.provider.example; dkim=pass header.d=mail.example"),
        ("ARC-Authentication-Results", "i=1; mx.provider.example; dkim=pass header.d=mail.example"),
        ("Received-SPF", "pass (mail.example)"),
    ]
    assert proven(provider, [*claims, BORDER, *claims, *REST, SIGNED, FROM], dkim="none") == ""


@every_provider
@pytest.mark.parametrize("signature", [None, FORGED_SIGNATURE])
def test_a_signature_of_nobody_or_of_somebody_else_proves_nothing(proven, provider, signature):
    assert proven(provider, letter(provider, signature=signature)) == ""


@every_provider
@both_forms
@pytest.mark.parametrize("name", ["DKIM-Signature", "dkim-signature", "DKIM-Signature "])
def test_one_valid_signature_of_a_stranger_is_enough_to_doubt(proven, provider, whole, name):
    assert proven(provider, letter(provider, (name, FORGED_SIGNATURE[1]), FROM), whole=whole) == ""


@every_provider
@pytest.mark.parametrize(
    "authors",
    [
        ["olena@mail.example, mallory@mail.example"],
        ["olena@mail.example <mallory@mail.example>"],
        ["=?utf-8?q?olena=40mail=2Eexample=2C?= <mallory@mail.example>"],
        ['"olena@mail.example" <mallory@mail.example>'],
        ["mallory@mail.example (olena@mail.example)"],
        ["olena@mail.example", "mallory@mail.example"],
        ["olena"],
        [],
    ],
)
def test_a_letter_with_several_authors_or_none_proves_nothing(proven, provider, authors):
    headers = letter(provider, *(("From", author) for author in authors or ["x"]))
    assert proven(provider, headers if authors else headers[:-1]) == ""


def test_an_author_that_is_too_long_to_be_read_is_none():
    authors = "olena@mail.example" + " " * mime.HEADER_LIMIT + ", mallory@mail.example"
    headers = [mime.header(*one) for one in letter("mailgun", ("From", authors))]
    assert proof.by_mailgun(headers) == ""


@every_provider
def test_a_name_that_is_the_address_is_no_second_author(proven, provider):
    headers = letter(provider, ("From", '"olena@mail.example" <olena@mail.example>'))
    assert proven(provider, headers) == "olena@mail.example"


@every_provider
@pytest.mark.parametrize("mark", [("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"), ("List-Id", "<x.y>")])
def test_automatic_mail_proves_nothing(proven, provider, mark):
    assert proven(provider, letter(provider, mark, FROM)) == ""


@every_provider
def test_a_form_on_a_page_does_not_prove_who_filled_it_in(proven, provider):
    headers = letter(provider, ("From", "noreply@mail.example"), ("Reply-To", "olena@mail.example"))
    assert proven(provider, headers) == ""


@pytest.mark.parametrize("field", [b"headers", b"email"])
def test_a_form_within_a_letter_proves_nothing(proven, field):
    """SendGrid's boundary is known to everybody, and it does not look for it in letters."""
    inner = (
        b'x\r\n--edge\r\nContent-Disposition: form-data; name="dkim"\r\n\r\n{@mail.example : pass}\r\n'
        b'--edge\r\nContent-Disposition: form-data; name="' + field + b'"\r\n\r\n' + raw([SIGNED, FROM, *REST])
    )
    own = ("email" if field == b"email" else "headers", raw([FORGED_SIGNATURE, ("From", "m@evil.example")]))
    for ending in (b"", b"\r\n--edge--", b"\r\n--edge--\r\n"):
        for fields in (
            [own, ("text", inner + ending), ("dkim", b"{@evil.example : pass}")],
            [own, ("dkim", b"{@evil.example : pass}"), ("text", inner + ending)],
        ):
            assert proven.call("sendgrid", *multipart(*fields)) == ""


def test_more_fields_than_are_read_prove_nothing(proven):
    crowd = [(f"x{number}", b"") for number in range(600)]
    headers = ("headers", raw([SIGNED, FROM, *REST]))
    assert proven.call("sendgrid", *multipart(headers, ("dkim", PASSED.encode()), *crowd)) == ""


def test_a_letter_that_was_fetched_proves_nothing(kind, settings):
    event = parse.fetched(settings, raw(letter("postmark")), received=datetime(2025, 11, 3, tzinfo=UTC), folder="inbox")
    [message] = kind.read(event.raw)
    assert message.proven_email == ""
    assert message.unconfirmed is False


@pytest.fixture
def unconfirmed(kind, settings):
    def read(provider: str, headers: Any, **options: Any) -> bool:
        content_type, body = posted(provider, headers, whole=options.pop("whole", True), **options)
        [event] = kind.split(using(settings, provider), call(body, content_type))
        [message] = kind.read(event.raw)
        return bool(message.unconfirmed)

    return read


@every_provider
@both_forms
def test_a_letter_whose_sender_was_found_to_be_true_is_confirmed(unconfirmed, provider, whole):
    assert not unconfirmed(provider, letter(provider), whole=whole)


@pytest.mark.parametrize(
    ("provider", "verdict", "dkim"),
    [
        ("postmark", ("X-Spam-Tests", "SPF_FAIL"), "none"),
        ("mailgun", ("X-Mailgun-Dkim-Check-Result", "Fail"), "none"),
        ("mailgun", ("X-Mailgun-Sflag", "No"), "none"),
        ("sendgrid", ("X-Nothing", ""), "none"),
        ("sendgrid", ("X-Nothing", ""), "{@evil.example : pass}"),
    ],
)
@both_forms
def test_a_letter_that_nobody_vouched_for_although_they_looked_is_marked(unconfirmed, provider, verdict, dkim, whole):
    forged = letter("none", signature=FORGED_SIGNATURE if dkim != "none" else None)
    assert unconfirmed(provider, [verdict, *forged], whole=whole, dkim=dkim)


@every_provider
def test_who_is_named_in_a_form_on_a_page_is_not_confirmed(unconfirmed, provider):
    headers = letter(provider, ("From", "noreply@mail.example"), ("Reply-To", "olena@mail.example"))
    assert unconfirmed(provider, headers)


@pytest.mark.parametrize("provider", ["postmark", "mailgun"])
def test_where_the_provider_looks_at_nothing_nothing_is_marked(unconfirmed, provider):
    assert not unconfirmed(provider, letter("none", signature=None))


@every_provider
def test_a_forgery_that_says_it_is_automatic_is_marked_all_the_same(unconfirmed, provider):
    forged = letter(provider, ("Auto-Submitted", "auto-replied"), FROM, signature=FORGED_SIGNATURE)
    assert unconfirmed(provider, forged)
