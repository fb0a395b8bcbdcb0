"""Makes and ends shifts, and what is different from them: swaps, absences, extra shifts, another calendar's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor
from alerts.domain.duty import ChangeKind, DutyChange, Shift
from alerts.domain.roster_calendar import Imported
from alerts.domain.rules.check import Flaw
from services.registry import reach

Connection = AsyncConnection[Any]

LONGEST_CHANGE: Final = timedelta(days=366)

# Whom an organisation may call: its own people, those of the organisations above and below, and responders. But for the
# account of `anhu watch`, which is nobody's.
_PEOPLE = f"""
SELECT DISTINCT c.id, c.username, c.name, c.role
FROM accounts c JOIN account_organizations ao ON ao.account_id = c.id JOIN organizations o ON o.id = ao.organization_id,
     (SELECT id, path FROM organizations WHERE id = %s) AS here
WHERE c.disabled_at IS NULL AND c.role <> 'caregiver' AND c.username <> '{reach.PROBER}'
  AND (here.id = ANY(o.path) OR o.id = ANY(here.path))
ORDER BY c.name, c.id
"""
_MAKE_SHIFT = """
INSERT INTO duty_shifts (id, organization_id, name, begins, ends, people, turn, days, weekdays, first_day, last_day,
                         made_by, made_by_name)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_MAKE_CHANGE = """
INSERT INTO duty_changes (id, organization_id, kind, account_id, other_id, begins_at, ends_at, note, uid, made_by,
                          made_by_name)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_END = """
UPDATE {table} SET ended_at = clock_timestamp(), ended_by = %s, ended_by_name = %s
WHERE id = %s AND organization_id = %s AND ended_at IS NULL
"""
_END_SHIFT = _END.format(table="duty_shifts")
_END_CHANGE = _END.format(table="duty_changes")
_IMPORTED = """
SELECT id, uid, account_id, begins_at, ends_at FROM duty_changes
WHERE organization_id = %s AND uid IS NOT NULL AND ended_at IS NULL AND ends_at > %s AND begins_at < %s FOR UPDATE
"""
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


@dataclass(frozen=True, slots=True)
class Account:
    id: UUID
    username: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What an import did."""

    added: int
    kept: int
    ended: int


async def people_for(connection: Connection, organization_id: UUID) -> list[Account]:
    """Who may be on an organisation's roster."""
    return [Account(*row) for row in await (await connection.execute(_PEOPLE, (organization_id,))).fetchall()]


async def make_shift(
    connection: Connection, organization_id: UUID, shift: Shift, actor: Actor
) -> UUID | Sequence[Flaw]:
    found = await _unknown(connection, organization_id, "people", shift.people)
    if shift.last_day is not None and shift.last_day < shift.first_day:
        found.append(Flaw("last_day", "结束日期不能早于开始日期"))
    if found:
        return found
    await connection.execute(
        _MAKE_SHIFT,
        (
            *(shift.id, organization_id, shift.name, shift.begins, shift.ends, list(shift.people), shift.turn.value),
            *(sorted(day.value for day in shift.days), sorted(shift.weekdays), shift.first_day, shift.last_day),
            *(actor.id, actor.name),
        ),
    )
    return shift.id


async def end_shift(connection: Connection, organization_id: UUID, shift_id: UUID, actor: Actor) -> bool:
    """Whether there was one to end."""
    values = (actor.id, actor.name, shift_id, organization_id)
    return bool((await connection.execute(_END_SHIFT, values)).rowcount)


async def make_change(
    connection: Connection, organization_id: UUID, change: DutyChange, note: str | None, actor: Actor
) -> UUID | Sequence[Flaw]:
    people = [one for one in (change.account_id, change.other_id) if one is not None]
    found = await _unknown(connection, organization_id, "account_id", people)
    if change.ends_at <= change.begins_at:
        found.append(Flaw("ends_at", "结束时间应晚于开始时间"))
    elif change.ends_at - change.begins_at > LONGEST_CHANGE:
        found.append(Flaw("ends_at", f"最长 {LONGEST_CHANGE.days} 天"))
    if (change.kind is ChangeKind.SWAP) != (change.other_id is not None):
        found.append(Flaw("other_id", "换班请填写由谁来顶（other_id），其他情况请不要填写"))
    if change.other_id == change.account_id:
        found.append(Flaw("other_id", "不能和自己换班"))
    if found:
        return found
    await connection.execute(_MAKE_CHANGE, (*_change_row(organization_id, change), note, None, actor.id, actor.name))
    return change.id


async def end_change(connection: Connection, organization_id: UUID, change_id: UUID, actor: Actor) -> bool:
    """Whether there was one to take back."""
    values = (actor.id, actor.name, change_id, organization_id)
    return bool((await connection.execute(_END_CHANGE, values)).rowcount)


async def merge_calendar(
    connection: Connection,
    organization_id: UUID,
    shifts: Sequence[Imported],
    begin: datetime,
    end: datetime,
    actor: Actor,
) -> Merged:
    """Makes what was imported between two moments what the calendar says now: what is no more in it ends."""
    wanted = {(one.uid, one.account_id, one.begins_at, one.ends_at): one for one in shifts}
    added = kept = ended = 0
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await connection.execute(_ONE_AT_A_TIME, (f"roster {organization_id}",))
        for row in await (await cursor.execute(_IMPORTED, (organization_id, begin, end))).fetchall():
            key = (row["uid"], row["account_id"], row["begins_at"], row["ends_at"])
            if wanted.pop(key, None) is None:
                await end_change(connection, organization_id, row["id"], actor)
                ended += 1
            else:
                kept += 1
        for one in wanted.values():
            change = DutyChange(uuid7(), ChangeKind.EXTRA, one.account_id, one.begins_at, one.ends_at)
            row_ = (*_change_row(organization_id, change), None, one.uid, actor.id, actor.name)
            await connection.execute(_MAKE_CHANGE, row_)
            added += 1
    return Merged(added, kept, ended)


def _change_row(organization_id: UUID, change: DutyChange) -> tuple[Any, ...]:
    return (
        *(change.id, organization_id, change.kind.value, change.account_id, change.other_id),
        *(change.begins_at, change.ends_at),
    )


async def _unknown(connection: Connection, organization_id: UUID, where: str, people: Sequence[UUID]) -> list[Flaw]:
    known = {one.id for one in await people_for(connection, organization_id)}
    if not people:
        return [Flaw(where, "请至少选一位人员")]
    return [Flaw(where, f"账号 {one} 不在本机构或上下级机构，或已停用") for one in people if one not in known]


async def say_day(
    connection: Connection, day: date, kind: str | None, name: str | None, actor: Actor
) -> Mapping[str, Any]:
    """Says what kind of day a day is, whatever the statutory calendar has; None takes that back."""
    if kind is None:
        await connection.execute("DELETE FROM calendar_days WHERE day = %s", (day,))
    else:
        await connection.execute(
            "INSERT INTO calendar_days (day, kind, name, said_by, said_by_name) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (day) DO UPDATE SET kind = excluded.kind, name = excluded.name, said_by = excluded.said_by,"
            " said_by_name = excluded.said_by_name, said_at = clock_timestamp()",
            (day, kind, name, actor.id, actor.name),
        )
    return {"day": day, "kind": kind, "name": name}
