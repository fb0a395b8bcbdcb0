"""Fences: where an elder is to stay, or not to go, and when; and whether a fix lies beyond one. Pure.

Positions are WGS 84 in degrees, lengths metres. A fence is small, so the ground around it is taken for flat: degrees
become metres east and north of the fence by the sphere of 6 371 008.8 m (the mean radius of IUGG). Against the
ellipsoid that is wrong by 0.6 % at most, and within 20 km of the fence the change of a degree of longitude adds 0.4 %
at China's latitudes: 2 m at the edge of 300 m, less than any receiver's own error. A library of geometry would add a
compiled dependency for that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from enum import Enum, StrEnum, auto
from itertools import pairwise
from math import cos, hypot, log, radians, sqrt
from typing import Final, assert_never
from uuid import UUID

#: The wall clock of all of China, without daylight saving time since 1991.
BEIJING: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
_METRES_A_DEGREE: Final = radians(1) * 6_371_008.8

#: A receiver's accuracy is the radius in which it is 68 times in 100 (Android, Location.getAccuracy). Beyond a fence
#: counts who is so 95 times in 100: of an error that is normal in two directions (Rayleigh) that is 1.62 times as far.
CERTAIN_AT: Final = sqrt(log(0.05) / log(1 - 0.68))
#: Metres, for a fix that does not say how good it is.
UNKNOWN_ACCURACY: Final = 100.0


class Keep(StrEnum):
    IN = "keep_in"  # beyond it is who is outside
    OUT = "keep_out"  # beyond it is who is inside


@dataclass(frozen=True, slots=True)
class Point:
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Circle:
    centre: Point
    radius: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """Its corners in order, the first not repeated at the end; no two sides cross."""

    points: tuple[Point, ...]


Shape = Circle | Polygon


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` to before `end` by Beijing's wall clock, on days of the week (Monday is 1). An `end` that is not
    after `start` is the next day's: the night belongs to the day on which it begins. Equal: around the clock."""

    weekdays: frozenset[int]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Fence:
    id: UUID
    version: int
    name: str
    keep: Keep
    shape: Shape
    #: any of them; none: always
    hours: tuple[Hours, ...] = ()


class Outside(Enum):
    CERTAIN = auto()
    POSSIBLE = auto()  # beyond the fence by no more than the fix may be wrong
    NO = auto()


def outside(point: Point, accuracy: float | None, fence: Fence) -> Outside:
    """Whether a fix is where the elder should not be: outside of keep_in, inside of keep_out."""
    return how_far_out(beyond(point, fence), accuracy)


def how_far_out(metres: float, accuracy: float | None) -> Outside:
    """`metres`: as `beyond` has them."""
    if metres <= 0:
        return Outside.NO
    return Outside.CERTAIN if metres > CERTAIN_AT * error_of(accuracy) else Outside.POSSIBLE


def error_of(accuracy: float | None) -> float:
    return UNKNOWN_ACCURACY if accuracy is None else accuracy


def beyond(point: Point, fence: Fence) -> float:
    """Metres past the boundary; negative on the side that is allowed."""
    out = _outside_of(point, fence.shape)
    return out if fence.keep is Keep.IN else -out


def holds(fence: Fence, at: datetime) -> bool:
    """Whether it is a time of the fence."""
    return in_hours(fence.hours, at)


def in_hours(hours: Sequence[Hours], at: datetime) -> bool:
    """Whether it is within any of them; of none, always."""
    local = at.astimezone(BEIJING)
    return not hours or any(_within(one, local) for one in hours)


def distance(one: Point, other: Point) -> float:
    """Metres, for points that are near each other; of far ones a rough idea."""
    return hypot(*_metres(other, one))


def allowed_box(fences: Iterable[Fence]) -> tuple[Point, Point] | None:
    """South-west and north-east corner of a box in which nobody is beyond any of the fences: a square in the largest
    circle around the centre of the first one that keeps in. None: none was found, and any fix may matter."""
    fences = list(fences)
    home = next((_centre(fence.shape) for fence in fences if fence.keep is Keep.IN), None)
    if home is None:
        return None
    room = min(-beyond(home, fence) for fence in fences)
    if room <= 0:
        return None
    # A little less than the square in the circle, because the ground is not flat.
    half = 0.99 * room / sqrt(2)
    north = half / _METRES_A_DEGREE
    east = half / (_METRES_A_DEGREE * cos(radians(home.lat)))
    return Point(home.lat - north, home.lon - east), Point(home.lat + north, home.lon + east)


