"""Duty rosters: who is on shift at any moment, and when nobody is. Pure; moments have an offset, days are Beijing's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerts.domain.calendar import Calendar, DayKind, at_beijing, days_between, in_beijing

#: Who is on duty is worked out for at most so long at once.
FURTHEST: Final = timedelta(days=400)
ALL_DAYS: Final = frozenset(DayKind)


class Turn(StrEnum):
    """How the people of a shift share it."""

    TOGETHER = "together"
    DAILY = "daily"  # one after the other, a day each
    WEEKLY = "weekly"  # a week each, from Monday


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift that comes again: on these kinds of days, from `begins` to `ends` (the next day's, when not later)."""

    id: UUID
    name: str
    begins: time
    ends: time
    people: tuple[UUID, ...]
    first_day: date
    last_day: date | None = None
    days: frozenset[DayKind] = ALL_DAYS
    #: 0 is Monday; empty: every weekday
    weekdays: frozenset[int] = frozenset()
    turn: Turn = Turn.TOGETHER

    def of_day(self, day: date, calendar: Calendar) -> tuple[datetime, datetime, tuple[UUID, ...]] | None:
        """From when to when, and who, of the shift that begins on a day; None when there is none."""
        if day < self.first_day or (self.last_day is not None and day > self.last_day):
            return None
        if (self.weekdays and day.weekday() not in self.weekdays) or calendar.day(day).kind not in self.days:
            return None
        ends_on = day if self.ends > self.begins else day + timedelta(days=1)
        return at_beijing(day, self.begins), at_beijing(ends_on, self.ends), self._turn(day)

    def _turn(self, day: date) -> tuple[UUID, ...]:
        if self.turn is Turn.TOGETHER or not self.people:
            return self.people
        if self.turn is Turn.DAILY:
            number = (day - self.first_day).days
        else:
            monday = self.first_day - timedelta(days=self.first_day.weekday())
            number = (day - monday).days // 7
        return (self.people[number % len(self.people)],)


class ChangeKind(StrEnum):
    ABSENCE = "absence"  # 请假: not on duty, whatever the shifts say
    SWAP = "swap"  # 换班: the other one instead
    EXTRA = "extra"  # 加班, or what another calendar brought


@dataclass(frozen=True, slots=True)
class DutyChange:
    """What is different from the shifts between two moments."""

    id: UUID
    kind: ChangeKind
    account_id: UUID
    begins_at: datetime
    ends_at: datetime
    #: of a swap: who comes instead
    other_id: UUID | None = None

    def on(self, at: datetime) -> bool:
        return self.begins_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Stint:
    """Who is on duty between two moments in which nothing changes. `people` may be nobody."""

    begins_at: datetime
    ends_at: datetime
    people: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Roster:
    shifts: tuple[Shift, ...] = ()
    changes: tuple[DutyChange, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is one: an organisation without shifts has no roster, and so nobody missing from it."""
        return bool(self.shifts) or any(one.kind is ChangeKind.EXTRA for one in self.changes)


def on_duty(roster: Roster, calendar: Calendar, at: datetime) -> tuple[UUID, ...]:
    """Who is on shift. A swap is followed by an absence of who swapped in: whoever is away is away."""
    today = in_beijing(at).date()
    people: list[UUID] = []
    for shift in roster.shifts:
        for day in (today - timedelta(days=1), today):
            found = shift.of_day(day, calendar)
            if found is not None and found[0] <= at < found[1]:
                people += found[2]
    changes = [one for one in roster.changes if one.on(at)]
    people += [one.account_id for one in changes if one.kind is ChangeKind.EXTRA]
    for swap in changes:
        if swap.kind is ChangeKind.SWAP and swap.other_id is not None:
            people = [swap.other_id if one == swap.account_id else one for one in people]
    away = {one.account_id for one in changes if one.kind is ChangeKind.ABSENCE}
    return tuple(dict.fromkeys(one for one in people if one not in away))


def stints(roster: Roster, calendar: Calendar, begin: datetime, end: datetime) -> list[Stint]:
    """Without a hole from begin to end; neighbours differ."""
    end = min(end, begin + FURTHEST)
    found: list[Stint] = []
    moments = sorted({begin, *(at for at in _moments(roster, calendar, begin, end) if begin < at < end)})
    for at, until in zip(moments, [*moments[1:], end], strict=True):
        people = on_duty(roster, calendar, at)
        if found and found[-1].people == people:
            found[-1] = Stint(found[-1].begins_at, until, people)
        else:
            found.append(Stint(at, until, people))
    return found


def _moments(roster: Roster, calendar: Calendar, begin: datetime, end: datetime) -> Iterator[datetime]:
    days = days_between(in_beijing(begin).date() - timedelta(days=1), in_beijing(end).date())
    for shift in roster.shifts:
        for day in days:
            found = shift.of_day(day, calendar)
            if found is not None:
                yield from found[:2]
    for change in roster.changes:
        yield from (change.begins_at, change.ends_at)


def gaps(roster: Roster, calendar: Calendar, begin: datetime, end: datetime) -> Sequence[Stint]:
    """When nobody is on shift. None where there is no roster: nobody promised to be there."""
    if not roster:
        return ()
    return [one for one in stints(roster, calendar, begin, end) if not one.people]
