"""Passwords of people: argon2id with the library's defaults, off the event loop."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
# Verified when there is no such account, so that the answer takes as long as for a wrong password. Made once, of a word
# that was thrown away: making one at each start would hold every restart up.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$sR5QJJ8ICQVRzfOG+wiiIg$8pyNKAh5PIqd3NblAhRCwQTmbLbK6Pyj4viGnQq+1XA"
# A verification holds 64 MiB: four at once are enough for a station's change of shift.
_turns = asyncio.Semaphore(4)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is right; False, as slowly, when `stored` is None."""
    async with _turns:
        return await asyncio.to_thread(_verify, stored, password)


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
