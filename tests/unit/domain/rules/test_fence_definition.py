"""Fences as JSON, and what is wrong with them; living conditions too."""

from typing import Any
from uuid import UUID

import pytest

from alerts.domain.rules.built_in_living import BUILT_IN_LIVING
from alerts.domain.rules.check import flaws
from alerts.domain.rules.definition import DefinitionError, json_of, rule_of
from alerts.domain.rules.fence import Keep
from alerts.domain.rules.fence_definition import fence_of, json_of_fence
from alerts.domain.rules.model import Rule
from tests.unit.domain.rules.places import HOME, circle, nights, polygon

CIRCLE: dict[str, Any] = {"kind": "circle", "centre": {"lat": HOME.lat, "lon": HOME.lon}, "radius": 300}
FENCE: dict[str, Any] = {"name": "家附近", "keep": "keep_in", "shape": CIRCLE}
SQUARE = ((0, 0), (400, 0), (400, 400), (0, 400))


def many(number: int) -> dict[str, Any]:
    return {"kind": "polygon", "points": [{"lat": 29.7, "lon": 105.7}] * number}


@pytest.mark.parametrize("fence", [circle(), circle(hours=(nights(), nights(1, 3))), polygon(*SQUARE, keep=Keep.OUT)])
def test_there_and_back(fence: Any) -> None:
    assert fence_of(json_of_fence(fence), fence.id, fence.version) == fence


def test_a_first_corner_that_is_repeated_at_the_end_is_one_corner() -> None:
    told = json_of_fence(polygon(*SQUARE))
    told["shape"]["points"].append(told["shape"]["points"][0])
    assert fence_of(told, circle().id, 1) == polygon(*SQUARE)


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"shape": CIRCLE | {"radius": 30}}, "shape.radius", "半径约 30 米，小于定位误差"),
        ({"shape": CIRCLE | {"radius": 80}, "keep": "keep_out"}, "shape.radius", "至少应为 100 米"),
        ({"shape": CIRCLE | {"radius": -80}}, "shape.radius", "至少应为 50 米"),
        ({"shape": CIRCLE | {"radius": 30_000}}, "shape.radius", "半径约 30 公里，太大，最多 20 公里"),
        ({"shape": json_of_fence(polygon((0, 0), (9000, 0), (9000, 20), (0, 20)))["shape"]}, "shape.points", "误差"),
        ({"shape": json_of_fence(polygon((0, 0), (400, 400), (400, 0), (0, 400)))["shape"]}, "shape.points", "相交"),
        ({"shape": many(1)}, "shape.points", "应有 3 到 200 个"),
        ({"shape": many(202)}, "shape.points", "项数过多"),
        ({"shape": {"kind": "square"}}, "shape", "circle（圆）"),
        ({"shape": {}}, "shape", "circle（圆）"),
        ({"shape": CIRCLE | {"centre": {"lat": 105.7, "lon": 29.7}}}, "shape.centre.lat", "不能大于 85"),
        ({"keep": "keep_off"}, "keep", "keep_in"),
        ({"hours": [{"weekdays": [8], "from": "20:00", "to": "06:00"}]}, "hours.0.weekdays.0", "不能大于 7"),
        ({"hours": [{"weekdays": [], "from": "20:00", "to": "06:00"}]}, "hours.0.weekdays", "至少"),
        ({"hours": [{"weekdays": [1], "from": "晚上", "to": "06:00"}]}, "hours.0.from", "如 22:30"),
        ({"hours": [{"weekdays": [1], "from": "20:00:30", "to": "06:00"}]}, "hours.0.from", "不带秒"),
        ({"name": ""}, "name", "不能为空"),
        ({"radius": 5}, "radius", "没有这一项"),
    ],
)
def test_what_is_wrong_where_and_how_to_mend_it(changes: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(DefinitionError) as told:
        fence_of(FENCE | changes, UUID(int=1), 1)
    [flaw] = told.value.flaws
    assert flaw.where == where
    assert what in flaw.what


@pytest.mark.parametrize("rule", BUILT_IN_LIVING, ids=lambda rule: rule.key)
def test_the_built_in_rules_are_well_made(rule: Rule) -> None:
    assert flaws(rule) == []
    assert rule_of(json_of(rule)) == rule
    assert rule.source


@pytest.mark.parametrize(
    ("place", "changes", "where", "what"),
    [
        (0, {"fixes": 1}, "condition.fixes", "2 到 20"),
        (1, {"factor": 0.5}, "condition.factor", "1 到 10"),
        (1, {"least_seconds": 60}, "condition.least_seconds", "600 到 72000"),
        (1, {"least_days": 3}, "condition.least_days", "7 到 28"),
        (1, {"quiet": {"from": "22:00", "to": "22:00"}}, "condition.quiet", "同一时刻"),
        (2, {"night": {"from": "22:00"}}, "condition.night.to", "缺少"),
        (2, {"back_by": "25:00"}, "condition.back_by", "如 22:30"),
        (2, {"back_by": "00:30:10"}, "condition.back_by", "不带秒"),
    ],
)
def test_what_is_wrong_with_a_condition(place: int, changes: dict[str, Any], where: str, what: str) -> None:
    told = json_of(BUILT_IN_LIVING[place])
    with pytest.raises(DefinitionError) as error:
        rule_of(told | {"condition": told["condition"] | changes})
    [flaw] = error.value.flaws
    assert flaw.where == where
    assert what in flaw.what
