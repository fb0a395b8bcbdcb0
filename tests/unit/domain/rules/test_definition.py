"""Rules as JSON: both ways, and what is said of those that make no sense."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.alert import Severity
from alerts.domain.rules.check import flaws
from alerts.domain.rules.definition import DefinitionError, json_of, rule_of
from alerts.domain.rules.fields import FIELDS, VITALS
from alerts.domain.rules.model import Direction, Limit, Mode, Rule, Scope, SeverityWhen
from tests.parts.examples import examples
from tests.unit.domain.rules.making import ELDER, STATION, minutes, rule
from tests.unit.domain.rules.strategies import one_rule

WHOLE: dict[str, Any] = {
    "id": "00000000-0000-0000-0000-0000000001f4",
    "version": 3,
    "key": "heart_rate_high",
    "title": "心率过高",
    "severity": "yellow",
    "condition": {"kind": "limit", "field": "heart_rate", "direction": "above", "value": 120, "clear": 110},
    "scope": {
        "elder_id": str(ELDER),
        "organization_id": str(STATION),
        "ability_levels": ["severe", "total"],
        "care_categories": ["独居"],
    },
    "lasting_seconds": 300,
    "clear_after_seconds": 300,
    "gap_seconds": 1800,
    "severity_when": [{"scope": {"ability_levels": ["total"]}, "severity": "orange"}],
    "mode": "shadow",
    "source": "某医院的建议（虚构）",
}
OWN = {
    "kind": "own_limit",
    "field": "heart_rate",
    "direction": "above",
    "spreads": 4,
    "clear_spreads": 2.5,
    "least_hours": 168,
    "inside": [60, 100],
}
SCORE = {"kind": "score", "total": 5, "or_three_in_one": True, "fresh_seconds": 3600}


def changed(*path: str, to: Any) -> dict[str, Any]:
    """The whole rule with one thing in it changed; a condition may be changed before."""
    definition = deepcopy(WHOLE)
    part = definition
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = to
    return definition


def told(definition: dict[str, Any]) -> dict[str, str]:
    """What is wrong with it, by where; nothing when it is a rule."""
    try:
        rule_of(definition)
    except DefinitionError as error:
        return {flaw.where: flaw.what for flaw in error.flaws}
    return {}


def test_a_whole_rule() -> None:
    total = Scope(ability_levels=frozenset({"total"}))
    made = rule_of(WHOLE)
    assert made == Rule(
        UUID(int=500),
        3,
        "heart_rate_high",
        "心率过高",
        Severity.YELLOW,
        Limit("heart_rate", Direction.ABOVE, 120, 110),
        Scope(ELDER, STATION, frozenset({"severe", "total"}), frozenset({"独居"})),
        minutes(5),
        minutes(5),
        minutes(30),
        (SeverityWhen(total, Severity.ORANGE),),
        Mode.SHADOW,
        "某医院的建议（虚构）",
    )
    assert json_of(made) == WHOLE


@pytest.mark.parametrize("condition", [OWN, SCORE], ids=["own_limit", "score"])
def test_the_other_conditions(condition: dict[str, Any]) -> None:
    assert json_of(rule_of(changed("condition", to=condition)))["condition"] == condition


def test_what_may_be_left_out() -> None:
    least = {name: WHOLE[name] for name in ("id", "version", "key", "title", "severity", "condition")}
    made = rule_of(least)
    assert (made.scope, made.lasting, made.mode) == (Scope(), minutes(0), Mode.LIVE)
    nulls = least | {"scope": None, "mode": None, "severity_when": None, "source": None}
    assert rule_of(nulls) == made
    assert rule_of(changed("scope", "elder_id", to=None)).scope.elder_id is None


def test_a_day_is_not_too_long() -> None:
    assert rule_of(changed("lasting_seconds", to=86400)).lasting == minutes(24 * 60)


def test_ids_may_be_ids_already() -> None:
    assert rule_of(changed("id", to=UUID(int=500))) == rule_of(WHOLE)


@examples(25)
@given(one_rule)
def test_there_and_back(any_rule: Rule) -> None:
    whole_seconds = minutes(int(any_rule.lasting.total_seconds() // 60))
    made = rule(any_rule.condition, lasting=whole_seconds, clear_after=whole_seconds, gap=minutes(1))
    if flaws(made):
        assert told(json_of(made)) == {flaw.where: flaw.what for flaw in flaws(made)}
    else:
        assert rule_of(json.loads(json.dumps(json_of(made)))) == made


@pytest.mark.parametrize(
    ("definition", "where", "words"),
    [
        (changed("title", to="紧急救援 · 心率过高"), "title", "只有红色规则"),
        (changed("severity", to="red"), "title", "请改为“紧急救援 · 心率过高”"),
        (changed("title", to=""), "title", "不能为空"),
        (changed("title", to="一" * 41), "title", "最多 40 个字"),
        (changed("title", to="心率\n过高"), "title", "控制字符"),
        (changed("key", to="Heart rate"), "key", "如 heart_rate_high"),
        (changed("id", to="seven"), "id", "UUID"),
        (changed("version", to=0), "version", "不能小于 1"),
        (changed("severity", to="purple"), "severity", "应为 'red'、'orange'、'yellow'、'blue' 之一"),
        (changed("mode", to="loud"), "mode", "'live'、'shadow'、'off' 之一"),
        (changed("lasting_seconds", to=86401), "lasting_seconds", "应在 0 到 86400 秒（24 小时）之间"),
        (changed("lasting_seconds", to=-1), "lasting_seconds", "应在 0 到"),
        (changed("lasting_seconds", to=10**30), "lasting_seconds", "不能大于"),
        (changed("lasting_seconds", to=1.5), "lasting_seconds", "应为整数"),
        (changed("clear_after_seconds", to="5"), "clear_after_seconds", "应为整数"),
        (changed("gap_seconds", to=0), "gap_seconds", "应在 10 到"),
        (changed("condition", "field", to="pulse"), "condition.field", "heart_rate（心率）"),
        (changed("condition", "direction", to="over"), "condition.direction", "'above'、'below' 之一"),
        (changed("condition", "value", to=301), "condition.value", "20 到 300 次/分"),
        (changed("condition", "value", to="120"), "condition.value", "应为数字"),
        (changed("condition", "value", to=True), "condition.value", "应为数字"),
        (changed("condition", "value", to=float("nan")), "condition.value", "有限"),
        (changed("condition", "value", to=300), "condition.value", "永远不会触发，请调低限值"),
        (changed("condition", "clear", to=120), "condition.clear", "恢复值 120 应小于限值 120"),
        (changed("condition", "clear", to=10), "condition.clear", "可测范围"),
        (changed("condition", "kind", to="limits"), "condition", "own_limit、score、fence、stillness、out_of_bed 之一"),
        (changed("condition", to={"field": "heart_rate"}), "condition", "缺少 kind"),
        (changed("condition", to=[1]), "condition", "应为一个对象"),
        (changed("condition", to=OWN | {"field": "systolic"}), "condition.field", "heart_rate（心率）、spo2"),
        (changed("condition", to=OWN | {"always": 80}), "condition.always", "100 到 300"),
        (changed("condition", to=OWN | {"until_known": 80}), "condition.until_known", "正常范围之外"),
        (changed("condition", to=OWN | {"over_seconds": -1}), "condition.over_seconds", "0"),
        (changed("condition", to=OWN | {"spreads": 0}), "condition.spreads", "应大于 0"),
        (changed("condition", to=OWN | {"clear_spreads": 4}), "condition.clear_spreads", "小于偏离倍数 4"),
        (changed("condition", to=OWN | {"least_hours": 24}), "condition.least_hours", "72 到 336"),
        (changed("condition", to=OWN | {"inside": [100, 60]}), "condition.inside", "从小到大"),
        (changed("condition", to=OWN | {"inside": [60]}), "condition.inside.1", "缺少"),
        (changed("condition", to=SCORE | {"total": 21}), "condition.total", "1 到 20"),
        (changed("condition", to=SCORE | {"fresh_seconds": 5}), "condition.fresh_seconds", "60 到"),
        (changed("condition", to=SCORE | {"or_three_in_one": 1}), "condition.or_three_in_one", "true 或 false"),
        (changed("scope", "elder", to=str(ELDER)), "scope.elder", "检查拼写"),
        (changed("scope", "ability_levels", to=["bad"]), "scope.ability_levels.0", "'intact'"),
        (changed("scope", "care_categories", to="独居"), "scope.care_categories", "数组"),
        (changed("severity_when", to=[{"scope": {}, "severity": "red"}]), "severity_when.0.scope", "对所有人生效"),
        (changed("severity_when", to=[{"severity": "red"}]), "severity_when.0.scope", "缺少"),
        (changed("source", to="x" * 1001), "source", "最多 1000"),
    ],
)
def test_what_is_wrong_where_and_how_to_mend_it(definition: dict[str, Any], where: str, words: str) -> None:
    found = told(definition)
    assert list(found) == [where]
    assert words in found[where]


def test_below_is_checked_the_other_way_round() -> None:
    below = changed("condition", "direction", to="below")
    assert told(below)["condition.clear"] == "恢复值 110 应大于限值 120，否则会反复告警"
    below["condition"] |= {"value": 20, "clear": 30}
    assert told(below)["condition.value"] == "心率不可能低于 20，规则永远不会触发，请调高限值"
    below["condition"]["value"] = 25
    assert rule_of(below).condition == Limit("heart_rate", Direction.BELOW, 25, 30)


def test_all_that_is_missing_is_named_at_once() -> None:
    assert set(told({})) == {"id", "version", "key", "title", "severity", "condition"}
    two = changed("severity", to="red") | {"gap_seconds": 1}
    assert set(told(two)) == {"title", "gap_seconds"}
    with pytest.raises(DefinitionError, match=r"title：.*；gap_seconds："):
        rule_of(two)


@pytest.mark.parametrize("wrong", [3.5, "??", [1], {"a": 1}, True, "\ud800"], ids=repr)
@pytest.mark.parametrize("name", [name for name in WHOLE if name not in ("title", "source")])
def test_whatever_is_of_the_wrong_type_is_told_in_chinese(name: str, wrong: Any) -> None:
    found = told(changed(name, to=wrong))
    assert found
    assert not [what for what in found.values() if "格式不对" in what]


def test_the_fields_are_the_contracts() -> None:
    schema = Path(__file__).parents[4] / "docs" / "contract" / "schemas" / "reading.schema.json"
    properties = json.loads(schema.read_text())["properties"]
    numbers = {name: field for name, field in properties.items() if "minimum" in field and name != "seq"}
    assert {name: (field["minimum"], field["maximum"]) for name, field in numbers.items()} == {
        name: (field.lowest, field.highest) for name, field in FIELDS.items()
    }
    assert set(VITALS) < set(FIELDS)


_anything = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists)


@examples(25)
@given(st.sampled_from(["condition", "scope", "severity_when", "lasting_seconds", "title"]), _anything)
def test_anything_at_all_is_a_rule_or_is_told_why_not(name: str, anything: Any) -> None:
    definition = changed(name, to=anything)
    if not told(definition):
        assert flaws(rule_of(definition)) == []
