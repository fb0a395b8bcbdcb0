"""Devices that measure nothing but themselves: buttons, cords, detectors, door contacts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from simulators.devices.model import Measurements, OrdinaryEvent, entering_and_leaving, moment
from simulators.devices.person import Person, Span, local, moved
from simulators.devices.seeded import draw


@dataclass(frozen=True)
class PlainKind:
    period: timedelta
    battery_days: int
    """From full to empty."""
    located: bool = False
    weekly_test: bool = False
    watches_door: bool = False


PLAIN_KINDS = {
    "emergency_button": PlainKind(timedelta(hours=1), 500, weekly_test=True),
    "pull_cord": PlainKind(timedelta(hours=1), 700, weekly_test=True),
    "fall_detector": PlainKind(timedelta(minutes=5), 30, located=True),
    "smoke_detector": PlainKind(timedelta(hours=1), 900),
    "gas_detector": PlainKind(timedelta(hours=1), 900),
    "water_detector": PlainKind(timedelta(hours=1), 700),
    "door_sensor": PlainKind(timedelta(hours=1), 400, watches_door=True),
}


class Plain:
    def __init__(self, seed: int, device_id: str, kind: PlainKind, person: Person) -> None:
        self._seed = seed
        self._device_id = device_id
        self._kind = kind
        self._person = person
        rng = draw(seed, device_id, "plain")
        self._signal = rng.uniform(-95, -60)
        self._battery_age = rng.uniform(0, 0.8)
        self._test_weekday = rng.randrange(7)
        self._test_minute = rng.uniform(9 * 60, 11 * 60)
        self.period = kind.period

    def measure(self, at: datetime) -> Measurements:
        noise = draw(self._seed, self._device_id, "noise", at.timestamp())
        return {
            "battery": self._battery(at),
            "rssi": round(min(-40.0, max(-120.0, noise.gauss(self._signal, 2)))),
        }

    def around(self, at: datetime) -> Measurements:
        found: Measurements = {"battery": self._battery(at)}
        if self._kind.located:
            assert self._person.home is not None
            noise = draw(self._seed, self._device_id, "noise", at.timestamp())
            lat, lon = moved(self._person.home, abs(noise.gauss(0, 10)), noise.uniform(0, 6.28))
            found["location"] = {"lat": round(lat, 6), "lon": round(lon, 6), "accuracy": 25, "datum": "wgs84"}
        return found

    def ordinary_events(self, on: date) -> Iterator[OrdinaryEvent]:
        if self._kind.weekly_test and on.weekday() == self._test_weekday:
            yield OrdinaryEvent(moment(on, self._test_minute), "test")
        if self._kind.watches_door:
            # The door stands open for twenty seconds on the way out, and again on the way home.
            ways = [way for walk in self._person.day(on).outings() for way in (walk.start, walk.end)]
            spans = tuple(Span(way, way + 1 / 3) for way in ways)
            yield from entering_and_leaving(on, spans, "door_open", "door_closed")

    def _battery(self, at: datetime) -> int:
        on, minute = local(at)
        used = (on.toordinal() + minute / 1440) / self._kind.battery_days + self._battery_age
        # Changed at 30 %: nobody lets an emergency button die, and one that is low would raise an alert unasked.
        return round(100 - 70 * (used % 1))
