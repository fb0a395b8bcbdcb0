"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: How many times longer is waited than a test says: its machine may have much else to do. A wait that ends well is not
#: made longer by it.
PATIENCE = 3


def until(check: Callable[[], T], what: str, *, limit: float = 10.0, every: float = 0.01) -> T:
    """The first truthy answer of `check`; after PATIENCE × `limit` seconds, AssertionError with `what` did not come."""
    deadline = time.monotonic() + PATIENCE * limit
    while True:
        if answer := check():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE * limit:g} s: {what}")
        time.sleep(every)
