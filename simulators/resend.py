"""A device's memory of events that nobody has confirmed yet, and when to say each of them again.

A pure state machine: times are seconds on any steady clock, given by the caller. An event is repeated, after
`first` seconds, doubling to `longest`, without end, until a receipt settles it (contract, "A receipt").
"""

from collections.abc import Iterator
from dataclasses import dataclass

from simulators.stages import settles


@dataclass(frozen=True)
class ResendDelays:
    """Seconds. The defaults are the contract's; tests and testers shorten them."""

    first: float = 5.0
    longest: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.longest:
            raise ValueError(f"resend delays: want 0 < first <= longest, got {self.first} and {self.longest}")

    def after(self, sends: int) -> float:
        """How long to wait after the given number of sends (1 is the first)."""
        # The exponent is capped because 2.0**1024 overflows, and a device repeats without end.
        return min(self.longest, self.first * 2.0 ** min(sends - 1, 64))


@dataclass
class Unsettled:
    event_id: str
    payload: bytes
    due: float
    sends: int = 0


class Outbox:
    """Unsettled events in the order they happened."""

    def __init__(self, delays: ResendDelays | None = None) -> None:
        self._delays = delays or ResendDelays()
        self._unsettled: dict[str, Unsettled] = {}

    def __len__(self) -> int:
        return len(self._unsettled)

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._unsettled

    def __iter__(self) -> Iterator[Unsettled]:
        return iter(self._unsettled.values())

    def put(self, event_id: str, payload: bytes, now: float) -> None:
        """Keep an event until it is settled; it is due at once."""
        if event_id in self._unsettled:
            raise ValueError(f"event_id {event_id!r} is already waiting: a device must not use it for another event")
        self._unsettled[event_id] = Unsettled(event_id, payload, due=now)

    def due(self, now: float) -> list[Unsettled]:
        return [event for event in self._unsettled.values() if event.due <= now]

    def next_due(self) -> float | None:
        return min((event.due for event in self._unsettled.values()), default=None)

    def sent(self, event_id: str, now: float) -> None:
        """The event was handed to the broker; a receipt that came even sooner has settled it already."""
        if event := self._unsettled.get(event_id):
            event.sends += 1
            event.due = now + self._delays.after(event.sends)

    def failed(self, event_id: str, now: float) -> None:
        """The connection broke while sending: nobody knows whether it arrived, so it is due again at once."""
        if event := self._unsettled.get(event_id):
            event.due = now

    def receipt(self, event_id: str, stage: str) -> bool:
        """Take a receipt; true if it settled an event that was waiting."""
        return settles(stage) and self._unsettled.pop(event_id, None) is not None
