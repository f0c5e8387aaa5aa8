"""Passwords of made-up people."""

from argon2 import PasswordHasher

_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def quick_hash(password: str) -> str:
    """A hash that costs next to nothing to check: how dear it is, a hash says itself."""
    return _QUICK.hash(password)
