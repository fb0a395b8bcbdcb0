"""The elder behind the devices: when she sleeps, walks and charges the wristband. Invented, and seeded.

Everything is a function of the seed and the day, so that steps are the same whenever one asks, and all the
devices of one elder agree on where she is.
"""

import math
from dataclasses import dataclass, field
from datetime import date, datetime

from simulators.devices.seeded import draw
from simulators.terms import CHINA

# The middle of 大足区龙岗街道, WGS 84. A fleet file may give each device a `home` of its own.
TOWN = (29.7033, 105.7217)
METRES_PER_DEGREE = 111_320.0

# Hour of the day, longest length in minutes, how many metres it may lead away. They never overlap one
# another, the nap or the charging: no step is counted while the wristband lies on its charger.
WALKS = (
    (7.3, 15, 0), (8.5, 45, 700), (10.5, 12, 0), (11.7, 10, 0),
    (14.6, 12, 0), (15.5, 50, 900), (17.2, 12, 0), (18.2, 40, 600),
)  # fmt: skip


@dataclass(frozen=True)
class Span:
    """Minutes since local midnight."""

    start: float
    end: float

    def holds(self, minute: float) -> bool:
        return self.start <= minute < self.end

    def progress(self, minute: float) -> float:
        return min(1.0, max(0.0, (minute - self.start) / (self.end - self.start)))


@dataclass(frozen=True)
class Walk(Span):
    steps: int
    reach: float
    """How far from home it leads, in metres; 0 stays indoors."""
    bearing: float


@dataclass(frozen=True)
class Day:
    wake: float
    bedtime: float
    nap: Span
    charging: Span
    charged_until: int
    """Per cent of battery left when charging starts."""
    walks: tuple[Walk, ...]
    night_visits: tuple[Span, ...]
    """Ways to the bathroom, between midnight and waking."""
    pressure_checks: tuple[float, ...]

    def asleep(self, minute: float) -> bool:
        night = minute < self.wake or minute >= self.bedtime
        return (night or self.nap.holds(minute)) and not any(visit.holds(minute) for visit in self.night_visits)

    def walk(self, minute: float) -> Walk | None:
        return next((walk for walk in self.walks if walk.holds(minute)), None)

    def steps(self, minute: float) -> int:
        return sum(int(walk.steps * walk.progress(minute)) for walk in self.walks)

    def in_bed(self) -> tuple[Span, ...]:
        """When somebody lies in the bed, in order, from midnight to midnight."""
        night, start = [], 0.0
        for visit in self.night_visits:
            night.append(Span(start, visit.start))
            start = visit.end
        return (*night, Span(start, self.wake), self.nap, Span(self.bedtime, 1440.0))

    def outings(self) -> tuple[Walk, ...]:
        return tuple(walk for walk in self.walks if walk.reach > 0)


@dataclass
class Person:
    """`who` is the elder's id, or the device's when it belongs to nobody."""

    seed: int
    who: str
    home: tuple[float, float] | None = None
    _days: dict[date, Day] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        rng = draw(self.seed, self.who, "person")
        self.resting_heart_rate = rng.uniform(58, 76)
        self.spo2 = rng.uniform(95.5, 98)
        self.systolic = rng.uniform(118, 146)
        self.temperature = rng.uniform(36.2, 36.5)
        self.respiration = rng.uniform(14, 18)
        self.vigour = rng.uniform(0.3, 1.3)
        if self.home is None:
            self.home = moved(TOWN, rng.uniform(50, 1500), rng.uniform(0, 2 * math.pi))

    def day(self, on: date) -> Day:
        if on not in self._days:
            # Only the neighbouring days are asked for again: a long run must not keep a year of them.
            self._days = {known: day for known, day in self._days.items() if abs((known - on).days) <= 1}
            self._days[on] = self._plan(on)
        return self._days[on]

    def _plan(self, on: date) -> Day:
        rng = draw(self.seed, self.who, "day", on.isoformat())
        wake = rng.uniform(5 * 60 + 20, 7 * 60)
        nap_start = rng.uniform(12 * 60 + 30, 13 * 60 + 10)
        charging_start = rng.uniform(19 * 60 + 30, 20 * 60)
        walks = []
        for hour, longest, reach in WALKS:
            start = hour * 60 + rng.uniform(-10, 20)
            length = rng.uniform(0.4, 1.0) * longest
            steps = int(length * rng.uniform(50, 95) * self.vigour)
            if not reach or rng.random() < 0.7:
                walks.append(Walk(start, start + length, steps, reach * rng.uniform(0.3, 1), rng.uniform(0, math.tau)))
        visits = []
        for earliest in (60.0, 200.0)[: rng.choice((0, 1, 1, 2))]:
            start = earliest + rng.uniform(0, 80)
            visits.append(Span(start, start + rng.uniform(4, 10)))
        walks = [*(Walk(visit.start, visit.end, rng.randint(20, 60), 0, 0) for visit in visits), *walks]
        return Day(
            wake=wake,
            bedtime=rng.uniform(21 * 60 + 30, 22 * 60 + 40),
            nap=Span(nap_start, nap_start + rng.uniform(30, 75)),
            charging=Span(charging_start, charging_start + rng.uniform(50, 80)),
            charged_until=rng.randint(45, 70),
            walks=tuple(walks),
            night_visits=tuple(visits),
            pressure_checks=tuple(hour * 60 + rng.uniform(0, 30) for hour in (7.5, 11.2, 16.6, 21.0)),
        )


def local(at: datetime) -> tuple[date, float]:
    """The day in China, and the minutes since its midnight."""
    there = at.astimezone(CHINA)
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
    return there.date(), (there - midnight).total_seconds() / 60


def moved(place: tuple[float, float], metres: float, bearing: float) -> tuple[float, float]:
    lat, lon = place
    north, east = metres * math.cos(bearing), metres * math.sin(bearing)
    return lat + north / METRES_PER_DEGREE, lon + east / (METRES_PER_DEGREE * math.cos(math.radians(lat)))
