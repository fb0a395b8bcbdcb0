"""Where a rule's limit lies for one person, and the band outside which a single sample can matter to any rule. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import assert_never

from alerts.domain.rules import news2
from alerts.domain.rules.baseline import usable_spread
from alerts.domain.rules.fence import allowed_box
from alerts.domain.rules.fields import DIGITS
from alerts.domain.rules.model import (
    Baseline,
    Beyond,
    Direction,
    Limit,
    OutOfBed,
    OwnLimit,
    Rule,
    Score,
    Still,
    Subject,
)

#: lowest and highest that is inside; None: no limit on that side
Band = tuple[float | None, float | None]
#: every value is outside of it
NOTHING_INSIDE: Band = (1e9, -1e9)


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit in numbers, in the unit of its field. `value` itself is not beyond it, and `clear` itself is clear."""

    field: str
    direction: Direction
    value: float
    clear: float

    def beyond(self, value: float) -> bool:
        return value > self.value if self.direction is Direction.ABOVE else value < self.value

    def cleared(self, value: float) -> bool:
        return value <= self.clear if self.direction is Direction.ABOVE else value >= self.clear


def bound_of(condition: Limit | OwnLimit, subject: Subject) -> Bound | None:
    """None: nothing is known yet of what is usual for this person."""
    match condition:
        case Limit(field, direction, value, clear, _):
            return Bound(field, direction, round(value, DIGITS), round(clear, DIGITS))
        case OwnLimit():
            return _own_bound(condition, subject)
        case _:
            assert_never(condition)


def _own_bound(own: OwnLimit, subject: Subject) -> Bound | None:
    usual = usual_of(own, subject)
    above = own.direction is Direction.ABOVE
    lowest, highest = own.inside
    if usual is not None:
        spread = usable_spread(own.field, usual)
        centre, away = usual.median, own.spreads * spread
        value = max(centre + away, highest) if above else min(centre - away, lowest)
    elif own.until_known is not None:
        spread, value = usable_spread(own.field, Baseline(own.until_known, 0, 0)), own.until_known
    else:
        return None
    if own.always is not None:
        value = min(value, own.always) if above else max(value, own.always)
    # Where the limit is moved, what clears it moves along: nobody has to come back to their very median.
    way_back = (own.spreads - own.clear_spreads) * spread
    clear = value - way_back if above else value + way_back
    return Bound(own.field, own.direction, round(value, DIGITS), round(clear, DIGITS))


def usual_of(own: OwnLimit, subject: Subject) -> Baseline | None:
    """None: not known yet, or not of enough hours."""
    usual = subject.baselines.get(own.field)
    return None if usual is None or usual.hours < own.least_hours else usual


def envelope(rules: Iterable[Rule], subject: Subject) -> dict[str, Band]:
    """For each field that `rules` (those in force) look at, the lowest and highest value that matters to none of them.

    A sample with all its values inside neither begins, nor carries on, nor completes a stretch of any rule: whoever
    looks only at elders with a sample outside loses no alert. It may well end a stretch: so an elder with an episode
    that is on is looked at whatever comes. A rule without a baseline yet has no part in it.
    """
    return tightest(part for rule in rules for part in _bands(rule, subject))


def tightest(parts: Iterable[tuple[str, Band]]) -> dict[str, Band]:
    """For each field what is inside all of its bands; nothing may be."""
    bands: dict[str, Band] = {}
    for field, (low, high) in parts:
        lowest, highest = bands.get(field, (None, None))
        bands[field] = (_tighter(max, low, lowest), _tighter(min, high, highest))
    return bands


def _bands(rule: Rule, subject: Subject) -> list[tuple[str, Band]]:
    match rule.condition:
        case Score():
            scale_2 = subject.spo2_scale_2
            return [(parameter, news2.zero_band(parameter, scale_2=scale_2)) for parameter in news2.MEASURED]
        case Beyond():
            return fence_bands(subject)
        case Still() | OutOfBed():
            return []  # what comes says when to look, not whether
        case condition:
            bound = bound_of(condition, subject)
            if bound is None:
                return []
            above = bound.direction is Direction.ABOVE
            return [(bound.field, (None, bound.value) if above else (bound.value, None))]


def fence_bands(subject: Subject) -> list[tuple[str, Band]]:
    """A box in which no fence is left; or, where none is known, one without an inside: every fix may matter."""
    if not subject.fences:
        return []
    box = allowed_box(subject.fences)
    if box is None:
        return [("lat", NOTHING_INSIDE)]
    low, high = box
    return [("lat", (round(low.lat, 6), round(high.lat, 6))), ("lon", (round(low.lon, 6), round(high.lon, 6)))]


def _tighter(choose: Callable[[float, float], float], one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)
