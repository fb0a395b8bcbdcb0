"""Passwords of people."""

from services.registry import passwords


async def test_a_password_is_right_or_wrong() -> None:
    stored = passwords.hash_password("three words long")
    assert await passwords.verify_password(stored, "three words long")
    assert not await passwords.verify_password(stored, "three words short")
    assert not await passwords.verify_password("no hash at all", "three words long")


async def test_nobody_is_refused_at_the_price_of_somebody() -> None:
    assert not await passwords.verify_password(None, "three words long")
    assert not passwords._hasher.check_needs_rehash(passwords._NOBODY), "as costly as a real one"
