"""Acts on timers that are due: one timer, one transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts import ledger
from alerts.domain.alert import TimerKind
from alerts.domain.escalation import decide_timer, next_above
from services.storage.errors import is_conflict, is_outage

Connection = AsyncConnection[Any]

#: A timer that failed is tried again after this.
PUT_OFF_SECONDS = 5

# The lock is on the alert, as for every other change; who moves it meanwhile is stepped over.
_DUE = """
SELECT t.alert_id, t.kind FROM alert_timers t JOIN alerts a ON a.id = t.alert_id
WHERE t.due_at <= clock_timestamp() ORDER BY t.due_at LIMIT 1 FOR UPDATE OF a SKIP LOCKED
"""
_TAKE = "DELETE FROM alert_timers WHERE alert_id = %s AND kind = %s AND due_at <= clock_timestamp()"
_PUT_OFF = """
UPDATE alert_timers SET due_at = clock_timestamp() + make_interval(secs => %s) WHERE alert_id = %s AND kind = %s
"""
_PATH = "SELECT path FROM organizations WHERE id = %s"
_ROUTED = "SELECT organization_id FROM alert_routes WHERE alert_id = %s"


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of a timer that could not be acted on: it is put off and tried again."""

    alert_id: UUID
    kind: str
    error: Exception


async def act_on_next_timer(connection: Connection) -> bool | Failure:
    """Claims one due timer and does what the domain says; False when none is due. Raises psycopg.Error when the
    database takes nothing now, whatever the timer."""
    due: tuple[UUID, str] | None = None
    try:
        async with connection.transaction():
            due = await (await connection.execute(_DUE)).fetchone()
            if due is None:
                return False
            await _act(connection, *due)
        return True
    except Exception as error:
        if is_conflict(error):
            return True
        if due is None or connection.closed or is_outage(error):
            raise
        # Put off, or it would be the first to be due for ever, and no other timer would have its turn.
        await connection.execute(_PUT_OFF, (PUT_OFF_SECONDS, *due))
        return Failure(*due, error)


async def _act(connection: Connection, alert_id: UUID, kind: str) -> None:
    locked = await ledger.lock_alert(connection, alert_id)
    taken = (await connection.execute(_TAKE, (alert_id, kind))).rowcount
    if locked is None or not taken:  # stopped or moved between the look and the lock
        return
    alert, now = locked
    rule = await ledger.load_rule(connection, alert.type)
    above = await _above(connection, alert.id, alert.organization_id)
    change = decide_timer(alert, TimerKind(kind), rule, above, now)
    if change is not None:
        await ledger.save(connection, alert, change, now)


async def _above(connection: Connection, alert_id: UUID, organization_id: UUID) -> UUID | None:
    path = await (await connection.execute(_PATH, (organization_id,))).fetchone()
    routed = await (await connection.execute(_ROUTED, (alert_id,))).fetchall()
    return next_above(path[0] if path else [], {row[0] for row in routed})
