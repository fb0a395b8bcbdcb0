"""The one place that reads the machine's clock."""

import asyncio
import time
from datetime import datetime, timedelta

from simulators.terms import CHINA


class SimulatedClock:
    """Runs from `start`, `speed` times as fast as the real one; without `start`, from the real time."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self.start = start or real_time()
        self._speed = speed
        self._zero = time.monotonic()

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(time.monotonic() - self._zero) * self._speed)

    async def sleep_until(self, at: datetime) -> None:
        left = (at - self.now()).total_seconds()
        await asyncio.sleep(max(0.0, left / self._speed))


def real_time() -> datetime:
    return datetime.now(CHINA)


def steady() -> float:
    """Seconds by which resends and latencies are measured."""
    return time.monotonic()
