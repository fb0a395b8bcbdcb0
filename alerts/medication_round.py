"""Medicines: what is due soon becomes doses, a dose is reminded of, missed or taken: one dose a transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.commands import put_command, reminded
from alerts.device_alerts import rule_for
from alerts.domain.alert import Person
from alerts.domain.commands import Command
from alerts.domain.medication import (
    EARLY,
    MISSED,
    Act,
    Dose,
    DoseState,
    Whose,
    fold_missed,
    next_of,
    raise_missed,
    take,
    taken_dose,
    tell_station,
    words_of,
)
from alerts.presses import press_waits
from services.registry.whereabouts import PLACE_P
from services.storage.errors import is_conflict, is_outage

Connection = AsyncConnection[Any]

#: After an outage what was due within this is still reminded of; what is older is past.
CATCH_UP = timedelta(hours=2)
#: How old a `medication_taken` may be when this process begins, and still be of an open dose.
LOOK_BACK = timedelta(hours=6)

_TODAY = "(clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours')::date"
# Two workers make the same rows.
_AHEAD = f"""
INSERT INTO medication_doses AS k (elder_id, due_at, missed_at, items, next_at)
SELECT elder_id, at, at + max(grace_minutes) * interval '1 minute',
       jsonb_agg(jsonb_build_object('plan_id', id, 'medicine', medicine, 'dose', dose) ORDER BY medicine, id), at
FROM (
    SELECT m.*, (d.day + t.at)::timestamp AT TIME ZONE 'UTC' - interval '8 hours' AS at
    FROM medication_plans m
    CROSS JOIN (SELECT {_TODAY} + n AS day FROM generate_series(-1, 1) AS n) d
    CROSS JOIN LATERAL unnest(m.times) AS t (at)
    WHERE m.ended_at IS NULL AND d.day >= m.starts_on AND d.day <= coalesce(m.ends_on, d.day)
      AND extract(isodow FROM d.day)::int = ANY(m.weekdays)) due
WHERE at > clock_timestamp() - %(back)s AND at <= clock_timestamp() + interval '15 minutes' AND at >= made_at
GROUP BY elder_id, at ORDER BY elder_id, at
ON CONFLICT (elder_id, due_at) DO UPDATE SET items = excluded.items, missed_at = excluded.missed_at
WHERE k.state = 'due' AND k.items IS DISTINCT FROM excluded.items
"""
_NEXT = f"""
SELECT s.*, clock_timestamp() AS now, p.name, p.organization_id, {PLACE_P},
       array(SELECT b.account_id FROM account_elders b JOIN accounts c ON c.id = b.account_id
             WHERE b.elder_id = p.id AND c.role = 'caregiver' AND c.disabled_at IS NULL AND EXISTS (
                 SELECT FROM consents w WHERE w.elder_id = p.id AND w.purpose = 'family_alerts'
                    AND w.withdrawn_at IS NULL) ORDER BY c.created_at, c.id) AS family
FROM medication_doses s JOIN elders p ON p.id = s.elder_id
WHERE s.next_at <= clock_timestamp() ORDER BY s.next_at LIMIT 1 FOR UPDATE OF s SKIP LOCKED
"""
_SAVE = """
UPDATE medication_doses SET state = %(state)s, next_at = %(at)s, reminders = %(reminders)s,
       alert_id = coalesce(%(alert)s, alert_id), attempts = 0, last_error = NULL
WHERE id = %(id)s
"""
_FAILED = """
UPDATE medication_doses SET attempts = attempts + 1, last_error = %s,
       next_at = clock_timestamp() + make_interval(secs => least(power(2, attempts), 300))
WHERE id = %s
"""
_DEVICES = """
SELECT d.device_id, d.kind FROM devices d WHERE d.elder_id = %s AND d.revoked_at IS NULL ORDER BY d.device_id LIMIT 5
"""
_OTHERS = """
SELECT count(*) FROM medication_doses WHERE alert_id = %s AND id <> %s AND state IN ('missed', 'told', 'ended')
"""
_NEW_EVENTS = """
SELECT id, elder_id, occurred_at, detail FROM events
WHERE type = 'medication_taken' AND id > %s AND received_at > clock_timestamp() - %s ORDER BY id LIMIT 200
"""
_AROUND = """
SELECT id, due_at FROM medication_doses WHERE elder_id = %s AND due_at BETWEEN %s AND %s ORDER BY due_at
"""
_TAKEN = """
UPDATE medication_doses SET taken_at = %s, taken_by = %s, next_at = clock_timestamp()
WHERE id = %s AND taken_at IS NULL AND state <> 'taken'
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """A dose could not be looked after; it is tried again, after all others."""

    dose_id: UUID
    error: Exception


