"""What kind of day a day is in China: workday, rest day or statutory holiday, 调休 included. Pure.

The State Council announces each year's holidays late in the year before; `chinesecalendar` carries them. What it does
not know yet, or what a place does otherwise, is said day by day (table `calendar_days`), and wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import chinese_calendar

#: All of China keeps one time.
BEIJING: Final = ZoneInfo("Asia/Shanghai")


class DayKind(StrEnum):
    WORKDAY = "workday"
    REST = "rest"  # a weekend that is no holiday
    HOLIDAY = "holiday"  # 法定节假日 with the days off around it


@dataclass(frozen=True, slots=True)
class Day:
    kind: DayKind
    #: 春节, 国庆节, …; of a workday: for which holiday it is worked (调休)
    name: str | None = None
    #: False: no announcement is known of this year, and the weekday decides
    known: bool = True


@dataclass(frozen=True, slots=True)
class Calendar:
    """The statutory calendar with what was said otherwise of single days."""

    said: Mapping[date, Day] = field(default_factory=dict)

    def day(self, day: date) -> Day:
        said = self.said.get(day)
        if said is not None:
            return said
        weekend = DayKind.REST if day.weekday() >= 5 else DayKind.WORKDAY
        try:
            off, name = chinese_calendar.get_holiday_detail(day)
        except NotImplementedError:
            return Day(weekend, known=False)
        if not off:
            return Day(DayKind.WORKDAY, _chinese(name))
        return Day(DayKind.HOLIDAY, _chinese(name)) if name else Day(DayKind.REST)


_NAMES: Final = {one.value: one.chinese for one in chinese_calendar.Holiday}


def _chinese(name: str | None) -> str | None:
    return _NAMES.get(name, name) if name else None


def in_beijing(at: datetime) -> datetime:
    return at.astimezone(BEIJING)


def at_beijing(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, BEIJING)


def clock_of(text: str) -> time:
    """`08:30`; `24:00` is the midnight that ends a day, kept as 00:00. Raises ValueError."""
    if text == "24:00":
        return time(0)
    if len(text) != 5:
        raise ValueError(f"{text!r} is no HH:MM")
    return time.fromisoformat(text)


def within(clock: time, begin: time, end: time) -> bool:
    """Whether the clock is in [begin, end); over midnight when end is not after begin, and always when they are
    equal."""
    if begin == end:
        return True
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def days_between(first: date, last: date) -> list[date]:
    """Both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
