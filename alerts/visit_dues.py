"""Who is due for a visit, kept beside the records; and the alert of one that is overdue, an alert a transaction."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.device_alerts import rule_for
from alerts.domain.alert import Alert, Person, Tell
from alerts.domain.conditions import fold, fold_target, raise_alert, restore
from alerts.domain.response import BEIJING
from alerts.domain.visits import MOST_OPEN, OVERDUE, Due, Every, due_on, note_overdue
from alerts.presses import press_waits
from services.registry.whereabouts import PLACE_P
from services.storage.errors import is_conflict, is_outage

Connection = AsyncConnection[Any]

_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('anhu visits', 0))"
TODAY = "(clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours')::date"
#: As alerts.domain.visits.due_on; tests/integration/test_work.py compares.
AFTER = (
    "({} + CASE {} WHEN 'week' THEN interval '7 days' WHEN 'month' THEN interval '1 month'"
    " ELSE interval '3 months' END)::date"
)
#: Of organisations `o` the plans that hold there: of those with one key the nearest.
PLANS_THERE = """
SELECT DISTINCT ON (v.key) v.* FROM visit_plans v
WHERE v.organization_id IS NULL OR v.organization_id = ANY(o.path)
ORDER BY v.key, array_position(o.path, v.organization_id) DESC NULLS LAST
"""
_REFRESH = f"""
WITH holds AS (
    SELECT o.id AS home, v.* FROM organizations o CROSS JOIN LATERAL ({PLANS_THERE}) v
), wanted AS (
    SELECT DISTINCT ON (p.id) p.id, p.organization_id, h.key, h.every, h.raises
    FROM elders p JOIN holds h ON h.home = p.organization_id
    WHERE p.care_categories && h.groups OR p.living_situation = ANY(h.groups)
    ORDER BY p.id, array_position('{{week,month,quarter}}'::text[], h.every), h.key
), gone AS (
    DELETE FROM visit_dues d WHERE NOT EXISTS (SELECT FROM wanted w WHERE w.id = d.elder_id)
), joined AS (
    -- Whoever is new was perhaps visited before; of the others each visit has said so itself.
    SELECT w.*, coalesce(d.since, {TODAY}) AS since, CASE WHEN d.elder_id IS NOT NULL THEN d.visited_on ELSE
           (SELECT (max(v.visited_at) AT TIME ZONE 'UTC' + interval '8 hours')::date FROM visits v
            WHERE v.elder_id = w.id AND v.result IN ('met', 'telephone')) END AS visited_on
    FROM wanted w LEFT JOIN visit_dues d ON d.elder_id = w.id
)
INSERT INTO visit_dues AS k (elder_id, organization_id, plan, every, raises, since, visited_on, due_on)
SELECT id, organization_id, key, every, raises, since, visited_on,
       {AFTER.format("greatest(since, visited_on)", "every")} FROM joined ORDER BY id
ON CONFLICT (elder_id) DO UPDATE
SET organization_id = excluded.organization_id, plan = excluded.plan, every = excluded.every, raises = excluded.raises,
    due_on = excluded.due_on
WHERE (k.organization_id, k.plan, k.every, k.raises)
   IS DISTINCT FROM (excluded.organization_id, excluded.plan, excluded.every, excluded.raises)
