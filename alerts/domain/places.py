"""How far apart two places are, and what may be said of a place to somebody who has not agreed to come yet. Pure."""

import re
from math import asin, cos, radians, sin, sqrt
from typing import Final

from alerts.domain.alert import Position

#: Mean radius of the Earth, metres (IUGG).
_RADIUS: Final = 6_371_008.8
_METRES_A_DEGREE: Final = radians(1) * _RADIUS
#: From the first house number on, an address says whose it is: digits of any kind, or Chinese ones before a building.
_HOUSE: Final = re.compile(r"[0-9０-９]|[一二三四五六七八九十百]+(?:号|幢|栋|座|单元|楼|室|弄|组|社(?!区)|队)")


def metres_between(one: Position, other: Position) -> float:
    """Along the great circle, by the haversine formula: within 0.6 % of the ellipsoid, at any distance."""
    north, east = radians(other.lat - one.lat), radians(other.lon - one.lon)
    chord = sin(north / 2) ** 2 + cos(radians(one.lat)) * cos(radians(other.lat)) * sin(east / 2) ** 2
    return 2 * _RADIUS * asin(min(1.0, sqrt(chord)))


def box_around(centre: Position, metres: float) -> tuple[float, float, float, float]:
    """South, north, west, east in degrees of a box that holds everything so near; a little more, for an index."""
    north = metres / _METRES_A_DEGREE
    # The meridians of the box's poleward side are nearest to each other; at the poles every longitude is near.
    poleward = min(90.0, abs(centre.lat) + north)
    east = 180.0 if poleward > 89.9 else min(180.0, north / cos(radians(poleward)))
    return centre.lat - north, centre.lat + north, centre.lon - east, centre.lon + east


def street_of(address: str | None) -> str | None:
    """An address up to its street: enough to know whether one is near, too little to find a door. None when nothing
    was left out, and so perhaps nothing may be said."""
    house = _HOUSE.search(address) if address else None
    if house is None or address is None:
        return None
    return address[: house.start()].strip(" ,，、") or None
