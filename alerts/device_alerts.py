"""What is noted of a device becomes its alert, and what is over is told to it: one alert a transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.domain.alert import Person, Rule
from alerts.domain.conditions import (
    OFFLINE,
    Condition,
    Happening,
    Noted,
    before,
    fold,
    fold_target,
    raise_alert,
    restore,
)
from services.registry.whereabouts import PLACE_P

Connection = AsyncConnection[Any]

# Who waits for company is decided about first: only what was looked at then may be due.
_DUE = """
SELECT c.id FROM device_conditions c
WHERE c.state = ANY(%(states)s) AND c.due_at <= %(decided)s ORDER BY c.due_at LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""
_NOTED = f"""
SELECT c.id, c.type, c.since, c.noted_at, c.usual, d.device_id, d.kind, s.battery, d.elder_id, p.name AS elder_name,
       {PLACE_P}, coalesce(p.organization_id, d.organization_id) AS organization_id
FROM device_conditions c JOIN devices d ON d.key = c.device_key
LEFT JOIN device_states s ON s.device_key = d.key LEFT JOIN elders p ON p.id = d.elder_id WHERE c.id = %s
"""
_ALONE = "UPDATE device_conditions SET state = %s, alert_id = %s WHERE id = %s"
_UNTOLD = """
SELECT id, alert_id, ended_at FROM device_conditions
WHERE state = 'ended' AND alert_id IS NOT NULL AND NOT told ORDER BY ended_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_TOLD = "UPDATE device_conditions SET told = true WHERE id = %s"
_FAILED = """
UPDATE device_conditions SET attempts = attempts + 1, last_error = %s,
       due_at = clock_timestamp() + make_interval(secs => least(power(2, attempts), 600))
WHERE id = %s
"""


async def rule_for(connection: Connection, type_: str) -> Rule:
    """Severity and title. Raises LookupError when somebody has taken the row away."""
    rule = await ledger.load_rule(connection, type_)
    if rule is None:
        raise LookupError(f"alert_rules has no row for {type_!r}: put it back, with its severity and title")
    return rule


async def claim_due(connection: Connection, decided: datetime) -> UUID | None:
    """A condition that has waited long enough, locked to the end of the transaction."""
    asked = {"states": before(Happening.WAIT_OVER), "decided": decided}
    row = await (await connection.execute(_DUE, asked)).fetchone()
    return row[0] if row else None


async def raise_alone(connection: Connection, condition_id: UUID) -> None:
    """Raises it, or folds it into the alert that the device has."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_NOTED, (condition_id,))).fetchone()
    assert row is not None  # claimed
    noted = _noted(row)
    rule = await rule_for(connection, noted.type)
    candidates, now = await ledger.lock_same_cause(connection, noted.type, noted.elder, noted.device_id)
    found = fold_target(candidates, noted)
    change = fold(found, noted) if found else raise_alert(noted, rule, uuid7(), now)
    await ledger.save(connection, found, change, now)
    await connection.execute(_ALONE, (Condition.ALONE.value, change.alert.id, condition_id))


async def put_off(connection: Connection, condition_id: UUID, error: Exception) -> None:
    """It could not be raised: the others have their turn, and it is tried again."""
    await connection.execute(_FAILED, (str(error)[:1000], condition_id))


async def tell_next_end(connection: Connection) -> bool:
    """Tells one alert that its device is well again; False when there is none to tell."""
    row = await (await connection.execute(_UNTOLD)).fetchone()
    if row is None:
        return False
    condition_id, alert_id, ended_at = row
    locked = await ledger.lock_alert(connection, alert_id)
    assert locked is not None  # the foreign key
    alert, now = locked
    if alert.unresolved:
        await ledger.save(connection, alert, restore(alert, ended_at), now)
    await connection.execute(_TOLD, (condition_id,))
    return True


def _noted(row: dict[str, Any]) -> Noted:
    detail: dict[str, Any] = {"since": row["since"].isoformat(), "restored_at": None}
    if row["type"] == OFFLINE:
        detail["usual_seconds"] = round(row["usual"].total_seconds())
    if row["battery"] is not None:
        detail["battery"] = row["battery"]
    return Noted(
        row["id"],
        row["type"],
        row["device_id"],
        row["kind"],
        Person(row["elder_id"], row["elder_name"]) if row["elder_id"] else None,
        row["organization_id"],
        row["address"],
        row["since"],
        row["noted_at"],
        detail,
    )
