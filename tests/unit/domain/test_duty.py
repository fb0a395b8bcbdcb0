"""Who is on shift, swaps, absences, holidays, and the hours in which nobody is."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from alerts.domain.calendar import Calendar, Day, DayKind
from alerts.domain.duty import ChangeKind, DutyChange, Roster, Shift, Turn, gaps, on_duty, stints

CHEN, HUANG, LUO = (UUID(int=number) for number in (1, 2, 3))
MONDAY = date(2026, 11, 30)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def shift(begins: int, ends: int, *people: UUID, **more: object) -> Shift:
    values = {"first_day": date(2026, 1, 1), **more}
    return Shift(UUID(int=9), "班", time(begins), time(ends % 24), people, **values)  # type: ignore[arg-type]


def change(kind: ChangeKind, who: UUID, begin: str, end: str, other: UUID | None = None) -> DutyChange:
    return DutyChange(UUID(int=8), kind, who, at(begin), at(end), other)


DAY_AND_NIGHT = (shift(8, 20, CHEN), shift(20, 8, HUANG, LUO, turn=Turn.DAILY, first_day=MONDAY))


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    roster = Roster(DAY_AND_NIGHT)
    found = [on_duty(roster, Calendar(), at(f"2026-12-0{day}")) for day in ("1T07:59", "1T08:00", "1T20:00", "2T03:00")]
    assert found == [(HUANG,), (CHEN,), (LUO,), (LUO,)]
    assert gaps(roster, Calendar(), at("2026-12-01T00:00"), at("2026-12-31T00:00")) == []


def test_people_take_turns_by_weeks_from_monday() -> None:
    roster = Roster((shift(0, 24, CHEN, HUANG, turn=Turn.WEEKLY, first_day=date(2026, 12, 2)),))
    found = [on_duty(roster, Calendar(), at(f"2026-12-{day}T12:00")) for day in ("02", "06", "07", "13", "14")]
    assert found == [(CHEN,), (CHEN,), (HUANG,), (HUANG,), (CHEN,)]


def test_three_in_the_night_of_spring_festival() -> None:
    """A holiday has a roster of its own; the night before is one of it too."""
    workdays = shift(0, 24, CHEN, days=frozenset({DayKind.WORKDAY, DayKind.REST}))
    holidays = shift(0, 24, LUO, days=frozenset({DayKind.HOLIDAY}))
    roster = Roster((workdays, holidays))
    assert on_duty(roster, Calendar(), at("2026-02-17T03:00")) == (LUO,)
    assert on_duty(roster, Calendar(), at("2026-02-14T03:00")) == (CHEN,), "a Saturday that is worked"
    assert on_duty(roster, Calendar({date(2026, 2, 14): Day(DayKind.HOLIDAY)}), at("2026-02-14T03:00")) == (LUO,)


def test_swaps_absences_and_extra_shifts() -> None:
    changes = (
        change(ChangeKind.SWAP, CHEN, "2026-12-01T08:00", "2026-12-01T20:00", HUANG),
        change(ChangeKind.ABSENCE, HUANG, "2026-12-01T14:00", "2026-12-01T18:00"),
        change(ChangeKind.EXTRA, LUO, "2026-12-01T16:00", "2026-12-01T17:00"),
    )
    roster = Roster(DAY_AND_NIGHT[:1], changes)
    found = stints(roster, Calendar(), at("2026-12-01T08:00"), at("2026-12-01T20:00"))
    assert [(one.begins_at.hour, one.people) for one in found] == [
        (8, (HUANG,)),
        (14, ()),
        (16, (LUO,)),
        (17, ()),
        (18, (HUANG,)),
    ]
    missing = gaps(roster, Calendar(), at("2026-12-01T08:00"), at("2026-12-01T20:00"))
    assert [one.ends_at - one.begins_at for one in missing] == [timedelta(hours=2), timedelta(hours=1)]


def test_a_month_with_a_hole_each_rest_day() -> None:
    roster = Roster((shift(8, 20, CHEN, days=frozenset({DayKind.WORKDAY})), shift(20, 8, HUANG)))
    missing = gaps(roster, Calendar(), at("2026-12-01T00:00"), at("2027-01-01T00:00"))
    assert [one.begins_at.astimezone(at("2026-12-01T00:00").tzinfo).day for one in missing] == [
        *(5, 6, 12, 13, 19, 20, 26, 27)
    ]


def test_where_there_is_no_roster_nobody_is_missing() -> None:
    assert gaps(Roster(), Calendar(), at("2026-12-01T00:00"), at("2026-12-02T00:00")) == ()
    assert not Roster((), (change(ChangeKind.ABSENCE, CHEN, "2026-12-01T00:00", "2026-12-02T00:00"),))


def test_a_year_of_a_roster_is_worked_out_in_no_time() -> None:
    roster = Roster((*DAY_AND_NIGHT, shift(8, 20, LUO, weekdays=frozenset({5, 6}))))
    whole = stints(roster, Calendar(), at("2026-12-01T00:00"), at("2027-12-01T00:00"))
    assert sum((one.ends_at - one.begins_at for one in whole), timedelta()) == timedelta(days=365)
