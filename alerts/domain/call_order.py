"""Who is called first when nothing is heard of many. Pure.

Points are Anhu's own order, no medical scale: whoever may be in need now goes before whoever could not help
themselves, and those before whoever has nobody beside them. The reasons are shown, so that an operator can decide
otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from alerts.domain.alert import Severity

_OPEN_ALERT: Final[Mapping[Severity, int]] = {Severity.RED: 200, Severity.ORANGE: 100, Severity.YELLOW: 40}
_VITALS: Final[Mapping[Severity, int]] = {Severity.RED: 120, Severity.ORANGE: 80, Severity.YELLOW: 40}
#: GB/T 42195-2022
_ABILITY: Final[Mapping[str, tuple[int, str]]] = {
    "total": (60, "完全失能"),
    "severe": (50, "重度失能"),
    "moderate": (30, "中度失能"),
    "mild": (10, "轻度失能"),
}
_ALONE: Final = 30
#: What a power cut itself endangers goes before all else that is lasting.
_CATEGORIES: Final[Mapping[str, int]] = {
    "居家吸氧": 90,
    "呼吸机": 90,
    "认知障碍": 20,
    "特困": 5,
    "留守": 5,
    "空巢": 5,
    "高龄": 5,
}
_COLOURS: Final[Mapping[Severity, str]] = {Severity.RED: "红色", Severity.ORANGE: "橙色", Severity.YELLOW: "黄色"}


@dataclass(frozen=True, slots=True)
class AtRisk:
    """One elder of the list. `open_alert` and `vitals`: the worst that is on, leaving aside devices' own alerts."""

    elder_id: UUID
    name: str
    ability_level: str | None
    living_situation: str | None
    care_categories: frozenset[str]
    open_alert: Severity | None
    vitals: Severity | None
    silent_since: datetime
    #: every device of theirs that was lost is heard again
    restored: bool


def risk(elder: AtRisk) -> tuple[int, tuple[str, ...]]:
    """Points, and the reasons in the order of their weight."""
    found: list[tuple[int, str]] = []
    if elder.open_alert is not None and elder.open_alert in _OPEN_ALERT:
        found.append((_OPEN_ALERT[elder.open_alert], f"有未处置的{_COLOURS[elder.open_alert]}告警"))
    if elder.vitals is not None and elder.vitals in _VITALS:
        found.append((_VITALS[elder.vitals], "最近体征异常"))
    if elder.ability_level is not None and elder.ability_level in _ABILITY:
        found.append(_ABILITY[elder.ability_level])
    if "独居" in elder.care_categories or "独居" in (elder.living_situation or ""):
        found.append((_ALONE, "独居"))
    found += [(points, name) for name, points in _CATEGORIES.items() if name in elder.care_categories]
    found.sort(key=lambda one: -one[0])
    return sum(points for points, _ in found), tuple(reason for _, reason in found)


def in_order(elders: Sequence[AtRisk]) -> list[AtRisk]:
    """Those who are still silent first, then by risk, then who is silent the longest."""
    return sorted(elders, key=lambda one: (one.restored, -risk(one)[0], one.silent_since, str(one.elder_id)))
