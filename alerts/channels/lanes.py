"""Who is slow holds up its own alone: so many sends at once for each lane, and for all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FullError(Exception):
    """As many sends as may be are under way; the next channel is better than to wait longer."""


class Lanes:
    """`all`: sends of all lanes together. `patience`: seconds that one waits for a place; a burst has its turn, a
    service that hangs has not."""

    def __init__(self, all: int, patience: float) -> None:
        self._all, self._patience = all, patience
        self._under_way: Counter[str] = Counter()
        self._freed = asyncio.Condition()

    @property
    def under_way(self) -> int:
        return self._under_way.total()

    @asynccontextmanager
    async def place(self, lane: str, each: int) -> AsyncIterator[None]:
        """`each`: sends of this lane at a time. Raises FullError."""

        def free() -> bool:
            return self._under_way[lane] < each and self._under_way.total() < self._all

        async with self._freed:
            try:
                async with asyncio.timeout(self._patience):
                    await self._freed.wait_for(free)
            except TimeoutError:
                raise FullError from None
            self._under_way[lane] += 1
        try:
            yield
        finally:
            self._under_way[lane] -= 1
            if not self._under_way[lane]:
                del self._under_way[lane]
            async with self._freed:
                self._freed.notify_all()
