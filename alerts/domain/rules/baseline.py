"""What is usual for one person: the centre and the spread of a measurement, made so that a few bad hours do not move
them. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from alerts.domain.rules.model import Baseline

#: Makes the median absolute deviation of a normal distribution its σ: 1 / Φ⁻¹(0.75). (Hampel 1974; Rousseeuw & Croux
#: 1993, JASA 88:1273.)
_TO_SIGMA: Final = 1.4826
#: Three days and nights: fewer hours say what was, not what is usual. A rule may want more (`OwnLimit.least_hours`).
LEAST_HOURS: Final = 72
#: An elder whose wristband sees the same pulse hour after hour has a spread of hardly anything, and every walk to the
#: kitchen would be many spreads from the median. But hours' averages vary less than the single samples that rules
#: compare with them, and no spread can be told from the device's own error. So nobody's spread is taken for less than
#: what a device may be wrong by:
#: - heart rate, as a part of the median: 10 %, the mean absolute error up to which ANSI/CTA-2065 passes a wearable;
#: - respiration, in breaths/min: 1.5; within ± 3 (two σ) monitors count as agreeing with each other on wards.
#: - saturation, in per cent: 4, the root mean square of the error up to which ISO 80601-2-61 (2017) passes an oximeter.
#: - temperature, in degrees: 0.3, the error up to which ISO 80601-2-56 passes a thermometer.
#: There are own limits for these four only: for no other field do we have a figure with a source.
_LEAST_SPREAD: Final = {
    "heart_rate": (0.10, 0.0),
    "respiratory_rate": (0.0, 1.5),
    "spo2": (0.0, 4.0),
    "body_temperature": (0.0, 0.3),
}
OWN_LIMIT_FIELDS: Final = tuple(_LEAST_SPREAD)


def baseline(hourly_averages: Sequence[float]) -> Baseline | None:
    """Of one field's averages over hours, in any order, of about two weeks; None when they are fewer than
    `LEAST_HOURS`. The spread is as it was measured: `usable_spread` is what limits are made with."""
    if len(hourly_averages) < LEAST_HOURS:
        return None
    centre = median(hourly_averages)
    deviation = median(abs(value - centre) for value in hourly_averages)
    return Baseline(centre, _TO_SIGMA * deviation, len(hourly_averages))


def usable_spread(field: str, usual: Baseline) -> float:
    """The person's spread, but never less than the device's own error; of one of `OWN_LIMIT_FIELDS`, in its unit."""
    part, least = _LEAST_SPREAD[field]
    return max(usual.spread, part * usual.median, least)
