"""Visits (巡访): who is due when, what counts as a visit, which share was visited. Pure; days are Beijing's."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerts.domain.alert import Person
from alerts.domain.conditions import Noted

OVERDUE: Final = "visit.overdue"
#: So many overdue visits of one station are alerts at once; the rest waits in the list. A district that begins to
#: visit would flood its stations otherwise (EEMUA 191: ten alarms in ten minutes are the most that a person takes).
MOST_OPEN: Final = 20
#: What a visitor may tick, beside words of their own.
CONCERNS: Final = ("身体不适", "情绪低落", "用药问题", "居家安全隐患", "生活困难", "设备故障", "其他")


class Every(StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


#: The nearest comes first: whoever is in two plans is visited by the stricter one.
ORDER: Final = tuple(Every)
EVERY_WORDS: Final = {Every.WEEK: "每周", Every.MONTH: "每月", Every.QUARTER: "每季度"}


class Result(StrEnum):
    MET = "met"
    TELEPHONE = "telephone"
    NOT_MET = "not_met"


#: Somebody has spoken with the elder. Who found nobody in has not.
COUNTS: Final = frozenset({Result.MET, Result.TELEPHONE})


def due_on(last: date, every: Every) -> date:
    """The last day on which the next visit is in time; `last` is the day of the last one, or of joining the plan."""
    if every is Every.WEEK:
        return last + timedelta(days=7)
    return _months_on(last, 1 if every is Every.MONTH else 3)


def _months_on(day: date, months: int) -> date:
    """As PostgreSQL adds months: the 31st becomes the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@dataclass(frozen=True, slots=True)
class Period:
    """Both days belong to it."""

    first: date
    last: date


def period_of(day: date, every: Every) -> Period:
    """The calendar's week, month or quarter: what 周探访率 and 月探访率 are counted by."""
    match every:
        case Every.WEEK:
            first = day - timedelta(days=day.weekday())
            return Period(first, first + timedelta(days=6))
        case Every.MONTH:
            first = day.replace(day=1)
        case Every.QUARTER:
            first = date(day.year, day.month - (day.month - 1) % 3, 1)
    return Period(first, due_on(first, every) - timedelta(days=1))


def last_periods(today: date, every: Every, count: int) -> list[Period]:
    """The oldest first; the last is the one that runs."""
    found = [period_of(today, every)]
    while len(found) < count:
        found.append(period_of(found[-1].first - timedelta(days=1), every))
    return found[::-1]


@dataclass(frozen=True, slots=True)
class Due:
    """An elder whose visit is overdue."""

    elder: Person
    organization_id: UUID
    place: str | None
    plan: str
    due_on: date
    visited_on: date | None


def note_overdue(due: Due, noted_id: UUID, since: datetime, now: datetime) -> Noted:
    """In the words of an alert; `since`: the first moment of the day after `due_on`."""
    return Noted(
        noted_id,
        OVERDUE,
        f"visit-{due.elder.id}",
        None,
        due.elder,
        due.organization_id,
        due.place,
        since,
        now,
        {
            "plan": due.plan,
            "due_on": due.due_on.isoformat(),
            "visited_on": due.visited_on.isoformat() if due.visited_on else None,
            "restored_at": None,
        },
    )


def rate(visited: int, expected: int) -> float | None:
    """None: there was nobody to visit."""
    return visited / expected if expected else None
