"""Who the elders are: bodies, habits and devices as the literature describes old people. Each number has its source, or
says that it is assumed.

A resting rate by wristband is near a night's lowest rate, and not what a day looks like: of people of 61 ± 12 years
whose resting rate was 56/min the median asleep was 62, sitting awake 71 (doi:10.1177/20552076251367506). `Person` adds
to its own resting rate some 1 awake and takes some 10 away asleep, so that it is 14 above the wristband's.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from simulators.devices.person import Day, Person, Span
from simulators.devices.seeded import draw

#: Beats/min: Quer et al., PLoS ONE 2020;15:e0227709, 92,457 people: 65.5 ± 7.7, from 39.7 to 108.6.
RESTING_RATE: Final = (65.5, 7.7, 39.7, 108.6)
RATE_ABOVE_RESTING: Final = 14.0
#: Per cent: 95.25 ± 1.65 at 80 years without lung disease (Rivera et al., An Med ABC 2008;53:5, at 2,240 m, so rather
#: low for Chongqing); it puts one in 200 below 91, the limit of normal for 65 and over of Rodríguez-Molinero et al.
#: (J Am Geriatr Soc 2013;61:2238).
SATURATION: Final = (95.25, 1.65, 86.0, 99.0)
#: Breaths/min: at 65 and over from 12 to 28 (Rodríguez-Molinero et al.). That these are ± 2 σ around 20, and how much
#: of it lies between people, is assumed: 3 between, the rest within.
BREATHS: Final = (20.0, 3.0, 11.0, 29.0)
BREATHS_WITHIN: Final = 2.0
#: °C: 36.6 less 0.021 a decade; people differ by 0.149 (σ), single values by 0.4 (95 % from 35.7 to 37.3), of which the
#: time of day and the person leave 0.3 for each value (Obermeyer et al., BMJ 2017;359:j5468).
TEMPERATURE: Final = (36.54, 0.149, 35.9, 37.1)
TEMPERATURE_WITHIN: Final = 0.3
#: mmHg: 139.5 ± 22.0 at 80 and over in China (CLHLS 2014; Liu et al., Chin J Epidemiol 2019;40:290). That 18 lie
#: between people and 12 within one is assumed.
SYSTOLIC: Final = (139.5, 18.0, 85.0, 230.0)
SYSTOLIC_WITHIN: Final = 12.0

#: Of 60 and over in China: Jia et al., Lancet Public Health 2020;5:e661.
DEMENTIA: Final = 0.06
#: Moderate to severe sleep-disordered breathing, 21.4 to 26.4 % of men of 76 (Mehra et al., J Am Geriatr Soc
#: 2007;55:1356). That each fourth value of their sleep is 3 to 9 points low is assumed.
SLEEP_APNOEA: Final = 0.24
#: At 75 and over in China 5.4 % of men and 4.9 % of women have atrial fibrillation (Du et al., Heart 2021;107:535).
FIBRILLATION: Final = 0.05
#: Of 175 elders' days 95 % were worn (Front Digit Health 2022;4:884208).
WORN: Final = 0.95
#: With a sensor in the bed: assumed.
BED_SENSOR: Final = 0.05
#: Who has dementia walks less far alone: assumed.
DEMENTIA_REACH: Final = 0.4


@dataclass
class Resident(Person):
    """An elder of this population. `long_absence`: on `absent_on`, out of bed from minute to minute."""

    absent_on: date | None = None
    long_absence: Span | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        rng = draw(self.seed, self.who, "resident")

        def normal(mean: float, sigma: float, low: float, high: float) -> float:
            return min(high, max(low, rng.gauss(mean, sigma)))

        self.resting_heart_rate = RATE_ABOVE_RESTING + normal(*RESTING_RATE)
        self.spo2 = normal(*SATURATION)
        self.respiration = normal(*BREATHS)
        self.temperature = normal(*TEMPERATURE)
        self.systolic = normal(*SYSTOLIC)
        self.dementia = rng.random() < DEMENTIA
        self.apnoea = rng.random() < SLEEP_APNOEA
        self.fibrillates = rng.random() < FIBRILLATION
        self.wears_it = rng.random() < WORN
        self.bed_sensor = rng.random() < BED_SENSOR

    def forget(self, on: date) -> None:
        """That day is planned anew."""
        self._days.pop(on, None)

    def _plan(self, on: date) -> Day:
        day = super()._plan(on)
        if self.dementia:
            day = replace(day, walks=tuple(replace(walk, reach=walk.reach * DEMENTIA_REACH) for walk in day.walks))
        if self.long_absence is not None and on == self.absent_on:
            day = replace(day, night_visits=(self.long_absence,))
        return day
