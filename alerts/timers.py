"""Acts on timers that are due: one timer, one transaction."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts import ledger
from alerts.domain.alert import TimerKind
from alerts.domain.escalation import decide_timer, next_above

Connection = AsyncConnection[Any]

# The lock is on the alert, as for every other change; who moves it meanwhile is stepped over.
_DUE = """
SELECT t.alert_id, t.kind FROM alert_timers t JOIN alerts a ON a.id = t.alert_id
WHERE t.due_at <= clock_timestamp() ORDER BY t.due_at LIMIT 1 FOR UPDATE OF a SKIP LOCKED
"""
_TAKE = "DELETE FROM alert_timers WHERE alert_id = %s AND kind = %s AND due_at <= clock_timestamp()"
_PATH = "SELECT path FROM organizations WHERE id = %s"
_ROUTED = "SELECT organization_id FROM alert_routes WHERE alert_id = %s"


async def act_on_next_timer(connection: Connection) -> bool:
    """Claims one due timer and does what the domain says; False when none is due."""
    async with connection.transaction():
        due = await (await connection.execute(_DUE)).fetchone()
        if due is None:
            return False
        alert_id, kind = due
        locked = await ledger.lock_alert(connection, alert_id)
        taken = (await connection.execute(_TAKE, (alert_id, kind))).rowcount
        if locked is None or not taken:  # stopped or moved between the look and the lock
            return True
        alert, now = locked
        rule = (await ledger.load_rules(connection)).get(alert.type)
        above = await _above(connection, alert.id, alert.organization_id)
        change = decide_timer(alert, TimerKind(kind), rule, above, now)
        if change is not None:
            await ledger.save(connection, alert, change, now)
        return True


async def _above(connection: Connection, alert_id: UUID, organization_id: UUID) -> UUID | None:
    path = await (await connection.execute(_PATH, (organization_id,))).fetchone()
    routed = await (await connection.execute(_ROUTED, (alert_id,))).fetchall()
    return next_above(path[0] if path else [], {row[0] for row in routed})
