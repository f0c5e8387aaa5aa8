import io
import zipfile
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.zips import Entry, safe_name, zipped


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_what_goes_in_comes_out():
    async def entries() -> AsyncIterator[Entry]:
        yield Entry("folder/привіт.txt", pieces(b"one ", b"two"))
        yield Entry("large.bin", pieces(*([b"x" * 100_000] * 20)), packed=False)
        yield Entry("empty", pieces())

    sent = [piece async for piece in zipped(entries())]
    assert max(map(len, sent)) < 300_000, "it is sent while it is made"
    with zipfile.ZipFile(io.BytesIO(b"".join(sent))) as archive:
        assert archive.testzip() is None
        assert archive.read("folder/привіт.txt") == b"one two"
        assert archive.read("large.bin") == b"x" * 2_000_000
        assert archive.namelist() == ["folder/привіт.txt", "large.bin", "empty"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\boot.ini", "C__boot.ini"),
        ("con.txt", "_con.txt"),
        ("price\u202egnp.exe", "pricegnp.exe"),
        ("", "file"),
        ("...", "file"),
        ("фото 1.jpg", "фото 1.jpg"),
    ],
)
def test_names_are_harmless(name, safe):
    assert safe_name(name) == safe


@given(st.text())
def test_no_name_leads_anywhere(name: str):
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set('/\\:*?"<>|\0\n')
    assert not safe.startswith(".")
