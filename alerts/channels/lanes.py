"""Who is slow holds up its own alone: so many sends at once for each lane, and for all."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FullError(Exception):
    """As many sends as may be are under way; the next channel is better than to wait longer."""


class Lanes:
    """`all`: sends of all lanes together. `patience`: seconds that one waits for a place; a burst has its turn, a
    service that hangs has not. A place that is free wakes one who waits, and no more: woken all, a burst would do
    little else."""

    def __init__(self, all: int, patience: float) -> None:
        self._patience = patience
        self._places = asyncio.Semaphore(all)
        self._lanes: dict[str, asyncio.Semaphore] = {}
        #: who is in a lane or waits for it: the last one out forgets it
        self._users: Counter[str] = Counter()
        self.under_way = 0

    @asynccontextmanager
    async def place(self, lane: str, each: int) -> AsyncIterator[None]:
        """`each`: sends of this lane at a time. Raises FullError."""
        places = self._lanes.setdefault(lane, asyncio.Semaphore(each))
        self._users[lane] += 1
        try:
            async with contextlib.AsyncExitStack() as held:
                try:
                    async with asyncio.timeout(self._patience):
                        await held.enter_async_context(places)
                        await held.enter_async_context(self._places)
                except TimeoutError:
                    raise FullError from None
                self.under_way += 1
                held.callback(self._left)
                yield
        finally:
            self._users[lane] -= 1
            if not self._users[lane]:
                del self._users[lane], self._lanes[lane]

    def _left(self) -> None:
        self.under_way -= 1
