"""NEWS2, the National Early Warning Score 2. Pure.

Source: Royal College of Physicians. National Early Warning Score (NEWS) 2: Standardising the assessment of
acute-illness severity in the NHS. London: RCP, December 2017. The bands and triggers below are the RCP's, whom we
acknowledge. It is not for people under 16 and not for pregnancy, and it is validated as a whole only: wristbands do not
know consciousness or oxygen, and what they give is a partial score, which can only be too low.

Values between two values of the chart
--------------------------------------
The chart is made for whole numbers, and for tenths of a degree; it does not say what a heart rate of 90.5 is. Averaged
and converted readings are such values.

Decided: a value between two values of the chart has the points of the worse of the two. 90.5 beats are scored as 91
(1 point), 36.04 °C as 36.0 (1 point), a saturation of 95.9 as 95 (1 point).

Why: whichever way the value would have been rounded (down, up, to the nearest, to the even), it has not more points
than this: the score is never too low because of rounding. Rounding to the nearest would hide a point for half of such
values, rounding down for all of those above a band. The price is a point that comes at most one unit of the chart
early, which the duration of a rule outweighs.

Numbers within half a hundredth of a step of the chart from one of its values are that value: four-byte storage makes
36.1 into 36.0999985.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import ceil, floor
from typing import Final, NamedTuple

from alerts.domain.rules.fields import DIGITS


class Risk(StrEnum):
    """The RCP's thresholds and triggers (its chart 2)."""

    LOW = "low"  # 0–4
    LOW_MEDIUM = "low_medium"  # 3 in one parameter
    MEDIUM = "medium"  # 5–6
    HIGH = "high"  # 7 and more


class _Chart(NamedTuple):
    """Bands from the lowest up: the last value of each but the highest, which has no end, and the points of each.
    Values are in `per_unit` parts of the unit, so that they are whole."""

    lasts: tuple[int, ...]
    points: tuple[int, ...]
    per_unit: int = 1

    def points_of(self, value: float) -> int:
        """Of the worse of the two neighbours on the chart."""
        parts = round(value * self.per_unit, DIGITS - 1)
        below = self.points[bisect_left(self.lasts, floor(parts))]
        above = self.points[bisect_left(self.lasts, ceil(parts))]
        return max(below, above)

    def band(self, most: int) -> tuple[float | None, float | None]:
        """The first and the last value with no more points than `most`, in the unit; None where it has no end. Points
        go up to both sides of what is normal, so that it is one band."""
        inside = [place for place, points in enumerate(self.points) if points <= most]
        first, last = inside[0], inside[-1]
        return (
            (self.lasts[first - 1] + 1) / self.per_unit if first else None,
            self.lasts[last] / self.per_unit if last < len(self.lasts) else None,
        )


_CHARTS: Final = {
    "respiratory_rate": _Chart((8, 11, 20, 24), (3, 1, 0, 2, 3)),
    "spo2": _Chart((91, 93, 95), (3, 2, 1, 0)),
    "systolic": _Chart((90, 100, 110, 219), (3, 2, 1, 0, 3)),
    "heart_rate": _Chart((40, 50, 90, 110, 130), (3, 1, 0, 1, 2, 3)),
    "body_temperature": _Chart((350, 360, 380, 390), (3, 1, 0, 1, 2), per_unit=10),
}
#: Scale 2, for hypercapnic respiratory failure, by a doctor's decision only.
_SPO2_SCALE_2_ON_AIR: Final = _Chart((83, 85, 87), (3, 2, 1, 0))
_SPO2_SCALE_2_ON_OXYGEN: Final = _Chart((83, 85, 87, 92, 94, 96), (3, 2, 1, 0, 1, 2, 3))
_ON_OXYGEN: Final = 2
#: Alert; new confusion, responds to voice, to pain, unresponsive.
_CONSCIOUSNESS: Final = {"A": 0, "C": 3, "V": 3, "P": 3, "U": 3}

#: The parameters that readings have.
MEASURED: Final = tuple(_CHARTS)
#: All seven, in the RCP's order.
PARAMETERS: Final = (
    *("respiratory_rate", "spo2", "on_oxygen", "systolic", "heart_rate", "consciousness", "body_temperature"),
)


@dataclass(frozen=True, slots=True)
class News2:
    """`points` has the parameters that are known, `missing` the others, which were given no point."""

    total: int
    points: Mapping[str, int]
    missing: tuple[str, ...]

    @property
    def partial(self) -> bool:
        """The whole score can only be higher."""
        return bool(self.missing)

    @property
    def three_in_one(self) -> bool:
        return 3 in self.points.values()

    @property
    def risk(self) -> Risk:
        """By the RCP; of a partial score the least that it can be."""
        if self.total >= 7:
            return Risk.HIGH
        if self.total >= 5:
            return Risk.MEDIUM
        return Risk.LOW_MEDIUM if self.three_in_one else Risk.LOW


def points_of(parameter: str, value: float, *, scale_2: bool = False, on_oxygen: bool = False) -> int:
    """0 to 3, of one of `MEASURED` in the contract's unit."""
    return _points_of(parameter, value, scale_2, on_oxygen)


# Devices send some hundred different values of a field, and a replay asks for each of them over and over.
@lru_cache(maxsize=4096)
def _points_of(parameter: str, value: float, scale_2: bool, on_oxygen: bool) -> int:
    return _chart(parameter, scale_2, on_oxygen).points_of(value)


def band(parameter: str, most: int, *, scale_2: bool = False) -> tuple[float | None, float | None]:
    """The first and the last value of one of `MEASURED` that has at most so many points, without oxygen; None where it
    has no end. Only outside it a value has more."""
    return _chart(parameter, scale_2, on_oxygen=False).band(most)


def zero_band(parameter: str, *, scale_2: bool = False) -> tuple[float | None, float | None]:
    """The band without a point."""
    return band(parameter, 0, scale_2=scale_2)


def news2(values: Mapping[str, float | bool | str], *, scale_2: bool = False) -> News2:
    """The score of what is known.

    `values`: any of `PARAMETERS`; the measured ones by the names and units of the contract, `on_oxygen` a truth,
    `consciousness` one of A, C, V, P, U. Where oxygen is not known, air is taken, which has the fewest points.
    """
    on_oxygen = values.get("on_oxygen")
    points: dict[str, int] = {}
    for parameter in PARAMETERS:
        if (value := values.get(parameter)) is None:
            continue
        if parameter == "on_oxygen":
            points[parameter] = _ON_OXYGEN if value else 0
        elif parameter == "consciousness":
            points[parameter] = _CONSCIOUSNESS[str(value)]
        else:
            points[parameter] = points_of(parameter, float(value), scale_2=scale_2, on_oxygen=bool(on_oxygen))
    missing = tuple(parameter for parameter in PARAMETERS if parameter not in points)
    return News2(sum(points.values()), points, missing)


def _chart(parameter: str, scale_2: bool, on_oxygen: bool) -> _Chart:
    if parameter == "spo2" and scale_2:
        return _SPO2_SCALE_2_ON_OXYGEN if on_oxygen else _SPO2_SCALE_2_ON_AIR
    return _CHARTS[parameter]
