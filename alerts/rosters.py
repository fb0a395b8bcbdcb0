"""Reads duty rosters and the calendar of days."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.calendar import Calendar, Day, DayKind
from alerts.domain.duty import ChangeKind, DutyChange, Roster, Shift, Turn

Connection = AsyncConnection[Any]

#: An organisation that has only another calendar's shifts has a roster while there are any so far ahead.
AHEAD: Final = timedelta(days=31)

_SHIFTS = """
SELECT s.* FROM duty_shifts s WHERE s.organization_id = ANY(%(organizations)s)
  AND s.ended_at IS NULL AND (s.last_day IS NULL OR s.last_day >= (%(begin)s - interval '2 days')::date)
ORDER BY s.begins, s.id
"""
_CHANGES = """
SELECT c.* FROM duty_changes c WHERE c.organization_id = ANY(%(organizations)s)
  AND c.ended_at IS NULL AND c.ends_at > %(begin)s AND c.begins_at < %(end)s
ORDER BY c.begins_at, c.id
"""
_DAYS = "SELECT day, kind, name FROM calendar_days"
_WITH_ROSTER = """
SELECT DISTINCT organization_id FROM duty_shifts
WHERE ended_at IS NULL AND (last_day IS NULL OR last_day >= current_date - 1)
UNION SELECT organization_id FROM duty_changes
WHERE kind = 'extra' AND ended_at IS NULL AND ends_at > clock_timestamp()
"""


async def load_calendar(connection: Connection) -> Calendar:
    rows = await (await connection.execute(_DAYS)).fetchall()
    said: dict[date, Day] = {day: Day(DayKind(kind), name) for day, kind, name in rows}
    return Calendar(said)


async def with_rosters(connection: Connection) -> list[UUID]:
    """The organisations that have one."""
    return [row[0] for row in await (await connection.execute(_WITH_ROSTER)).fetchall()]


async def load_rosters(
    connection: Connection, organizations: Collection[UUID], begin: datetime, end: datetime
) -> Mapping[UUID, Roster]:
    """What matters between two moments, of those that have a roster."""
    asked = {"organizations": list(organizations), "begin": begin, "end": end}
    shifts: dict[UUID, list[Shift]] = {}
    changes: dict[UUID, list[DutyChange]] = {}
    async with connection.cursor(row_factory=dict_row) as cursor:
        for row in await (await cursor.execute(_SHIFTS, asked)).fetchall():
            shifts.setdefault(row["organization_id"], []).append(shift_of(row))
        for row in await (await cursor.execute(_CHANGES, asked)).fetchall():
            changes.setdefault(row["organization_id"], []).append(change_of(row))
    return {one: Roster(tuple(shifts.get(one, ())), tuple(changes.get(one, ()))) for one in {*shifts, *changes}}


def shift_of(row: Mapping[str, Any]) -> Shift:
    return Shift(
        row["id"],
        row["name"],
        row["begins"],
        row["ends"],
        tuple(row["people"]),
        row["first_day"],
        row["last_day"],
        frozenset(DayKind(one) for one in row["days"]),
        frozenset(row["weekdays"]),
        Turn(row["turn"]),
    )


def change_of(row: Mapping[str, Any]) -> DutyChange:
    return DutyChange(
        row["id"], ChangeKind(row["kind"]), row["account_id"], row["begins_at"], row["ends_at"], row["other_id"]
    )
