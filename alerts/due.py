"""Who is to be looked at though nothing came: each look leaves when the next one is due."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

AT_ONCE = 500

#: A rule that is changed in the middle of a look may be missed by it: that is made up for by then.
MOST_AHEAD = timedelta(hours=3)

_DUE = """
INSERT INTO elder_looks (elder_id, due_at, looked_at) VALUES (%s, %s, %s)
ON CONFLICT (elder_id) DO UPDATE SET due_at = excluded.due_at, looked_at = excluded.looked_at
"""
# Of whom no bed was known nothing is due, and each look has to find out anew.
_QUIET = """
SELECT EXISTS (SELECT FROM elder_looks
               WHERE elder_id = %s AND due_at > %s AND isfinite(due_at) AND looked_at <= %s)
"""
_NOT_DUE = "DELETE FROM elder_looks WHERE elder_id = %s"
_MARK = """
WITH due AS (
    DELETE FROM elder_looks WHERE elder_id IN (
        SELECT elder_id FROM elder_looks WHERE due_at <= clock_timestamp()
        ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING elder_id, due_at
)
INSERT INTO rule_checks (elder_id, since) SELECT elder_id, due_at FROM due ORDER BY elder_id
"""
_HINT = "SELECT pg_notify('anhu_rules', '')"


async def is_quiet(connection: Connection, elder_id: UUID, oldest_new: datetime, now: datetime) -> bool:
    """Whether nothing that is new, from `oldest_new` on, can make a rule speak yet."""
    row = await (await connection.execute(_QUIET, (elder_id, now, oldest_new))).fetchone()
    return row is not None and bool(row[0])


async def look_again(
    connection: Connection,
    elder_id: UUID,
    due_at: datetime | None,
    now: datetime,
    *,
    quiet_until_then: bool,
    only_beds: bool = False,
) -> None:
    """In the transaction of a look. Who has an episode that is on is never quiet: what begins when it ends is not known
    yet. `only_beds`: no rule but on beds could speak, so that nothing can until something is said of a bed."""
    if due_at is None and only_beds and quiet_until_then:
        await connection.execute(_DUE, (elder_id, "infinity", now))
    elif due_at is None:
        await connection.execute(_NOT_DUE, (elder_id,))
    else:
        looked_at = now if quiet_until_then else "infinity"
        await connection.execute(_DUE, (elder_id, min(due_at, now + MOST_AHEAD), looked_at))


async def mark_due(connection: Connection) -> int:
    """Marks whoever is due; how many."""
    async with connection.transaction():
        marked = (await connection.execute(_MARK, (AT_ONCE,))).rowcount
        if marked:
            await connection.execute(_HINT)
    return marked
