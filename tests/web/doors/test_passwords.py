import pytest

from inbox.model.errors import Invalid
from web.doors import passwords as module

COST = "$argon2id$v=19$m=19456,t=2,p=1$"


async def test_a_hash_is_as_dear_as_it_should_be_and_tells_its_password_from_others(passwords):
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith(COST)
    assert await passwords.hash("correct horse") != hashed, "salted"
    assert await passwords.matches(hashed, "correct horse")
    assert not await passwords.matches(hashed, "correct horsf")
    assert not await passwords.matches("no hash at all", "correct horse")


async def test_no_account_costs_as_much_as_one_and_no_password_opens_it(passwords):
    assert module._DECOY.startswith(COST)
    assert not await passwords.matches(None, "")
    assert not await passwords.matches(None, "nobody has this password")


@pytest.mark.parametrize("password", ["short", "x" * 201])
async def test_what_nobody_should_have_is_not_hashed(passwords, password):
    with pytest.raises(Invalid, match="8 to 200"):
        await passwords.hash(password)
