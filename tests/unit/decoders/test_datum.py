"""GCJ-02 against vectors that others published."""

import json
from math import cos, hypot, radians
from pathlib import Path

import pytest

from gateway.decoders.datum import gcj02_to_wgs84, wgs84_to_gcj02

FILE = json.loads((Path(__file__).parents[2] / "data" / "gcj02_vectors.json").read_text("utf-8"))
VECTORS = [(tuple(one["wgs84"]), tuple(one["gcj02"])) for one in FILE["vectors"]]
METRES_A_DEGREE = 111_320


def apart(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Metres."""
    north, east = here[0] - there[0], (here[1] - there[1]) * cos(radians(here[0]))
    return hypot(north, east) * METRES_A_DEGREE


@pytest.mark.parametrize(("wgs84", "gcj02"), VECTORS)
def test_both_ways_within_five_centimetres(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert apart(wgs84_to_gcj02(*wgs84), gcj02) < 0.05
    assert apart(gcj02_to_wgs84(*gcj02), wgs84) < 0.05


@pytest.mark.parametrize("abroad", [(51.5, -0.1), (-33.9, 151.2), (40.7, -74.0)])
def test_outside_china_nothing_is_shifted(abroad: tuple[float, float]) -> None:
    assert wgs84_to_gcj02(*abroad) == abroad
    assert gcj02_to_wgs84(*abroad) == abroad
