"""Readings that wait for the connection (pure)."""

from collections import deque
from collections.abc import Sequence

from simulators.payloads import Reading
from simulators.terms import READINGS_IN_ONE_UPLOAD

# A week of one reading a minute: what a wristband's flash holds. Then the oldest is overwritten.
CAPACITY = 7 * 24 * 60


class Backlog:
    """First in, first out; read by `next_upload`, taken off by `uploaded`: a broken send loses none."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._readings: deque[tuple[int, Reading]] = deque(maxlen=capacity)
        self._put = 0
        self.overwritten = 0

    def __len__(self) -> int:
        return len(self._readings)

    def put(self, reading: Reading) -> None:
        self.overwritten += len(self._readings) == self._readings.maxlen
        self._put += 1
        self._readings.append((self._put, reading))

    def next_upload(self) -> tuple[int, Sequence[Reading]]:
        """The oldest readings, at most what one upload may carry, and the mark to give back to `uploaded`."""
        upload = [item for item, _ in zip(self._readings, range(READINGS_IN_ONE_UPLOAD), strict=False)]
        return (upload[-1][0] if upload else 0), [reading for _, reading in upload]

    def uploaded(self, mark: int) -> None:
        # By mark and not by count: some may have been overwritten while the upload was under way.
        while self._readings and self._readings[0][0] <= mark:
            self._readings.popleft()
