"""Fences, walks and nights to decide about: invented, and short to write."""

from datetime import UTC, datetime, time, timedelta
from math import cos, radians
from typing import Any
from uuid import UUID

from alerts.domain.rules.built_in_living import BUILT_IN_LIVING
from alerts.domain.rules.fence import BEIJING, Circle, Fence, Hours, Keep, Point, Polygon
from alerts.domain.rules.model import Beyond, Habit, OutOfBed, Rule, Sample, Still
from tests.unit.domain.rules.making import rule

HOME = Point(29.7070, 105.7220)  # somewhere in 龙岗街道, nobody's door
A_METRE = 1 / 111_195.08  # degrees of latitude

WANDERING, STILLNESS, OUT_OF_BED = BUILT_IN_LIVING


def away(east: float, north: float = 0) -> Point:
    """So many metres from home."""
    return Point(HOME.lat + north * A_METRE, HOME.lon + east * A_METRE / cos(radians(HOME.lat)))


def circle(radius: float = 300, **changes: Any) -> Fence:
    values = {"id": UUID(int=9), "version": 1, "name": "家附近", "keep": Keep.IN, "shape": Circle(HOME, radius)}
    return Fence(**values | changes)


def polygon(*corners: tuple[float, float], **changes: Any) -> Fence:
    """Corners in metres east and north of home."""
    return circle(shape=Polygon(tuple(away(*corner) for corner in corners)), **changes)


def nights(*weekdays: int) -> Hours:
    return Hours(frozenset(weekdays or range(1, 8)), time(20), time(6))


def clock(text: str, day: int = 23) -> datetime:
    """Of a day of November 2026 (the 23rd is a Monday), by Beijing's clock."""
    hour, minute = text.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=BEIJING).astimezone(UTC)


def fix(at: datetime, point: Point, accuracy: float | None = 20, device_id: str = "wb-1", **more: Any) -> Sample:
    values = {"lat": point.lat, "lon": point.lon} | ({} if accuracy is None else {"accuracy": accuracy}) | more
    return Sample(at, values, device_id)


def walking(start: datetime, *metres: float, every: float = 2, accuracy: float = 20) -> list[Sample]:
    """Fixes so far east of home."""
    return [fix(start + timedelta(minutes=number * every), away(east), accuracy) for number, east in enumerate(metres)]


def steps(start: datetime, *counts: int, every: float = 10) -> list[Sample]:
    return [
        Sample(start + timedelta(minutes=number * every), {"steps": count, "worn": True}, "wb-1")
        for number, count in enumerate(counts)
    ]


def said(at: datetime, **values: bool) -> Sample:
    """An event, as `alerts.living_samples` makes it a sample."""
    return Sample(at, {"sign": True} | values, "bed-1")


def fence_rule(**changes: Any) -> Rule:
    return rule(**{"condition": Beyond(3), "key": "wandering", "gap": timedelta(hours=1)} | changes)


def still_rule(**changes: Any) -> Rule:
    condition = Still(factor=1.5, least=timedelta(hours=2), least_days=14, quiet=(time(22), time(6)))
    return rule(
        **{"condition": condition, "key": "stillness", "gap": timedelta(hours=1), "lasting": timedelta(0)} | changes
    )


def bed_rule(back_by: time | None = None, **changes: Any) -> Rule:
    condition = OutOfBed((time(22), time(6)), back_by)
    return rule(**{"condition": condition, "key": "out_of_bed", "lasting": timedelta(minutes=30)} | changes)


TWO_HOURS = Habit((120.0,) * 24, 28)
