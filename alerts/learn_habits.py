"""Learns how long an elder is usually still, and when they get up, from four weeks, once a day, by `anhu upkeep`: an
elder a transaction."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from alerts.covers import stays_of
from alerts.domain.rules.bed import rises_of
from alerts.domain.rules.stillness import HABIT_OF, habit_of
from alerts.living_samples import living_samples
from alerts.samples import devices_of
from alerts.subjects import load_subjects

Connection = AsyncConnection[Any]

#: As the built-in rule has it: what is not seen for so long is not known.
_GAP: Final = timedelta(hours=1)
#: A turn of upkeep learns for so long; the next turn goes on.
TURN_SECONDS: Final = 20.0

_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('anhu habits', 0))"
_NEXT = """
SELECT d.elder_id, clock_timestamp() FROM devices d JOIN device_states t ON t.device_key = d.key
LEFT JOIN elder_habits h ON h.elder_id = d.elder_id
WHERE d.elder_id IS NOT NULL AND t.last_seen_at > clock_timestamp() - interval '28 days'
  AND (h.made_at IS NULL OR h.made_at < clock_timestamp() - interval '24 hours')
ORDER BY h.made_at NULLS FIRST LIMIT 1
"""
_KEEP = """
INSERT INTO elder_habits (elder_id, pauses, days, rises, made_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (elder_id) DO UPDATE
SET pauses = excluded.pauses, days = excluded.days, rises = excluded.rises, made_at = excluded.made_at
"""
_LOOK_ANEW = "UPDATE elder_looks SET due_at = clock_timestamp() WHERE elder_id = %s"


def learn_habits(database_url: str) -> Callable[[psycopg.Connection[Any], datetime, Callable[[], bool]], int]:
    """A step of upkeep: how many were learned."""
    return lambda _connection, _now, ended: asyncio.run(_learn(database_url, ended))


async def _learn(database_url: str, ended: Callable[[], bool]) -> int:
    learned, begun = 0, time.monotonic()
    async with await AsyncConnection.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        while time.monotonic() - begun < TURN_SECONDS and not ended() and await learn_next_habit(connection):
            learned += 1
    return learned


async def learn_next_habit(connection: Connection) -> bool:
    """False when everybody's is of today, or another process is at it."""
    async with connection.transaction():
        row = await (await connection.execute(_ONE_AT_A_TIME)).fetchone()
        if row is None or not row[0]:
            return False
        found = await (await connection.execute(_NEXT)).fetchone()
        if found is None:
            return False
        elder_id = found[0]
        now: datetime = found[1]
        known = (await load_subjects(connection, [elder_id]))[elder_id]
        devices = await devices_of(connection, elder_id)
        samples = await living_samples(connection, elder_id, devices, [(now - HABIT_OF, now)])
        subject = replace(known.subject, absences=await stays_of(connection, elder_id, now - HABIT_OF))
        habit = habit_of(samples.all, subject, _GAP, now)
        pauses, days = (list(habit.pauses), habit.days) if habit else (None, 0)
        await connection.execute(_KEEP, (elder_id, pauses, days, rises_of(samples.all, now), now))
        await connection.execute(_LOOK_ANEW, (elder_id,))
    return True
