"""Ends a cover before its time. What it held back and is still on is raised within seconds."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.alert import Actor
from alerts.uncover import mark_uncovered

Connection = AsyncConnection[Any]

_END = """
UPDATE covers SET ended_at = clock_timestamp(), ended_by = %s, ended_by_name = %s
WHERE id = %s AND over_at > clock_timestamp()
"""


async def end_cover(connection: Connection, cover_id: UUID, actor: Actor) -> None:
    """Changes nothing when it is over already."""
    async with connection.transaction():
        await connection.execute(_END, (actor.id, actor.name, cover_id))
        await mark_uncovered(connection)
