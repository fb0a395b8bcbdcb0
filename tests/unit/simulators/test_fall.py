"""What a virtual fall detector says it felt."""

import math
import random
from itertools import pairwise

import pytest

from simulators.devices.fall import FULL_SCALE, GRAVITY, RATE_HZ, felt


def sizes(seed: int) -> list[float]:
    return [math.hypot(*sample) / GRAVITY for sample in felt(random.Random(seed))["samples"]]


def test_it_is_in_the_contracts_form_and_the_same_for_the_same_seed() -> None:
    window = felt(random.Random(3))
    assert (window["rate_hz"], window["unit"]) == (50, "m/s2")
    assert len(window["samples"]) / window["rate_hz"] <= 10
    assert all(len(sample) == 3 and max(map(abs, sample)) <= FULL_SCALE for sample in window["samples"])
    assert window == felt(random.Random(3)) != felt(random.Random(4))


@pytest.mark.parametrize("seed", range(30))
def test_a_body_is_light_then_hits_the_ground_and_lies_across(seed: int) -> None:
    size = sizes(seed)
    impact = size.index(max(size))
    assert 2.5 < impact / RATE_HZ < 4
    assert size[impact] > 2.5
    assert min(size[impact - RATE_HZ : impact]) < 0.8
    samples = felt(random.Random(seed))["samples"]
    assert max(samples[0]) == samples[0][0], "gravity is along the body at first"
    assert samples[impact + RATE_HZ // 2][1] > 0.8 * GRAVITY, "and across it on the ground"


def test_afterwards_most_lie_still_and_some_do_not() -> None:
    steps = [max(abs(b - a) for a, b in pairwise(sizes(seed)[-100:])) for seed in range(60)]
    still = sum(step < 0.1 for step in steps)
    assert 20 < still < 50
