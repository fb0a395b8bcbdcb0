"""A second opinion on falls: what it does not depend on, and what it makes of windows that are none."""

import math
import random
import time
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.impact import (
    CONFIDENCE,
    STANDARD_GRAVITY,
    Opinion,
    Unread,
    Window,
    features_of,
    second_opinion,
    window_of,
)
from tests.parts.acceleration import HOSTILE, MEANT, WINDOWS


def opinion(acceleration: dict[str, Any]) -> Opinion:
    window = window_of({"acceleration": acceleration})
    assert isinstance(window, Window)
    return second_opinion(window)


def changed(name: str, **changes: Any) -> dict[str, Any]:
    return WINDOWS[name] | changes


@pytest.mark.parametrize("name", WINDOWS)
def test_the_invented_windows_are_judged_as_they_were_meant(name: str) -> None:
    least, most = MEANT[name]
    assert least <= opinion(WINDOWS[name]).confidence <= most


def test_a_fall_is_told_in_things_that_a_person_understands() -> None:
    felt = opinion(WINDOWS["hard_fall"]).features
    assert 4 < felt.peak_g < 8
    assert felt.dip_g < 0.6
    assert felt.turn_degrees is not None
    assert 60 < felt.turn_degrees < 120
    assert felt.still_s is not None
    assert felt.still_s > 3
    assert felt.contrast is not None
    assert felt.contrast > 3
    assert set(opinion(WINDOWS["hard_fall"]).reasons) == {"contrast", "impact", "turn", "jerk", "still"}


def test_getting_up_again_takes_no_more_than_the_points_for_lying() -> None:
    assert opinion(WINDOWS["fall_and_up_again"]).features.still_share == 0
    assert opinion(WINDOWS["fall_and_up_again"]).confidence >= 0.35


# What it does not depend on -------------------------------------------------------------------------------


@given(st.sampled_from(sorted(WINDOWS)), st.sampled_from(list(permutations(range(3)))), st.tuples(*[st.booleans()] * 3))
def test_the_order_and_the_sign_of_the_axes_change_nothing(
    name: str, order: tuple[int, ...], flipped: tuple[bool, ...]
) -> None:
    signs = [-1 if one else 1 for one in flipped]
    turned = [[signs[axis] * sample[axis] for axis in order] for sample in WINDOWS[name]["samples"]]
    one, other = opinion(WINDOWS[name]), opinion(changed(name, samples=turned))
    assert (one.confidence, one.reasons) == (other.confidence, other.reasons)
    assert one.points == pytest.approx(other.points)


@given(st.sampled_from(["hard_fall", "fall_and_up_again"]), *[st.floats(-math.pi, math.pi)] * 3)
def test_the_way_it_is_worn_changes_nothing(name: str, yaw: float, pitch: float, roll: float) -> None:
    before = features_of(Window(50, tuple(map(tuple, in_g(name)))))
    after = features_of(Window(50, tuple(_turned(sample, yaw, pitch, roll) for sample in in_g(name))))
    for feature in ("peak_g", "dip_g", "jerk_g_s", "contrast", "turn_degrees", "still_share"):
        assert getattr(after, feature) == pytest.approx(getattr(before, feature), rel=1e-6, abs=1e-6), feature


def in_g(name: str) -> list[list[float]]:
    return [[axis / STANDARD_GRAVITY for axis in sample] for sample in WINDOWS[name]["samples"]]


def _turned(sample: list[float], yaw: float, pitch: float, roll: float) -> tuple[float, float, float]:
    x, y, z = sample
    x, y = x * math.cos(yaw) - y * math.sin(yaw), x * math.sin(yaw) + y * math.cos(yaw)
    x, z = x * math.cos(pitch) + z * math.sin(pitch), -x * math.sin(pitch) + z * math.cos(pitch)
    y, z = y * math.cos(roll) - z * math.sin(roll), y * math.sin(roll) + z * math.cos(roll)
    return x, y, z


@pytest.mark.parametrize("name", WINDOWS)
def test_the_unit_changes_nothing(name: str) -> None:
    one, other = opinion(WINDOWS[name]), opinion(changed(name, unit="g", samples=in_g(name)))
    assert (one.confidence, one.points) == (other.confidence, pytest.approx(other.points, abs=0.002))


@given(st.sampled_from(sorted(WINDOWS)), st.floats(20, 100))
def test_the_rate_changes_little(name: str, rate: float) -> None:
    samples = WINDOWS[name]["samples"]
    wanted = int(len(samples) / 50 * rate)
    again = [_at(samples, 50 * index / rate) for index in range(wanted)]
    other = opinion(changed(name, rate_hz=rate, samples=again))
    assert other.points == pytest.approx(opinion(WINDOWS[name]).points, abs=0.15)


