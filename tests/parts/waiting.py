"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(check: Callable[[], T], what: str, *, limit: float = 10.0, every: float = 0.01) -> T:
    """The first truthy answer of `check`; after `limit` seconds, AssertionError with `what` did not come."""
    deadline = time.monotonic() + limit
    while True:
        if answer := check():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit:g} s: {what}")
        time.sleep(every)
