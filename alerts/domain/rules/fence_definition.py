"""A fence as JSON and back: the shape of it, and what is wrong with it in Chinese. Pure.

    {"name": "家附近", "keep": "keep_in", "shape": {"kind": "circle", "centre": {"lat": 29.707, "lon": 105.722},
     "radius": 300}, "hours": [{"weekdays": [1, 2, 3, 4, 5, 6, 7], "from": "20:00", "to": "06:00"}]}

Other shapes: {"kind": "polygon", "points": [{"lat", "lon"}, …]}, at most 200 corners in order, the first not repeated.
Positions are WGS 84, lengths metres, hours Beijing's; without `hours` it holds always.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import time
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationError

from alerts.domain.rules.check import Flaw
from alerts.domain.rules.definition import DefinitionError, flaw_of, without_null
from alerts.domain.rules.fence import (
    Circle,
    Fence,
    Hours,
    Keep,
    Point,
    Polygon,
    Shape,
    crossing_sides,
    extent,
    room,
)
from alerts.domain.rules.living_definition import Part

MOST_POINTS: Final = 200
#: Metres. A fix that is good to 30 m is certain only 49 m beyond a boundary: of a smaller place one could not be sure
#: that somebody is in it, which keep_out asks for, and from a smaller home everybody would leave all the time.
SMALLEST: Final = {Keep.IN: 50.0, Keep.OUT: 100.0}
#: Beyond that the ground is not flat.
LARGEST: Final = 20_000.0


class _Point(Part):
    lat: Annotated[float, Field(ge=-85, le=85)]
    lon: Annotated[float, Field(ge=-180, le=180)]

    def value(self) -> Point:
        return Point(self.lat, self.lon)


class _Circle(Part):
    kind: Literal["circle"]
    centre: _Point
    radius: float

    def value(self) -> Shape:
        return Circle(self.centre.value(), self.radius)


class _Polygon(Part):
    kind: Literal["polygon"]
    points: Annotated[tuple[_Point, ...], Field(max_length=MOST_POINTS + 1)]

    def value(self) -> Shape:
        points = tuple(point.value() for point in self.points)
        # Maps often give the first corner again at the end.
        return Polygon(points[:-1] if len(points) > 1 and points[0] == points[-1] else points)


class _Hours(Part):
    weekdays: Annotated[frozenset[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1)]
    start: Annotated[time, Field(alias="from")]
    end: Annotated[time, Field(alias="to")]

    def value(self) -> Hours:
        return Hours(self.weekdays, self.start, self.end)


class _Fence(Part):
    name: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
    keep: Keep
    shape: Annotated[_Circle | _Polygon, Field(discriminator="kind")]
    hours: Annotated[tuple[_Hours, ...], Field(max_length=20)] = ()


def fence_of(definition: Mapping[str, Any], fence_id: UUID, version: int) -> Fence:
    """From JSON as Python has it. Raises DefinitionError with all that is wrong."""
    try:
        read = _Fence.model_validate_json(json.dumps(without_null(definition)))
    except ValidationError as error:
        raise DefinitionError([flaw_of(detail) for detail in error.errors(include_url=False)]) from None
    hours = tuple(one.value() for one in read.hours)
    fence = Fence(fence_id, version, read.name, read.keep, read.shape.value(), hours)
    if found := list(_flaws(fence)):
        raise DefinitionError(found)
    return fence


def json_of_fence(fence: Fence) -> dict[str, Any]:
    """Without id and version, which are the row's; `fence_of` gives the same fence again."""
    return {
        "name": fence.name,
        "keep": fence.keep.value,
        "shape": _json_of_shape(fence.shape),
        "hours": [
            {
                "weekdays": sorted(hours.weekdays),
                "from": hours.start.isoformat("minutes"),
                "to": hours.end.isoformat("minutes"),
            }
            for hours in fence.hours
        ],
    }


def _json_of_shape(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, Circle):
        return {"kind": "circle", "centre": _json_of_point(shape.centre), "radius": shape.radius}
    return {"kind": "polygon", "points": [_json_of_point(point) for point in shape.points]}


def _json_of_point(point: Point) -> dict[str, float]:
    return {"lat": point.lat, "lon": point.lon}


def _flaws(fence: Fence) -> Iterator[Flaw]:
    shape = fence.shape
    if isinstance(shape, Circle):
        yield from _size(fence, "shape.radius", shape.radius, shape.radius)
    else:
        yield from _polygon(fence, shape)
    for place, hours in enumerate(fence.hours):
        for where, clock in (("from", hours.start), ("to", hours.end)):
            if clock.second or clock.microsecond or clock.tzinfo is not None:
                yield Flaw(f"hours.{place}.{where}", "应为几点几分，不带秒和时区，如 22:30")


def _polygon(fence: Fence, polygon: Polygon) -> Iterator[Flaw]:
    number = len(polygon.points)
    if not 3 <= number <= MOST_POINTS:
        yield Flaw("shape.points", f"多边形现有 {number} 个顶点，应有 3 到 {MOST_POINTS} 个")
        return
    if extent(polygon) > LARGEST:
        yield from _size(fence, "shape.points", LARGEST, extent(polygon))
        return
    crossing = crossing_sides(polygon)
    if crossing is not None:
        one, other = (f"第 {side + 1} 到第 {(side + 1) % number + 1} 个顶点" for side in crossing)
        yield Flaw("shape.points", f"多边形的边相交或重叠：{one}的边与{other}的边，请按顺序沿边界重新画点")
        return
    yield from _size(fence, "shape.points", room(polygon), extent(polygon))


def _size(fence: Fence, where: str, smallest: float, largest: float) -> Iterator[Flaw]:
    least = SMALLEST[fence.keep]
    name = "半径" if isinstance(fence.shape, Circle) else "范围"
    if not smallest >= least:
        yield Flaw(where, f"{name}约 {max(smallest, 0):.0f} 米，小于定位误差，无法可靠判断，至少应为 {least:.0f} 米")
    if largest > LARGEST:
        yield Flaw(where, f"{name}约 {largest / 1000:.0f} 公里，太大，最多 {LARGEST / 1000:.0f} 公里")
