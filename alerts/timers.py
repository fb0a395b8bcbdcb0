"""Acts on timers that are due: one timer, one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts import ledger
from alerts.domain.alert import Timer, TimerKind
from alerts.domain.escalation import worsen
from alerts.escalate import escalate
from services.storage.errors import is_conflict, is_outage

Connection = AsyncConnection[Any]

#: A timer that failed is tried again after this.
PUT_OFF_SECONDS = 5

# The lock is on the alert, as for every other change; who moves it meanwhile is stepped over.
_DUE = """
SELECT t.alert_id, t.kind FROM alert_timers t JOIN alerts a ON a.id = t.alert_id
WHERE t.due_at <= statement_timestamp() AND t.kind <> 'plan' ORDER BY t.due_at LIMIT 1 FOR UPDATE OF a SKIP LOCKED
"""
_DUE_PLAN = """
SELECT t.alert_id, t.kind FROM alert_timers t JOIN alerts a ON a.id = t.alert_id
WHERE t.due_at <= statement_timestamp() AND t.kind = 'plan'
ORDER BY t.rank, t.due_at LIMIT 1 FOR UPDATE OF a SKIP LOCKED
"""
_TAKE = "DELETE FROM alert_timers WHERE alert_id = %s AND kind = %s AND due_at <= clock_timestamp() RETURNING due_at"
_PUT_OFF = """
UPDATE alert_timers SET due_at = clock_timestamp() + make_interval(secs => %s) WHERE alert_id = %s AND kind = %s
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of a timer that could not be acted on: it is put off and tried again."""

    alert_id: UUID
    kind: str
    error: Exception


async def act_on_next_timer(connection: Connection) -> bool | Failure:
    """Claims one due timer and does what the domain says; False when none is due. Raises psycopg.Error when the
    database takes nothing now, whatever the timer."""
    return await _act_on_next(connection, _DUE)


async def make_next_plan(connection: Connection) -> bool | Failure:
    """As `act_on_next_timer`, of alerts that wait for another thing than before."""
    return await _act_on_next(connection, _DUE_PLAN)


async def _act_on_next(connection: Connection, claim: str) -> bool | Failure:
    due: tuple[UUID, str] | None = None
    try:
        async with connection.transaction():
            due = await (await connection.execute(claim)).fetchone()
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
    taken = await (await connection.execute(_TAKE, (alert_id, kind))).fetchone()
    if locked is None or taken is None:  # stopped or moved between the look and the lock
        return
    alert, now = locked
    due_at: datetime = taken[0]
    if kind != TimerKind.WORSEN:
        await escalate(connection, alert, Timer(TimerKind(kind), due_at), now)
        return
    change = worsen(alert, await ledger.load_rule(connection, alert.type), now)
    if change is not None:
        await ledger.save(connection, alert, change, now)
