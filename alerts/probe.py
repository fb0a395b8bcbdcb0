"""The synthetic press (docs/watch.md): what take-in does with one. No alert, no frame of the feed, no trace.

It came the way of a press: broker, gateway, event lane, queue, claim. From here it goes the way of a frame: a row and
the feed's own NOTIFY, by which the live reader of an api finds it (services/stations/feed.py).
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

#: The type of its event. Only the account of `anhu watch` may send one (gateway/event_lane.py).
PROBE: Final = "probe"

_HAND_ON = """
INSERT INTO station_probes (organization_id, probe, taken_at)
SELECT id, %(probe)s, %(now)s FROM organizations WHERE id = %(organization_id)s
ON CONFLICT (organization_id) DO UPDATE SET probe = excluded.probe, taken_at = excluded.taken_at
"""
_TELL = "SELECT pg_notify('anhu_feed', '')"
# Nobody is to find it in a list or a count. Its place in the queue goes with it.
_FORGET = "DELETE FROM events WHERE id = %s"


async def pass_probe_on(connection: Connection, event: int, detail: dict[str, Any] | None, now: datetime) -> None:
    """In the transaction that takes it in. One that names no station goes nowhere."""
    probe, organization_id = (_uuid((detail or {}).get(name)) for name in ("probe", "organization_id"))
    if probe is not None and organization_id is not None:
        await connection.execute(_HAND_ON, {"probe": probe, "organization_id": organization_id, "now": now})
        await connection.execute(_TELL)
    await connection.execute(_FORGET, (event,))


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
