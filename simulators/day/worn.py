"""What the devices of a resident measure while something befalls them, with the errors that such devices have."""

import math
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from simulators.day.bouts import BEATS_A_DEGREE, BREATHS_A_DEGREE, Bout, Kind
from simulators.day.population import BREATHS_WITHIN, SYSTOLIC_WITHIN, TEMPERATURE_WITHIN, Resident
from simulators.devices.bed_sensor import BedSensor
from simulators.devices.model import Measurements
from simulators.devices.person import Day, local, moved
from simulators.devices.seeded import draw
from simulators.devices.wristband import Wristband
from simulators.terms import CHINA

#: Part of the rate: a band of a Chinese maker on Asian elders was off by 6.04 % on average (Chow and Yang, JMIR mHealth
#: 2020;8:e14707), which is a σ of 7.6 % of a normal error, under exercise. Half of that at rest is assumed.
PULSE_ERROR: Final = 0.038
PULSE_ERROR_WALKING: Final = 0.076
#: While walking the light follows the steps and not the pulse now and then (signal crossover: Bent et al., npj Digit
#: Med 2020;3:18). How often is assumed.
CROSSOVER: Final = 0.05
#: Per cent: a wrist's oximeter is off by 2.9 (root mean square) at best, and may be by 4 (ISO 80601-2-61): of the
#: wearer and the day, which stays, and of each value. The parts are assumed.
SATURATION_ERROR: Final = (1.2, 1.5)
#: mmHg, cuffs at home: ISO 81060-2 passes 8.
PRESSURE_ERROR: Final = 8.0
#: breaths/min: agreement of monitors on wards is ± 3, two σ.
BREATH_ERROR: Final = 1.5
WALKING_SPEED_M_MIN: Final = 50.0


class Worn(Wristband):
    """A wristband that measures each `interval`, on somebody to whom `bouts` happen. `breath`: also how often they
    breathe, which 4G watches do not tell."""

    def __init__(
        self,
        seed: int,
        device_id: str,
        person: Resident,
        interval: timedelta,
        bouts: Sequence[Bout] = (),
        *,
        breath: bool = False,
    ) -> None:
        super().__init__(seed, device_id, person)
        self.period = interval
        self._resident, self._bouts, self._breath = person, bouts, breath
        self._at = datetime.fromtimestamp(0, CHINA)
        self._saturation_off = draw(seed, device_id, "saturation").gauss(0, SATURATION_ERROR[0])

    def measure(self, at: datetime) -> Measurements:
        self._at = at
        found = super().measure(at)
        if not self._resident.wears_it:
            found = {name: found[name] for name in ("battery", "rssi")} | {"worn": False, "steps": 0}
        elif (astray := self._felt(Kind.WANDERING)) is not None and found["worn"]:
            on, minute = local(at)
            found["location"] = self._location(self._person.day(on), minute, self._noise(at))
            found["steps"] += round(80 * self._minutes(astray))
        return found

    def _felt(self, kind: Kind) -> Bout | None:
        return next((bout for bout in self._bouts if bout.kind is kind and bout.on(self._at)), None)

    def _minutes(self, bout: Bout) -> float:
        return (self._at - bout.begin).total_seconds() / 60

    def _vitals(self, day: Day, minute: float, noise: random.Random) -> Measurements:
        person, asleep, walk = self._resident, day.asleep(minute), day.walk(minute)
        effort = 0.0 if walk is None else 14 + 10 * math.sin(math.pi * walk.progress(minute))
        warmth = math.cos((minute / 60 - 17) / 24 * math.tau)
        pulse = person.resting_heart_rate + 3 * warmth - 8 * asleep + effort + noise.gauss(0, 2)
        saturation = person.spo2 - 0.8 * asleep + noise.gauss(0, 0.6)
        degrees = person.temperature + 0.3 * warmth + noise.gauss(0, TEMPERATURE_WITHIN)
        breaths = person.respiration - 2 * asleep + effort / 5 + noise.gauss(0, BREATHS_WITHIN)
        if asleep and person.apnoea and noise.random() < 0.25:
            saturation -= noise.uniform(3, 9)
        for bout in self._bouts:
            if not bout.on(self._at):
                continue
            felt = bout.felt
            if "heart_rate" in felt:
                pulse = felt["heart_rate"] + noise.gauss(0, 8)
            if "degrees" in felt:
                # Three hours until it is all there: assumed.
                share = min(1.0, self._minutes(bout) / 180)
                degrees += felt["degrees"] * share
                pulse += BEATS_A_DEGREE * felt["degrees"] * share
                breaths += BREATHS_A_DEGREE * felt["degrees"] * share
                saturation += felt["saturation"] * share
            if "saturation_at" in felt:
                saturation = felt["saturation_at"] + noise.gauss(0, 1)
            pulse += felt.get("beats", 0)
            breaths += felt.get("breaths", 0)
        pulse *= 1 + noise.gauss(0, PULSE_ERROR if walk is None else PULSE_ERROR_WALKING)
        if walk is not None and noise.random() < CROSSOVER:
            pulse = noise.uniform(95, 125)
        saturation += self._saturation_off + noise.gauss(0, SATURATION_ERROR[1])
        vitals: Measurements = {
            "heart_rate": round(min(220.0, max(25.0, pulse))),
            "spo2": round(min(100.0, max(50.0, saturation))),
            "body_temperature": round(degrees, 1),
        }
        if self._breath:
            vitals["respiratory_rate"] = round(min(60.0, max(4.0, breaths + noise.gauss(0, BREATH_ERROR))))
        # A check of the pressure goes with the next reading.
        if any(check <= minute < check + self.period.total_seconds() / 60 for check in day.pressure_checks):
            systolic = person.systolic + 4 * warmth + noise.gauss(0, SYSTOLIC_WITHIN) + noise.gauss(0, PRESSURE_ERROR)
            vitals |= {"systolic": round(systolic), "diastolic": round(systolic * 0.57 + noise.gauss(0, 5))}
        return vitals

    def _location(self, day: Day, minute: float, noise: random.Random) -> Measurements:
        astray = self._felt(Kind.WANDERING)
        if astray is None:
            return super()._location(day, minute, noise)
        assert self._person.home is not None
        away = min(astray.felt["reach"], WALKING_SPEED_M_MIN * self._minutes(astray))
        accuracy = noise.uniform(4, 12)
        lat, lon = moved(self._person.home, away, astray.felt["bearing"])
        lat, lon = moved((lat, lon), abs(noise.gauss(0, accuracy / 2)), noise.uniform(0, math.tau))
        return {"lat": round(lat, 6), "lon": round(lon, 6), "accuracy": round(accuracy), "datum": "wgs84"}


class Underneath(BedSensor):
    """A strip under the mattress of a resident: heart and breath as the resident has them."""

    def __init__(self, seed: int, device_id: str, person: Resident, bouts: Sequence[Bout] = ()) -> None:
        super().__init__(seed, device_id, person)
        self._bouts = bouts

    def measure(self, at: datetime) -> Measurements:
        found = super().measure(at)
        for bout in self._bouts:
            if found["in_bed"] and bout.on(at):
                if "heart_rate" in bout.felt:
                    found["heart_rate"] = round(bout.felt["heart_rate"])
                found["heart_rate"] += bout.felt.get("beats", 0)
                found["respiratory_rate"] += bout.felt.get("breaths", 0)
        return found
