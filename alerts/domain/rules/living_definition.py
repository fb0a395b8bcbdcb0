"""Conditions on where a person is and what they do, as JSON and back, and whether they make sense. Pure.

    {"kind": "fence", "fixes": 3}
    {"kind": "stillness", "factor": 1.5, "least_seconds": 7200, "least_days": 14,
     "quiet": {"from": "22:00", "to": "06:00"}}
    {"kind": "out_of_bed", "night": {"from": "22:00", "to": "06:00"}, "back_by": "00:30"}

Times of day are Beijing's. `quiet` and `back_by` may be left out.
"""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Annotated, Any, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from alerts.domain.rules.model import Beyond, Condition, Living, OutOfBed, Rule, Still
from alerts.domain.rules.stillness import LONGEST

MOST_FIXES = 20
MOST_FACTOR = 10.0
#: Readings in which nothing changes are looked at thinned out, the first and last of each quarter of an hour: a shorter
#: gap would be one of our own.
SHORTEST_STILL_GAP = timedelta(minutes=30)
#: A pause is followed for a day.
LONGEST_LEAST = timedelta(hours=20)


class Part(BaseModel):
    """A part of a definition: what is not known here is an error, and nothing is taken for something else."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class _Hours(Part):
    start: Annotated[time, Field(alias="from")]
    end: Annotated[time, Field(alias="to")]

    def value(self) -> tuple[time, time]:
        return self.start, self.end


class BeyondPart(Part):
    kind: Literal["fence"]
    fixes: int = 3

    def condition(self) -> Condition:
        return Beyond(self.fixes)


class StillPart(Part):
    kind: Literal["stillness"]
    factor: float
    least_seconds: Annotated[int, Field(ge=0, le=2**31)]
    least_days: int
    quiet: _Hours | None = None

    def condition(self) -> Condition:
        quiet = None if self.quiet is None else self.quiet.value()
        return Still(self.factor, timedelta(seconds=self.least_seconds), self.least_days, quiet)


class OutOfBedPart(Part):
    kind: Literal["out_of_bed"]
    night: _Hours
    back_by: time | None = None

    def condition(self) -> Condition:
        return OutOfBed(self.night.value(), self.back_by)


def json_of_living(condition: Living) -> dict[str, Any]:
    match condition:
        case Beyond(fixes):
            return {"kind": "fence", "fixes": fixes}
        case Still():
            return {
                "kind": "stillness",
                "factor": condition.factor,
                "least_seconds": int(condition.least.total_seconds()),
                "least_days": condition.least_days,
                "quiet": None if condition.quiet is None else _hours(condition.quiet),
            }
        case OutOfBed(night, back_by):
            return {
                "kind": "out_of_bed",
                "night": _hours(night),
                "back_by": None if back_by is None else back_by.isoformat("minutes"),
            }
        case _:
            assert_never(condition)


def living_flaws(rule: Rule, condition: Living) -> Iterator[tuple[str, str]]:
    """Where and what is wrong with it."""
    match condition:
        case Beyond(fixes):
            if not 2 <= fixes <= MOST_FIXES:
                yield "condition.fixes", f"定位次数现为 {fixes}，应在 2 到 {MOST_FIXES} 之间：只凭一次定位会误报"
        case Still():
            yield from _still(rule, condition)
        case OutOfBed(night, back_by):
            yield from _times("condition.night", night)
            if back_by is not None:
                yield from _minutes("condition.back_by", back_by)
            if not rule.lasting:
                yield "lasting_seconds", "请写明离床多久后提醒，不能为 0 秒"
        case _:
            assert_never(condition)


def _still(rule: Rule, condition: Still) -> Iterator[tuple[str, str]]:
    if not 1 <= condition.factor <= MOST_FACTOR:
        yield "condition.factor", f"倍数现为 {condition.factor:g}，应在 1 到 {MOST_FACTOR:g} 之间"
    if not timedelta(minutes=10) <= condition.least <= LONGEST_LEAST:
        yield "condition.least_seconds", (
            f"最短时间现为 {condition.least.total_seconds():g} 秒，应在 600 到 {LONGEST_LEAST.total_seconds():g} 秒之间"
        )
    if not 7 <= condition.least_days <= 28:
        yield "condition.least_days", f"最少天数现为 {condition.least_days}，应在 7 到 28 之间"
    if not SHORTEST_STILL_GAP <= rule.gap < LONGEST:
        yield "gap_seconds", (
            f"最大间隔现为 {rule.gap.total_seconds():g} 秒，这种规则应在"
            f" {SHORTEST_STILL_GAP.total_seconds():g} 到 {LONGEST.total_seconds():g} 秒之间"
        )
    if condition.quiet is not None:
        yield from _times("condition.quiet", condition.quiet)


def _times(where: str, hours: tuple[time, time]) -> Iterator[tuple[str, str]]:
    yield from _minutes(f"{where}.from", hours[0])
    yield from _minutes(f"{where}.to", hours[1])
    if hours[0] == hours[1]:
        yield where, "开始和结束不能是同一时刻"


def _minutes(where: str, clock: time) -> Iterator[tuple[str, str]]:
    if clock.second or clock.microsecond or clock.tzinfo is not None:
        yield where, "应为几点几分，不带秒和时区，如 22:30"


def _hours(hours: tuple[time, time]) -> dict[str, str]:
    return {"from": hours[0].isoformat("minutes"), "to": hours[1].isoformat("minutes")}
