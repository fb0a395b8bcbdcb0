"""A sensor strip under the mattress: somebody in bed or not, and heart and breath while there is."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from simulators.devices.model import Measurements, OrdinaryEvent, entering_and_leaving
from simulators.devices.person import Person, local
from simulators.devices.seeded import draw


class BedSensor:
    """Runs on mains power, so it tells no battery."""

    period = timedelta(minutes=1)

    def __init__(self, seed: int, device_id: str, person: Person) -> None:
        self._seed = seed
        self._device_id = device_id
        self._person = person

    def measure(self, at: datetime) -> Measurements:
        on, minute = local(at)
        day = self._person.day(on)
        noise = draw(self._seed, self._device_id, "noise", at.timestamp())
        in_bed = any(span.holds(minute) for span in day.in_bed())
        found: Measurements = {"in_bed": in_bed, "rssi": round(noise.gauss(-62, 2))}
        if in_bed:
            found |= {
                "heart_rate": round(self._person.resting_heart_rate - 9 + noise.gauss(0, 1.5)),
                "respiratory_rate": round(self._person.respiration - 2 + noise.gauss(0, 0.6)),
            }
        return found

    def around(self, at: datetime) -> Measurements:
        return {}

    def ordinary_events(self, on: date) -> Iterator[OrdinaryEvent]:
        return entering_and_leaving(on, self._person.day(on).in_bed(), "bed_in", "bed_out")
