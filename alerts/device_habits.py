"""How often each device is usually heard: of its model or kind at first, then learned from when its messages came."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from alerts.domain.outage import Habit, habit_of_kind, learn

Connection = AsyncConnection[Any]

#: A sweep of 5 s: 36,000 devices an hour, and some 100 ms each time.
AT_ONCE = 50
#: A city that is imported is known in some minutes.
NEW_AT_ONCE = 10_000

# In two steps: an INSERT that looks for what is missing in the table it fills looks through its own new rows, for each.
_NEW = """
SELECT n.kind, make_interval(secs => m.every_seconds), array_agg(n.key) FROM (
    SELECT d.kind, d.model, d.key FROM devices d LEFT JOIN device_expectations e ON e.device_key = d.key
    WHERE d.revoked_at IS NULL AND e.device_key IS NULL LIMIT %s) AS n
LEFT JOIN device_models m ON lower(m.model) = lower(n.model) GROUP BY n.kind, m.every_seconds
"""
_EXPECT = """
INSERT INTO device_expectations (device_key, usual, learned_from, silent_after, will_wait)
SELECT key, %(usual)s, 0, %(silent_after)s, %(will_wait)s FROM unnest(%(keys)s::int[]) AS n (key)
ON CONFLICT DO NOTHING
"""
# A habit is looked at anew each day, one that is not known yet each hour; those who came back after a silence first.
_UNLEARNED = """
SELECT e.device_key, d.device_id, d.kind, e.learned_from, make_interval(secs => m.every_seconds)
FROM device_expectations e JOIN devices d ON d.key = e.device_key
LEFT JOIN device_models m ON lower(m.model) = lower(d.model)
WHERE e.learn_at <= %(now)s ORDER BY e.learn_at LIMIT %(limit)s
"""
# Enough readings that arrays of 500 make a habit too.
_TIMES = """
SELECT DISTINCT at FROM (
    SELECT received_at AS at FROM (
        SELECT received_at FROM readings WHERE device_key = %(key)s AND ts > %(now)s - interval '3 days'
        ORDER BY ts DESC LIMIT 2000) AS latest
    UNION ALL
    SELECT received_at FROM events WHERE device_id = %(device_id)s AND received_at > %(now)s - interval '14 days'
) AS heard WHERE at <= %(now)s ORDER BY at DESC LIMIT 200
"""
_SET = """
UPDATE device_expectations SET usual = %(usual)s, learned_from = %(learned_from)s,
       silent_after = %(silent_after)s, will_wait = %(will_wait)s,
       learn_at = %(now)s + CASE %(learned_from)s WHEN 0 THEN interval '1 hour' ELSE interval '1 day' END
WHERE device_key = %(key)s
"""
_LOOKED = "UPDATE device_expectations SET learn_at = %(now)s + interval '1 day' WHERE device_key = %(key)s"
_AGAIN = "UPDATE device_expectations SET learn_at = to_timestamp(0) WHERE device_key = ANY(%s)"


async def expect_new(connection: Connection) -> bool:
    """Devices that were enrolled since are expected to do as their model or kind does; whether there may be more."""
    found = 0
    for kind, every, keys in await (await connection.execute(_NEW, (NEW_AT_ONCE,))).fetchall():
        await connection.execute(_EXPECT, _columns(habit_of_kind(kind, every)) | {"keys": keys})
        found += len(keys)
    return found == NEW_AT_ONCE


async def learn_some(connection: Connection, now: datetime) -> int:
    rows = await (await connection.execute(_UNLEARNED, {"now": now, "limit": AT_ONCE})).fetchall()
    for key, device_id, kind, learned_from, every in rows:
        asked = {"key": key, "device_id": device_id, "now": now}
        times = await (await connection.execute(_TIMES, asked)).fetchall()
        habit = learn(at for (at,) in times)
        if habit is None and learned_from:  # too little since: what was learned stays
            await connection.execute(_LOOKED, {"key": key, "now": now})
        else:
            await connection.execute(_SET, _columns(habit or habit_of_kind(kind, every)) | {"key": key, "now": now})
    return len(rows)


async def learn_again(connection: Connection, device_keys: Sequence[int]) -> None:
    """Soon: they came back after a silence, so their habit may be another than was thought."""
    await connection.execute(_AGAIN, (list(device_keys),))


def _columns(habit: Habit) -> dict[str, Any]:
    return {
        "usual": habit.usual,
        "learned_from": habit.learned_from,
        "silent_after": habit.silent_after,
        "will_wait": habit.will_wait,
    }