async def make_doses(connection: Connection) -> int:
    """What is due within a quarter of an hour; how many rows are new or otherwise."""
    return (await connection.execute(_AHEAD, {"back": CATCH_UP})).rowcount


async def follow_taken(connection: Connection, after: int) -> int:
    """Takes what devices said since; the last event that was looked at."""
    rows = await (await connection.execute(_NEW_EVENTS, (after, LOOK_BACK))).fetchall()
    for event, elder_id, at, detail in rows:
        if elder_id is not None:
            await _taken(connection, elder_id, at, detail or {})
        after = event
    return after


async def _taken(connection: Connection, elder_id: UUID, at: datetime, detail: dict[str, Any]) -> None:
    around = (elder_id, at - LOOK_BACK, at + EARLY)
    doses = await (await connection.execute(_AROUND, around)).fetchall()
    found = taken_dose([(row[0], row[1]) for row in doses], at, _id(detail.get("dose_id")))
    if found is not None:
        await connection.execute(_TAKEN, (at, "device", found))


async def say_taken(connection: Connection, dose_id: UUID, name: str) -> bool:
    """Somebody has seen or heard that it was taken; False when that was known."""
    return bool((await connection.execute(_TAKEN, (datetime.now(UTC), name, dose_id))).rowcount)


async def look_after_next(connection: Connection) -> bool | Failure:
    """One dose whose time has come; False when there is none, or a press waits."""
    dose_id: UUID | None = None
    try:
        async with connection.transaction():
            if await press_waits(connection):
                return False
            async with connection.cursor(row_factory=dict_row) as cursor:
                row = await (await cursor.execute(_NEXT)).fetchone()
            if row is None:
                return False
            dose_id = row["id"]
            await _look_after(connection, row)
        return True
    except Exception as error:
        if is_conflict(error):
            return True
        if dose_id is None or connection.closed or is_outage(error):
            raise
        await connection.execute(_FAILED, (str(error)[:1000], dose_id))
        return Failure(dose_id, error)


async def _look_after(connection: Connection, row: dict[str, Any]) -> None:
    now: datetime = row["now"]
    dose = Dose(
        DoseState(row["state"]),
        row["due_at"],
        row["missed_at"],
        row["reminders"],
        row["taken_at"],
        family=bool(row["family"]),
    )
    following = next_of(dose, now)
    alert_id, reminders = None, row["reminders"]
    match following.act:
        case Act.REMIND:
            await _remind(connection, row)
            reminders += 1
        case Act.MISS:
            alert_id = await _miss(connection, row)
        case Act.TELL_STATION if row["alert_id"] is not None:
            await _change(connection, row, station=True)
        case Act.TAKE if row["alert_id"] is not None:
            await _change(connection, row, station=False)
    saved = {"state": following.state.value, "at": following.at, "reminders": reminders, "alert": alert_id}
    await connection.execute(_SAVE, saved | {"id": row["id"]})


async def _remind(connection: Connection, row: dict[str, Any]) -> None:
    """On whatever speaks to the elder."""
    devices = await (await connection.execute(_DEVICES, (row["elder_id"],))).fetchall()
    body = {"dose_id": str(row["id"]), "words": words_of(row["items"]), "due_at": row["due_at"].isoformat()}
    for device_id in reminded([(one[0], one[1]) for one in devices]):
        await put_command(connection, device_id, Command.REMIND, body, dose_id=row["id"])


async def _miss(connection: Connection, row: dict[str, Any]) -> UUID:
    rule = await rule_for(connection, MISSED)
    elder = Person(row["elder_id"], row["name"])
    whose = Whose(elder, row["organization_id"], row["address"], row["id"], row["due_at"], tuple(row["family"]))
    candidates, now = await ledger.lock_same_cause(connection, MISSED, elder, "")
    found = max((one for one in candidates if not one.drill), key=lambda one: one.raised_at, default=None)
    change = fold_missed(found, whose) if found else raise_missed(whose, rule, uuid7(), now)
    await ledger.save(connection, found, change, now)
    return change.alert.id


async def _change(connection: Connection, row: dict[str, Any], *, station: bool) -> None:
    locked = await ledger.lock_alert(connection, row["alert_id"])
    assert locked is not None  # the foreign key
    alert, now = locked
    if not alert.unresolved:
        return
    if station:
        await ledger.save(connection, alert, tell_station(alert), now)
        return
    others = await (await connection.execute(_OTHERS, (alert.id, row["id"]))).fetchone()
    change = take(alert, row["taken_at"], now, others=others[0] if others else 0)
    await ledger.save(connection, alert, change, now)


def _id(text: Any) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