"""
# Only of those who are in somebody's round: visited before, or somebody's to visit. Where nobody has begun to visit,
# the list says so, and not an alert for each of some thousand people.
_OVERDUE = f"""
SELECT d.elder_id FROM visit_dues d
WHERE d.due_on < {TODAY} AND d.raises AND d.not_before <= clock_timestamp()
  AND (d.raised_on IS NULL OR {AFTER.format("d.raised_on", "d.every")} <= {TODAY} AND NOT EXISTS (
       SELECT FROM alerts a WHERE a.id = d.alert_id
          AND a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')))
  AND (d.visited_on IS NOT NULL OR EXISTS (SELECT FROM visit_assignments g WHERE g.elder_id = d.elder_id))
  AND d.organization_id NOT IN (
      SELECT f.organization_id FROM visit_dues f JOIN alerts a ON a.id = f.alert_id
      WHERE a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')
      GROUP BY f.organization_id HAVING count(*) >= {MOST_OPEN})
ORDER BY d.due_on, d.elder_id LIMIT 1 FOR UPDATE OF d SKIP LOCKED
"""
_DUE = f"""
SELECT p.id, p.name, p.organization_id, {PLACE_P}, v.name AS plan, d.due_on, d.visited_on, g.account_id AS visitor
FROM visit_dues d JOIN elders p ON p.id = d.elder_id JOIN organizations o ON o.id = p.organization_id
CROSS JOIN LATERAL ({PLANS_THERE}) v
LEFT JOIN visit_assignments g ON g.elder_id = d.elder_id
WHERE d.elder_id = %s AND v.key = d.plan
"""
_RAISED = f"UPDATE visit_dues SET raised_on = {TODAY}, alert_id = %s, last_error = NULL WHERE elder_id = %s"
_FAILED = """
UPDATE visit_dues SET attempts = attempts + 1, last_error = %s,
       not_before = clock_timestamp() + make_interval(secs => least(power(2, attempts), 600))
WHERE elder_id = %s
"""
_LOCKED = "SELECT every, visited_on, alert_id FROM visit_dues WHERE elder_id = %s FOR UPDATE"
_VISITED = """
UPDATE visit_dues SET visited_on = %s, due_on = %s, raised_on = NULL, alert_id = NULL, attempts = 0,
       not_before = '-infinity', last_error = NULL
WHERE elder_id = %s
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """An alert could not be raised; it is tried again, after all others."""

    elder_id: UUID
    error: Exception


async def refresh_dues(connection: Connection) -> int:
    """Follows the plans and the records; how many rows are otherwise. One worker at a time."""
    async with connection.transaction():
        ours = await (await connection.execute(_ONE_AT_A_TIME)).fetchone()
        return (await connection.execute(_REFRESH)).rowcount if ours and ours[0] else 0


async def raise_next_overdue(connection: Connection) -> bool | Failure:
    """One alert; False when there is none to raise now, or a press waits."""
    elder_id: UUID | None = None
    try:
        async with connection.transaction():
            if await press_waits(connection):
                return False
            row = await (await connection.execute(_OVERDUE)).fetchone()
            if row is None:
                return False
            elder_id = row[0]
            await _raise(connection, row[0])
        return True
    except Exception as error:
        if is_conflict(error):
            return True
        if elder_id is None or connection.closed or is_outage(error):
            raise
        await connection.execute(_FAILED, (str(error)[:1000], elder_id))
        return Failure(elder_id, error)


async def _raise(connection: Connection, elder_id: UUID) -> None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_DUE, (elder_id,))).fetchone()
    if row is None:
        raise LookupError("its plan is there no more")
    rule = await rule_for(connection, OVERDUE)
    person = Person(row["id"], row["name"])
    candidates, now = await ledger.lock_same_cause(connection, OVERDUE, person, "")
    due = Due(person, row["organization_id"], row["address"], row["plan"], row["due_on"], row["visited_on"])
    noted = note_overdue(due, uuid7(), day_after(row["due_on"]), now)
    found = fold_target(candidates, noted)
    change = fold(found, noted) if found else raise_alert(noted, rule, uuid7(), now)
    if row["visitor"] is not None:
        change = replace(change, tell=(Tell(row["visitor"], f"visit {elder_id} {row['due_on']}", "visitor"),))
    await ledger.save(connection, found, change, now)
    await connection.execute(_RAISED, (change.alert.id, elder_id))


async def note_visited(connection: Connection, elder_id: UUID, day: date) -> Alert | None:
    """In the transaction of a visit that counts: when the next one is due. Returns the alert that it has answered."""
    row = await (await connection.execute(_LOCKED, (elder_id,))).fetchone()
    if row is None:
        return None
    every, before, alert_id = row
    if before is not None and before > day:
        return None  # told late, of an earlier day
    await connection.execute(_VISITED, (day, due_on(day, Every(every)), elder_id))
    locked = await ledger.lock_alert(connection, alert_id) if alert_id else None
    if locked is None or not locked[0].unresolved:
        return None
    alert, now = locked
    await ledger.save(connection, alert, restore(alert, now), now)
    return alert


def day_after(day: date) -> datetime:
    """The first moment of the day after a day of Beijing."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - BEIJING + timedelta(days=1)


def beijing_day(at: datetime) -> date:
    return (at.astimezone(UTC) + BEIJING).date()
