"""Windows of acceleration: invented ones, which are what they say, and hostile ones, which are none."""

import json
import math
from pathlib import Path
from typing import Any

_INVENTED = json.loads((Path(__file__).parents[1] / "data" / "acceleration.json").read_text("utf-8"))["windows"]
#: Nine seconds at 50 Hz in m/s², by name.
WINDOWS: dict[str, dict[str, Any]] = {name: one["acceleration"] for name, one in _INVENTED.items()}
#: The confidence that a second opinion should have in each: from, to.
MEANT: dict[str, tuple[float, float]] = {name: tuple(one["confidence"]) for name, one in _INVENTED.items()}

_ONE = [0.1, 0.2, 9.8]
_MOVING = [[0.1 * (index % 7), 0.2 * (index % 5), 9.8] for index in range(100)]
HOSTILE: dict[str, Any] = {
    "no object": [1, 2],
    "words": "fell",
    "empty object": {},
    "wrong unit": {"rate_hz": 50, "unit": "mg", "samples": _MOVING},
    "unit of another type": {"rate_hz": 50, "unit": ["g"], "samples": _MOVING},
    "no rate": {"unit": "m/s2", "samples": _MOVING},
    "rate in words": {"rate_hz": "50", "unit": "m/s2", "samples": _MOVING},
    "rate true": {"rate_hz": True, "unit": "m/s2", "samples": _MOVING},
    "too slow": {"rate_hz": 19, "unit": "m/s2", "samples": _MOVING},
    "too fast": {"rate_hz": 101, "unit": "m/s2", "samples": _MOVING * 2},
    "rate of nothing": {"rate_hz": 0, "unit": "m/s2", "samples": _MOVING},
    "rate that is no number": {"rate_hz": math.nan, "unit": "m/s2", "samples": _MOVING},
    "rate without end": {"rate_hz": math.inf, "unit": "m/s2", "samples": _MOVING},
    "no samples": {"rate_hz": 50, "unit": "m/s2", "samples": []},
    "samples in an object": {"rate_hz": 50, "unit": "m/s2", "samples": {"x": 1}},
    "samples in words": {"rate_hz": 50, "unit": "m/s2", "samples": "[[0,0,9.8]]" * 100},
    "too short": {"rate_hz": 50, "unit": "m/s2", "samples": _MOVING[:49]},
    "too long": {"rate_hz": 50, "unit": "m/s2", "samples": _MOVING * 6},
    "much too long": {"rate_hz": 50, "unit": "m/s2", "samples": [_ONE] * 12_000},
    "nothing in a sample": {"rate_hz": 50, "unit": "m/s2", "samples": [*_MOVING, None]},
    "null for NaN": {"rate_hz": 50, "unit": "m/s2", "samples": [*_MOVING, [None, 0, 9.8]]},
    "NaN": {"rate_hz": 50, "unit": "m/s2", "samples": [*_MOVING, [math.nan, 0, 9.8]]},
    "infinity": {"rate_hz": 50, "unit": "m/s2", "samples": [*_MOVING, [math.inf, 0, 9.8]]},
    "a number of a thousand digits": {"rate_hz": 50, "unit": "m/s2", "samples": [*_MOVING, [10**1000, 0, 9.8]]},
    "more than any sensor": {"rate_hz": 50, "unit": "m/s2", "samples": [*_MOVING, [5000, 0, 9.8]]},
    "two axes": {"rate_hz": 50, "unit": "m/s2", "samples": [one[:2] for one in _MOVING]},
    "four axes": {"rate_hz": 50, "unit": "m/s2", "samples": [[*one, 1] for one in _MOVING]},
    "one axis": {"rate_hz": 50, "unit": "m/s2", "samples": [[0, 0, one[0] + 9.8] for one in _MOVING]},
    "stuck": {"rate_hz": 50, "unit": "m/s2", "samples": [_ONE] * 100},
    "all zero": {"rate_hz": 50, "unit": "m/s2", "samples": [[0, 0, 0]] * 100},
    "truth for numbers": {"rate_hz": 50, "unit": "m/s2", "samples": [[True, False, True]] * 100},
    "g that says m/s2": {"rate_hz": 50, "unit": "m/s2", "samples": [[a / 9.8 for a in one] for one in _MOVING]},
    "m/s2 that says g": {"rate_hz": 50, "unit": "g", "samples": _MOVING},
    "gravity taken out": {"rate_hz": 50, "unit": "m/s2", "samples": [[a, b, 0.3 * b] for a, b, _ in _MOVING]},
}
