"""How many examples a property is tried with, where that is not the profile's own number."""

from typing import Any

from hypothesis import settings

#: What `make test` gives a property that says nothing: tests/conftest.py's profile.
USUAL = 30


def examples(ordinary: int, **more: Any) -> settings:
    """`ordinary` in `make test`, and as many times more in `make soak` as its profile has more."""
    return settings(max_examples=ordinary * settings.default.max_examples // USUAL, **more)  # type: ignore[union-attr]
