"""A second opinion on a fall from what its detector felt (`detail.acceleration`). Pure.

It looks at the shape that a fall leaves on a wrist: one hard impact, quiet on at least one side of it, a body that
lies differently afterwards. Each of these earns points between two bounds, and a table says how often windows with so
many points were falls. It is an opinion: it sets an alert's confidence, and cancels, delays or softens nothing.

Nothing here depends on which axis is which, nor on which way the device is worn: only lengths of acceleration and
angles between them are used. Sources, figures and limits are in docs/fall-detection.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import Any, TypeGuard

STANDARD_GRAVITY = 9.80665  # m/s² in a g (CGPM 1901)
UNITS = {"m/s2": STANDARD_GRAVITY, "g": 1.0}
#: The contract's limits.
RATES_HZ = (20.0, 100.0)
LONGEST_S = 10.0
#: With less there is an impact and nothing around it.
SHORTEST_S = 1.0
#: No accelerometer that people wear measures more.
MOST_G = 200.0
#: However a body moves for some seconds, the middle of |a| stays near 1 g. It does not when the unit is wrong, or when
#: the device has taken gravity out. Of 4,391 windows of public recordings all but two (jogging, clapping) are within.
MIDDLE_G = (0.5, 2.0)
#: From half as much again on, samples are averaged in pairs: nothing faster than this was measured, and short spikes
#: would count for more. The contract's fastest is twice as much.
FASTEST_HZ = 50.0
_NUMBERS = frozenset({int, float})
#: Full scales of common accelerometers. ±2 g cuts impacts off.
RANGES_G = (2.0, 4.0, 8.0, 16.0)

# When, in seconds from the impact: a fall has phases (free fall, impact, rest: Hsieh et al. 2017).
_IMPACT, _BEFORE, _AFTER, _LYING = (-0.5, 0.5), (-4.0, -1.0), (1.0, 6.0), (1.5, 6.0)
_DIP = (-1.5, 0.0)
#: Of a side that is to say something, at least so much must be in the window.
_ENOUGH_S = 0.8
#: |a| that stays within this for half a second is a hand at rest.
_STILL_G, _STILL_S = 0.15, 0.5
#: Added to the movement around the impact: else a perfectly quiet hand would make any tap a fall.
_ALWAYS_MOVES_G = 0.1


@dataclass(frozen=True, slots=True)
class Window:
    """Equally spaced samples of three axes, in g."""

    rate_hz: float
    samples: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """Why there is no opinion, for engineers."""

    reason: str


@dataclass(frozen=True, slots=True)
class Features:
    """What was felt; None where the window is too short to tell."""

    #: largest |a|, g
    peak_g: float
    #: the sensor's full scale, where it was reached: then the peak is at least what is said
    clipped_at_g: float | None
    #: least |a| in the 1.5 s before the impact, over 0.1 s, g: towards 0 in free fall. Shown, but earns no points:
    #: arms move, and on the wrist it told falls from daily life hardly better than chance.
    dip_g: float
    #: steepest change of |a| around the impact, over 0.1 s, g/s
    jerk_g_s: float
    #: mean | |a| − 1 g | within 0.5 s of the impact, as a multiple of the same on the calmer side of it: rhythmic
    #: movement (walking, clapping) has about 1
    contrast: float | None
    #: between gravity before and gravity after, 0–180°
    turn_degrees: float | None
    #: at rest afterwards: seconds of it, and the share of what was seen
    still_s: float | None
    still_share: float | None


@dataclass(frozen=True, slots=True)
class Opinion:
    """`confidence` is never 0: see CONFIDENCE. `reasons` name what speaks for a fall, strongest first."""

    confidence: float
    points: float
    features: Features
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Criterion:
    """No points below `low`, all above `high`, in between in proportion."""

    name: str
    points: float
    low: float
    high: float


#: What earns points, and between which bounds. Where they come from: docs/fall-detection.md.
_CRITERIA = (
    _Criterion("impact", 2, 1.5, 3.5),  # g
    _Criterion("contrast", 3, 1.2, 3.5),
    _Criterion("turn", 2, 20, 60),  # degrees; Bourke and Lyons 2008 set 34 (0.59 rad), on the trunk
    _Criterion("jerk", 1, 8, 20),  # g/s
    _Criterion("still", 1, 0, 0.5),
)
#: The same at ±2 g, where no more than 3.46 g can be felt, and on one axis 2.
_CLIPPED = {"impact": (1.5, 2.5), "contrast": (1.2, 3.0), "jerk": (8.0, 14.0)}

#: From a share of the points on: the share of falls among as many falls as daily-life windows, in UMAFall's training
#: half (`make bench BENCH=falls ARGS="--data FOLDER --table"`), to the nearest 0.05. Never 0, and never 1.
CONFIDENCE = ((0.0, 0.05), (0.125, 0.1), (0.5, 0.2), (0.625, 0.35), (0.875, 0.95))


def window_of(detail: Mapping[str, Any] | None) -> Window | Unread | None:
    """What an event's `detail` says was felt: None when it says nothing. Never raises, whatever is in there."""
    felt = detail.get("acceleration") if isinstance(detail, Mapping) else None
    if felt is None:
        return None
    if not isinstance(felt, Mapping):
        return Unread("acceleration is an object with rate_hz, unit and samples")
    unit, rate, samples = felt.get("unit"), felt.get("rate_hz"), felt.get("samples")
    if not isinstance(unit, str) or unit not in UNITS:
        return Unread(f"unit is one of {', '.join(UNITS)}")
    if not _is_number(rate) or not RATES_HZ[0] <= rate <= RATES_HZ[1]:
        return Unread(f"rate_hz is a number from {RATES_HZ[0]:g} to {RATES_HZ[1]:g}")
    if not isinstance(samples, list | tuple) or len(samples) < SHORTEST_S * rate:
        return Unread(f"samples is an array of at least {SHORTEST_S:g} s")
    if len(samples) > LONGEST_S * rate + 1:
        return Unread(f"samples is an array of at most {LONGEST_S:g} s")
    scale = UNITS[unit]
    if not all(_is_sample(one, MOST_G * scale) for one in samples):
        return Unread(f"each sample is three numbers, none beyond {MOST_G:g} g")
    if sum(min(axis) != max(axis) for axis in zip(*samples, strict=True)) < 2:
        return Unread("at least two of the three axes never change: the sensor is stuck, or has one axis")
    in_g = tuple((x / scale, y / scale, z / scale) for x, y, z in samples)
    if not MIDDLE_G[0] <= median(math.hypot(*one) for one in in_g) <= MIDDLE_G[1]:
        return Unread("gravity is missing: the unit is wrong, or the device takes gravity out")
    return Window(float(rate), in_g)


