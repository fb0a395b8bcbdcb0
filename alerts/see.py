"""The first person's screen has shown an alert: the device is told, once."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts import ledger
from alerts.domain.alert import Actor, Stage

Connection = AsyncConnection[Any]

_SEEN = "UPDATE alerts SET seen_at = %s WHERE id = %s"
_ENTRY = """
INSERT INTO alert_timeline (alert_id, at, kind, account_id, actor, origin, version)
VALUES (%s, %s, 'seen', %s, %s, %s, %s)
"""


async def see_alert(connection: Connection, alert_id: UUID, actor: Actor) -> bool:
    """Whether this was the first time. An alert that is seen does not change: nobody has answered yet."""
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, alert_id)
        if locked is None or locked[0].seen_at is not None:
            return False
        alert, now = locked
        await connection.execute(_SEEN, (now, alert_id))
        await connection.execute(_ENTRY, (alert_id, now, actor.id, actor.name, actor.origin, alert.version))
        seen = replace(alert, seen_at=now)
        if seen.stage is Stage.SEEN:
            await ledger.tell_all(connection, seen, now)
            await connection.execute("SELECT pg_notify('anhu_outbox', '')")
        return True
