"""Who is slow holds up its own alone: so many sends at once for each lane, and for all."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FullError(Exception):
    """As many sends as may be are under way; the next channel is better than to wait."""


class Lanes:
    """`each`: sends of one lane at a time; `all`: of all lanes together."""

    def __init__(self, each: int, all: int) -> None:
        self._each, self._all = each, all
        self._under_way: Counter[str] = Counter()

    def take(self, lane: str) -> None:
        """Raises FullError."""
        if self._under_way[lane] >= self._each or self._under_way.total() >= self._all:
            raise FullError
        self._under_way[lane] += 1

    def give_back(self, lane: str) -> None:
        self._under_way[lane] -= 1
        if not self._under_way[lane]:
            del self._under_way[lane]

    @asynccontextmanager
    async def place(self, lane: str) -> AsyncIterator[None]:
        self.take(lane)
        try:
            yield
        finally:
            self.give_back(lane)
