"""NEWS2 against the RCP's table, edge by edge, and against published vectors."""

import json
from itertools import pairwise
from math import ceil, floor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.rules.fields import VITALS
from alerts.domain.rules.news2 import MEASURED, Risk, band, news2, points_of, zero_band
from tests.parts.examples import examples

VECTORS = json.loads((Path(__file__).parents[3] / "data" / "news2_vectors.json").read_text())["vectors"]
OURS = {
    "pulse": "heart_rate",
    "temperature": "body_temperature",
    "systolic_bp": "systolic",
    "spo2_scale1": "spo2",
    "spo2_scale2": "spo2",
}

#: (highest value of the band, points), from the lowest band up: the RCP's chart 1, written down apart from the code.
TABLE: dict[str, list[tuple[float, int]]] = {
    "respiratory_rate": [(8, 3), (11, 1), (20, 0), (24, 2), (80, 3)],
    "spo2": [(91, 3), (93, 2), (95, 1), (100, 0)],
    "systolic": [(90, 3), (100, 2), (110, 1), (219, 0), (300, 3)],
    "heart_rate": [(40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (300, 3)],
    "body_temperature": [(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (45.0, 2)],
}
SCALE_2_ON_AIR = [(83, 3), (85, 2), (87, 1), (100, 0)]
SCALE_2_ON_OXYGEN = [(83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (100, 3)]


def step(parameter: str) -> float:
    return 0.1 if parameter == "body_temperature" else 1


def edges(parameter: str, bands: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """The last value of each band and the first of the next."""
    firsts = [(round(last + step(parameter), 1), points) for (last, _), (_, points) in pairwise(bands)]
    return bands + firsts


@pytest.mark.parametrize("vector", [one for one in VECTORS if one["kind"] == "parameter"], ids=repr)
def test_published_points(vector: dict[str, Any]) -> None:
    parameter, value = vector["parameter"], vector["value"]
    if parameter == "consciousness":
        points = news2({"consciousness": value}).total
    else:
        scale_2 = parameter == "spo2_scale2"
        points = points_of(
            OURS.get(parameter, parameter), value, scale_2=scale_2, on_oxygen=vector.get("on_oxygen", False)
        )
    assert points == vector["expected"] == vector["rcp"]


@pytest.mark.parametrize("vector", [one for one in VECTORS if one["kind"] == "total"], ids=repr)
def test_published_totals(vector: dict[str, Any]) -> None:
    given_values = vector["input"]
    values = {OURS.get(name, name): value for name, value in given_values.items() if name != "scale"}
    scored = news2(values, scale_2=given_values["scale"] == 2)
    assert scored.total == vector["rcp"]
    assert vector["expected_range"][0] <= scored.total <= vector["expected_range"][1]
    assert not scored.partial


def test_every_vector_is_tried() -> None:
    assert len(VECTORS) == 96
    assert {one["kind"] for one in VECTORS} == {"parameter", "total"}


@pytest.mark.parametrize(
    ("parameter", "value", "points"),
    [(parameter, *edge) for parameter, bands in TABLE.items() for edge in edges(parameter, bands)],
)
def test_every_edge_of_every_band(parameter: str, value: float, points: int) -> None:
    assert points_of(parameter, value) == points


@pytest.mark.parametrize("on_oxygen", [False, True])
def test_every_edge_of_scale_2(on_oxygen: bool) -> None:
    bands = SCALE_2_ON_OXYGEN if on_oxygen else SCALE_2_ON_AIR
    for value, points in edges("spo2", bands):
        assert points_of("spo2", value, scale_2=True, on_oxygen=on_oxygen) == points, value


@pytest.mark.parametrize("letter", "ACVPU")
def test_consciousness_and_oxygen(letter: str) -> None:
    assert news2({"consciousness": letter, "on_oxygen": True}).total == 2 + (0 if letter == "A" else 3)


@pytest.mark.parametrize(
    ("parameter", "value", "points"),
    [
        ("heart_rate", 90.5, 1),
        ("heart_rate", 40.5, 3),
        ("spo2", 95.9, 1),
        ("body_temperature", 36.04, 1),
        ("body_temperature", 38.01, 1),
        ("body_temperature", 36.099998474121094, 0),  # 36.1 as a float4
        ("body_temperature", 38.099998474121094, 1),  # 38.1
        ("body_temperature", 35.099998474121094, 1),  # 35.1
    ],
)
def test_between_two_values_of_the_chart_the_worse_counts(parameter: str, value: float, points: int) -> None:
    assert points_of(parameter, value) == points


@examples(60)
@given(st.data())
def test_no_way_of_rounding_gives_more_points(data: st.DataObject) -> None:
    parameter = data.draw(st.sampled_from(MEASURED))
    unit = step(parameter)
    # Hundredths of a step of the chart: what is nearer to one of its values is that value.
    lowest, highest = (round(edge / unit * 100) for edge in (VITALS[parameter].lowest, VITALS[parameter].highest))
    value = data.draw(st.integers(lowest, highest)) / 100 * unit
    ways = {function(value / unit) * unit for function in (floor, ceil, round)}
    assert points_of(parameter, value) >= max(points_of(parameter, round(way, 1)) for way in ways)


@pytest.mark.parametrize("most", range(4))
@pytest.mark.parametrize("scale_2", [False, True])
@pytest.mark.parametrize("parameter", MEASURED)
def test_the_band_of_at_most_so_many_points(parameter: str, scale_2: bool, most: int) -> None:
    edges_of_it = band(parameter, most, scale_2=scale_2)
    unit = step(parameter)
    for edge, outside in zip(edges_of_it, (-unit, unit), strict=True):
        if edge is not None:
            assert points_of(parameter, edge, scale_2=scale_2) <= most
            assert points_of(parameter, round(edge + outside, 1), scale_2=scale_2) > most
            assert points_of(parameter, edge + outside / 2, scale_2=scale_2) > most
    # Without an end there is nothing above or below it that has more.
    known = VITALS[parameter]
    for edge, end in zip(edges_of_it, (known.lowest, known.highest), strict=True):
        assert (edge is None) is (points_of(parameter, end, scale_2=scale_2) <= most)


def test_the_band_without_points() -> None:
    assert zero_band("heart_rate") == band("heart_rate", 0) == (51, 90)
    assert zero_band("spo2", scale_2=True) == (88, None)


def test_what_is_missing_is_named_and_can_only_add() -> None:
    wristband = {"respiratory_rate": 25, "spo2": 93, "heart_rate": 112, "systolic": 95, "body_temperature": 38.5}
    scored = news2(wristband)
    assert (scored.total, scored.missing, scored.partial) == (10, ("on_oxygen", "consciousness"), True)
    for more in ({"on_oxygen": True}, {"consciousness": "C"}, {"on_oxygen": False, "consciousness": "A"}):
        assert news2(wristband | more).total >= scored.total
    assert news2({}).total == 0
    assert len(news2({}).missing) == 7


@pytest.mark.parametrize(
    ("values", "total", "risk"),
    [
        ({"heart_rate": 75}, 0, Risk.LOW),
        ({"heart_rate": 112, "spo2": 93}, 4, Risk.LOW),
        ({"heart_rate": 135}, 3, Risk.LOW_MEDIUM),
        ({"heart_rate": 112, "spo2": 91}, 5, Risk.MEDIUM),
        ({"heart_rate": 135, "spo2": 91}, 6, Risk.MEDIUM),
        ({"heart_rate": 135, "spo2": 91, "body_temperature": 38.1}, 7, Risk.HIGH),
    ],
)
def test_the_colleges_triggers(values: dict[str, float], total: int, risk: Risk) -> None:
    scored = news2(values)
    assert (scored.total, scored.risk) == (total, risk)
