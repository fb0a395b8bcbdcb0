"""Ends a drill before its time: from the commit on every press is real."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.alert import Actor
from alerts.domain.drills import Happening
from alerts.drill_round import move_drill

Connection = AsyncConnection[Any]


async def call_off_drill(connection: Connection, drill_id: UUID, actor: Actor) -> bool:
    """Whether it was on or planned; else nothing changes."""
    async with connection.transaction():
        return await move_drill(connection, drill_id, Happening.CALL_OFF, actor)
