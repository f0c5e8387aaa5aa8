import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.secrets import SecretBox, WrongKey

BOX = SecretBox("a key for tests only, 32 bytes long")


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3))
def test_what_was_sealed_is_opened_again(secrets):
    assert BOX.open(BOX.seal(secrets)) == secrets


def test_nothing_of_a_secret_shows_in_what_is_kept():
    sealed = BOX.seal({"token": "12345:very-secret"})
    assert b"12345" not in sealed
    assert b"secret" not in sealed
    assert sealed != BOX.seal({"token": "12345:very-secret"})


def test_another_key_opens_nothing_and_says_which_setting_is_wrong():
    other = SecretBox("another key, also 32 bytes long.")
    with pytest.raises(WrongKey, match="SKRYNKA_SECRET_KEY"):
        other.open(BOX.seal({"token": "x"}))
    assert other.fingerprint != BOX.fingerprint


def test_a_changed_byte_is_noticed():
    sealed = bytearray(BOX.seal({"token": "x"}))
    sealed[20] ^= 1
    with pytest.raises(WrongKey):
        BOX.open(bytes(sealed))


def test_keys_of_different_purposes_are_different_and_lasting():
    assert BOX.derive("one") != BOX.derive("two")
    assert BOX.derive("one") == SecretBox("a key for tests only, 32 bytes long").derive("one")
    assert len(BOX.derive("one")) == 32
    assert BOX.fingerprint not in {BOX.derive("fingerprint").hex(), BOX.derive("fingerprint").hex()[:32]}
