"""Where a fence is, what a fix is worth beside it, and when it holds."""

from datetime import time
from math import asin, cos, pi, radians, sin, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.rules.fence import (
    CERTAIN_AT,
    Circle,
    Fence,
    Hours,
    Keep,
    Outside,
    Point,
    Polygon,
    allowed_box,
    beyond,
    crossing_sides,
    distance,
    holds,
    outside,
    room,
)
from tests.unit.domain.rules.places import HOME, away, circle, clock, nights, polygon

SQUARE = ((-300, -300), (300, -300), (300, 300), (-300, 300))
#: An L around a yard: its middle lies outside of it.
HOOK = ((0, 0), (1000, 0), (1000, 100), (100, 100), (100, 1000), (0, 1000))


@pytest.mark.parametrize(
    ("east", "accuracy", "expected"),
    [
        (0, 10, Outside.NO),
        (299, 10, Outside.NO),
        (310, 20, Outside.POSSIBLE),
        (331, 20, Outside.POSSIBLE),
        (334, 20, Outside.CERTAIN),
        (450, 100, Outside.POSSIBLE),
        (450, None, Outside.POSSIBLE),
        (470, None, Outside.CERTAIN),
        (302, 0, Outside.CERTAIN),
    ],
)
def test_an_accuracy_that_touches_the_inside_is_not_certain(
    east: float, accuracy: float | None, expected: Outside
) -> None:
    assert outside(away(east), accuracy, circle(300)) is expected


def test_sixty_eight_in_a_hundred_become_ninety_five() -> None:
    assert pytest.approx(1.62, abs=0.005) == CERTAIN_AT


@pytest.mark.parametrize(
    ("east", "north", "metres"),
    [(0, 0, -300), (290, 0, -10), (0, 350, 50), (600, 300, 300), (600, 700, 500), (-301, -301, sqrt(2))],
)
def test_metres_past_a_polygon(east: float, north: float, metres: float) -> None:
    assert beyond(away(east, north), polygon(*SQUARE)) == pytest.approx(metres, abs=0.5)
    assert beyond(away(east, north), polygon(*SQUARE, keep=Keep.OUT)) == pytest.approx(-metres, abs=0.5)


def test_the_inside_of_a_hook() -> None:
    assert outside(away(500, 50), 5, polygon(*HOOK)) is Outside.NO
    assert outside(away(500, 500), 5, polygon(*HOOK)) is Outside.CERTAIN


@given(st.floats(0, 2 * pi), st.floats(0, 20_000), st.floats(18, 53))
def test_distances_are_those_of_the_sphere(direction: float, metres: float, lat: float) -> None:
    start = Point(lat, 105.7)
    end = Point(
        lat + metres * sin(direction) / 111_195, start.lon + metres * cos(direction) / 111_195 / cos(radians(lat))
    )
    a = sin(radians(end.lat - start.lat) / 2) ** 2
    a += cos(radians(start.lat)) * cos(radians(end.lat)) * sin(radians(end.lon - start.lon) / 2) ** 2
    assert distance(start, end) == pytest.approx(2 * 6_371_008.8 * asin(sqrt(a)), rel=0.005, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "crosses"),
    [
        (SQUARE, None),
        (HOOK, None),
        (((0, 0), (300, 300), (300, 0), (0, 300)), (0, 2)),
        (((0, 0), (300, 0), (100, 0)), (0, 1)),
        (((0, 0), (300, 0), (300, 300), (150, 0), (0, 300)), (0, 2)),
        (((0, 0), (300, 0), (300, 0), (0, 300)), (0, 1)),
    ],
)
def test_sides_that_cross_or_touch(shape: tuple[tuple[float, float], ...], crosses: tuple[int, int] | None) -> None:
    drawn = polygon(*shape).shape
    assert isinstance(drawn, Polygon)
    assert crossing_sides(drawn) == crosses


def test_room() -> None:
    assert room(circle(250).shape) == 250
    assert room(polygon(*SQUARE).shape) == pytest.approx(300, rel=0.01)
    assert room(polygon((0, 0), (5000, 0), (5000, 40), (0, 40)).shape) < 45


@pytest.mark.parametrize(
    ("text", "day", "inside"),
    [
        ("19:59", 23, False),
        ("20:00", 23, True),
        ("05:59", 24, True),
        ("06:00", 24, False),
        ("23:00", 24, False),
        ("03:00", 25, False),
        ("03:00", 23, False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(text: str, day: int, inside: bool) -> None:
    assert holds(circle(hours=(nights(1),)), clock(text, day)) is inside


def test_hours_of_one_day_and_around_the_clock() -> None:
    office = circle(hours=(Hours(frozenset({1, 2}), time(8), time(18)), Hours(frozenset({7}), time(0), time(0))))
    assert [holds(office, clock("12:00", day)) for day in (22, 23, 24, 25)] == [True, True, True, False]
    assert not holds(office, clock("18:00", 23))
    assert holds(office, clock("00:00", 22))


coordinates = st.tuples(st.floats(-3000, 3000), st.floats(-3000, 3000))
_SHAPES = st.one_of(
    st.builds(circle, st.floats(50, 2000)),
    st.just(polygon(*SQUARE)),
    st.just(polygon(*HOOK)),
)


@given(st.lists(_SHAPES, min_size=1, max_size=2), coordinates)
def test_nobody_in_the_box_that_gateways_do_not_mark_is_beyond_a_fence(
    fences: list[Fence], where: tuple[float, float]
) -> None:
    lake = polygon((400, 400), (900, 400), (900, 900), (400, 900), keep=Keep.OUT)
    box = allowed_box([*fences, lake])
    point = away(*where)
    if box is not None and box[0].lat <= point.lat <= box[1].lat and box[0].lon <= point.lon <= box[1].lon:
        assert all(beyond(point, fence) <= 0 for fence in (*fences, lake))


def test_a_box_of_a_circle_is_most_of_it_and_a_hook_has_none() -> None:
    box = allowed_box([circle(300)])
    assert box is not None
    assert distance(box[0], box[1]) > 500
    assert allowed_box([polygon(*HOOK)]) is None
    assert allowed_box([circle(keep=Keep.OUT)]) is None
    assert isinstance(circle().shape, Circle)
    assert beyond(HOME, circle()) == -300
