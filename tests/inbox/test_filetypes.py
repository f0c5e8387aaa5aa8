"""Types are told by bytes; a sender's word only chooses among those that the bytes fit."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.filetypes import UNKNOWN, sniff

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
OPUS = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01"
THEORA = b"OggS\x00\x02" + bytes(22) + b"\x80theora"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name in names:
            packed.writestr(name, "<x/>")
    return made.getvalue()


@pytest.mark.parametrize(
    ("head", "claimed", "found"),
    [
        (PNG, "", "image/png"),
        (PNG, "text/html", "image/png"),
        (JPEG, "application/octet-stream", "image/jpeg"),
        (JPEG, "image/jpg", "image/jpeg"),
        (PDF, "image/png", "application/pdf"),
        (OPUS, "audio/ogg; codecs=opus", "audio/ogg"),
        (OPUS, "", "audio/ogg"),
        (THEORA, "", "video/ogg"),
        (MP4, "video/mp4", "video/mp4"),
        (MP4, "audio/x-m4a", "audio/mp4"),
        (MP4, "image/png", "video/mp4"),
        (archive("[Content_Types].xml", "word/document.xml"), DOCX, DOCX),
        (archive("a.txt"), "", "application/zip"),
        (archive("a.txt"), "application/zip", "application/zip"),
        (archive("a.txt"), "image/png", "application/zip"),
        (b"just words", "text/plain", "text/plain"),
        (b"just words", "text/html", "text/plain"),
        (b"just words", "image/png", UNKNOWN),
        (b"BM is how this text begins", "text/plain", "text/plain"),
        ("Добрий день, скільки коштує?".encode("cp1251"), "text/plain", "text/plain"),
        (b"<html><script>alert(1)</script>", "image/png", "text/html"),
        (b"a\0b", "text/plain", UNKNOWN),
        (b"a\0b", "video/mp4", UNKNOWN),
        (b"", "", UNKNOWN),
        (b"", "text/csv", "text/plain"),
    ],
)
def test_a_file_is_what_its_bytes_say(head, claimed, found):
    assert sniff(head, claimed) == found


@given(st.binary(max_size=200), st.sampled_from(["", "image/png", "text/html", "text/javascript", "image/svg+xml"]))
def test_a_claim_alone_makes_no_file_active(head, claimed):
    assert sniff(head, claimed) in {sniff(head, ""), "text/plain", claimed}
    if claimed in {"text/javascript", "image/png"}:
        assert sniff(head, claimed) != claimed or head.startswith(b"\x89PNG")