def second_opinion(window: Window) -> Opinion:
    """How much the window looks like a fall."""
    features = features_of(window)
    measured = {
        "impact": features.peak_g,
        "contrast": features.contrast,
        "turn": features.turn_degrees,
        "jerk": features.jerk_g_s,
        "still": features.still_share,
    }
    earned: dict[str, float] = {}
    possible = 0.0
    for one in _CRITERIA:
        value = measured[one.name]
        if value is None:
            continue  # what cannot be seen speaks neither for nor against
        clipped = features.clipped_at_g == RANGES_G[0]
        low, high = _CLIPPED.get(one.name, (one.low, one.high)) if clipped else (one.low, one.high)
        earned[one.name] = one.points * min(1.0, max(0.0, (value - low) / (high - low)))
        possible += one.points
    share = sum(earned.values()) / possible
    strongest = sorted(earned, key=lambda name: -earned[name])
    points_of = {one.name: one.points for one in _CRITERIA}
    reasons = tuple(name for name in strongest if earned[name] >= points_of[name] / 2)
    return Opinion(_confidence(share), round(share, 3), features, reasons)


def features_of(window: Window) -> Features:
    """What was felt around the hardest tenth of a second."""
    full_scale = max(max(map(abs, axis)) for axis in zip(*window.samples, strict=True))
    rate, samples = _slowed(window)
    size = [math.hypot(*one) for one in samples]
    tenth = max(2, round(0.1 * rate))
    smooth = _running_mean(size, tenth)
    # Not at the very ends, where a single sample would stand for a tenth of a second.
    impact = max(range(tenth // 2, len(smooth) - tenth // 2), key=smooth.__getitem__)

    def part(span: tuple[float, float]) -> slice:
        return slice(max(0, impact + round(span[0] * rate)), max(0, impact + round(span[1] * rate) + 1))

    def enough(span: tuple[float, float]) -> bool:
        return len(size[part(span)]) >= _ENOUGH_S * rate

    around = smooth[part((-1.0, 1.0))]
    calmer = min((_movement(size[part(side)]) for side in (_BEFORE, _AFTER) if enough(side)), default=None)
    turn = still = None
    if enough(_BEFORE) and enough(_LYING):
        turn = _angle(_mean(samples[part(_BEFORE)]), _mean(samples[part(_LYING)]))
    half = max(2, round(_STILL_S * rate))
    lying = size[part(_LYING)]
    halves = [lying[start : start + half] for start in range(0, len(lying) - half + 1, half)]
    if enough(_LYING) and halves:
        still = sum(max(one) - min(one) < _STILL_G for one in halves) / len(halves)
    return Features(
        peak_g=max(size),
        clipped_at_g=next((one for one in RANGES_G if abs(full_scale - one) <= 0.02 * one), None),
        dip_g=min(smooth[part(_DIP)]),
        jerk_g_s=max((abs(b - a) for a, b in zip(around, around[tenth:], strict=False)), default=0.0) / (tenth / rate),
        contrast=None if calmer is None else _movement(size[part(_IMPACT)]) / (calmer + _ALWAYS_MOVES_G),
        turn_degrees=turn,
        still_s=None if still is None else still * len(lying) / rate,
        still_share=still,
    )


def _confidence(share: float) -> float:
    return max(confidence for least, confidence in CONFIDENCE if share >= least)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9


def _is_sample(one: object, most: float) -> bool:
    if not isinstance(one, list | tuple) or len(one) != 3:
        return False
    x, y, z = one
    # By their exact types, which JSON gives: a truth is no number. NaN is within nothing.
    if not (type(x) in _NUMBERS and type(y) in _NUMBERS and type(z) in _NUMBERS):
        return False
    return bool(-most <= x <= most and -most <= y <= most and -most <= z <= most)


def _slowed(window: Window) -> tuple[float, Sequence[tuple[float, float, float]]]:
    if window.rate_hz < 1.5 * FASTEST_HZ:
        return window.rate_hz, window.samples
    pairs = zip(window.samples[::2], window.samples[1::2], strict=False)
    return window.rate_hz / 2, [((a + d) / 2, (b + e) / 2, (c + f) / 2) for (a, b, c), (d, e, f) in pairs]


def _mean(samples: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    x, y, z = (sum(axis) / len(samples) for axis in zip(*samples, strict=True))
    return x, y, z


def _running_mean(values: Sequence[float], width: int) -> list[float]:
    """The mean of `width` values around each; of fewer at the ends."""
    sums = [0.0, *accumulate(values)]
    before, after = (width - 1) // 2, width - 1 - (width - 1) // 2
    spans = ((max(0, at - before), min(len(values), at + after + 1)) for at in range(len(values)))
    return [(sums[end] - sums[start]) / (end - start) for start, end in spans]


def _movement(size: Sequence[float]) -> float:
    """Mean | |a| − 1 g |."""
    return sum(abs(one - 1) for one in size) / len(size)


def _angle(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    product = math.hypot(*one) * math.hypot(*other)
    if product == 0:
        return 0.0
    cosine = sum(a * b for a, b in zip(one, other, strict=True)) / product
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
