"""What a fall detector felt: acceleration around an impact (`detail.acceleration` of the contract).

A model of its own, from textbook mechanics and nothing recorded. A person is a rod of length L that tips about the
feet, slowed by bent knees and a hand that finds something to hold (`effort`, the share of free tipping that is left):

    θ'' = effort · 3g / 2L · sin θ

On a wrist at distance r from the feet, in axes that turn with the body, a sensor feels gravity less the movement:

    along the body    g cos θ − r θ'²
    across the body   g sin θ − r θ''

The ground takes the speed r·θ' away in a half sine of duration T, so its height is π r θ' / 2T; it comes back once,
weaker. Then gravity lies across the body, and the person lies still, stirs, or gets up again.
"""

import math
import random
from typing import Any

RATE_HZ = 50
GRAVITY = 9.81
#: Of the sensor, m/s².
FULL_SCALE, NOISE = 8 * GRAVITY, 0.12
BEFORE_S, WINDOW_S = 3.0, 9.0
#: One in four gets up at once.
AFTERWARDS = ("lies", "lies", "stirs", "gets_up")
_STEP_S = 0.002

Sample = tuple[float, float, float]


def felt(rng: random.Random) -> dict[str, Any]:
    """Nine seconds in m/s², with the impact after about three."""
    length, hand = rng.uniform(1.5, 1.75), rng.uniform(0.5, 0.65)
    tipping, speed = _tipping(length, hand * length, effort=rng.uniform(0.3, 0.7))
    ground = _ground(speed, rng.uniform(0.08, 0.14), rng)
    walking = _walking(BEFORE_S - len(tipping) / RATE_HZ, rng)
    samples = [*walking, *tipping, *ground]
    samples += _afterwards(WINDOW_S - len(samples) / RATE_HZ, rng.choice(AFTERWARDS), rng)
    return {"rate_hz": RATE_HZ, "unit": "m/s2", "samples": [_measured(sample, rng) for sample in samples]}


def _walking(seconds: float, rng: random.Random) -> list[Sample]:
    """An arm that swings with each step: up and down along the body, to and fro across it."""
    steps, swing = rng.uniform(1.5, 2.0), rng.uniform(0.05, 0.2) * GRAVITY
    phases = (2 * math.pi * steps * index / RATE_HZ for index in range(round(seconds * RATE_HZ)))
    return [(GRAVITY + swing * math.sin(phase), swing * math.sin(phase / 2), 0.0) for phase in phases]


def _tipping(length: float, hand: float, *, effort: float) -> tuple[list[Sample], float]:
    """From a lean of 12° to the ground, and the speed of the hand there, in m/s."""
    angle, turning, samples = math.radians(12), 0.5, list[Sample]()
    steps = 0
    while angle < math.pi / 2:
        pull = effort * 1.5 * GRAVITY / length * math.sin(angle)
        if steps % round(1 / RATE_HZ / _STEP_S) == 0:
            along = GRAVITY * math.cos(angle) - hand * turning**2
            across = GRAVITY * math.sin(angle) - hand * pull
            samples.append((along, across, 0.0))
        turning += pull * _STEP_S
        angle += turning * _STEP_S
        steps += 1
    return samples, hand * turning


def _ground(speed: float, seconds: float, rng: random.Random) -> list[Sample]:
    sideways = rng.uniform(-0.5, 0.5)
    samples: list[Sample] = []
    for left, pause in ((1.0, 0.2), (rng.uniform(0.15, 0.4), 0.1)):
        height = left * math.pi * speed / 2 / seconds
        pulse = (height * math.sin(math.pi * index / RATE_HZ / seconds) for index in range(round(seconds * RATE_HZ)))
        samples += [(0.3 * push, GRAVITY + push, sideways * push) for push in pulse]
        samples += [(0.0, GRAVITY, 0.0)] * round(pause * RATE_HZ)
    return samples


def _afterwards(seconds: float, what: str, rng: random.Random) -> list[Sample]:
    samples: list[Sample] = []
    rise, stir = rng.uniform(1.0, 2.0), rng.uniform(0.1, 0.3) * GRAVITY
    for index in range(round(seconds * RATE_HZ)):
        second = index / RATE_HZ
        # Getting up takes three seconds, and turns gravity back along the body.
        angle = math.pi / 2 * (1 - min(1.0, max(0.0, (second - rise) / 3))) if what == "gets_up" else math.pi / 2
        moves = 0.0 if what == "lies" else stir * math.sin(5 * second) * math.sin(17 * second)
        samples.append((GRAVITY * math.cos(angle) + moves, GRAVITY * math.sin(angle) + moves, moves / 2))
    return samples


def _measured(sample: Sample, rng: random.Random) -> list[float]:
    return [round(max(-FULL_SCALE, min(FULL_SCALE, axis + rng.gauss(0, NOISE))), 2) for axis in sample]
