"""Whether a press waits to be taken in: whatever else an alert might be raised for goes after it."""

from typing import Any

from psycopg import AsyncConnection

# Whoever is being taken in goes first; one that fails again and again does not hold the rest up for ever.
_WAIT = """
SELECT EXISTS (SELECT FROM event_queue WHERE urgent AND attempts = 0 AND not_before <= clock_timestamp())
"""


async def press_waits(connection: AsyncConnection[Any]) -> bool:
    row = await (await connection.execute(_WAIT)).fetchone()
    return bool(row and row[0])
