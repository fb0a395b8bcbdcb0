"""How often one link, or one address that tries links, may ask: for pages without a sign-in. In this process's memory:
what it guards is the database's time, not a secret, which nobody guesses in 2^96 tries."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

#: Of whom is remembered how often they asked; the oldest are forgotten.
_REMEMBERED = 10_000


class Rate:
    """At most `most` in each stretch of `seconds`, for each key."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._counts: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def refuses(self, key: Hashable) -> int | None:
        """Counts one; after how many seconds it may be asked again, if it was one too many."""
        now = self._clock()
        began, count = self._counts.pop(key, (now, 0))
        if now - began >= self._seconds:
            began, count = now, 0
        self._counts[key] = (began, count + 1)
        while len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        return None if count < self._most else max(1, round(began + self._seconds - now))
