"""What is usual for each elder: made anew once a day, a portion at a time, by `anhu upkeep`."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from alerts.domain.rules.baseline import OWN_LIMIT_FIELDS, baseline

Connection = psycopg.Connection[Any]

OVER = timedelta(days=14)
EVERY = timedelta(days=1)
AT_ONCE = 200
#: A turn of upkeep makes baselines for so long; the next turn goes on.
TURN_SECONDS = 20.0

_DUE = """
SELECT DISTINCT d.elder_id FROM devices d LEFT JOIN rule_subjects s ON s.elder_id = d.elder_id
WHERE d.elder_id IS NOT NULL AND coalesce(s.baselined_at, '-infinity') < %s LIMIT %s
"""
_AVERAGE = "sum(h.{field}_sum) / nullif(sum(h.{field}_count), 0) AS {field}"
# Two devices of one elder make one average. What a device measured on somebody else is not theirs.
_HOURS = f"""
SELECT elder_id, {", ".join(f"array_agg({field}) FILTER (WHERE {field} IS NOT NULL)" for field in OWN_LIMIT_FIELDS)}
FROM (SELECT d.elder_id, h.bucket,
             {", ".join(_AVERAGE.format(field=field) for field in OWN_LIMIT_FIELDS)}
      FROM devices d JOIN readings_1h h ON h.device_key = d.key
      WHERE d.elder_id = ANY(%s) AND h.bucket >= %s AND h.bucket >= d.elder_since
      GROUP BY d.elder_id, h.bucket) AS hours
GROUP BY elder_id
"""
_FORGET = "DELETE FROM elder_baselines WHERE elder_id = ANY(%s)"
_KEEP = "INSERT INTO elder_baselines (elder_id, field, median, spread, hours, made_at) VALUES (%s, %s, %s, %s, %s, %s)"
_MADE = """
INSERT INTO rule_subjects (elder_id, baselined_at) SELECT id, %s FROM unnest(%s::uuid[]) AS e (id)
ON CONFLICT (elder_id) DO UPDATE SET baselined_at = excluded.baselined_at, quiet = NULL
"""
_LIMITS_STALE = "INSERT INTO limits_stale (elder_id) SELECT unnest(%s::uuid[])"


def make_baselines(connection: Connection, now: datetime, ended: Callable[[], bool]) -> int:
    """For elders whose last were made a day ago; of how many they were made or found to be impossible yet."""
    total, begun = 0, time.monotonic()
    while time.monotonic() - begun < TURN_SECONDS and not ended() and (made := make_portion(connection, now)):
        total += made
    return total


def make_portion(connection: Connection, now: datetime) -> int:
    with connection.transaction():
        due: list[UUID] = [elder for (elder,) in connection.execute(_DUE, (now - EVERY, AT_ONCE)).fetchall()]
        if not due:
            return 0
        made = []
        for elder_id, *fields in connection.execute(_HOURS, (due, now - OVER)).fetchall():
            for field, hours in zip(OWN_LIMIT_FIELDS, fields, strict=True):
                usual = baseline(hours or [])
                if usual is not None:
                    made.append((elder_id, field, usual.median, usual.spread, usual.hours, now))
        connection.execute(_FORGET, (due,))
        with connection.cursor() as cursor:
            cursor.executemany(_KEEP, made)
        connection.execute(_MADE, (now, due))
        connection.execute(_LIMITS_STALE, (sorted({elder_id for elder_id, *_ in made}),))
        return len(due)
