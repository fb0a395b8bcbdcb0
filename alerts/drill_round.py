"""What time does to drills: begins those whose time has come, ends those that are complete or over. Intake does not
wait for it: a press is a drill's by the times of its row alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.alert import Actor
from alerts.domain.drills import Happening, Progress, State, follow, happening

Connection = AsyncConnection[Any]

_OPEN = """
SELECT d.id, d.state, d.starts_at, d.ends_at, count(*) AS expected, count(p.event) AS pressed,
       count(*) FILTER (WHERE p.event IS NOT NULL
                        AND (a.id IS NULL OR a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')))
           AS unresolved, clock_timestamp() AS now
FROM drills d JOIN drill_presses p ON p.drill_id = d.id
LEFT JOIN alert_events ae ON ae.event = p.event LEFT JOIN alerts a ON a.id = ae.alert_id
WHERE d.over_at IS NULL AND d.starts_at <= clock_timestamp() GROUP BY d.id
"""
_LOCK = "SELECT state, clock_timestamp() FROM drills WHERE id = %s FOR UPDATE"
_MOVE = """
UPDATE drills SET state = %(state)s, over_at = %(over_at)s, over_why = %(why)s, over_by = %(by)s,
       over_by_name = %(by_name)s
WHERE id = %(id)s
"""
# Waits for a press of it that is being taken in, which is a matter of milliseconds, and is the drill's.
_EXPECT_NO_MORE = """
UPDATE drill_presses SET expected_until = greatest(expected_from, %(at)s)
WHERE drill_id = %(id)s AND event IS NULL AND expected_until > %(at)s
"""


async def go_round_drills(connection: Connection) -> int:
    """One look at all that are not over; how many moved."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_OPEN)).fetchall()
    moved = 0
    for row in rows:
        progress = Progress(
            State(row["state"]), row["starts_at"], row["ends_at"], row["expected"], row["pressed"], row["unresolved"]
        )
        happened = happening(progress, row["now"])
        if happened is not None:
            async with connection.transaction():
                moved += await move_drill(connection, row["id"], happened)
    return moved


async def move_drill(connection: Connection, drill_id: UUID, happened: Happening, actor: Actor | None = None) -> bool:
    """Begins or ends it, in the caller's transaction; False when nothing happens in the state that it is in."""
    row = await (await connection.execute(_LOCK, (drill_id,))).fetchone()
    if row is None:
        return False
    now: datetime = row[1]
    state = follow(State(row[0]), happened)
    if state is None:
        return False
    over = state in (State.ENDED, State.CALLED_OFF)
    if over:
        await connection.execute(_EXPECT_NO_MORE, {"id": drill_id, "at": now})
    values = {
        "id": drill_id,
        "state": state.value,
        "over_at": now if over else None,
        "why": happened.value if over else None,
        "by": actor.id if actor else None,
        "by_name": actor.name if actor else None,
    }
    await connection.execute(_MOVE, values)
    return True
