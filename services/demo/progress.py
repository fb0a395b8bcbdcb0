"""What the person at the keyboard sees while a demo starts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    """One line, at once, also when the output is a file."""
    print(line, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Names what begins and, when it went well, how long it took."""
    began = time.monotonic()
    print(f"  {name} … ", end="", flush=True)
    try:
        yield
    except BaseException:
        print(flush=True)
        raise
    print(f"{time.monotonic() - began:.1f} s", flush=True)
