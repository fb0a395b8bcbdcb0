"""What a fall detector felt: acceleration around an impact (`detail.acceleration` of the contract)."""

import math
import random
from typing import Any

RATE_HZ = 50
GRAVITY = 9.81


def felt(rng: random.Random) -> dict[str, Any]:
    """Three seconds in m/s²: standing, 0.4 s of falling, an impact of 3 to 5 g, lying still on the side."""
    samples = []
    impact = rng.uniform(3, 5) * GRAVITY
    for index in range(3 * RATE_HZ):
        second = index / RATE_HZ
        if second < 1:
            x, y, z = 0.0, 0.0, GRAVITY
        elif second < 1.4:
            x, y, z = 1.0, 0.5, 1.5
        elif second < 1.5:
            swing = impact * math.sin(math.pi * (second - 1.4) / 0.1)
            x, y, z = swing * 0.8, swing * 0.3, swing * 0.5
        else:
            x, y, z = GRAVITY, 0.0, 0.0
        samples.append([round(axis + rng.gauss(0, 0.15), 2) for axis in (x, y, z)])
    return {"rate_hz": RATE_HZ, "unit": "m/s2", "samples": samples}
