"""Who is called first."""

from typing import Any
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.call_order import AtRisk, in_order, risk
from tests.unit.domain.making import NOON, after


def elder(number: int, **changes: Any) -> AtRisk:
    values: dict[str, Any] = {
        "elder_id": UUID(int=number),
        "name": f"某老人 {number}（虚构）",
        "ability_level": "intact",
        "living_situation": "与子女同住",
        "care_categories": frozenset(),
        "open_alert": None,
        "vitals": None,
        "silent_since": NOON,
        "restored": False,
    }
    return AtRisk(**values | changes)


def test_the_list_goes_from_who_may_be_in_need_now_to_who_has_somebody_beside_them() -> None:
    listed = [
        elder(1, open_alert=Severity.RED),
        elder(2, vitals=Severity.RED),
        elder(3, care_categories=frozenset({"居家吸氧"})),
        elder(4, ability_level="total"),
        elder(5, ability_level="severe"),
        elder(6, living_situation="独居", care_categories=frozenset({"高龄"})),
        elder(7, ability_level="moderate", silent_since=after(-60)),
        elder(8, ability_level="moderate"),
        elder(9),
        elder(10, open_alert=Severity.RED, restored=True),
    ]
    assert in_order(listed[::-1]) == listed


def test_the_reasons_are_told_weightiest_first() -> None:
    points, reasons = risk(
        elder(
            1,
            ability_level="severe",
            care_categories=frozenset({"独居", "认知障碍", "低保"}),
            vitals=Severity.YELLOW,
            open_alert=Severity.BLUE,
        )
    )
    assert reasons == ("重度失能", "最近体征异常", "独居", "认知障碍")
    assert points == 50 + 40 + 30 + 20


def test_whatever_makes_it_worse_never_moves_anybody_down() -> None:
    plain = elder(1)
    for worse in (
        {"ability_level": "mild"},
        {"living_situation": "独居"},
        {"care_categories": frozenset({"空巢"})},
        {"vitals": Severity.YELLOW},
        {"open_alert": Severity.YELLOW},
    ):
        assert in_order([plain, elder(2, **worse)])[0].elder_id == UUID(int=2)
