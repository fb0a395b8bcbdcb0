"""GCJ-02, the datum of Chinese maps, to WGS 84. Pure.

The shift is the published approximation on the Krasovsky 1940 ellipsoid (a = 6 378 245 m,
e² = 0.006 693 421 622 965 943 23) that map makers in China use; the inverse is found by iteration and agrees
with the vectors of tests/data/gcj02_vectors.json within 1 cm.
"""

from math import cos, fabs, pi, sin, sqrt

_A = 6378245.0
_E2 = 0.00669342162296594323
# The shift applies inside this box only, as in the map makers' own libraries.
_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347


def _inside(lat: float, lon: float) -> bool:
    return _SOUTH <= lat <= _NORTH and _WEST <= lon <= _EAST


def _shift(lat: float, lon: float) -> tuple[float, float]:
    """Degrees (north, east) by which GCJ-02 lies off WGS 84 at a WGS 84 position."""
    x, y = lon - 105.0, lat - 35.0
    wave = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(fabs(x))
    north += (wave + 20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(fabs(x))
    east += (wave + 20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    phi = lat / 180.0 * pi
    magic = 1.0 - _E2 * sin(phi) ** 2
    return (
        north * 180.0 / (_A * (1.0 - _E2) / (magic * sqrt(magic)) * pi),
        east * 180.0 / (_A / sqrt(magic) * cos(phi) * pi),
    )


def wgs84_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """Degrees in, degrees out; outside China's box nothing changes."""
    if not _inside(lat, lon):
        return lat, lon
    north, east = _shift(lat, lon)
    return lat + north, lon + east


def gcj02_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """Degrees in, degrees out; within 1 cm of the inverse."""
    if not _inside(lat, lon):
        return lat, lon
    guess_lat, guess_lon = lat, lon
    for _ in range(6):  # each round leaves about a hundredth of the error before it
        north, east = _shift(guess_lat, guess_lon)
        guess_lat, guess_lon = lat - north, lon - east
    return guess_lat, guess_lon