def _at(samples: list[list[float]], index: float) -> list[float]:
    first = min(int(index), len(samples) - 2)
    part = min(index - first, 1.0)
    return [a + (b - a) * part for a, b in zip(samples[first], samples[first + 1], strict=True)]


@pytest.mark.parametrize("full_scale", [2, 4, 8])
@pytest.mark.parametrize("name", ["hard_fall", "fall_and_up_again"])
def test_a_sensor_that_cuts_the_impact_off_does_not_hide_the_fall(name: str, full_scale: float) -> None:
    limit = full_scale * STANDARD_GRAVITY
    cut = [[max(-limit, min(limit, axis)) for axis in sample] for sample in WINDOWS[name]["samples"]]
    assert opinion(changed(name, samples=cut)).points > opinion(WINDOWS[name]).points - 0.15


def test_where_an_impact_was_cut_off_it_is_said() -> None:
    cut = [[max(-2.0, min(2.0, axis)) for axis in sample] for sample in in_g("hard_fall")]
    assert opinion(changed("hard_fall", unit="g", samples=cut)).features.clipped_at_g == 2
    assert opinion(WINDOWS["sitting_down"]).features.clipped_at_g is None


def test_the_confidence_never_goes_down_with_the_points_and_is_never_nothing_or_all() -> None:
    levels = [confidence for _, confidence in CONFIDENCE]
    assert levels == sorted(levels)
    assert CONFIDENCE[0][0] == 0
    assert 0 < levels[0] <= levels[-1] < 1


@pytest.mark.parametrize("seconds", [(0, 1.2), (3.9, 10), (3.9, 5.5), (0, 4.6), (2, 9)])
def test_a_window_that_shows_a_part_is_judged_by_that_part(seconds: tuple[float, float]) -> None:
    first, last = (round(second * 50) for second in seconds)
    part = WINDOWS["hard_fall"]["samples"][first:last]
    assert 0 < opinion(changed("hard_fall", samples=part)).confidence < 1


# Windows that are none -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_judged_has_a_reason_and_no_confidence(name: str) -> None:
    read = window_of({"acceleration": HOSTILE[name]})
    assert isinstance(read, Unread)
    assert read.reason


@pytest.mark.parametrize("detail", [None, {}, {"acceleration": None}, {"key": "long_press"}, [], "x"])
def test_without_acceleration_there_is_nothing_to_say(detail: Any) -> None:
    assert window_of(detail) is None


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
_NUMBER = st.floats(-40, 40) | st.integers(-40, 40) | st.sampled_from([0, -0.0, 1e-300, 5e-324])


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "rate_hz": st.sampled_from([20, 25.5, 50, 100]) | _ANYTHING,
            "unit": st.sampled_from(["g", "m/s2"]) | _ANYTHING,
            "samples": st.lists(st.lists(_NUMBER | _ANYTHING, min_size=2, max_size=4), max_size=60) | _ANYTHING,
        },
    )
    | _ANYTHING
)
def test_nothing_makes_it_raise(acceleration: Any) -> None:
    read = window_of({"acceleration": acceleration})
    if isinstance(read, Window):
        assert 0 < second_opinion(read).confidence < 1


@given(st.integers(), st.sampled_from([20.0, 33.3, 50.0, 75.0, 100.0]), st.floats(1, 10))
def test_any_noise_gets_an_opinion_between_nothing_and_certainty(seed: int, rate: float, seconds: float) -> None:
    rng = random.Random(seed)
    samples = tuple(
        (rng.gauss(0, 1), rng.gauss(0, 1), rng.choice((0.0, 1.0, 16.0))) for _ in range(math.ceil(seconds * rate))
    )
    found = second_opinion(Window(rate, samples))
    assert 0 < found.confidence < 1
    assert all(value is None or math.isfinite(value) for value in vars_of(found))


def vars_of(found: Opinion) -> list[float | None]:
    felt = found.features
    return [felt.peak_g, felt.dip_g, felt.jerk_g_s, felt.contrast, felt.turn_degrees, felt.still_s, felt.still_share]


def test_ten_seconds_at_a_hundred_hertz_take_milliseconds() -> None:
    rng = random.Random(1)
    samples = [[rng.gauss(0, 2), rng.gauss(0, 2), rng.gauss(9.8, 2)] for _ in range(1000)]
    taken = []
    for _ in range(5):
        begun = time.process_time()
        opinion({"rate_hz": 100, "unit": "m/s2", "samples": samples})
        taken.append(time.process_time() - begun)
    assert min(taken) < 0.02  # under 5 ms; a busy machine is no fault