def extent(shape: Shape) -> float:
    """The largest distance from its middle to its boundary, metres."""
    match shape:
        case Circle(radius=radius):
            return radius
        case Polygon(points=points):
            return max(distance(_centre(shape), point) for point in points)
        case _:
            assert_never(shape)


def room(shape: Shape) -> float:
    """How far one may be from the boundary, inside, metres: a circle's radius, of a polygon twice its area by its
    length around, which is that of the circle inside it where one touches all its sides, and less than it else."""
    if isinstance(shape, Circle):
        return shape.radius
    plane = [_metres(shape.points[0], point) for point in shape.points]
    sides = list(pairwise([*plane, plane[0]]))
    around = sum(hypot(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in sides)
    area = abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in sides)) / 2
    return 2 * area / around if around else 0.0


def crossing_sides(polygon: Polygon) -> tuple[int, int] | None:
    """Two of its sides, by the number of the corner that each begins at (from 0), that touch without being neighbours,
    or neighbours that lie on each other."""
    plane = [_metres(polygon.points[0], point) for point in polygon.points]
    number = len(plane)
    sides = list(pairwise([*plane, plane[0]]))
    for one in range(number):
        for other in range(one + 1, number):
            neighbours = other - one in (1, number - 1)
            meet = _turn_back(sides[one], sides[other]) if neighbours else _touch(sides[one], sides[other])
            if meet:
                return one, other
    return None


_Plane = tuple[float, float]


def _metres(origin: Point, point: Point) -> _Plane:
    """East and north of the origin."""
    east = (point.lon - origin.lon + 180.0) % 360.0 - 180.0
    return (
        east * cos(radians(origin.lat)) * _METRES_A_DEGREE,
        (point.lat - origin.lat) * _METRES_A_DEGREE,
    )


def _outside_of(point: Point, shape: Shape) -> float:
    """Metres outside of it, negative inside."""
    match shape:
        case Circle(centre, radius):
            return distance(centre, point) - radius
        case Polygon(points):
            # Around its own corner, not around the fix: what is far is far, and the shape stays as it was drawn.
            corners = [_metres(points[0], corner) for corner in points]
            here = _metres(points[0], point)
            nearest = min(_to_side(here, side) for side in pairwise([*corners, corners[0]]))
            return -nearest if _inside(here, corners) else nearest
        case _:
            assert_never(shape)


def _centre(shape: Shape) -> Point:
    if isinstance(shape, Circle):
        return shape.centre
    number = len(shape.points)
    return Point(sum(point.lat for point in shape.points) / number, sum(point.lon for point in shape.points) / number)


def _inside(here: _Plane, corners: Sequence[_Plane]) -> bool:
    """A ray to the east crosses the boundary an odd number of times."""
    x, y = here
    odd = False
    for (x1, y1), (x2, y2) in pairwise([*corners, corners[0]]):
        if (y1 > y) is not (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            odd = not odd
    return odd


def _to_side(here: _Plane, side: tuple[_Plane, _Plane]) -> float:
    (x1, y1), (x2, y2) = side
    dx, dy = x2 - x1, y2 - y1
    square = dx * dx + dy * dy
    along = 0.0 if square == 0 else ((here[0] - x1) * dx + (here[1] - y1) * dy) / square
    along = min(1.0, max(0.0, along))
    return hypot(here[0] - x1 - along * dx, here[1] - y1 - along * dy)


def _touch(one: tuple[_Plane, _Plane], other: tuple[_Plane, _Plane]) -> bool:
    (a, b), (c, d) = one, other
    if _side_of(a, b, c) * _side_of(a, b, d) < 0 and _side_of(c, d, a) * _side_of(c, d, b) < 0:
        return True
    # Where they do not cross they touch with an end; a millimetre is no gap.
    return min(_to_side(a, other), _to_side(b, other), _to_side(c, one), _to_side(d, one)) < 0.001


def _turn_back(one: tuple[_Plane, _Plane], other: tuple[_Plane, _Plane]) -> bool:
    """Neighbours share a corner; anything more is a side that runs back on itself, or one without length."""
    (a, b), (c, d) = one, other
    if a == b or c == d:
        return True
    far, back = (d, a) if b == c else (c, b)
    return min(_to_side(far, one), _to_side(back, other)) < 0.001


def _side_of(a: _Plane, b: _Plane, point: _Plane) -> float:
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])


def _within(hours: Hours, local: datetime) -> bool:
    now = local.time().replace(tzinfo=None)
    day = local.isoweekday()
    if hours.start < hours.end:
        return day in hours.weekdays and hours.start <= now < hours.end
    before = (day - 2) % 7 + 1
    return (day in hours.weekdays and now >= hours.start) or (before in hours.weekdays and now < hours.end)
