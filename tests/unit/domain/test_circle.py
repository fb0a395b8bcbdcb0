"""Who lives within a station's circle, and cells that are put together."""

import random

from alerts.domain.alert import Position
from alerts.domain.circle import Cell, coarser, within
from alerts.domain.places import metres_between

CHANCE = random.Random(7)
CELLS = [Cell(29.5 + CHANCE.random() / 5, 105.7 + CHANCE.random() / 5, CHANCE.randint(1, 9), 1) for _ in range(2000)]
STATIONS = [Position(29.5 + CHANCE.random() / 5, 105.7 + CHANCE.random() / 5) for _ in range(25)]


def test_who_is_within_is_who_each_distance_says() -> None:
    for metres in (300, 1000, 5000):
        near = [
            one for one in CELLS if any(metres_between(Position(one.lat, one.lon), at) <= metres for at in STATIONS)
        ]
        assert within(CELLS, STATIONS, metres) == sum(one.elders for one in near) > 0
    assert within(CELLS, [], 1000) == 0


def test_put_together_nobody_is_lost() -> None:
    fewer, side = coarser(CELLS, 300)
    assert len(fewer) <= 300
    assert side > 0.001
    assert sum(one.elders for one in fewer) == sum(one.elders for one in CELLS)
    assert coarser(CELLS, 2000) == (CELLS, 0.001)
