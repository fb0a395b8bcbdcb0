"""What every kind of device can be asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeAlias

from simulators.devices.person import Span
from simulators.terms import CHINA

Measurements: TypeAlias = dict[str, Any]


class Model(Protocol):
    """A kind of device. Pure: the same seed, device and time give the same answer."""

    @property
    def period(self) -> timedelta:
        """From one reading to the next."""

    def measure(self, at: datetime) -> Measurements:
        """What a reading of that moment holds besides `ts` and `seq`."""

    def around(self, at: datetime) -> Measurements:
        """What an event of that moment tells besides: battery, and location where the device knows it."""

    def ordinary_events(self, on: date) -> Iterator["OrdinaryEvent"]:
        """What happens in an uneventful day in China, in any order; never an emergency."""


@dataclass(frozen=True)
class OrdinaryEvent:
    at: datetime
    type: str


def entering_and_leaving(on: date, spans: tuple[Span, ...], enter: str, leave: str) -> Iterator[OrdinaryEvent]:
    for span in spans:
        # What begins or ends with the day goes on in the next one: nothing happens at midnight.
        if span.start > 0:
            yield OrdinaryEvent(moment(on, span.start), enter)
        if span.end < 1440:
            yield OrdinaryEvent(moment(on, span.end), leave)


def moment(on: date, minute: float) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=CHINA) + timedelta(minutes=minute)
