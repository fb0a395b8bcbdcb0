"""Notes who has fallen silent, and who is heard again. SQL finds who may be; the domain says who is."""

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.device_habits import learn_again
from alerts.domain.area import wait_for_company
from alerts.domain.conditions import OFFLINE, Condition, Happening, before
from alerts.domain.outage import GRACE_AT_MOST, PAST, Habit, Hearing, Sign, silent_since

Connection = AsyncConnection[Any]

#: The rest is noted by the next sweep: deciding about more at once would keep the process from its presses.
AT_ONCE = 1000

_HEARD = "greatest(s.last_seen_at, CASE WHEN s.online THEN s.online_at END)"
_DEAF = """
coalesce((SELECT sum(least(g.ended_at, %(now)s) - greatest(g.began_at, {0}))
          FROM hearing_gaps g WHERE g.ended_at > {0}), interval '0')
"""
# First what costs a comparison of columns; the gaps are counted for what is left, and where the last reading was
# received is looked up for those few, since `last_seen_at` may be half a minute behind.
_MAY_BE_SILENT = f"""
WITH due AS MATERIALIZED (
    SELECT s.device_key, {_HEARD} AS heard_at, e.usual, e.learned_from, e.silent_after, e.will_wait,
           CASE WHEN NOT s.online AND s.online_at > {_HEARD} THEN s.online_at END AS left_at
    FROM device_states s JOIN device_expectations e USING (device_key)
    WHERE ({_HEARD} < %(now)s - e.silent_after
           OR NOT s.online AND s.online_at > {_HEARD} AND s.online_at < %(now)s - e.will_wait)
      AND NOT EXISTS (SELECT FROM device_conditions c
                      WHERE c.device_key = s.device_key AND c.type = %(type)s AND c.ended_at IS NULL)
      AND EXISTS (SELECT FROM devices d WHERE d.key = s.device_key AND d.revoked_at IS NULL)
), silent AS MATERIALIZED (
    SELECT * FROM due
    WHERE (%(hearing_for)s >= least(silent_after, %(grace)s)
           AND %(now)s - heard_at - {_DEAF.format("heard_at")} >= silent_after)
       OR (%(hearing_for)s >= least(will_wait, %(grace)s)
           AND %(now)s - left_at - {_DEAF.format("left_at")} >= will_wait)
    ORDER BY heard_at LIMIT %(limit)s
)
SELECT device_key, usual, learned_from, left_at, greatest(heard_at, r.received_at) AS heard_at
FROM silent LEFT JOIN LATERAL (
    SELECT max(received_at) AS received_at FROM (
        SELECT received_at FROM readings WHERE device_key = silent.device_key AND ts > %(now)s - interval '1 day'
        ORDER BY ts DESC LIMIT 3) AS latest
) AS r ON true
"""
_NOTE = """
INSERT INTO device_conditions (id, device_key, type, state, since, until, noted_at, due_at, usual)
SELECT id, device_key, %s, state, since, until, %s, due_at, usual
FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::interval[])
     AS n (id, device_key, state, since, until, due_at, usual)
ON CONFLICT DO NOTHING
"""
_HEARD_AGAIN = f"""
UPDATE device_conditions c SET state = 'ended', ended_at = greatest({_HEARD}, c.since)
FROM device_states s JOIN devices d ON d.key = s.device_key
WHERE c.type = %s AND c.ended_at IS NULL AND c.state = ANY(%s) AND s.device_key = c.device_key
  AND ({_HEARD} > c.since OR d.revoked_at IS NOT NULL)
RETURNING c.device_key
"""


async def note_silence(connection: Connection, hearing: Hearing, now: datetime) -> int:
    """How many were noted. Nobody while we are deaf."""
    if hearing.since is None:
        return 0
    asked = {
        "now": now,
        "type": OFFLINE,
        "grace": GRACE_AT_MOST,
        "limit": AT_ONCE,
        "hearing_for": now - hearing.since if now - hearing.since < PAST else PAST,
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_MAY_BE_SILENT, asked)).fetchall()
    found = []
    for row in rows:
        habit = Habit(row["usual"], row["learned_from"])
        since = silent_since(Sign(row["heard_at"], row["left_at"]), habit, hearing, now)
        if since is not None:
            state = Condition.PAST if hearing.time_between(since, now) > PAST else Condition.NOTED
            until = since if since == row["left_at"] else since + habit.usual
            due_at = now + wait_for_company(habit.usual)
            found.append((uuid7(), row["device_key"], state.value, since, until, due_at, habit.usual))
    if found:
        columns = [list(column) for column in zip(*found, strict=True)]
        await connection.execute(_NOTE, (OFFLINE, now, *columns))
    return len(found)


async def note_return(connection: Connection) -> int:
    """How many are heard again."""
    rows = await (await connection.execute(_HEARD_AGAIN, (OFFLINE, before(Happening.OVER)))).fetchall()
    if rows:
        await learn_again(connection, [key for (key,) in rows])
    return len(rows)
