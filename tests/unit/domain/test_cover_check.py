"""What is wrong with a cover, in words for those who make one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts.domain.alert import Rule, Severity
from alerts.domain.cover_check import LONGEST, LONGEST_OF_OPERATORS, Types, Wanted, begins_at, flaws
from alerts.domain.holding import NEVER_HELD, Kind
from tests.unit.domain.making import ELDER, FALL, NOON, SOS, STATION, after

HOUR = timedelta(hours=1)
TYPES = Types(
    {one.type: one for one in (SOS, FALL, Rule("tamper", Severity.YELLOW, "设备被拆动"))},
    {
        "rule.heart_rate_high": frozenset({Severity.YELLOW, Severity.RED}),
        "rule.heart_rate_critical": frozenset({Severity.RED}),
    },
)
GOOD = Wanted(Kind.SILENCE, None, NOON + HOUR, "手环校准", elder_id=ELDER.id)


def wrong(wanted: Wanted, longest: timedelta = LONGEST_OF_OPERATORS) -> Mapping[str, str]:
    return {flaw.where: flaw.what for flaw in flaws(wanted, longest, TYPES, NOON)}


def test_a_good_one_has_no_flaw() -> None:
    assert wrong(GOOD) == {}
    assert wrong(replace(GOOD, types=frozenset({"tamper", "rule.heart_rate_high"}))) == {}
    assert wrong(replace(GOOD, kind=Kind.MAINTENANCE, elder_id=None, device_ids=frozenset({"wb-1"}))) == {}
    assert wrong(replace(GOOD, kind=Kind.MAINTENANCE, elder_id=None, organization_id=STATION)) == {}
    assert wrong(replace(GOOD, ends_at=NOON + LONGEST), LONGEST) == {}


@pytest.mark.parametrize("name", [*sorted(NEVER_HELD), "rule.heart_rate_critical"])
def test_what_is_urgent_is_named_in_vain(name: str) -> None:
    told = wrong(replace(GOOD, types=frozenset({name})))["types"]
    assert name in told
    assert "任何时候都不能静默" in told


@pytest.mark.parametrize(
    ("changes", "where", "told"),
    [
        ({"ends_at": NOON}, "ends_at", "晚于现在"),
        ({"ends_at": after(-1)}, "ends_at", "晚于现在"),
        ({"ends_at": NOON + 8 * HOUR + timedelta(seconds=1)}, "ends_at", "最多可设置 8 小时，更长的请管理员设置"),
        ({"starts_at": NOON - HOUR}, "starts_at", "已过去"),
        ({"starts_at": NOON + 91 * 24 * HOUR, "ends_at": NOON + 2185 * HOUR}, "starts_at", "90 天"),
        ({"elder_id": None}, "scope", "三者选一"),
        ({"organization_id": STATION}, "scope", "三者选一"),
        ({"kind": Kind.HOSPITAL, "elder_id": None, "organization_id": STATION}, "elder_id", "住院只对一位老人"),
        ({"kind": Kind.HOLIDAY, "elder_id": None, "device_ids": frozenset({"wb-1"})}, "elder_id", "外出只对一位老人"),
        ({"kind": Kind.MAINTENANCE}, "scope", "维护只对设备或机构"),
        ({"kind": Kind.HOSPITAL, "types": frozenset({"tamper"})}, "types", "只有静默可以指定"),
        ({"types": frozenset({"tampre"})}, "types", "没有“tampre”这种告警类型"),
        ({"elder_id": None, "device_ids": frozenset(map(str, range(501)))}, "device_ids", "一次最多 500 台"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], where: str, told: str) -> None:
    found = wrong(replace(GOOD, **changes))
    assert list(found) == [where]
    assert told in found[where]


def test_an_administrator_renews_after_thirty_days() -> None:
    found = wrong(replace(GOOD, ends_at=NOON + LONGEST + timedelta(seconds=1)), LONGEST)
    assert found == {"ends_at": "您最多可设置 30 天；到期后仍需要的，请重新设置"}


def test_a_start_a_little_ago_is_now() -> None:
    wanted = replace(GOOD, starts_at=after(-60))
    assert wrong(wanted) == {}
    assert begins_at(wanted, NOON) == NOON
