"""What befalls an elder in a day: the truth. By published rates for all, and once by design for a few, because a day of
ten thousand elders at those rates has too few of most to say how many are found."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from simulators.day.population import Resident
from simulators.devices.model import moment
from simulators.devices.person import Span
from simulators.devices.seeded import draw


class Kind(StrEnum):
    FIBRILLATION = "fibrillation"
    SLOW_HEART = "slow_heart"
    INFECTION = "infection"
    HYPOXIA = "hypoxia"
    SEVERE_HYPERTENSION = "severe_hypertension"
    FALL = "fall"
    CALL = "call"
    WANDERING = "wandering"
    NOT_BACK_IN_BED = "not_back_in_bed"
    # What a device says though nobody needs help.
    FALSE_FALL = "false_fall"
    IDLE_PRESS = "idle_press"
    AWAKE_AT_NIGHT = "awake_at_night"
    # Of devices.
    NOT_WORN = "not_worn"
    CUT_OFF = "cut_off"


HARMLESS: Final = frozenset({Kind.FALSE_FALL, Kind.IDLE_PRESS, Kind.AWAKE_AT_NIGHT})
OF_DEVICES: Final = frozenset({Kind.NOT_WORN, Kind.CUT_OFF})

#: An elder and day. Of those who fibrillate half do so in bouts, one day in five (both assumed), for 3.8 h on average:
#: that is a burden of 3.2 %, as in RACE V (Europace 2020;22:1162, PMC7400474).
FIBRILLATION: Final = 0.5 * 0.2
#: h, lognormal: mean 3.8
FIBRILLATION_HOURS: Final = (0.85, 0.98)
#: ms from beat to beat shortly before a bout ends: Alcaraz et al., Rev Esp Cardiol 2008;61:154 (630 ± 200).
BEAT_MS: Final = (630.0, 200.0, 350.0, 1000.0)
#: Community-acquired pneumonia at 80 and over: 14.98 in 1,000 person-years (Sun et al., Vaccine 2020;38:8362).
INFECTION: Final = 14.98 / 1000 / 365
#: °C: fever at arrival in 12 to 32 % of old people with pneumonia (Caterino, Emerg Med Clin N Am 2008;26:319): this
#: puts 19 % above 38.
FEVER: Final = (0.7, 0.8)
#: A degree: 7.2 beats and 1.4 breaths (Jensen et al., Acute Med 2019, doi:10.52964/amja.0766).
BEATS_A_DEGREE: Final = 7.2
BREATHS_A_DEGREE: Final = 1.4
#: Falls: 20.7 % of old people in a year (China, NISS 2018, 100,551 people); four in five are noticed by a detector,
#: which calls in vain 0.17 times a week (real-life figures of fall detectors).
FALL: Final = 0.207 / 365
DETECTED: Final = 0.8
FALSE_FALL: Final = 0.17 / 7
#: Who fell and could press did not: 80 % (Fleming and Brayne, BMJ 2008).
PRESSES_AFTER_FALL: Final = 0.2
#: Half of the wearers stop a false fall within the half minute that they have: assumed.
CANCELS: Final = 0.5
#: Two calls for help a day of 10,000 wearers; 5.4 % of what comes in by such buttons is one (Castilla-La Mancha 2019).
CALL: Final = 2 / 10_000
IDLE_PRESS: Final = CALL * (1 - 0.054) / 0.054
#: Up for more than half an hour and well, a night: assumed.
AWAKE_AT_NIGHT: Final = 0.03

_BY_DESIGN: Final = (
    Kind.FIBRILLATION, Kind.SLOW_HEART, Kind.INFECTION, Kind.HYPOXIA, Kind.FALL, Kind.CALL, Kind.WANDERING,
    Kind.NOT_BACK_IN_BED,
)  # fmt: skip


@dataclass(frozen=True)
class Bout:
    kind: Kind
    begin: datetime
    end: datetime
    by_design: bool = False
    #: how it is felt: what `worn` adds to or puts in place of what it measures
    felt: dict[str, Any] = field(default_factory=dict)

    def on(self, at: datetime) -> bool:
        return self.begin <= at < self.end


def design_of(number: int) -> Kind:
    """What befalls the elder with this number among those to whom something does by design."""
    return _BY_DESIGN[number % len(_BY_DESIGN)]


def bouts_of(person: Resident, on: date, by_design: Kind | None = None) -> list[Bout]:
    """In the order of their beginning, within the day or begun in it. `by_design` befalls in any case."""
    rng = draw(person.seed, person.who, "bouts", on.isoformat())
    found: list[Bout] = []
    if not person.wears_it:
        found.append(Bout(Kind.NOT_WORN, moment(on, 0), moment(on, 1440)))
    if person.systolic >= 180:
        found.append(Bout(Kind.SEVERE_HYPERTENSION, moment(on, 0), moment(on, 1440)))
    chances = {
        Kind.FIBRILLATION: FIBRILLATION if person.fibrillates else 0.0,
        Kind.INFECTION: INFECTION,
        Kind.FALL: FALL,
        Kind.FALSE_FALL: FALSE_FALL,
        Kind.CALL: CALL,
        Kind.IDLE_PRESS: IDLE_PRESS,
        Kind.AWAKE_AT_NIGHT: AWAKE_AT_NIGHT if person.bed_sensor else 0.0,
    }
    for kind, chance in chances.items():
        if rng.random() < chance and kind is not by_design:
            found.append(_bout(kind, person, on, rng, by_design=False))
    if by_design is not None:
        found.append(_bout(by_design, person, on, rng, by_design=True))
    return sorted(found, key=lambda bout: bout.begin)


def _bout(kind: Kind, person: Resident, on: date, rng: random.Random, *, by_design: bool) -> Bout:
    day = person.day(on)
    # By design nothing begins so late that the day ends before it can be told, nor on the charger.
    awake = rng.uniform(day.wake, day.charging.start - 60 if by_design else day.bedtime)
    any_time = rng.uniform(0, 18 * 60 if by_design else 24 * 60)
    felt: dict[str, Any] = {}
    match kind:
        case Kind.FIBRILLATION:
            begin, hours = any_time, min(20.0, rng.lognormvariate(*FIBRILLATION_HOURS))
            mean, sigma, shortest, longest = BEAT_MS
            felt = {"heart_rate": round(60_000 / min(longest, max(shortest, rng.gauss(mean, sigma))), 1)}
        case Kind.SLOW_HEART:  # a block or a sick sinus: rate and length are assumed
            begin, hours = any_time, rng.uniform(0.5, 6)
            felt = {"heart_rate": round(rng.uniform(28, 46), 1)}
        case Kind.INFECTION:
            begin, hours = any_time, 72.0
            felt = {"degrees": round(max(0.0, rng.gauss(*FEVER)), 2), "saturation": -round(rng.expovariate(1 / 3), 1)}
        case Kind.HYPOXIA:  # a flare of chronic lung disease: depth and length are assumed
            begin, hours = any_time, rng.uniform(1, 8)
            felt = {"saturation_at": round(min(89.0, rng.gauss(84, 3)), 1), "beats": 12, "breaths": 5}
        case Kind.FALL:
            begin, hours = awake, rng.uniform(0.1, 1)
            felt = {"detected": rng.random() < DETECTED, "presses": rng.random() < PRESSES_AFTER_FALL, "beats": 15}
        case Kind.FALSE_FALL:
            begin, hours = awake, 1 / 60
            felt = {"cancels": rng.random() < CANCELS}
        case Kind.CALL:
            begin, hours = any_time, 0.5
        case Kind.IDLE_PRESS:
            begin, hours = awake, 1 / 60
        case Kind.WANDERING:  # how far and how fast is assumed
            begin, hours = awake, rng.uniform(1, 4)
            felt = {"reach": round(rng.uniform(900, 3000)), "bearing": rng.uniform(0, 6.28)}
        case Kind.NOT_BACK_IN_BED | Kind.AWAKE_AT_NIGHT:
            low, high = (60, 150) if kind is Kind.NOT_BACK_IN_BED else (32, 70)
            begin, hours = rng.uniform(60, 180), rng.uniform(low, high) / 60
            person.absent_on, person.long_absence = on, Span(begin, begin + hours * 60)
            person.forget(on)
        case _:
            raise ValueError(f"{kind} does not befall anybody at a time")
    at = moment(on, begin)
    return Bout(kind, at, at + timedelta(hours=hours), by_design, felt)
