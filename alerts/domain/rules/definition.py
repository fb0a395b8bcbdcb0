"""A rule as JSON and back: the shape of it, and what is wrong with it in Chinese. Pure.

    {"id": "…", "version": 3, "key": "heart_rate_high", "title": "心率过高", "severity": "yellow",
     "condition": {"kind": "limit", "field": "heart_rate", "direction": "above", "value": 120, "clear": 110},
     "scope": {"elder_id": "…", "organization_id": "…", "ability_levels": ["severe"], "care_categories": ["独居"]},
     "lasting_seconds": 300, "clear_after_seconds": 300, "gap_seconds": 1800,
     "severity_when": [{"scope": {"ability_levels": ["total"]}, "severity": "orange"}], "mode": "live", "source": "…"}

Other conditions: {"kind": "own_limit", "field", "direction", "spreads", "clear_spreads", "least_hours",
"inside": [low, high]}, {"kind": "score", "total", "or_three_in_one", "fresh_seconds"}, and those of
`living_definition`. Null is the same as absent.
What is not known here is an error, unlike in messages of devices: a misspelt "scope" would make a rule for one person
one for everybody.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, assert_never
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from alerts.domain.alert import Severity
from alerts.domain.rules.check import Flaw, flaws
from alerts.domain.rules.living_definition import BeyondPart, OutOfBedPart, Part, StillPart, json_of_living
from alerts.domain.rules.model import (
    Condition,
    Direction,
    Limit,
    Living,
    Mode,
    OwnLimit,
    Rule,
    Scope,
    Score,
    SeverityWhen,
)

_AbilityLevel = Literal["intact", "mild", "moderate", "severe", "total"]  # GB/T 42195-2022
_Words = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
#: Stays far inside what a timedelta holds; what is sensible is for `check`.
_Seconds = Annotated[int, Field(ge=-(2**31), le=2**31)]


class DefinitionError(ValueError):
    """What is wrong with a definition; at least one flaw."""

    def __init__(self, found: list[Flaw]) -> None:
        super().__init__("；".join(f"{flaw.where}：{flaw.what}" for flaw in found))
        self.flaws = tuple(found)


class _Scope(Part):
    elder_id: UUID | None = None
    organization_id: UUID | None = None
    ability_levels: frozenset[_AbilityLevel] = frozenset()
    care_categories: frozenset[_Words] = frozenset()

    def value(self) -> Scope:
        return Scope(self.elder_id, self.organization_id, self.ability_levels, self.care_categories)


class _Limit(Part):
    kind: Literal["limit"]
    field: str
    direction: Direction
    value: float
    clear: float
    over_seconds: _Seconds = 0

    def condition(self) -> Condition:
        return Limit(self.field, self.direction, self.value, self.clear, timedelta(seconds=self.over_seconds))


class _OwnLimit(Part):
    kind: Literal["own_limit"]
    field: str
    direction: Direction
    spreads: float
    clear_spreads: float
    least_hours: int
    inside: tuple[float, float]
    always: float | None = None
    until_known: float | None = None
    over_seconds: _Seconds = 0

    def condition(self) -> Condition:
        return OwnLimit(
            *(self.field, self.direction, self.spreads, self.clear_spreads, self.least_hours, self.inside),
            *(self.always, self.until_known, timedelta(seconds=self.over_seconds)),
        )


class _Score(Part):
    kind: Literal["score"]
    total: int
    or_three_in_one: bool = False
    fresh_seconds: _Seconds = 3600

    def condition(self) -> Condition:
        return Score(self.total, self.or_three_in_one, timedelta(seconds=self.fresh_seconds))


class _SeverityWhen(Part):
    scope: _Scope
    severity: Severity


class _Rule(Part):
    id: UUID
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
    title: _Words
    severity: Severity
    condition: Annotated[
        _Limit | _OwnLimit | _Score | BeyondPart | StillPart | OutOfBedPart, Field(discriminator="kind")
    ]
    scope: _Scope = _Scope()
    lasting_seconds: _Seconds = 0
    clear_after_seconds: _Seconds = 0
    gap_seconds: _Seconds = 300
    severity_when: tuple[_SeverityWhen, ...] = ()
    mode: Mode = Mode.LIVE
    source: Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")] = ""

    def value(self) -> Rule:
        return Rule(
            self.id,
            self.version,
            self.key,
            self.title,
            self.severity,
            self.condition.condition(),
            self.scope.value(),
            timedelta(seconds=self.lasting_seconds),
            timedelta(seconds=self.clear_after_seconds),
            timedelta(seconds=self.gap_seconds),
            tuple(SeverityWhen(context.scope.value(), context.severity) for context in self.severity_when),
            self.mode,
            self.source,
        )


def rule_of(definition: Mapping[str, Any]) -> Rule:
    """From JSON as Python has it; UUIDs may be such already. Raises DefinitionError with all that is wrong."""
    try:
        # Through JSON text, because only from there a strict reader takes an array for a set and a text for an id.
        rule = _Rule.model_validate_json(json.dumps(without_null(definition), default=str)).value()
    except ValidationError as error:
        raise DefinitionError([flaw_of(detail) for detail in error.errors(include_url=False)]) from None
    if found := flaws(rule):
        raise DefinitionError(found)
    return rule


def json_of(rule: Rule) -> dict[str, Any]:
    """Whole seconds; `rule_of` gives the same rule again."""
    return {
        "id": str(rule.id),
        "version": rule.version,
        "key": rule.key,
        "title": rule.title,
        "severity": rule.severity.value,
        "condition": _json_of_condition(rule.condition),
        "scope": _json_of_scope(rule.scope),
        "lasting_seconds": _seconds(rule.lasting),
        "clear_after_seconds": _seconds(rule.clear_after),
        "gap_seconds": _seconds(rule.gap),
        "severity_when": [
            {"scope": _json_of_scope(context.scope), "severity": context.severity.value}
            for context in rule.severity_when
        ],
        "mode": rule.mode.value,
        "source": rule.source,
    }


def _json_of_condition(condition: Condition) -> dict[str, Any]:
    if isinstance(condition, Living):
        return json_of_living(condition)
    match condition:
        case Limit(field, direction, value, clear, over):
            limit = {"kind": "limit", "field": field, "direction": direction.value, "value": value, "clear": clear}
            return limit | _over(over)
        case OwnLimit():
            beside = {"always": condition.always, "until_known": condition.until_known}
            return {
                "kind": "own_limit",
                "field": condition.field,
                "direction": condition.direction.value,
                "spreads": condition.spreads,
                "clear_spreads": condition.clear_spreads,
                "least_hours": condition.least_hours,
                "inside": list(condition.inside),
                **{name: value for name, value in beside.items() if value is not None},
                **_over(condition.over),
            }
        case Score(total, or_three_in_one, fresh):
            fresh_seconds = _seconds(fresh)
            return {"kind": "score", "total": total, "or_three_in_one": or_three_in_one, "fresh_seconds": fresh_seconds}
        case _:
            assert_never(condition)


def _over(over: timedelta) -> dict[str, int]:
    """Left out where each value counts by itself: definitions from before medians were known stay as they are."""
    return {"over_seconds": _seconds(over)} if over else {}


def _json_of_scope(scope: Scope) -> dict[str, Any]:
    given = {
        "elder_id": scope.elder_id and str(scope.elder_id),
        "organization_id": scope.organization_id and str(scope.organization_id),
        "ability_levels": sorted(scope.ability_levels),
        "care_categories": sorted(scope.care_categories),
    }
    return {name: value for name, value in given.items() if value}


def _seconds(time: timedelta) -> int:
    return int(time.total_seconds())


def without_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: without_null(part) for name, part in value.items() if part is not None}
    return [without_null(part) for part in value] if isinstance(value, list | tuple) else value


_KINDS: Final = ("limit", "own_limit", "score", "fence", "stillness", "out_of_bed")
_WORDS: Final = {
    "missing": "缺少这一项，请补上",
    "extra_forbidden": "没有这一项，请检查拼写或删去",
    "float_type": "应为数字",
    "int_type": "应为整数",
    "int_from_float": "应为整数",
    "bool_type": "应为 true 或 false",
    "string_type": "应为文字",
    "finite_number": "应为有限的数字",
    "model_type": "应为一个对象 {…}",
    "dict_type": "应为一个对象 {…}",
    "tuple_type": "应为一个数组 […]",
    "frozen_set_type": "应为一个数组 […]",
    "too_long": "项数过多",
    "too_short": "不能为空，至少写一项",
    "time_parsing": "应为几点几分，如 22:30",
    "time_type": "应为几点几分，如 22:30",
    "uuid_parsing": "应为编号（UUID），如 0193a0b2-7c00-7000-8000-000000000001",
    "uuid_type": "应为编号（UUID），如 0193a0b2-7c00-7000-8000-000000000001",
    "string_too_short": "不能为空",
    "json_invalid": "含有不成文字的字符，请删去",
    "union_tag_not_found": f"缺少 kind，请写明条件的种类：{'、'.join(_KINDS)}",
    "union_tag_invalid": f"没有这种条件，kind 应为 {'、'.join(_KINDS)} 之一",
}
_PATTERNS: Final = {"key": "只能用小写字母、数字和下划线，以字母开头，不超过 48 个字符，如 heart_rate_high"}


def flaw_of(detail: ErrorDetails) -> Flaw:
    path = detail["loc"]
    # Below the condition, and a fence's shape, stands also which kind it was read as; no such part is in the JSON.
    kinds = path[0] if path and path[0] in ("condition", "shape") else None
    where = [str(part) for place, part in enumerate(path) if not (place == 1 and kinds)]
    kind, context = detail["type"], detail.get("ctx", {})
    if kind.startswith("union_tag") and kinds == "shape":
        what = "请写明形状的种类：kind 应为 circle（圆）或 polygon（多边形）"
    elif kind in _WORDS:
        what = _WORDS[kind]
    elif kind in ("literal_error", "enum"):
        what = f"不能是这个值，应为 {context['expected'].replace(' or ', '、').replace(', ', '、')} 之一"
    elif kind == "string_pattern_mismatch":
        what = _PATTERNS.get(where[-1], "不能有换行等控制字符")
    elif kind == "string_too_long":
        what = f"太长，最多 {context['max_length']} 个字"
    elif kind in ("greater_than_equal", "less_than_equal"):
        side, bound = ("小于", context.get("ge")) if kind == "greater_than_equal" else ("大于", context.get("le"))
        what = f"不能{side} {bound}"
    else:
        what = f"格式不对（{detail['msg']}）"
    return Flaw(".".join(where), what)
