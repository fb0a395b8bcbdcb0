"""“我已确认安全”: a caregiver has reached the elder. The station is told, on the alert. Nothing is closed by it, since
whoever says so may be wrong, or somebody else."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import ledger
from alerts.domain.alert import Actor, Alert, Change, Entry

Connection = AsyncConnection[Any]

_SAID_BEFORE = """
SELECT FROM alert_timeline WHERE alert_id = %s AND kind = 'family_safe' AND account_id = %s AND body = %s LIMIT 1
"""


async def say_safe(connection: Connection, alert_id: UUID, note: str | None, actor: Actor) -> Alert | None:
    """The alert with one line more; None when it is over already, or there is none. The same again changes nothing."""
    body = {"note": note} if note else {}
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, alert_id)
        if locked is None or not locked[0].unresolved:
            return None
        alert, now = locked
        if await (await connection.execute(_SAID_BEFORE, (alert_id, actor.id, Jsonb(body)))).fetchone():
            return alert
        said = replace(alert, version=alert.version + 1, family_safe=True)
        await ledger.save(connection, alert, Change(said, (Entry("family_safe", actor, note, body),)), now)
        return said
