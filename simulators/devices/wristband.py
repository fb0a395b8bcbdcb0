"""A wristband: a reading a minute, with the rhythm of a day."""

import math
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from simulators.devices.model import Measurements, OrdinaryEvent, entering_and_leaving
from simulators.devices.person import Day, Person, local, moved
from simulators.devices.seeded import draw

GPS_EVERY_MINUTES = 5  # at rest; satellite fixes are what empties a wristband


class Wristband:
    period = timedelta(minutes=1)

    def __init__(self, seed: int, device_id: str, person: Person) -> None:
        self._seed = seed
        self._device_id = device_id
        self._person = person
        self._signal = draw(seed, device_id, "signal").uniform(-102, -74)

    def measure(self, at: datetime) -> Measurements:
        on, minute = local(at)
        day, noise = self._person.day(on), self._noise(at)
        worn = not day.charging.holds(minute)
        found: Measurements = {
            "worn": worn,
            "steps": day.steps(minute),
            "battery": self._battery(on, minute),
            "rssi": round(min(-40.0, max(-120.0, noise.gauss(self._signal, 3)))),
        }
        if worn:
            found |= self._vitals(day, minute, noise)
        if int(minute) % GPS_EVERY_MINUTES == 0 or day.walk(minute):
            found["location"] = self._location(day, minute, noise)
        return found

    def around(self, at: datetime) -> Measurements:
        on, minute = local(at)
        place = self._location(self._person.day(on), minute, self._noise(at))
        return {"battery": self._battery(on, minute), "location": place}

    def ordinary_events(self, on: date) -> Iterator[OrdinaryEvent]:
        return entering_and_leaving(on, (self._person.day(on).charging,), "worn_off", "worn_on")

    def _noise(self, at: datetime) -> random.Random:
        return draw(self._seed, self._device_id, "noise", at.timestamp())

    def _vitals(self, day: Day, minute: float, noise: random.Random) -> Measurements:
        person, asleep, walk = self._person, day.asleep(minute), day.walk(minute)
        effort = 0.0 if walk is None else 14 + 10 * math.sin(math.pi * walk.progress(minute))
        # The body clock: coolest about 5, warmest about 17 o'clock.
        warmth = math.cos((minute / 60 - 17) / 24 * math.tau)
        heart_rate = person.resting_heart_rate + 3 * warmth - 8 * asleep + effort + noise.gauss(0, 2)
        vitals: Measurements = {
            "heart_rate": round(min(140.0, max(40.0, heart_rate))),
            "spo2": round(min(100.0, max(90.0, person.spo2 - 0.8 * asleep + noise.gauss(0, 0.6)))),
            "body_temperature": round(person.temperature + 0.3 * warmth + noise.gauss(0, 0.05), 1),
            "respiratory_rate": round(
                min(30.0, max(8.0, person.respiration - 2 * asleep + effort / 5 + noise.gauss(0, 0.7)))
            ),
        }
        if any(check <= minute < check + 1 for check in day.pressure_checks):
            systolic = person.systolic + 4 * warmth + noise.gauss(0, 5)
            vitals |= {"systolic": round(systolic), "diastolic": round(systolic * 0.61 + noise.gauss(0, 3))}
        return vitals

    def _battery(self, on: date, minute: float) -> int:
        today = self._person.day(on)
        charging = today.charging
        if charging.holds(minute):
            level = today.charged_until + (100 - today.charged_until) * charging.progress(minute)
        elif minute < charging.start:
            full_since = self._person.day(on - timedelta(days=1)).charging.end - 1440
            level = 100 - (100 - today.charged_until) * (minute - full_since) / (charging.start - full_since)
        else:
            tomorrow = self._person.day(on + timedelta(days=1))
            used = (minute - charging.end) / (tomorrow.charging.start + 1440 - charging.end)
            level = 100 - (100 - tomorrow.charged_until) * used
        return round(level)

    def _location(self, day: Day, minute: float, noise: random.Random) -> Measurements:
        assert self._person.home is not None
        place, accuracy = self._person.home, noise.uniform(10, 30)
        if (walk := day.walk(minute)) and walk.reach:
            # Out and back again.
            place = moved(place, walk.reach * math.sin(math.pi * walk.progress(minute)), walk.bearing)
            accuracy = noise.uniform(4, 12)
        lat, lon = moved(place, abs(noise.gauss(0, accuracy / 2)), noise.uniform(0, math.tau))
        return {"lat": round(lat, 6), "lon": round(lon, 6), "accuracy": round(accuracy), "datum": "wgs84"}
