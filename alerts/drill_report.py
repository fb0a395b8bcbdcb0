"""What became of each press that a drill expects, from the event log alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.drills import PRESS, Press

Connection = AsyncConnection[Any]

# An alert that several presses of one drill were folded into answers them all, and each from its own time on.
_PRESSES = """
SELECT p.device_id, d.kind, p.elder_id, e.name AS elder_name, v.received_at AS pressed_at, a.id AS alert_id, a.state,
       CASE WHEN a.id IS NOT NULL THEN greatest(a.raised_at, v.received_at) END AS raised_at,
       a.seen_at, a.outcome, moves.acknowledged_at, moves.resolved_at,
       (SELECT count(*) FROM events o WHERE o.device_id = p.device_id AND o.type = %(press)s
           AND o.received_at >= p.expected_from AND o.received_at < p.expected_until
           AND o.id IS DISTINCT FROM p.event) AS other_presses
FROM drill_presses p
LEFT JOIN devices d ON d.device_id = p.device_id
LEFT JOIN elders e ON e.id = p.elder_id
LEFT JOIN events v ON v.id = p.event
LEFT JOIN alert_events ae ON ae.event = p.event
LEFT JOIN alerts a ON a.id = ae.alert_id
LEFT JOIN LATERAL (
    SELECT min(t.at) FILTER (WHERE t.kind = 'acknowledged' AND t.at >= v.received_at) AS acknowledged_at,
           min(t.at) FILTER (WHERE t.kind = 'resolved') AS resolved_at
    FROM alert_timeline t WHERE t.alert_id = a.id AND t.kind IN ('acknowledged', 'resolved')) moves ON true
WHERE p.drill_id = %(drill_id)s ORDER BY p.device_id
"""


async def presses_of(connection: Connection, drill_id: UUID) -> list[tuple[Press, dict[str, Any]]]:
    """Each listed device, and beside it whom it belongs to and its alert."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_PRESSES, {"drill_id": drill_id, "press": PRESS})).fetchall()
    return [(_press(row), row) for row in rows]


def _press(row: dict[str, Any]) -> Press:
    times: dict[str, datetime | None] = {
        name: row[name] for name in ("pressed_at", "raised_at", "seen_at", "acknowledged_at", "resolved_at")
    }
    return Press(device_id=row["device_id"], other_presses=row["other_presses"], **times)
