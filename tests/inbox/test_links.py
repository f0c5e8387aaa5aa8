from datetime import timedelta
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.links import LIFETIME, FileLinks
from inbox.model.errors import NotFound
from inbox.model.ids import now
from inbox.secrets import SecretBox

LINKS = FileLinks(SecretBox("a key for tests only, 32 bytes long"), "https://shop.example/")
CAT = {"_id": "1a201e1e45aec6221cf601e4", "name": "Кіт, мій.pdf"}


def token_of(address: str) -> str:
    return address.split("/")[-2]


def test_an_address_is_of_one_file_for_a_while():
    address = LINKS.address(CAT)
    assert address.startswith("https://shop.example/files/")
    assert unquote(address).endswith("/Кіт, мій.pdf")
    assert LINKS.read(token_of(address)) == CAT["_id"]
    with pytest.raises(NotFound, match="over"):
        LINKS.read(token_of(address), at=now() + LIFETIME + timedelta(seconds=1))


def test_it_lasts_as_long_as_the_shop_says():
    links = FileLinks(SecretBox("a key for tests only, 32 bytes long"), "", timedelta(days=1))
    token = token_of(links.address(CAT))
    assert links.read(token, at=now() + timedelta(hours=23)) == CAT["_id"]
    with pytest.raises(NotFound, match="over"):
        links.read(token, at=now() + timedelta(hours=25))


def test_another_key_s_address_is_none_of_ours():
    other = FileLinks(SecretBox("another key for tests, 32 bytes long"), "https://shop.example")
    with pytest.raises(NotFound):
        LINKS.read(token_of(other.address(CAT)))


@given(st.integers(0, 60), st.sampled_from("AbZ09_-"))
def test_an_address_that_was_changed_anywhere_opens_nothing(place, letter):
    token = token_of(LINKS.address(CAT))
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token or place == len(token) - 1:  # The last letter's low bits stand for nothing.
        return
    with pytest.raises(NotFound):
        LINKS.read(changed)


@given(st.text(max_size=80))
def test_nonsense_opens_nothing(text):
    with pytest.raises(NotFound):
        LINKS.read(text)
