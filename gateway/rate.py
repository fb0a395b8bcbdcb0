"""How much one device may say: more is a fault or an attack, and would fill everybody's disk.

An emergency is never refused for its rate: it folds into its alert.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.decoders.model import Flaw, Reason
from gateway.message import Message, Rate
from gateway.quarantine import Quarantined

Key = TypeVar("Key")
MINUTE = 60.0
WITHIN = Rate()


@dataclass(slots=True)
class RateLimit(Generic[Key]):
    """Of what each sender says in a minute, the messages over the limit are refused: the first is kept in quarantine,
    the others are counted, and the count is told there when the minute is over."""

    most_a_minute: int
    _ends: float = 0.0
    _counts: dict[Key, int] = field(default_factory=dict)
    _last: dict[Key, tuple[Message, str]] = field(default_factory=dict)

    def refuses(self, key: Key, message: Message, device_id: str, bad: list[Quarantined]) -> Flaw | None:
        """Counts one message, once; why it is refused, if it is. What has to be kept is put into `bad`."""
        if message.rate is None:
            count = self._counts[key] = self._counts.get(key, 0) + 1
            if count <= self.most_a_minute:
                message.rate = WITHIN
                return None
            message.rate = self._over(key, message, device_id, count)
        if message.rate.kept and message.rate.over is not None:
            bad.append(Quarantined(message, device_id, message.rate.over))
        return message.rate.over

    def _over(self, key: Key, message: Message, device_id: str, count: int) -> Rate:
        self._last[key] = (message, device_id)
        told = f"over {self.most_a_minute} in a minute: the first of these is kept, the others are counted"
        return Rate(Flaw(Reason.RATE_LIMITED, None, told), kept=count == self.most_a_minute + 1)

    def minute_over(self, now: float) -> list[Quarantined]:
        """To be asked before counting; `now` in seconds of a monotonic clock. At a minute's end, what was refused."""
        if now < self._ends:
            return []
        over = []
        for key, (message, device_id) in self._last.items():
            count = self._counts[key] - self.most_a_minute
            told = f"{count} in a minute were refused, of which this is the last: find out what the device is doing"
            over.append(Quarantined(message, device_id, Flaw(Reason.RATE_LIMITED, None, told)))
        self._counts.clear()
        self._last.clear()
        self._ends = now + MINUTE
        return over
